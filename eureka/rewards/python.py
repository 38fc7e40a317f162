"""Rewards as plain Python in this process: the user's and the tasks' own, never those of candidates in a run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from eureka.config.tasks import LoadedTask
from eureka.errors import UserError, did_you_mean
from eureka.system.paths import load_file, load_sandbox

results = load_sandbox("results")

Reward = Callable[..., tuple[Tensor, Mapping[str, Tensor | float]]]
"""Maps State fields selected by argument name, (N, ...) each, to the total (N,) and the components by name."""


@dataclass(frozen=True)
class PlainReward:
    """A reward function with the names of the State fields that it reads."""

    function: Reward
    names: tuple[str, ...]

    @classmethod
    def load(cls, reward: str | Path | Reward, task: LoadedTask, fields: Mapping[str, Tensor]) -> PlainReward:
        """Load a reward and call it once.

        Args:
            reward: "human" or "sparse" for one of the task's, the path of a Python file, or a function.
            task: the task.
            fields: the State's fields in some worlds, (N, ...) each.

        Raises:
            UserError: the file does not exist, or the reward does not fit the task.
        """
        function = _read(str(reward), task) if isinstance(reward, str | Path) else reward
        loaded = cls(function, tuple(_field_names(function, fields)))
        loaded(fields)
        return loaded

    def __call__(self, fields: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Total (N,) and components (N,), float32, for fields (N, ...).

        Raises:
            UserError: the reward returns something else.
        """
        count = len(next(iter(fields.values())))
        result = self.function(**{name: fields[name] for name in self.names})
        try:
            total, parts = results.flatten(result, next(iter(fields.values())))
            results.check_shapes(total, parts, count)
        except results.BadResult as problem:
            raise UserError(str(problem)) from None
        return total.float(), {name: part.float().reshape(-1).expand(count) for name, part in parts.items()}


def _field_names(function: Reward, fields: Mapping[str, Tensor]) -> list[str]:
    names = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            return list(fields)
        if name in fields:
            names.append(name)
        elif parameter.default is parameter.empty:
            raise UserError(
                f"the reward's argument {name!r} is not a state field{did_you_mean(name, fields)}; use one of "
                f"{', '.join(fields)}"
            )
    return names


def _read(name: str, task: LoadedTask) -> Reward:
    path = task.reward_file(name)
    if not path.is_file():
        raise UserError(f"no reward file {path}; give human, sparse, a Python file or a function")
    try:
        module = load_file(f"eureka_reward_{path.stem}", path)
        if name in task.rewards:  # with the constants that follow the task's arguments
            exec(compile(task.reward_code(name), str(path), "exec"), module.__dict__)  # noqa: S102 - a file of the task
        function: Reward | None = getattr(module, "compute_reward", None)
    except Exception as error:
        raise UserError(f"{path} cannot be run: {type(error).__name__}: {error}") from None
    if not callable(function):
        raise UserError(f"{path} does not define the function compute_reward; add it")
    return function
