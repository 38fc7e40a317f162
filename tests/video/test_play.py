"""`eureka play` as a user types it: real runs, real pictures, decoded again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from support import odd_environments  # noqa: F401  (registers them)
from support.cli import EUREKA, Cli, sentence

from eureka.errors import UserError
from eureka.rl.checkpoints import save_policies
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy, Shape
from eureka.trainer import playback
from eureka.video import selection, summary, trajectory
from eureka.workers.isolation import IsolationPolicy

# Policies are played in this process, except where a test says otherwise; pictures are drawn in processes of their own.
pytestmark = pytest.mark.usefixtures("fakes")
SHORT = ("--seconds", 1, "--size", "480x270")
EXAMPLES = Path(__file__).resolve().parents[2] / "runs" / "examples"
ORANGE = np.array([222, 144, 32])
"""Of cartpole's pole, nearly."""


@pytest.fixture
def own(recorded: Path, tmp_path: Path) -> Path:
    """A copy of it to be spoiled."""
    return Path(shutil.copytree(recorded, tmp_path / "own"))


def saved(path: Path, observation: int, action: int) -> Path:
    """A policy that was never trained."""
    policy = Policy.create(Shape(observation, action, (8,)), torch.zeros(1, dtype=torch.int64))
    save_policies(policy, RunningMoments(1, (observation,), torch.device("cpu")), [path])
    return path


def decoded(path: Path) -> tuple[av.VideoStream, list[np.ndarray]]:
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        return stream, [frame.to_ndarray(format="rgb24") for frame in file.decode(stream)]


def pole(frame: np.ndarray) -> np.ndarray:
    """(n, 2) pixels of the pole."""
    return np.argwhere(np.abs(frame.astype(int) - ORANGE).max(axis=-1) < 40)


def test_a_film_plays_in_browsers_in_real_time_and_shows_the_robot_move(cli: Cli, recorded: Path, tmp_path: Path):
    done = cli("play", recorded, "-o", "a.mp4", "--frames", "frames", "--seconds", 1, "--size", "641x361")
    assert done.returncode == 0, done.stderr
    assert "cartpole: evolved, 60 control steps, 1.0 s" in done.stdout and "drawn by" in done.stdout
    stream, frames = decoded(tmp_path / "a.mp4")
    context = stream.codec_context
    assert (context.width, context.height, stream.average_rate) == (640, 360, 30), "even, in real time"
    if context.name == "h264":
        assert context.pix_fmt == "yuv420p"
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "it begins to play before it is there as a whole"
    assert len(frames) == 30 == len(list((tmp_path / "frames").glob("frame-*.png")))
    seen = [pole(frame[:, :420]) for frame in frames]
    assert min(map(len, seen)) > 8, "the pole is in every picture"
    middles = np.array([pixels.mean(axis=0) for pixels in seen])
    assert np.ptp(middles[:, 1]) > 0.5, "and moves"
    first, last = (frame[:, 420:].astype(int) for frame in (frames[0], frames[-1]))
    assert (np.abs(first - last).max(axis=-1) > 60).sum() > 100, "curves have grown beside it"
    with Image.open(tmp_path / "frames" / "frame-00029.png") as picture:
        png = np.asarray(picture).astype(int)
    assert np.abs(png - frames[-1]).mean() < 4.0, "the frames are those of the film"


@pytest.mark.slow
def test_the_human_policy_is_played_beside_from_the_same_starts(cli: Cli, recorded: Path, tmp_path: Path):
    done = cli("play", recorded, "--baseline", "human", "-o", "two.npz", "--episodes", 1)
    assert done.returncode == 0, done.stderr
    found = trajectory.load(tmp_path / "two.npz")
    assert [part.label for part in found.parts] == ["evolved", "human"]
    one, other = (part.state[0, 1:3] for part in found.parts)  # behind the time: cart and pole
    assert np.abs(one - other).max() < 0.1 and not np.array_equal(one, other), "one step from the same state"
    assert all(part.episodes() for part in found.parts), "both have ended an episode"
    alone = cli("play", recorded, "--candidate", "human", "-o", "one.npz", "--episodes", 1)
    assert alone.returncode == 0, alone.stderr
    human = trajectory.load(tmp_path / "one.npz").parts[0]
    end = human.episodes()[0] + 1
    assert np.array_equal(human.state[:end], found.parts[1].state[:end]), "whoever plays beside it changes nothing"
    assert human.names == ("total", "upright", "slow_cart", "slow_pole")
    done = cli("play", "two.npz", "-o", "two.mp4", "--size", "640x360")
    assert done.returncode == 0, done.stderr
    _, frames = decoded(tmp_path / "two.mp4")
    assert all(len(pole(half)) > 8 for half in np.split(frames[3][:200], 2, axis=1)), "each has its picture"


def test_without_any_renderer_the_trajectory_is_kept_and_can_be_drawn_elsewhere(
    cli: Cli, recorded: Path, tmp_path: Path
):
    done = cli("play", recorded, "-o", "a.mp4", *SHORT, MUJOCO_GL="glfw", DISPLAY="", WAYLAND_DISPLAY="")
    said = sentence(done, 1)
    assert "no renderer works: glfw (" in said and "MUJOCO_GL excludes the others" in said
    assert "install Mesa's libegl1" in said and said.endswith("eureka play a.npz")
    assert not (tmp_path / "a.mp4").exists()
    done = cli("play", "a.npz", "-o", "a.webp", "--size", "480x270")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "a.webp") as picture:
        assert getattr(picture, "n_frames", 1) == 15


def test_a_driver_that_crashes_is_passed_over(command: Cli, recorded: Path, tmp_path: Path):
    fake = tmp_path / "fake" / "OpenGL"
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    environment = {"PYTHONPATH": str(fake.parent), "MUJOCO_GL": "", "DISPLAY": ""}
    done = command("play", recorded, "-o", "a.gif", "--seconds", 0.2, "--size", "320x180", **environment)
    assert done.returncode == 0, done.stderr
    assert "drawn by MuJoCo Warp's ray tracer" in done.stdout
    with Image.open(tmp_path / "a.gif") as picture:
        frame = np.asarray(picture.convert("RGB"))
    assert frame[:, :100].std() > 20, "sky above, floor below"


def test_without_the_packages_that_draw_a_sentence_says_what_to_install(
    cli: Cli, recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def without(module: str) -> dict[str, str]:
        """Neither here nor in the process that draws."""
        monkeypatch.setitem(sys.modules, module, None)
        folder = tmp_path / module
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(f"import sys\nsys.modules[{module!r}] = None\n")
        return {"PYTHONPATH": str(folder)}

    said = sentence(cli("play", recorded, "-o", "a.mp4", "--seconds", 0.2, "--size", "320x180", **without("av")), 1)
    assert said == "error: a video needs PyAV (pip install -e '.[play]'); the frames are in a"
    assert len(list((tmp_path / "a").glob("*.png"))) == 6 and not (tmp_path / "a.mp4").exists()
    (tmp_path / "b.npz").write_text("precious")
    said = sentence(cli("play", recorded, "-o", "b.mp4", "--seconds", 0.2, **without("PIL")), 1)
    assert "drawing needs Pillow and PyAV: pip install -e '.[play]'; the trajectory is saved as b-2.npz" in said
    assert trajectory.load(tmp_path / "b-2.npz").steps == 12 and (tmp_path / "b.npz").read_text() == "precious"


def test_environments_by_id_are_filmed_where_mujoco_simulates_them(cli: Cli, tmp_path: Path):
    policy = saved(tmp_path / "p.safetensors", 4, 1)
    done = cli("play", policy, "--task", "gymnasium:InvertedPendulum-v5", "-o", "a.mp4", *SHORT)
    assert done.returncode == 0, done.stderr
    _, frames = decoded(tmp_path / "a.mp4")
    assert len(frames) == 25 and frames[0][:, :330].std() > 5.0


def test_environments_that_mujoco_does_not_simulate_draw_themselves(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    policy = saved(tmp_path / "p.safetensors", 2, 1)
    film = ("play", policy, "--task", "gymnasium:OddDrawn-v0", "--seconds", 1)
    done = cli(*film, "--baseline", "random", "-o", "a.npz")
    assert done.returncode == 0, done.stderr
    found = trajectory.load(tmp_path / "a.npz")
    assert [part.label for part in found.parts] == ["p", "random actions"] and found.model == b""
    assert [len(part.pictures) for part in found.parts] == [25, 25], "of 50 control steps"
    done = cli("play", "a.npz", "-o", "a.webp", "--frames", "frames", "--size", "480x270")
    assert done.returncode == 0 and "drawn by the environment" in done.stdout, done.stderr
    first, last = (np.asarray(Image.open(tmp_path / "frames" / f"frame-000{n}.png")).astype(int) for n in ("00", "24"))
    scenes = [frame[:120, :240] for frame in (first, last)]
    assert all((scene.min(axis=-1) > 230).sum() > 100 for scene in scenes), "the white column"
    assert all((scene[..., 2] - scene[..., 0] > 150).mean() > 0.5 for scene in scenes), "on blue"
    monkeypatch.setattr(playback, "_MOST_BYTES", 2_000)
    assert "OddDrawn-v0 need more than 0 MB; film less with --seconds" in sentence(cli(*film, "-o", "b.gif"))


@pytest.mark.parametrize(
    "name, expected",
    [
        ("Point", "cannot be filmed: MuJoCo does not simulate it, and its metadata has no render mode rgb_array"),
        ("NoMeta", "has no render mode rgb_array"),
        ("DrawnFlat", "returned an array (60, 100) of uint8; rgb_array is (height, width, 3) of uint8"),
    ],
)
def test_an_environment_without_a_picture_is_a_sentence(cli: Cli, tmp_path: Path, name: str, expected: str):
    policy = saved(tmp_path / "p.safetensors", 2, 1)
    done = cli("play", policy, "--task", f"gymnasium:Odd{name}-v0", "-o", "a.gif")
    assert expected in sentence(done)


@pytest.mark.parametrize("name", ["ball_balance", "cartpole", "franka_cabinet"])
def test_recorded_examples_keep_the_policies_that_the_documentation_plays(name: str):
    found = selection.select(str(EXAMPLES / name), None, "human", None)
    assert [player.label for player in found.players] == ["evolved", "human"]


def test_random_actions_are_played_beside_a_policy_with_its_reward(cli: Cli, recorded: Path, tmp_path: Path):
    for name, more in (("two.npz", ("--baseline", "random")), ("one.npz", ())):
        done = cli("play", recorded, "-o", name, "--seconds", 0.5, *more)
        assert done.returncode == 0, done.stderr
    (alone,), (winner, random) = (trajectory.load(tmp_path / name).parts for name in ("one.npz", "two.npz"))
    assert random.label == "random actions" and random.names == winner.names
    assert np.array_equal(alone.state, winner.state) and not np.array_equal(random.state, winner.state)


def test_the_film_of_a_report_shows_the_winner_beside_a_baseline_within_its_limit(
    own: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(summary, "_SECONDS", 1.0)
    found = summary.report_film(own, IsolationPolicy("auto", False), limit=60_000)
    assert found.alt == "film of 1 s: evolved beside human on the task cartpole" and found.mime == "image/webp"
    assert found.data == (own / "film.webp").read_bytes() and len(found.data) <= 60_000
    with Image.open(own / "film.webp") as picture:
        assert picture.size == (640, 360) and 1 < getattr(picture, "n_frames", 1) <= 15
    for policy in own.rglob("*.safetensors"):
        policy.unlink()
    with pytest.raises(UserError, match="it keeps no policy"):
        summary.report_film(own, IsolationPolicy("auto", False))


def test_random_play_of_a_task_without_a_policy_is_filmed_with_its_goal(cli: Cli, tmp_path: Path):
    assert cli("new-task", "reach").returncode == 0
    done = cli("check", "reach.yaml", "--reward", "human", "--episodes", 2, "--film", "a.gif")
    assert done.returncode == 0 and "reach: random actions, 500 control steps, 10.0 s" in done.stdout, done.stderr
    assert "random actions: fitness" in done.stdout and "a.gif (GIF" in done.stdout
    with Image.open(tmp_path / "a.gif") as film:
        frame = np.asarray(film.convert("RGB")).astype(int)
    scene = frame[:, : frame.shape[1] * 2 // 3]
    assert (scene[..., 1] > scene[..., 0] + 40).sum() > 20, "the goal, green"
    assert "a.gif exists already; give another name with --film" in sentence(
        cli("check", "reach.yaml", "--film", "a.gif")
    )
    assert "--film a.avi must end in .mp4, .gif, .webp" in sentence(cli("check", "reach.yaml", "--film", "a.avi"))


@pytest.mark.slow
def test_random_play_of_gymnasium_s_pendulum_is_filmed_with_every_frame(cli: Cli, tmp_path: Path):
    pytest.importorskip("pygame")
    done = cli("check", "gymnasium:Pendulum-v1", "--episodes", 1, "--film", "a.gif", "--frames", "frames")
    assert done.returncode == 0 and "drawn by the environment" in done.stdout, done.stderr
    assert len(list((tmp_path / "frames").glob("*.png"))) == 200
    assert "give --film too" in sentence(cli("check", "gymnasium:Pendulum-v1", "--frames", "more"))


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["nowhere"], "nowhere does not exist"),
        (["RUN", "--candidate", "9.9"], "no candidate '9.9'"),
        (["RUN", "--candidate", "humn"], "no such arm (did you mean 'human'?)"),
        (["RUN", "--baseline", "humen"], "has no trained arm 'humen' (did you mean 'human'?)"),
        (["RUN", "--seconds", "3", "--episodes", "2"], "give one of them"),
        (["RUN", "--seconds", "nan"], "--seconds must be above 0"),
        (["RUN", "--size", "huge"], "e.g. 960x540"),
        (["RUN", "--size", "10x10"], "from 160 to 4096"),
        (["RUN", "-o", "film.avi"], "film.avi must end in .mp4, .gif, .webp"),
        (["RUN", "-o", "nodir/film.mp4"], "the folder nodir does not exist"),
        (["RUN", "-o", "taken.mp4"], "taken.mp4 exists already"),
        (["RUN", "--frames", "full"], "full exists already and is not an empty folder"),
        (["RUN", "--task", "cartpole"], "--task is for a policy file outside a run"),
        (["lone.safetensors"], "give its task with --task"),
        (["lone.safetensors", "--task", "ant"], "is a policy of another task"),
        (["lone.safetensors", "--task", "cartpole", "--baseline", "human"], "--baseline is an arm of a run"),
        (["lone.safetensors", "--task", "cartpole", "--candidate", "1.0"], "is a single policy"),
        (["junk.safetensors", "--task", "cartpole"], "junk.safetensors is not a policy file"),
        (["junk.npz"], "junk.npz is not a trajectory"),
        (["taken.mp4"], "neither a run's folder nor a policy"),
    ],
)
def test_a_mistake_is_one_sentence(cli: Cli, recorded: Path, tmp_path: Path, arguments: list[str], expected: str):
    (tmp_path / "taken.mp4").write_text("precious")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    for junk in ("junk.safetensors", "junk.npz"):
        (tmp_path / junk).write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}      junk")
    saved(tmp_path / "lone.safetensors", 4, 1)
    assert expected in sentence(cli("play", *[str(recorded) if a == "RUN" else a for a in arguments]), 2)
    assert (tmp_path / "taken.mp4").read_text() == "precious"


def test_a_run_is_data_and_what_was_changed_in_it_is_not_played(cli: Cli, own: Path):
    record = json.loads((own / "run.json").read_text())
    policy = own / "final" / "evolved-0" / "policy.safetensors"
    whole = policy.read_bytes()
    policy.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "has changed since the run wrote it" in sentence(cli("play", own), 2)
    policy.unlink()
    said = cli("play", own, "--candidate", "evolved")
    assert "does not keep final/evolved-0/policy.safetensors; it keeps candidates/" in sentence(said, 2)
    assert sentence(said, 2).endswith("; to train its rewards again: eureka run cartpole --llm replay:own")
    done = cli("play", own, "-o", "own.npz", "--seconds", 0.1)
    assert done.returncode == 0 and "cartpole: candidate " in done.stdout, "the winner's own policy instead"
    inside = {"task_file": str(own / "task" / "cartpole.yaml")}
    (own / "run.json").write_text(json.dumps(record | inside))
    assert "its code is not run" in sentence(cli("play", own), 2)
    (own / "run.json").write_text(json.dumps(record | inside | {"sources": {}}))
    assert "its code is not run" in sentence(cli("play", own), 2)
    (own / "run.json").write_text(json.dumps(record | {"sources": {}}))
    assert "does not have the hashes of all files" in sentence(cli("play", own), 2)
    (own / "run.json").write_text(json.dumps(record | {"task_file": f"{own.name}/task/cartpole.yaml", "sources": {}}))
    assert "task inside itself" in sentence(cli("play", own), 2)


def test_a_failed_candidate_has_no_policy(cli: Cli, own: Path):
    events = [json.loads(line) for line in (own / "events.jsonl").read_text().splitlines()]
    for event in events:
        if event["event"] == "verdict" and event["slot"] == 0:
            event["failed"] = {"stage": "compile", "message": "no such \x1b[2J field"}
    (own / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    assert "candidate 1.0 has no policy: failed: compile: no such" in sentence(
        cli("play", own, "--candidate", "1.0"), 2
    )


def test_the_policy_of_a_file_in_a_run_is_known_by_its_place(cli: Cli, recorded: Path, tmp_path: Path):
    done = cli("play", recorded / "final" / "human-1" / "policy.safetensors", "-o", "a.npz", "--seconds", 0.1)
    assert done.returncode == 0 and "cartpole: human, seed 2" in done.stdout, done.stderr
    assert trajectory.load(tmp_path / "a.npz").parts[0].components == ("upright", "slow_cart", "slow_pole")
    copied = shutil.copy(recorded / "final" / "human-1" / "policy.safetensors", tmp_path / "mine.safetensors")
    done = cli("play", copied, "--task", "cartpole", "-o", "b.npz", "--seconds", 0.1)
    assert done.returncode == 0, done.stderr
    one, other = (trajectory.load(tmp_path / name).parts[0] for name in ("a.npz", "b.npz"))
    assert np.array_equal(one.state, other.state) and other.names == ()


def test_an_interruption_is_said_and_leaves_nothing(recorded: Path, tmp_path: Path):
    film = [EUREKA, "play", str(recorded), "-o", "a.mp4", "--episodes", "100"]
    (tmp_path / "scratch").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "scratch")}
    playing = subprocess.Popen(
        film, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    children = Path(f"/proc/{playing.pid}/task/{playing.pid}/children")
    while playing.poll() is None and not (below := children.read_text().split()):
        time.sleep(0.05)
    assert any((tmp_path / "scratch").iterdir()), "it had begun"
    playing.send_signal(signal.SIGINT)
    _, said = playing.communicate(timeout=30)
    assert playing.returncode == 130 and said.strip() == "interrupted"
    assert not any((tmp_path / "scratch").iterdir()) and not (tmp_path / "a.mp4").exists()
    deadline = time.monotonic() + 10  # what had only just been started ends by itself
    while any(Path(f"/proc/{pid}").exists() for pid in below):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_no_key_reaches_the_processes_of_a_film(command: Cli, recorded: Path, tmp_path: Path):
    # Python reads this file at the start of every process that can see it.
    (tmp_path / "spy").mkdir()
    (tmp_path / "spy" / "sitecustomize.py").write_text(
        "import os, sys\n"
        f"open({str(tmp_path / 'seen')!r}, 'a').write(f'{{sys.argv[-1:]}} {{\"SECRET_API_KEY\" in os.environ}}\\n')"
        " if os.access('/tmp', os.W_OK) else None\n"
    )
    extra = {"PYTHONPATH": str(tmp_path / "spy"), "SECRET_API_KEY": "x"}
    assert command("play", recorded, "-o", "a.gif", "--seconds", 0.1, "--size", "160x160", **extra).returncode == 0
    seen = (tmp_path / "seen").read_text().splitlines()
    assert len(seen) >= 3 and sum(line.endswith("True") for line in seen) == 1, "the orchestrator alone"
    assert (tmp_path / "a.gif").exists()
