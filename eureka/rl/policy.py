"""Actors and critics of a population: one batched matrix product a layer, weights (P, in, out)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from eureka.noise import Noise


@dataclass(frozen=True)
class Shape:
    """Sizes of the networks, the same for every member."""

    observation: int
    """Numbers that the actor sees."""
    action: int
    hidden: tuple[int, ...]
    privileged: int = 0
    """Numbers that the critic sees beside them: the last columns of its input."""

    @property
    def seen(self) -> int:
        """Numbers that actor and critic see together, (O)."""
        return self.observation + self.privileged

    def parameters(self) -> dict[str, tuple[int, int]]:
        """(rows, columns) of each parameter of one member, in the order in which they are stored."""
        table: dict[str, tuple[int, int]] = {}
        for net, inputs, outputs in (("actor", self.observation, self.action), ("critic", self.seen, 1)):
            widths = [inputs, *self.hidden, outputs]
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

    def mean(self, observation: Tensor) -> Tensor:
        """(P, B, A) mean actions for normalised observations (P, B, O)."""
        return self.layers("actor", observation)[-1]

    def value(self, observation: Tensor) -> Tensor:
        """(P, B) critics' values, in normalised units, for normalised observations (P, B, O)."""
        return self.layers("critic", observation)[-1][..., 0]

    def std(self) -> Tensor:
        """(P, 1, A) standard deviations of the actions."""
        return self.views["log_std"].exp()

    def layers(self, net: str, observation: Tensor) -> list[Tensor]:
        """What enters each layer of `actor` or `critic`, (P, B, in) each, and last what leaves the network."""
        x = observation[..., : self.shape.observation] if net == "actor" else observation
        layers = [x]
        depth = len(self.shape.hidden)
        for layer in range(depth + 1):
            x = linear(x, self.views[f"{net}.{layer}.weight"], self.views[f"{net}.{layer}.bias"])
            layers.append(elu_(x) if layer < depth else x)
        return layers

    def gradients(self, net: str, layers: list[Tensor], slope: Tensor) -> list[Tensor]:
        """Gradients of a loss in the parameters of `actor` or `critic`, (P, rows, columns) each, in their order.

        Backpropagation by hand: a tenth of the operations that a tape would record, and nothing allocated twice.

        Args:
            net: which network.
            layers: what `layers` gave.
            slope: (P, B, out), the loss's gradient in the network's output; overwritten.
        """
        found: list[Tensor] = []
        for layer in reversed(range(len(layers) - 1)):
            x = layers[layer]
            found += [slope.sum(dim=1, keepdim=True), torch.bmm(x.transpose(1, 2), slope)]
            if layer:
                weight = self.views[f"{net}.{layer}.weight"]
                slope = torch.bmm(slope, weight.transpose(1, 2))
                # ELU's own slope is 1 above zero and its value plus 1 below.
                slope.addcmul_(slope, x.clamp(max=0.0))
        return found[::-1]


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


def elu_(x: Tensor) -> Tensor:
    """Exponential linear unit (Clevert et al. 2016) in place: x above 0, exp(x) - 1 below."""
    # torch's own rounds a tensor's tail otherwise than its body; expm1 does not.
    positive = x.clamp(min=0.0)
    return x.sub_(positive).expm1_().add_(positive)
