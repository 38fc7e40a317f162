"""Actors and critics of a population: one batched matrix product a layer, weights (P, in, out)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from eureka.noise import Noise


@dataclass(frozen=True)
class Shape:
    """Sizes of the networks, the same for every member."""

    observation: int
    action: int
    hidden: tuple[int, ...]

    def parameters(self) -> dict[str, tuple[int, int]]:
        """(rows, columns) of each parameter of one member, in the order in which they are stored."""
        table: dict[str, tuple[int, int]] = {}
        for net, outputs in (("actor", self.action), ("critic", 1)):
            widths = [self.observation, *self.hidden, outputs]
            for layer, (rows, columns) in enumerate(itertools.pairwise(widths)):
                table[f"{net}.{layer}.weight"] = (rows, columns)
                table[f"{net}.{layer}.bias"] = (1, columns)
        table["log_std"] = (1, self.action)
        return table


class Policy:
    """P Gaussian policies with a state-independent deviation, and their critics.

    All parameters live in one (P, D) tensor; the (P, rows, columns) tensors of a layer are views into it, so that
    an optimiser needs a handful of operations whatever the number of layers.
    """

    def __init__(self, shape: Shape, flat: Tensor):
        """Wrap `flat` (P, D) float32, in the order of `Shape.parameters`; nothing is copied."""
        self.shape, self.flat = shape, flat
        self.views = split(shape, flat)

    @classmethod
    def create(cls, shape: Shape, seeds: Tensor, initial_std: float = 1.0) -> Policy:
        """Fresh policies: U(-1, 1)/sqrt(fan in), as torch's Linear; the mean starts near zero.

        Args:
            shape: sizes of the networks.
            seeds: (P,) int64; equal seeds give equal policies.
            initial_std: standard deviation of the first actions, in units of the action.
        """
        noise = Noise(seeds, torch.zeros((), dtype=torch.int64, device=seeds.device))
        last = f"actor.{len(shape.hidden)}.weight"
        parts = []
        for name, (rows, columns) in shape.parameters().items():
            if name == "log_std":
                part = torch.full((len(seeds), columns), math.log(initial_std), device=seeds.device)
            else:
                fan_in = shape.parameters()[name.replace("bias", "weight")][0]
                bound = (0.01 if name == last else 1.0) / math.sqrt(fan_in)
                part = noise.uniform(f"init/{name}", rows * columns, low=-bound, high=bound)
            parts.append(part)
        return cls(shape, torch.cat(parts, dim=1))

    def members(self, chosen: slice) -> Policy:
        """Some members, sharing memory with this policy."""
        # `data`, unlike a plain slice, has its own version counter: threads that step other members in place do not
        # disturb this part's autograd graph.
        return Policy(self.shape, self.flat.data[chosen])

    def leaves(self) -> Policy:
        """The same parameters, sharing memory, as autograd leaves."""
        policy = Policy(self.shape, self.flat.data)
        for view in policy.views.values():
            view.requires_grad_()
        return policy

    def mean(self, observation: Tensor) -> Tensor:
        """(P, B, A) mean actions for normalised observations (P, B, O)."""
        return self._forward("actor", observation)

    def value(self, observation: Tensor) -> Tensor:
        """(P, B) critics' values, in normalised units, for normalised observations (P, B, O)."""
        return self._forward("critic", observation)[..., 0]

    def std(self) -> Tensor:
        """(P, 1, A) standard deviations of the actions."""
        return self.views["log_std"].exp()

    def _forward(self, net: str, x: Tensor) -> Tensor:
        depth = len(self.shape.hidden)
        for layer in range(depth + 1):
            x = linear(x, self.views[f"{net}.{layer}.weight"], self.views[f"{net}.{layer}.bias"])
            if layer < depth:
                x = elu(x)
        return x


def split(shape: Shape, flat: Tensor) -> dict[str, Tensor]:
    """(P, rows, columns) views of the parameters in a flat (P, D) tensor."""
    sizes = {name: rows * columns for name, (rows, columns) in shape.parameters().items()}
    parts = flat.detach().split(list(sizes.values()), dim=1)
    return {name: part.unflatten(1, size) for (name, size), part in zip(shape.parameters().items(), parts, strict=True)}


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(P, B, out) = (P, B, in) @ (P, in, out) + (P, 1, out)."""
    if x.shape[0] == 1 and 1 in (*x.shape[1:], weight.shape[-1]):
        # A lone matrix-vector product takes another path through BLAS, with other roundings, than one of several.
        twice = torch.baddbmm(bias.expand(2, -1, -1), x.expand(2, -1, -1), weight.expand(2, -1, -1))
        return twice[:1]
    return torch.baddbmm(bias, x, weight)


class _Elu(torch.autograd.Function):
    """torch's own ELU rounds a tensor's tail otherwise than its body; expm1 does not."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        positive = torch.relu(x)
        y = (x - positive).expm1_().add_(positive)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return (y - torch.relu(y)).add_(1.0).mul_(grads[0])


def elu(x: Tensor) -> Tensor:
    """Exponential linear unit (Clevert et al. 2016): x above 0, exp(x) - 1 below."""
    return _Elu.apply(x)  # type: ignore[no-any-return]
