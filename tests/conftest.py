from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")  # as the trainer does; MKL reads it when it is loaded
import torch
from support.bench import Bench, bench_of
from support.cli import SMALL, Cli, in_process, once, run_command

torch.set_num_threads(1)  # as the trainer does
# Training leaves Python threads with OpenMP's own default otherwise.
os.environ.setdefault("OMP_NUM_THREADS", "1")

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Where the tests themselves were started in the background, an interrupt is ignored, and would be by all they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a costly fixture, a module's or the recorded run, stay in one process, so that it is made once.

    Tests of MuJoCo Warp do too: each process loads its kernels for seconds.
    """
    for item in items:
        fixtures = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
        if item.get_closest_marker("xdist_group") is not None:
            continue
        if "recorded" in fixtures:
            item.add_marker(pytest.mark.xdist_group("recorded"))
        elif any(found[-1].scope == "module" for found in fixtures.values()):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
        elif "warp" in item.nodeid or item.path.parent.name == "physics":
            item.add_marker(pytest.mark.xdist_group("physics"))


@pytest.fixture(scope="session")
def cartpole() -> Bench:
    return bench_of("cartpole")


@pytest.fixture(scope="session")
def shadow_hand() -> Bench:
    return bench_of("shadow_hand")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Calls the command line in this process, in a folder of its own, without any key in sight."""
    return lambda *arguments, cwd=tmp_path, **variables: in_process(arguments, cwd, variables)


@pytest.fixture
def command(tmp_path: Path) -> Cli:
    """Runs `eureka ...` in a process of its own, as a user would: for smoke tests, and for what needs a process."""

    def call(*arguments: object, cwd: Path = tmp_path, timeout: float = 500, **variables: str):
        return run_command(arguments, cwd, variables, timeout)

    return call


@pytest.fixture(scope="session")
def _compiler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    from support.fakes import SharedCompiler

    compiler = SharedCompiler(tmp_path_factory.mktemp("compiler") / "log")
    yield compiler
    compiler.end()


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Runs in this process start no process of their own and do not train; see `support/fakes.py`."""
    from support.fakes import install

    install(monkeypatch, request.getfixturevalue("_compiler"))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all test processes of this session have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def recorded(shared: Path) -> Path:
    """A small finished run of cartpole by real processes, with its `output` beside it; copy it to change it."""

    def build(folder: Path) -> None:
        done = run_command(("run", "cartpole", "--out", "run", "--log", "tensorboard", *SMALL), folder, {})
        assert done.returncode == 0, done.stderr
        (folder / "output").write_text(done.stdout)

    return once(shared / "recorded", build) / "run"
