"""Where a run takes place: what `--device` means here, and a whole run on MuJoCo Warp's CPU device."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.cli import Cli

from eureka.config.options import DeviceOptions, Options, SizeOptions
from eureka.config.tasks import load_task
from eureka.errors import UserError
from eureka.experiment.options import resolve
from eureka.system import hardware
from eureka.workers import placement


@pytest.fixture
def with_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "gpu", lambda: "a GPU")


def test_without_a_gpu_a_run_takes_the_cpu_and_its_preset():
    settings = resolve(load_task("cartpole"), Options())
    assert (settings.device, settings.preset) == ("cpu", "cpu")


def test_with_a_gpu_a_run_takes_it_and_its_preset(with_gpu):
    settings = resolve(load_task("cartpole"), Options())
    assert (settings.device, settings.preset) == ("cuda", "gpu")
    assert resolve(load_task("cartpole"), Options(device=DeviceOptions("cpu"))).preset == "cpu"
    assert resolve(load_task("cartpole"), Options(SizeOptions("cpu"))).device == "cuda"


def test_a_gpu_without_its_simulator_is_left_alone_and_asked_for_says_what_to_install(with_gpu, monkeypatch):
    monkeypatch.setattr(placement, "missing", lambda: True)
    assert resolve(load_task("cartpole"), Options()).device == "cpu"
    with pytest.raises(UserError, match=r"pip install -e '.\[gpu\]'"):
        resolve(load_task("cartpole"), Options(device=DeviceOptions("cuda")))


def test_environments_by_id_stay_on_the_cpu(with_gpu):
    assert resolve(load_task("gymnasium:Pendulum-v1"), Options()).device == "cpu"
    with pytest.raises(UserError, match="on the CPU only"):
        resolve(load_task("gymnasium:Pendulum-v1"), Options(device=DeviceOptions("warp-cpu")))


def test_kernels_are_kept_where_the_user_wants_them(monkeypatch, tmp_path: Path):
    monkeypatch.delenv("WARP_CACHE_PATH", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert hardware.kernel_cache() == tmp_path / "eureka" / "kernels"
    monkeypatch.setenv("WARP_CACHE_PATH", str(tmp_path / "mine"))
    assert hardware.kernel_cache() == tmp_path / "mine"


@pytest.mark.slow
def test_a_whole_run_on_warp_behind_the_fence_with_kernels_kept_for_the_next(cli: Cli, tmp_path: Path):
    sizes = ["--generations", "1", "--samples", "2", "--envs", "16", "--steps", "2048"]
    cache = tmp_path / "kernels"
    arguments = ("run", "cartpole", "--device", "warp-cpu", *sizes, "--out", "run", "--display", "plain")
    done = cli(*arguments, WARP_CACHE_PATH=str(cache))
    assert done.returncode == 0, done.stderr
    assert "device warp-cpu" in done.stdout and "trainer fenced" in done.stdout
    events = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    (started,) = [e for e in events if e["event"] == "started"]
    assert started["sizes"]["njmax"] >= 64 and started["fence"]
    assert any(cache.rglob("*.o"))
    assert all(e["sizes"] == started["sizes"] for e in events if e["event"] == "trained")
