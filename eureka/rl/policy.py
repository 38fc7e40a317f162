"""Actors and critics of a population: one batched matrix product per layer, weights (P, in, out)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from eureka.noise import Noise
from eureka.rl.distributions import Categorical, Distribution, Gaussian

_LOG2_E = 1.0 / math.log(2.0)
_VECTORS = 64
"""torch's vectorised loops leave no last elements of tensors whose size is a multiple of this."""


@dataclass(frozen=True)
class Shape:
    """Network sizes, the same for every member."""

    observation: int  # Size of the actor's input
    action: int
    hidden: tuple[int, ...]
    privileged: int = 0  # Number of further inputs of the critic: the last columns of an observation
    choices: tuple[int, ...] = ()  # Sizes of the choices that an action consists of, which sum to A; none: numbers

    @property
    def seen(self) -> int:
        """O, the size of a whole observation: the critic's input."""
        return self.observation + self.privileged

    @property
    def distribution(self) -> Distribution:
        """How actions are drawn."""
        return Categorical(self.choices) if self.choices else Gaussian()

    def parameters(self) -> dict[str, tuple[int, int]]:
        """(rows, columns) of each parameter of one member, in storage order."""
        table: dict[str, tuple[int, int]] = {}
        for net, inputs, outputs in (("actor", self.observation, self.action), ("critic", self.seen, 1)):
            widths = [inputs, *self.hidden, outputs]
            for layer, (rows, columns) in enumerate(itertools.pairwise(widths)):
                table[f"{net}.{layer}.weight"] = (rows, columns)
                table[f"{net}.{layer}.bias"] = (1, columns)
        table["log_std"] = (1, self.distribution.deviations(self.action))
        return table


class Policy:
    """P policies, and their critics.

    All parameters are in one (P, D) tensor; the (P, rows, columns) tensors of a layer are views into it. The number of
    optimiser operations then does not depend on the number of layers.
    """

    def __init__(self, shape: Shape, flat: Tensor):
        """Wrap `flat` (P, D) float32, in the order of `Shape.parameters`, without a copy."""
        self.shape, self.flat = shape, flat
        self.views = split(shape, flat)

    @classmethod
    def create(cls, shape: Shape, seeds: Tensor, initial_std: float = 1.0) -> Policy:
        """Initialise policies with U(-1, 1)/sqrt(fan in), as torch's Linear; mean actions start near zero.

        Args:
            shape: network sizes.
            seeds: (P,) int64; equal seeds give equal policies.
            initial_std: initial standard deviation of the actions, in units of the action.
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
        # `data`, unlike a plain slice, has its own version counter: threads that update other members in place do not
        # invalidate this part's autograd graph.
        return Policy(self.shape, self.flat.data[chosen])

    def mean(self, observation: Tensor) -> Tensor:
        """(P, B, A) mean actions, or logits of choices, for normalised observations (P, B, O)."""
        return self.layers("actor", observation)[0][-1]

    def value(self, observation: Tensor) -> Tensor:
        """(P, B) values in normalised units, for normalised observations (P, B, O)."""
        return self.layers("critic", observation)[0][-1][..., 0]

    def std(self) -> Tensor:
        """(P, 1, A) standard deviations of the actions; (P, 1, 0) for choices."""
        return self.views["log_std"].exp()

    def layers(self, net: str, observation: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Play an observation through `actor` or `critic`.

        Returns:
            The input of each layer, (P, B, in) each, then the network's output; and the derivatives of the activations
            of the hidden layers.
        """
        x = observation[..., : self.shape.observation] if net == "actor" else observation
        layers, slopes = [x], []
        depth = len(self.shape.hidden)
        for layer in range(depth + 1):
            x = linear(x, self.views[f"{net}.{layer}.weight"], self.views[f"{net}.{layer}.bias"])
            if layer < depth:
                x, slope = elu_(x)
                slopes.append(slope)
            layers.append(x)
        return layers, slopes

    def gradients(self, net: str, played: tuple[list[Tensor], list[Tensor]], gradient: Tensor) -> list[Tensor]:
        """Gradients of a loss with respect to a network's parameters, (P, rows, columns) each, in storage order.

        Written by hand: autograd would run ten times as many operations.

        Args:
            net: `actor` or `critic`.
            played: the result of `layers`.
            gradient: (P, B, out), gradient with respect to the network's output; overwritten.
        """
        found: list[Tensor] = []
        layers, slopes = played
        for layer in reversed(range(len(layers) - 1)):
            found += [gradient.sum(dim=1, keepdim=True), weight_gradient(layers[layer], gradient)]
            if layer:
                weight = self.views[f"{net}.{layer}.weight"].transpose(1, 2)
                gradient = gradient * weight if weight.shape[1] == 1 else torch.bmm(gradient, weight)
                gradient.mul_(slopes[layer - 1])
        return found[::-1]


def split(shape: Shape, flat: Tensor) -> dict[str, Tensor]:
    """(P, rows, columns) views of the parameters in a flat (P, D) tensor."""
    sizes = {name: rows * columns for name, (rows, columns) in shape.parameters().items()}
    parts = flat.detach().split(list(sizes.values()), dim=1)
    return {name: part.unflatten(1, size) for (name, size), part in zip(shape.parameters().items(), parts, strict=True)}


_NARROW, _NARROW_GRADIENT = 13, 32
"""Numbers of columns below which the BLAS computes a transposed product two to ten times as fast, on x86."""


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(P, B, out) = (P, B, in) @ (P, in, out) + (P, 1, out)."""
    if weight.shape[-1] < _NARROW and x.device.type == "cpu":
        turned = _product(bias.transpose(1, 2), weight.transpose(1, 2), x.transpose(1, 2))
        return turned.transpose(1, 2).contiguous()
    return _product(bias, x, weight)


def weight_gradient(x: Tensor, gradient: Tensor) -> Tensor:
    """(P, in, out), of the loss with respect to a layer's weights: inputs (P, B, in), transposed, @ (P, B, out)."""
    if gradient.shape[-1] < _NARROW_GRADIENT and x.device.type == "cpu":
        zero = gradient.new_zeros(1).expand(x.shape[0], 1, 1)
        return _product(zero, gradient.transpose(1, 2), x).transpose(1, 2)
    return torch.bmm(x.transpose(1, 2), gradient)


def _product(start: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """`start` + `a` @ `b` for each member, with the same rounding for any number of them."""
    if a.shape[0] == 1 and 1 in (*a.shape[1:], b.shape[-1]):
        # BLAS rounds a single matrix-vector product differently from a batch of them.
        return torch.baddbmm(start.expand(2, -1, -1), a.expand(2, -1, -1), b.expand(2, -1, -1))[:1]
    return torch.baddbmm(start, a, b)


def elu_(x: Tensor) -> tuple[Tensor, Tensor]:
    """Exponential linear unit (Clevert et al. 2016) in place, x above 0 and exp(x) - 1 below, and its derivative."""
    if x.device.type == "cpu" and x[0].numel() % _VECTORS:
        # torch's exp2 rounds the last elements of a tensor differently; expm1 does not.
        below = x.clamp(max=0.0).expm1_()
        return torch.maximum(x, below, out=x), below.add_(1.0)
    slope = (x * _LOG2_E).clamp_(max=0.0).exp2_()  # a third of the time of torch's exp on a CPU
    return x.clamp_(min=0.0).add_(slope).sub_(1.0), slope
