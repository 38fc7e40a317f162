from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")  # as the trainer does; MKL reads it when it is loaded
import torch
from support.bench import Bench, bench_of
from support.cli import Cli

torch.set_num_threads(1)  # as the trainer does
# Training leaves Python threads with OpenMP's own default otherwise.
os.environ.setdefault("OMP_NUM_THREADS", "1")

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Where the tests themselves were started in the background, an interrupt is ignored, and would be by all they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def cartpole() -> Bench:
    return bench_of("cartpole")


@pytest.fixture(scope="session")
def shadow_hand() -> Bench:
    return bench_of("shadow_hand")


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    """Runs `eureka ...` as a user would, in a folder of its own, without any key in sight."""
    environment = {k: v for k, v in os.environ.items() if not k.endswith(("_KEY", "_TOKEN"))}

    def call(*arguments: object, cwd: Path = tmp_path, timeout: float = 300, **extra: str):
        command = [str(Path(sys.executable).parent / "eureka"), *map(str, arguments)]
        return subprocess.run(
            command, cwd=cwd, env=environment | extra, capture_output=True, text=True, timeout=timeout, check=False
        )

    yield call
