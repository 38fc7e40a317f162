"""The memory of a training, computed before anything is built, and what decides with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.scripted import Many, reports, settings_of, train

from eureka.config.settings import Evaluation, Learning
from eureka.config.tasks import load_task
from eureka.errors import UserError
from eureka.runs.journal import SharesEvent
from eureka.runs.store import create
from eureka.system import hardware
from eureka.workers import memory, process
from eureka.workers.pool import TrainerPool
from eureka.workers.process import Died, Worker


def test_the_bytes_of_a_member_are_those_of_its_worlds_samples_and_networks():
    learning = Learning(horizon=4, hidden=(8,), minibatches=2)
    evaluation = Evaluation(selection_episodes=5, report_episodes=7)
    settings = settings_of(load_task("cartpole"), worlds=10, learning=learning, evaluation=evaluation)
    worlds = (10 + 7) * 1000
    samples = 10 * 4 * (6 * 3 + 4 * 2 + 30 + 12 * 8 // 2) * 4
    networks = 10 * ((4 * 8 + 9 * 2) + (4 * 8 + 9)) * 4
    assert memory.of_member(settings, 3, 2, 1000) == worlds + samples + networks + 2**20 == 1_085_856


def test_half_of_the_memory_is_for_members_and_one_that_does_not_fit_is_refused():
    settings = settings_of(load_task("cartpole"))
    assert memory.room(settings, 10, 1000) == 50
    assert memory.room(settings, 700, 1000) == 1
    with pytest.raises(UserError, match=r"16 worlds needs about 46 TB of memory, and 2 GB are available; lower --envs"):
        memory.room(settings, 46 * 10**12, 2 * 10**9)


@pytest.mark.parametrize(
    "members, together, shares",
    [(100, 3, [2, 3, 3]), (6, 3, [2, 2, 2, 2]), (4, 3, [1] * 8), (2, 2, [1] * 8), (1, 1, [1] * 8)],
)
def test_a_population_that_does_not_fit_is_cut_into_shares_that_do_with_the_same_outcomes(
    tmp_path: Path, members: int, together: int, shares: list[int]
):
    task = load_task("cartpole")
    run = create(tmp_path / "run", task, settings_of(task), {})
    pool = TrainerPool(Many(3, tmp_path / "log"), tmp_path)
    each = pool.member_bytes(run.settings)
    # Half of the memory holds so many members.
    pool.first.available = 2 * members * each + each // 2
    assert pool.shares(run.settings)[0] == together
    assert reports(train(pool, run, [str(n) for n in range(1, 9)])) == [1, 2, 3, 4, 5, 6, 7, 8]
    (event,) = run.all(SharesEvent)
    assert [len(share) for share in event.shares] == shares
    run.close()


def groups(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    "line, limits, expected",
    [
        ("0::/a/b", {}, 1000 << 10),
        ("0::/a/b", {"a/b/memory.max": "max\n", "a/b/memory.current": "5"}, 1000 << 10),
        (
            "0::/a/b",
            {"a/memory.max": "900", "a/memory.current": "500", "a/memory.stat": "anon 1\ninactive_file 30"},
            430,
        ),
        (
            "4:cpu,memory:/a",
            {"memory/a/memory.limit_in_bytes": "900", "memory/a/memory.usage_in_bytes": "950"},
            0,
        ),
        ("0::/elsewhere", {"memory.max": "70", "memory.current": "20"}, 50),
    ],
)
def test_available_memory_respects_the_limits_of_control_groups(
    tmp_path: Path, line: str, limits: dict[str, str], expected: int
):
    proc = groups(tmp_path / "proc", {"meminfo": "MemFree: 1 kB\nMemAvailable:  1000 kB\n", "self/cgroup": line + "\n"})
    assert hardware.available_memory(proc, groups(tmp_path / "groups", limits)) == expected


def test_a_process_that_the_kernel_ended_says_that_memory_ran_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kills = iter([7, 8, 8, 8])
    monkeypatch.setattr(process, "oom_kills", lambda: next(kills))
    for expected in ("ran out of memory", "was killed by signal 9"):
        worker = Worker(["-S", "-c", "import os; os.kill(os.getpid(), 9)"], tmp_path / "log")
        with pytest.raises(Died, match=expected):
            worker.receive()
        worker.close()
