"""The device that simulation and training run on."""

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
            threads: CPU threads for physics and learning.
            sizes: buffer sizes; required by MuJoCo Warp, unused by `mujoco.batch`.
        """
        self.device, self.threads, self.sizes = device, threads, sizes
        self.compile_seconds = 0.0  # s spent on compiling or loading the simulator's kernels

    @property
    def torch_device(self) -> torch.device:
        """The device that holds the tensors."""
        return torch.device("cpu" if self.device == "warp-cpu" else self.device)

    @property
    def warp(self) -> bool:
        """Whether MuJoCo Warp simulates the worlds."""
        return self.device != "cpu"

    def open(self, model: mujoco.MjModel, worlds: int, varied: tuple[str, ...] = ()) -> Physics:
        """Make `worlds` worlds of the scene `model`; the model fields in `varied` may differ between worlds."""
        if not self.warp:
            return ThreadPhysics(model, worlds, self.threads)
        from eureka.physics.warp import WarpPhysics

        assert self.sizes is not None
        physics = WarpPhysics(model, worlds, str(self.torch_device), self.sizes, varied)
        self.compile_seconds += physics.compile_seconds
        return physics

    def synchronize(self) -> None:
        """Wait until the device has finished all submitted work."""
        if self.torch_device.type == "cuda":
            torch.cuda.synchronize(self.torch_device)

    def grow(self) -> Sizes:
        """Enlarge the shared contact pool for the next `open`; returns the new sizes."""
        assert self.sizes is not None
        self.sizes = self.sizes.grow(POOL_BITS)
        return self.sizes
