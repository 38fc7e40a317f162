"""Where trainings run: what can be asked for, and the sentence for what cannot."""

from __future__ import annotations

from typing import Any

import pytest

from eureka.config.options import DeviceOptions, Options, SearchOptions
from eureka.config.tasks import load_task
from eureka.errors import UserError
from eureka.experiment.options import resolve
from eureka.workers import executors, placement
from eureka.workers.executors import LocalExecutor
from eureka.workers.isolation import IsolationPolicy


@pytest.fixture(autouse=True)
def two_processors_and_two_gpus(monkeypatch):
    monkeypatch.setattr(placement, "cores", lambda: 2)
    monkeypatch.setattr(placement, "missing", lambda: False)
    monkeypatch.setattr(placement, "gpus", lambda: ("GPU A", "GPU B"))
    monkeypatch.setattr(placement, "gpu", lambda: "GPU A")


def placed(device: str = "auto", **given: Any) -> dict[str, Any]:
    return placement.resolve(load_task("cartpole"), DeviceOptions(device, **given))


def test_the_devices_that_are_named_are_the_ones_that_are_used():
    nothing = {"device": "cuda", "devices": (), "workers": None, "executor": "local"}
    assert placed() == nothing
    assert placed(devices="cuda:1, cuda:0") == nothing | {"devices": ("cuda:1", "cuda:0")}
    assert placed("cpu", workers=2) == nothing | {"device": "cpu", "workers": 2}
    assert placed("cuda", workers=9, executor="ray:there:6379")["workers"] == 9, "as many as the cluster has"
    assert placed(executor="ray")["device"] == "cpu", "this machine's GPU says nothing of the cluster's"


@pytest.mark.parametrize(
    "device, given, expected",
    [
        ("cpu", {"workers": 3}, "this machine has 2 processors"),
        ("cpu", {"workers": 0}, "--workers must be at least 1"),
        ("cuda", {"workers": 2}, "use --devices cuda:0,cuda:1"),
        ("cpu", {"devices": "cuda:0"}, "--device is cpu; omit one of them"),
        ("auto", {"devices": "cuda:0,gpu1"}, "'gpu1' is not a GPU"),
        ("auto", {"devices": "cuda:2"}, "no cuda:2 on this machine; the number of GPUs is 2"),
        ("auto", {"devices": "cuda:1,cuda:1"}, "a GPU is named twice"),
        ("auto", {"devices": "cuda:0", "executor": "ray"}, "Ray assigns the GPUs"),
        ("auto", {"executor": "slurm"}, "unknown executor 'slurm'; use local, ray or ray:ADDRESS"),
        ("auto", {"executor": "rai"}, "did you mean 'ray'?"),
    ],
)
def test_what_cannot_be_had_is_refused_in_a_sentence(device: str, given: dict[str, Any], expected: str):
    with pytest.raises(UserError) as refused:
        placed(device, **given)
    assert expected in str(refused.value)


def test_a_run_goes_on_where_it_was_unless_another_place_is_named():
    settings = resolve(load_task("cartpole"), Options(device=DeviceOptions("cpu", workers=2)))

    def moved(**given: Any) -> dict[str, Any]:
        return placement.apply_device_changes(None, settings, DeviceOptions(**given))

    kept = {"device": "cpu", "devices": (), "workers": 2, "executor": "local"}
    assert moved() == kept
    assert moved(workers=1) == kept | {"workers": 1}
    assert moved(executor="ray") == kept | {"executor": "ray", "workers": None}, "as many as the cluster has"


def test_a_run_on_the_cpu_has_a_worker_for_each_processor_two_trainings_each_and_the_memory(monkeypatch):
    cartpole = load_task("cartpole")

    def workers(samples: int, device: str = "cpu", **given: Any) -> int | None:
        options = Options(search=SearchOptions(samples=samples), device=DeviceOptions(device, **given))
        return resolve(cartpole, options).workers

    monkeypatch.setattr(placement, "cores", lambda: 4)
    assert [workers(n) for n in (1, 3, 4, 6, 8, 16)] == [1, 1, 2, 3, 4, 4]
    assert workers(16, workers=2) == 2 and workers(16, executor="ray") is None
    assert resolve(cartpole, Options(device=DeviceOptions("cuda"))).workers is None
    monkeypatch.setattr(placement, "available_memory", lambda: int(3.2 * 2**30))
    assert workers(16) == 2
    recorded = resolve(cartpole, Options(device=DeviceOptions("cpu", workers=4)))
    monkeypatch.setattr(placement, "cores", lambda: 1)
    assert placement.apply_device_changes(None, recorded, DeviceOptions())["workers"] == 1, "a smaller machine"


def test_a_recorded_cluster_is_joined_only_at_the_users_word():
    settings = resolve(load_task("cartpole"), Options(device=DeviceOptions("cpu", executor="ray:there:6379")))
    with pytest.raises(UserError, match="add --executor ray:there:6379"):
        placement.apply_device_changes(None, settings, DeviceOptions())
    again = placement.apply_device_changes(None, settings, DeviceOptions(executor="ray:there:6379"))
    assert again["executor"] == "ray:there:6379"


def test_each_worker_has_its_own_processors_or_its_own_gpu(tmp_path, monkeypatch):
    monkeypatch.setattr(executors, "cores", lambda: 8)
    task = load_task("cartpole")
    shared = LocalExecutor(task, tmp_path, tmp_path, IsolationPolicy(), count=3)
    assert (shared.workers, shared.threads, shared.one_memory, shared.fenced) == (3, 2, True, True)
    gpus = LocalExecutor(task, tmp_path, tmp_path, IsolationPolicy(), device="cuda", devices=("cuda:1", "cuda:0"))
    assert (gpus.workers, gpus.threads, gpus.one_memory, gpus.fenced) == (2, 4, False, False)
    started = []
    monkeypatch.setattr(executors, "Worker", lambda *arguments: started.append(arguments))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    gpus.open(0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    gpus.open(0)
    gpus.open(1)
    assert [more["CUDA_VISIBLE_DEVICES"] for *_, more in started] == ["1", "6", "4"]
    assert [arguments[-2:] for arguments, *_ in started] == [["4", "cuda"]] * 3
    shared.open(2)
    assert "CUDA_VISIBLE_DEVICES" not in started[-1][-1] and started[-1][0][-2:] == ["2", "cpu"]
    assert started[-1][1].name == "trainer-2.log" and started[0][1].name == "trainer.log"
