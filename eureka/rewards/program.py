"""Execution of reward programs over a population: the program of member p reads the N worlds of member p."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
import torch.fx
from torch import Tensor

from eureka.config.tasks import FIELD
from eureka.rewards.statistics import ComponentStatistics, over_episodes, over_steps, statistics_of
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


class ProgramBank:
    """One program per member, run in sequence; records their values until `drain`."""

    def __init__(self, programs: Sequence[Program], worlds: int, device: torch.device | None = None):
        """Let `programs[p]`, rebuilt for N = `worlds`, compute worlds p * N to (p + 1) * N."""
        self.programs, self.worlds = programs, worlds
        self._latest: Sequence[Tensor] = ()
        self._history: list[list[Tensor]] = [[] for _ in programs]
        self._broken: list[str | None] = [None] * len(programs)
        self._merged: Callable[..., tuple[Tensor, ...]] | None = None
        self._inputs = sorted({name for program in programs for name in program.inputs})
        self._read = [_read(program) for program in programs]
        rows = 1 + max((len(program.components) for program in programs), default=0)
        self.running = torch.zeros(len(programs), rows, worlds, device=device)
        """(P, 1 + C, N), the sums of total and components since each world's episode began, C of the largest reward."""

    @torch.no_grad()
    def compile(self, fields: Mapping[str, Tensor]) -> str | None:
        """Merge all programs into one and compile it with torch; call this before the first step.

        Compiled arithmetic may round differently. If the results differ by more, or compilation fails, the programs
        stay separate.

        Args:
            fields: the State's fields on some states, (P * N, ...) each.

        Returns:
            None, or why the programs are not merged, in one sentence.
        """
        inputs = [fields[name] for name in self._inputs]
        try:
            merged = torch.compile(_Merged(self.programs, self._inputs, self.worlds), fullgraph=True, dynamic=False)
            together = merged(*inputs)
        except Exception as error:  # training works without compilation
            reason = (str(error).strip().splitlines() or [""])[0]
            return f"the programs could not be merged and compiled: {type(error).__name__}: {reason[:200]}"
        for p, (program, values) in enumerate(zip(self.programs, together, strict=True)):
            expected = torch.stack(program(*self._member_inputs(p, fields)))
            if not torch.allclose(values, expected, rtol=1e-4, atol=1e-5, equal_nan=True):
                return f"the merged and compiled programs give another result for member {p}"
        self._merged = merged
        return None

    def __call__(self, fields: Mapping[str, Tensor]) -> Tensor:
        """(P, N) float32 total rewards for the State's fields, (P * N, ...) each; records them."""
        totals = self.compute(fields)
        self.record(copy=False)
        return totals

    @torch.no_grad()
    def compute(self, fields: Mapping[str, Tensor]) -> Tensor:
        """(P, N) float32 total rewards for the State's fields, (P * N, ...) each, without a record."""
        if self._merged is not None:
            self._latest = self._merged(*[fields[name] for name in self._inputs])
        else:
            self._latest = [self._run(p, fields) for p in range(len(self.programs))]
        return torch.stack([values[0] for values in self._latest])

    def record(self, copy: bool) -> None:
        """Record the latest values; `copy` them if the next step overwrites them."""
        for history, values in zip(self._history, self._latest, strict=True):
            history.append(values.clone() if copy else values)

    def drain(self, episodes: tuple[Tensor, Tensor, Tensor] | None = None) -> list[ComponentStatistics]:
        """Statistics of each member since the last call.

        Args:
            episodes: (P, T, N) each: whether an episode ended in a control step since then, and its fitness and its
                length where it did. None: no statistics of episodes.
        """
        rows = []
        for p, history in enumerate(self._history):
            series = torch.stack(history, dim=1)
            rows.append(over_steps(series.flatten(1)))
            if episodes is not None:
                ended, fitness, length = (of[p] for of in episodes)
                rows[-1] = torch.cat([rows[-1], over_episodes(series, self._sums(p), ended, fitness, length)])
            history.clear()
        # All members are copied from the device at once.
        table = iter(torch.cat(rows, dim=1).T.tolist())
        statistics = []
        for program, broken in zip(self.programs, self._broken, strict=True):
            columns = [next(table) for _ in range(1 + len(program.components))]
            of_steps, of_episodes = [c[:6] for c in columns], [c[6:] for c in columns if len(c) > 6]
            statistics.append(statistics_of(program.components, of_steps, of_episodes, broken))
        return statistics

    def _sums(self, member: int) -> Tensor:
        """(1 + C, N), the total and the components summed since each world's episode began."""
        return self.running[member, : 1 + len(self.programs[member].components)]

    def load(self, running: Sequence[Tensor]) -> None:
        """Restore `running` from each member's part of it, which may have had more components in another bank."""
        for p, values in enumerate(running):
            own = self._sums(p)
            own.copy_(values[: len(own)])

    def _member_inputs(self, member: int, fields: Mapping[str, Tensor]) -> list[Tensor]:
        own, read = slice(member * self.worlds, (member + 1) * self.worlds), self._read[member]
        # Some tasks compute a field when it is read. In place of an input without effect, another one is passed.
        return [fields[name if name in read else read[0]][own] for name in self.programs[member].inputs]

    def _run(self, member: int, fields: Mapping[str, Tensor]) -> Tensor:
        """(1 + C, N): the member's total and components."""
        program, own = self.programs[member], self._member_inputs(member, fields)
        try:
            return torch.stack(program(*own))
        except Exception as error:  # an error fails this member only
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            self._broken[member] = f"the reward raised an error: {reason[:200]}"
            return torch.full((1 + len(program.components), self.worlds), torch.nan, device=own[0].device)


def _read(program: Program) -> tuple[str, ...]:
    """The inputs that the program computes with; all of them if there are none."""
    nodes = [node for node in program.module.graph.nodes if node.op == "placeholder"]
    return tuple(name for name, node in zip(program.inputs, nodes, strict=True) if node.users) or program.inputs


def warm_up() -> None:
    """Check and build a small program, so that torch imports now what that needs (0.3 s)."""
    value = {"value": 0}
    nodes = [{"op": "aten.linalg_vector_norm.default", "args": [value, 2, [-1]]}]
    nodes += [{"op": "aten.add.Tensor", "args": [{"value": 1}, {"value": 1}]}]
    graph = {"version": 1, "inputs": ["x"], "nodes": nodes, "outputs": [{"value": 2}], "components": []}
    fields = {"x": Field((3,))}
    require_separate_worlds(json.dumps(graph), fields)
    rebuild(json.dumps(graph), fields, 1)


def own_reward(worlds: int) -> Program:
    """A program that returns the own reward of a Gymnasium environment."""
    module = torch.fx.symbolic_trace(_Identity())
    return Program(module=module, inputs=(FIELD,), components=(), nodes=0, worlds=worlds, work=0)


class _Identity(torch.nn.Module):
    def forward(self, reward: Tensor) -> tuple[Tensor]:
        return (reward,)


class _Merged(torch.nn.Module):
    """All members' programs as one."""

    def __init__(self, programs: Sequence[Program], inputs: Sequence[str], worlds: int):
        super().__init__()
        self.programs = torch.nn.ModuleList(program.module for program in programs)
        self.indices = [[inputs.index(name) for name in program.inputs] for program in programs]
        self.worlds = worlds

    def forward(self, *fields: Tensor) -> tuple[Tensor, ...]:
        """(1 + C, N) for each member: its total and components."""
        results = []
        for p, (module, indices) in enumerate(zip(self.programs, self.indices, strict=True)):
            inputs = [fields[i][p * self.worlds : (p + 1) * self.worlds] for i in indices]
            results.append(torch.stack(module(*inputs)))
        return tuple(results)
