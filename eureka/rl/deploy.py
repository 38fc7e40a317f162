"""Trained policies outside of a training: to act with, and to write as modules that need no eureka."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from eureka.errors import UserError
from eureka.rl.checkpoints import load_policies
from eureka.rl.normalization import RunningMoments
from eureka.rl.policy import Policy
from eureka.rl.rollout import OBSERVATION_LIMIT

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class ActingPolicy(nn.Module):
    """A policy without its action noise: (N, O) float32 observations to (N, A) actions in [-1, 1].

    O is what the actor sees: an observation without the critic's further inputs. Normalisation is inside. Actions of a
    policy that chooses are int64, counted from 0: (N,) for one choice, (N, C) for C of them.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, policy: Policy, moments: RunningMoments):
        """Take the first member of a population."""
        super().__init__()
        self.size, self.choices, depth = policy.shape.observation, policy.shape.choices, len(policy.shape.hidden)
        sizes = (len(self.choices),) if self.choices else (policy.shape.action,)
        self.shape: tuple[int, ...] = () if len(self.choices) == 1 else sizes
        """Of an action."""
        self.register_buffer("mean", moments.mean[0, : self.size].float())
        self.register_buffer("std", moments.deviations()[0, : self.size])
        layers: list[nn.Module] = []
        for i in range(depth + 1):
            weight, bias = policy.views[f"actor.{i}.weight"][0], policy.views[f"actor.{i}.bias"][0]
            layer = nn.Linear(weight.shape[0], weight.shape[1])
            layer.load_state_dict({"weight": weight.T, "bias": bias[0]})
            layers += [layer, nn.ELU()] if i < depth else [layer]
        self.layers = nn.Sequential(*layers)

    @classmethod
    def load(cls, path: Path) -> ActingPolicy:
        """The policy in a file of a run; `UserError` if it is none."""
        try:
            return cls(*load_policies([path], torch.device("cpu")))
        except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise UserError(f"{path} is not a policy file of eureka ({type(error).__name__})") from None

    def forward(self, observation: Tensor) -> Tensor:
        """Actions for (N, O)."""
        seen = ((observation - self.mean) / self.std).clamp(-OBSERVATION_LIMIT, OBSERVATION_LIMIT)
        output = self.layers(seen)
        if not self.choices:
            return output.clamp(-1.0, 1.0)
        picked = torch.stack([part.argmax(dim=1) for part in output.split(self.choices, dim=1)], dim=1)
        return picked if self.shape else picked[:, 0]

    @torch.no_grad()
    def act(self, observation: ArrayLike) -> NDArray[Any]:
        """Actions for one observation (O,), or for (N, O); see the class.

        Raises:
            ValueError: the observations have another size.
        """
        given = torch.as_tensor(np.asarray(observation, dtype=np.float32))
        if given.shape[-1:] != (self.size,) or given.dim() > 2:
            raise ValueError(
                f"observations of this policy are ({self.size},) or (N, {self.size}), not {tuple(given.shape)}"
            )
        action = self(given.reshape(-1, self.size))
        return action.reshape((*given.shape[:-1], *self.shape)).numpy()[()]  # of one choice, a number


def write_policy(path: Path, target: Path) -> str:
    """Write the policy of a file as TorchScript (.pt) or ONNX (.onnx); how to use it, in one line.

    Raises:
        UserError: the policy cannot be read, the name of the target has another ending, or a package is missing.
    """
    policy = ActingPolicy.load(path).eval()
    example = torch.zeros(2, policy.size)
    if target.suffix == ".pt":
        torch.jit.save(torch.jit.trace(policy, example), str(target))
        use = f"torch.jit.load({target.name!r})(observation)"
    elif target.suffix == ".onnx":
        try:
            torch.onnx.export(
                policy,
                (example,),
                str(target),
                input_names=["observation"],
                output_names=["action"],
                dynamic_shapes=({0: torch.export.Dim("N")},),
                external_data=False,
                verbose=False,
            )
        except ImportError as error:
            raise UserError(
                f"--policy {target} needs packages: {error}; install them with pip install -e '.[onnx]' in the checkout"
            ) from None
        use = f"onnxruntime.InferenceSession({target.name!r}).run(None, {{'observation': observation}})"
    else:
        raise UserError(f"--policy {target} must end in .pt (TorchScript) or .onnx")
    action = ", ".join(map(str, ("N", *policy.shape)))
    return f"{target}: action ({action}) = {use}, observation (N, {policy.size}) float32"
