"""Where simulation and training run."""

from __future__ import annotations

import mujoco
import torch

from eureka.physics.base import Physics
from eureka.physics.buffers import POOL_BITS, Sizes
from eureka.physics.threads import ThreadPhysics


class Backend:
    """Makes worlds on one device."""

    def __init__(self, device: str = "cpu", threads: int = 1, sizes: Sizes | None = None):
        """Make worlds on `device`.

        Args:
            device: one of `eureka.system.hardware.DEVICES`, or `cuda:1` and so on.
            threads: for physics and learning on a CPU.
            sizes: room in the simulator's buffers, which MuJoCo Warp needs to know and `mujoco.batch` does not.
        """
        self.device, self.threads, self.sizes = device, threads, sizes
        self.compile_seconds = 0.0
        """s spent so far on compiling or loading the simulator's kernels."""

    @property
    def torch_device(self) -> torch.device:
        """Where tensors live."""
        return torch.device("cpu" if self.device == "warp-cpu" else self.device)

    @property
    def warp(self) -> bool:
        """Whether worlds are simulated by MuJoCo Warp."""
        return self.device != "cpu"

    def open(self, model: mujoco.MjModel, worlds: int, varied: tuple[str, ...] = ()) -> Physics:
        """So many worlds of a scene.

        Args:
            model: the scene.
            worlds: W.
            varied: model fields that will differ between worlds.
        """
        if not self.warp:
            return ThreadPhysics(model, worlds, self.threads)
        from eureka.physics.warp import WarpPhysics

        assert self.sizes is not None
        physics = WarpPhysics(model, worlds, str(self.torch_device), self.sizes, varied)
        self.compile_seconds += physics.compile_seconds
        return physics

    def synchronize(self) -> None:
        """Wait until the device has done all that it was given."""
        if self.torch_device.type == "cuda":
            torch.cuda.synchronize(self.torch_device)

    def grow(self) -> Sizes:
        """Larger buffers for the worlds to come; how large."""
        assert self.sizes is not None
        self.sizes = self.sizes.grown(POOL_BITS)
        return self.sizes
