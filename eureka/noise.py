"""Counter-based random numbers: pure integer functions of (seed, stream, world, counter).

A number depends on its address alone, so it is the same on every device, in a captured graph, in any split of a
population and after a resume. `normal` and `rotation` use log, cos and sin and may differ between devices in the last
bit.

The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom
number generators"); 64-bit products wrap, as in torch on CPU and CUDA.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from eureka.system.seeds import derive

_GOLDEN = 0x9E3779B97F4A7C15 - 2**64
_FIRST = 0xBF58476D1CE4E5B9 - 2**64
_SECOND = 0x94D049BB133111EB - 2**64
_GOLDEN_BITS, _FIRST_BITS, _SECOND_BITS = (np.uint64(n % 2**64) for n in (_GOLDEN, _FIRST, _SECOND))
_SHIFTS = tuple(np.uint64(n) for n in (30, 27, 31))


@functools.cache
def _stream_key(name: str) -> int:
    return derive(0, name)


def mix(x: Tensor) -> Tensor:
    """Scramble int64 values of any shape (SplitMix64 with its increment)."""
    if type(x) is Tensor and x.device.type == "cpu":
        return torch.from_numpy(np.asarray(_mix_array(x.numpy().view(np.uint64))).view(np.int64))
    x = x + _GOLDEN
    # The masks turn torch's arithmetic shifts into the logical ones of SplitMix64.
    x = (x ^ ((x >> 30) & 0x3FFFFFFFF)) * _FIRST
    x = (x ^ ((x >> 27) & 0x1FFFFFFFFF)) * _SECOND
    return x ^ ((x >> 31) & 0x1FFFFFFFF)


def _mix_array(x: np.ndarray) -> np.ndarray:
    """`mix` on the CPU, where NumPy needs a third of torch's time for an operation on few numbers."""
    x = np.add(x, _GOLDEN_BITS, dtype=np.uint64)
    x ^= x >> _SHIFTS[0]
    x *= _FIRST_BITS
    x ^= x >> _SHIFTS[1]
    x *= _SECOND_BITS
    x ^= x >> _SHIFTS[2]
    return x


def world_keys(seeds: Tensor, worlds: int) -> Tensor:
    """Keys of the worlds.

    Args:
        seeds: (P,) int64, one per member.
        worlds: N, worlds of each member.

    Returns:
        (P * N,) int64, member-major; equal seeds give equal keys.
    """
    index = torch.arange(worlds, dtype=torch.int64, device=seeds.device)
    return mix(mix(seeds)[:, None] ^ mix(index)[None, :]).reshape(-1)


@dataclass(frozen=True)
class Noise:
    """Random numbers for W worlds at one time; the same call with the same stream name gives the same numbers."""

    keys: Tensor
    """(W,) int64, from `world_keys`."""
    counter: Tensor
    """(W,) or () int64: the world's episode number at resets, otherwise the control step."""

    prefix: str = ""
    """Prefix of every stream name."""
    rows: Tensor | None = None
    """(R,) int64, the worlds that need numbers; the integers of others are 0. None: all worlds."""

    def within(self, purpose: str) -> Noise:
        """The same worlds and counter, with `purpose` added to the prefix."""
        return replace(self, prefix=f"{self.prefix}{purpose}/")

    def integers(self, stream: str, count: int) -> Tensor:
        """(W, count) int64, uniform over all 64-bit values, independent for every stream name."""
        keys, counter = self.keys, self.counter
        if self.rows is not None:
            keys, counter = keys[self.rows], counter[self.rows] if counter.dim() else counter
        # Mixed after each part: a plain sum of the parts would let streams overlap.
        base = mix(mix(keys ^ _stream_key(self.prefix + stream)) + counter)
        bits = mix(base[:, None] ^ mix(torch.arange(count, dtype=torch.int64, device=keys.device)))
        if self.rows is None:
            return bits
        return bits.new_zeros(len(self.keys), count).index_copy_(0, self.rows, bits)

    def uniform(self, stream: str, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """(W, *shape) float32 in [low, high) (rounding may reach high), in steps of 2**-24 of the width."""
        bits = self.integers(stream, math.prod(shape))
        unit = ((bits >> 40) & 0xFFFFFF).to(torch.float32) * 2.0**-24
        return (low + (high - low) * unit).reshape(-1, *shape)

    def normal(self, stream: str, *shape: int) -> Tensor:
        """(W, *shape) float32, standard normal (Box and Muller 1958)."""
        count = math.prod(shape)
        bits = self.integers(stream, 2 * count)
        unit = ((bits >> 40) & 0xFFFFFF).to(torch.float32)
        radius = torch.sqrt(-2.0 * torch.log((unit[:, :count] + 1.0) * 2.0**-24))
        angle = unit[:, count:] * (2.0 * math.pi * 2.0**-24)
        return (radius * torch.cos(angle)).reshape(-1, *shape)

    def rotation(self, stream: str) -> Tensor:
        """(W, 4) float32 unit quaternions wxyz, uniform on SO(3) (Shoemake 1992)."""
        u, v, w = self.uniform(stream, 3).unbind(-1)
        a, b = torch.sqrt(1.0 - u), torch.sqrt(u)
        v, w = 2.0 * math.pi * v, 2.0 * math.pi * w
        return torch.stack([b * torch.cos(w), a * torch.sin(v), a * torch.cos(v), b * torch.sin(w)], dim=-1)

    def tilted_rotation(self, stream: str, tilt: Tensor) -> Tensor:
        """(W, 4) float32 unit quaternions wxyz, uniform among those whose z axis is within `tilt` of the vertical.

        `tilt` is (W,) rad in [0, pi]; pi gives all of SO(3). The z axis is uniform on a spherical cap.
        """
        u, v, w = self.uniform(stream, 3).unbind(-1)
        # 1 - cos of the z axis' angle is uniform; half-angle formulas give the swing's quaternion.
        sine = torch.sin(0.5 * tilt) * torch.sqrt(u)
        cosine = torch.sqrt(1.0 - sine * sine)
        direction, turn = 2.0 * math.pi * v, math.pi * w
        # The swing, about a horizontal axis, after the turn about z.
        x, y = sine * torch.cos(direction), sine * torch.sin(direction)
        c, s = torch.cos(turn), torch.sin(turn)
        return torch.stack([cosine * c, x * c + y * s, y * c - x * s, cosine * s], dim=-1)
