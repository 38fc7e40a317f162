"""Running reward programs over a population: member p's program sees the N worlds of member p."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.fx
from torch import Tensor

from eureka.config.tasks import FIELD
from eureka.system.paths import load_sandbox

if TYPE_CHECKING:
    from sandbox.graph import Field, Program, Rejected, fingerprint, rebuild, require_separate_worlds
else:
    _graph = load_sandbox("graph")
    Field, Program, Rejected = _graph.Field, _graph.Program, _graph.Rejected
    fingerprint, rebuild = _graph.fingerprint, _graph.rebuild
    require_separate_worlds = _graph.require_separate_worlds

__all__ = [
    "Field",
    "Program",
    "ProgramBank",
    "Rejected",
    "fingerprint",
    "own_reward",
    "rebuild",
    "require_separate_worlds",
]

REWARD_BOUND = 1e10
"""A reward larger than this has exploded, as one that is infinite has."""


@dataclass(frozen=True)
class ComponentStatistics:
    """What a member's reward was made of over some control steps, means over worlds and time."""

    total: float
    components: dict[str, float]
    least: dict[str, float]
    """Smallest value of each component in any world at any step."""
    greatest: dict[str, float]
    fault: str | None
    """Why the reward is unusable, if a value was not finite or exploded: names the component and its share."""


class ProgramBank:
    """One program a member, run one after another; remembers what they gave until `drain`."""

    def __init__(self, programs: Sequence[Program], worlds: int):
        """Member p, the worlds p * N to (p + 1) * N, runs `programs[p]`, rebuilt for N = `worlds`."""
        self.programs, self.worlds = programs, worlds
        self._latest: Sequence[Tensor] = ()
        self._history: list[list[Tensor]] = [[] for _ in programs]
        self._broken: list[str | None] = [None] * len(programs)
        self._merged: Callable[..., tuple[Tensor, ...]] | None = None
        self._inputs = sorted({name for program in programs for name in program.inputs})

    @torch.no_grad()
    def compile(self, fields: dict[str, Tensor]) -> str | None:
        """Merge all programs into one and have torch compile it, before the first step: they run together from then on.

        Compiled arithmetic may round otherwise. Where it differs by more than that, or cannot be compiled, nothing
        changes.

        Args:
            fields: the State's fields on some states, (P * N, ...) each.

        Returns:
            None, or in one sentence why the programs are not merged.
        """
        inputs = [fields[name] for name in self._inputs]
        try:
            merged = torch.compile(_Merged(self.programs, self._inputs, self.worlds), fullgraph=True, dynamic=False)
            together = merged(*inputs)
        except Exception as error:  # whatever a compiler meets in a generation, the generation can train without it
            reason = (str(error).strip().splitlines() or [""])[0]
            return f"the programs could not be merged and compiled: {type(error).__name__}: {reason[:200]}"
        for p, (program, values) in enumerate(zip(self.programs, together, strict=True)):
            expected = torch.stack(program(*self._own(p, fields)))
            if not torch.allclose(values, expected, rtol=1e-4, atol=1e-5, equal_nan=True):
                return f"the merged and compiled programs compute something else for member {p}"
        self._merged = merged
        return None

    def __call__(self, fields: dict[str, Tensor]) -> Tensor:
        """(P, N) float32 total rewards for the State's fields, (P * N, ...) each, and a record of them."""
        totals = self.compute(fields)
        self.record(copy=False)
        return totals

    @torch.no_grad()
    def compute(self, fields: dict[str, Tensor]) -> Tensor:
        """(P, N) float32 total rewards for the State's fields, (P * N, ...) each; `record` keeps them."""
        if self._merged is not None:
            self._latest = self._merged(*[fields[name] for name in self._inputs])
        else:
            self._latest = [self._run(p, fields) for p in range(len(self.programs))]
        return torch.stack([values[0] for values in self._latest])

    def record(self, copy: bool) -> None:
        """Keep what was computed last; a copy of it, if the next step overwrites it."""
        for history, values in zip(self._history, self._latest, strict=True):
            history.append(values.clone() if copy else values)

    def drain(self) -> list[ComponentStatistics]:
        """Statistics of each member since the last call."""
        rows = [_summary(torch.stack(history, dim=1).flatten(1)) for history in self._history]
        for history in self._history:
            history.clear()
        # One copy from the device for all members.
        table = iter(torch.cat(rows, dim=1).T.tolist())
        statistics = []
        for program, broken in zip(self.programs, self._broken, strict=True):
            found = {name: next(table) for name in ("total", *program.components)}
            faults = [_fault(name, bad, undefined) for name, (*_, bad, undefined) in found.items()]
            mean, *_ = found.pop("total")
            statistics.append(
                ComponentStatistics(
                    total=mean,
                    components={name: row[0] for name, row in found.items()},
                    least={name: row[1] for name, row in found.items()},
                    greatest={name: row[2] for name, row in found.items()},
                    fault=broken or next((f for f in faults if f), None),
                )
            )
        return statistics

    def _own(self, member: int, fields: dict[str, Tensor]) -> list[Tensor]:
        own = slice(member * self.worlds, (member + 1) * self.worlds)
        return [fields[name][own] for name in self.programs[member].inputs]

    def _run(self, member: int, fields: dict[str, Tensor]) -> Tensor:
        """(1 + C, N): the member's total and components."""
        program, own = self.programs[member], self._own(member, fields)
        try:
            return torch.stack(program(*own))
        except Exception as error:  # one program that cannot compute fails its own member; the others go on
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            self._broken[member] = f"the reward failed as it ran: {reason[:200]}"
            return torch.full((1 + len(program.components), self.worlds), torch.nan, device=own[0].device)


def own_reward(worlds: int) -> Program:
    """In a program's place: the reward that an environment of Gymnasium's gives by itself."""
    module = torch.fx.symbolic_trace(_Own())
    return Program(module=module, inputs=(FIELD,), components=(), nodes=0, worlds=worlds, work=0)


class _Own(torch.nn.Module):
    def forward(self, reward: Tensor) -> tuple[Tensor]:
        return (reward,)


class _Merged(torch.nn.Module):
    """All members' programs as one."""

    def __init__(self, programs: Sequence[Program], inputs: Sequence[str], worlds: int):
        super().__init__()
        self.programs = torch.nn.ModuleList(program.module for program in programs)
        self.wanted = [[inputs.index(name) for name in program.inputs] for program in programs]
        self.worlds = worlds

    def forward(self, *fields: Tensor) -> tuple[Tensor, ...]:
        """(1 + C, N) a member: its total and components."""
        results = []
        for p, (module, wanted) in enumerate(zip(self.programs, self.wanted, strict=True)):
            own = [fields[i][p * self.worlds : (p + 1) * self.worlds] for i in wanted]
            results.append(torch.stack(module(*own)))
        return tuple(results)


def _summary(series: Tensor) -> Tensor:
    """(5, 1 + C): mean, least, greatest, share of unusable values and share of NaN, of each row of (1 + C, T * N)."""
    bad = ~(series.abs() <= REWARD_BOUND)  # NaN fails every comparison
    shares = [bad.float().mean(dim=1), series.isnan().float().mean(dim=1)]
    return torch.stack([series.mean(dim=1), series.amin(dim=1), series.amax(dim=1), *shares])


def _fault(name: str, bad: float, undefined: float) -> str | None:
    if not bad:
        return None
    kind = "NaN" if undefined else "infinite or larger than 1e10"
    what = "the total reward" if name == "total" else f"the component {name!r}"
    return f"{what} was {kind} in {100.0 * bad:.3g}% of the values"
