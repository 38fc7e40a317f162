"""Eureka from Python: the functions that the command line calls, and runs as plain records.

    import eureka

    run = eureka.run("cartpole", llm="openai:gpt-5-mini", generations=3)
    run.winner.code, run.comparison
    policy = eureka.load_policy(run)
    policy.act(observation)

Options have the names and the meaning of those of the command line (docs/cli.md): `--search-seeds 2` is
`search_seeds=2`, `--set K=V` is `set=["K=V"]`. What a command would ask `--yes` for is done at once.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from eureka.config.options import Changes, DeviceOptions, ModelOptions, Options, SearchOptions, SizeOptions
from eureka.config.settings import Settings
from eureka.config.tasks import load_task
from eureka.designers.base import Designer
from eureka.designers.function import Chat
from eureka.display import factory, loggers
from eureka.errors import UserError, did_you_mean
from eureka.experiment import checking, retraining, session
from eureka.experiment.checking import Check
from eureka.experiment.context import Given
from eureka.experiment.hours import TimeLimit
from eureka.experiment.options import resolve
from eureka.experiment.strategies import Question, SearchState, Strategy
from eureka.runs.candidate import Candidate
from eureka.runs.events import Display
from eureka.runs.history import candidates_of
from eureka.runs.journal import Journal, read_journal
from eureka.runs.results import CompareOptions, Comparison
from eureka.runs.store import find_run, untrusted_run
from eureka.text import number
from eureka.workers.isolation import IsolationPolicy

if TYPE_CHECKING:
    import pandas

    from eureka.rl.deploy import ActingPolicy

__all__ = [
    "Check", "Designer", "Question", "Run", "SearchState", "Strategy", "check", "compare", "load_policy", "load_run",
    "resume", "run", "train",
]  # fmt: skip

_NAMES = {"envs": "worlds", "compile": "compiled", "set": "changes", "search_seeds": "seeds", "llm_option": "options"}
"""Options of the command line whose fields have other names."""
_TRAINING = ("sizes", "device")
"""Groups of the options of a training without a search."""


@dataclass(frozen=True)
class Run:
    """A run as plain records; reads the journal once."""

    folder: Path

    @cached_property
    def journal(self) -> Journal:
        """All events."""
        with untrusted_run(self.folder):
            return read_journal(self.folder)

    @property
    def task(self) -> str:
        return self.journal.record.task

    @property
    def settings(self) -> Settings:
        return self.journal.settings

    @cached_property
    def candidates(self) -> dict[str, Candidate]:
        """All candidates by name, such as `2.0`: code, curves, scores, estimate, failure."""
        return candidates_of(self.journal)

    @property
    def winner(self) -> Candidate | None:
        """None before the end, and for a comparison."""
        end = self.journal.finished
        return self.candidates[end.winner] if end and end.winner else None

    @property
    def comparison(self) -> Comparison | None:
        """The final comparison; None before the end."""
        return self.journal.finished.comparison if self.journal.finished else None

    def rows(self) -> list[dict[str, Any]]:
        """One row for each candidate."""
        return [
            {
                "candidate": name,
                "fitness": c.trained.report if c.trained else None,
                "estimate": c.estimate.mean if c.estimate else None,
                "error": c.estimate.error if c.estimate else None,
                "trainings": len(c.scores),
                "parents": ", ".join(c.parents),
                "failure": str(c.failed) if c.failed else None,
                "code": c.code,
            }
            for name, c in self.candidates.items()
        ]

    def to_pandas(self) -> pandas.DataFrame:
        """`rows` as a table; needs pandas."""
        import pandas

        return pandas.DataFrame(self.rows()).set_index("candidate")

    def _repr_html_(self) -> str:
        """A table of the candidates, and one of the comparison, for notebooks."""
        columns = ("candidate", "fitness", "estimate", "trainings", "failure")
        shown = [[_cell(row[c]) for c in columns] for row in self.rows()]
        tables = [_table(columns, shown)] if shown else []
        if self.comparison:
            rows = [
                [_cell(a.name), _cell(a.mean), _cell(a.against and a.against.verdict)] for a in self.comparison.arms
            ]
            tables.append(_table(("reward", "fitness on fresh seeds", "says"), rows))
        return f"<p>{html.escape(self.task)}, {html.escape(str(self.folder))}</p>{''.join(tables)}"


def _cell(value: object) -> str:
    return html.escape("" if value is None else number(value) if isinstance(value, float) else str(value))


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def run(
    task: str,
    *,
    llm: str | Designer | Chat | None = None,
    strategy: str | Strategy | None = None,
    ask: Literal["words"] | None = None,
    out: str | Path | None = None,
    display: str | Display = "plain",
    log: str | None = None,
    max_hours: float | None = None,
    sandbox: str = "auto",
    open_trainer: bool = False,
    **options: Any,
) -> Run:
    """Search for a reward, and compare it with the task's own, as `eureka run`.

    Args:
        task: a shipped task, the path of a YAML file, or gymnasium:ID.
        llm: a designer by name; a function from messages (each with `role` and `content`) to a reply; or a `Designer`.
        strategy: by name, or a function from a `SearchState` to one `Question` for each slot. It must be pure: an
            interrupted run calls it again.
        ask: `words` waits after each generation for what people say of it (`eureka feedback`, or `eureka view`).
        out: folder of the run; by default in `runs/`.
        display: auto, live, plain, json or none; or a function that takes events.
        log: as `--log`.
        max_hours: as `--max-hours`.
        sandbox: as `--sandbox`.
        open_trainer: whether the trainer runs without isolation.
        options: further options of the command, such as `generations=3`.

    Raises:
        UserError: an option is wrong.
        Interrupted: it was interrupted, as by Ctrl-C; `resume` continues it.
    """
    loaded = load_task(task)
    given, named = _given(llm, strategy, ask)
    settings = resolve(loaded, _options({**options, **named}))
    isolation = IsolationPolicy(sandbox, open_trainer)
    with _shown(display, log) as show:
        return Run(session.start(loaded, settings, isolation, _place(out), show, True, _limit(max_hours), given))


def resume(
    run: str | Path | Run,
    *,
    llm: str | Designer | Chat | None = None,
    strategy: Strategy | None = None,
    ask: Literal["words"] | None = None,
    generations: int | None = None,
    display: str | Display = "plain",
    max_hours: float | None = None,
    sandbox: str = "auto",
    open_trainer: bool = False,
) -> Run:
    """Resume an interrupted run, or add `generations` to a finished one, as `eureka resume`.

    A run with a function as designer or strategy needs it again.
    """
    given, named = _given(llm, strategy, ask)
    changes, isolation = Changes(ModelOptions(named.get("llm"))), IsolationPolicy(sandbox, open_trainer)
    folder = _folder(run)
    with _shown(display) as show:
        return Run(session.resume(folder, changes, isolation, show, generations, True, _limit(max_hours), given))


def compare(
    *rewards: str | Path | Run,
    task: str | None = None,
    seeds: int = 5,
    robustness: bool = False,
    correlation: bool = False,
    out: str | Path | None = None,
    display: str | Display = "plain",
    log: str | None = None,
    max_hours: float | None = None,
    sandbox: str = "auto",
    open_trainer: bool = False,
    **options: Any,
) -> Run:
    """Train rewards on the same fresh seeds and compare them, as `eureka compare`.

    Args:
        rewards: each `human`, `sparse`, a reward's file, or a finished run.
        task: the task, if no run is among them.
        seeds: fresh seeds.
        robustness, correlation: as the options of the command.
        out, display, log, max_hours, sandbox, open_trainer: as for `run`.
        options: further options of the command: sizes and devices, such as `steps=100_000`.
    """
    names = [str(r.folder if isinstance(r, Run) else r) for r in rewards]
    wanted = CompareOptions(robustness=robustness, correlation=correlation)
    isolation, limit = IsolationPolicy(sandbox, open_trainer), _limit(max_hours)
    with _shown(display, log) as show:
        about = (_options(options, _TRAINING), wanted, isolation, _place(out), show, True, limit)
        return Run(retraining.compare(names, task, seeds, *about))


def train(
    task: str,
    reward: str | Path,
    *,
    seeds: int = 5,
    out: str | Path | None = None,
    display: str | Display = "plain",
    log: str | None = None,
    max_hours: float | None = None,
    sandbox: str = "auto",
    open_trainer: bool = False,
    **options: Any,
) -> Run:
    """Train one reward on several seeds, as `eureka train`; `load_policy` has the policy of the best seed.

    Args:
        task: as for `run`.
        reward: `human`, `sparse`, or a reward's file.
        seeds: their number.
        out, display, log, max_hours, sandbox, open_trainer: as for `run`.
        options: further options of the command: sizes and devices, such as `steps=100_000`.
    """
    isolation, limit = IsolationPolicy(sandbox, open_trainer), _limit(max_hours)
    with _shown(display, log) as show:
        about = (_options(options, _TRAINING), isolation, _place(out), show, True, limit)
        return Run(retraining.train(task, str(reward), seeds, *about))


def check(
    task: str,
    reward: str | Path | None = None,
    *,
    preset: str | None = None,
    set: Sequence[str] = (),
    episodes: int = 64,
    policy: str | Path | Run | None = None,
    sandbox: str = "auto",
    open_trainer: bool = False,
) -> Check:
    """Test a task with random actions, and a reward in the sandbox, as `eureka check`; `print` shows what was found.

    Args:
        task: as for `run`.
        reward: `human`, `sparse`, or a reward's file; None to test the task alone.
        preset, set: as `--preset` and `--set`.
        episodes: of random play, and of the policy.
        policy: a run or a policy's file, whose episodes the reward is held against.
        sandbox, open_trainer: as for `run`.

    Raises:
        UserError: the task fails, or the reward is invalid.
    """
    sizes, isolation = SizeOptions(preset, changes=tuple(set)), IsolationPolicy(sandbox, open_trainer)
    player = None if policy is None else str(policy.folder if isinstance(policy, Run) else policy)
    return checking.check(load_task(task), None if reward is None else str(reward), sizes, episodes, player, isolation)


def load_run(path: str | Path) -> Run:
    """A run by its folder, `latest`, or a task's name; `UserError` if there is none."""
    return Run(find_run(str(path)))


def load_policy(run: str | Path | Run, candidate: str | None = None) -> ActingPolicy:
    """The policy of a run's winner, of a candidate, or in a file; its `act` maps observations to actions.

    Raises:
        UserError: there is no such policy, or it was not kept.
    """
    from eureka.rl.deploy import ActingPolicy
    from eureka.video.selection import select

    path = select(str(run.folder if isinstance(run, Run) else run), candidate, None, None).players[0].file
    assert path is not None
    return ActingPolicy.load(path)


def _folder(run: str | Path | Run) -> Path:
    return run.folder if isinstance(run, Run) else find_run(str(run))


def _given(
    llm: str | Designer | Chat | None, strategy: str | Strategy | None, ask: str | None
) -> tuple[Given, dict[str, Any]]:
    """What is not a name, and the names that stand for it in the settings."""
    named: dict[str, Any] = {}
    designer = llm if llm is not None and not isinstance(llm, str) else None
    if llm is not None:
        named["llm"] = llm if isinstance(llm, str) else f"python:{_name(llm)}"
    own = strategy if strategy is not None and not isinstance(strategy, str) else None
    if strategy is not None:
        named["strategy"] = strategy if isinstance(strategy, str) else "python"
    if ask not in (None, "words"):
        raise UserError(f"ask is 'words' or None, not {ask!r}")
    return Given(designer, own, ask is not None), named


def _name(what: object) -> str:
    return str(getattr(what, "name", None) or getattr(what, "__name__", type(what).__name__)).strip("<>")


_GROUPS: dict[str, type[Any]] = {
    "sizes": SizeOptions, "search": SearchOptions, "model": ModelOptions, "device": DeviceOptions,
}  # fmt: skip


def _options(given: dict[str, Any], groups: Sequence[str] = tuple(_GROUPS)) -> Options:
    """Options of the command line by name, of these groups; `UserError` for one that does not exist."""
    places = {field: group for group in groups for field in _GROUPS[group].__dataclass_fields__ if field != "seeds"}
    known = {field: (group, field) for field, group in places.items()}
    if "search" in groups:
        known["seeds"] = ("search", "final_seeds")
        places["seeds"] = "search"
    known |= {name: (places[field], field) for name, field in _NAMES.items() if field in places}
    found: dict[str, dict[str, Any]] = {group: {} for group in _GROUPS}
    for name, value in given.items():
        if name not in known:
            raise UserError(f"no option {name!r}{did_you_mean(name, sorted(known))}; see docs/python.md")
        group, field = known[name]
        found[group][field] = tuple(value) if isinstance(value, list) else value
    return Options(*(kind(**found[group]) for group, kind in _GROUPS.items()))


def _place(out: str | Path | None) -> Path | None:
    return None if out is None else Path(out)


def _limit(hours: float | None) -> TimeLimit | None:
    return None if hours is None else TimeLimit(hours)


@contextmanager
def _shown(display: str | Display, log: str | None = None) -> Iterator[Display]:
    show = loggers.with_logger(factory.make(display) if isinstance(display, str) else display, log)
    try:
        yield show
    finally:
        factory.close(show)
