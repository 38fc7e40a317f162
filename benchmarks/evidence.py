"""Searches with a language model: which strategy is best at equal budget, and do their rewards beat people's?

    python benchmarks/evidence.py run --folder OUT --llm manual:WHO       # everything; resumable, hours
    python benchmarks/evidence.py run --folder OUT --llm recorded         # the same from the recorded replies
    python benchmarks/evidence.py keep --folder OUT                       # record what is finished
    python benchmarks/evidence.py same --folder OUT                       # are the results those recorded, to the bit?
    python benchmarks/evidence.py report                                  # docs/results/search.md, from the recordings

`--only NAME` takes one task. Tasks of DEVELOPMENT are those on which prompts and strategies were developed: several
searches with each strategy, and all winners on the same fresh seeds. Tasks of FROZEN were searched once, afterwards,
with the strategy elite and the sizes of the preset cpu; each run compares its winner with the human and the sparse
reward on fresh seeds. A recording has the replies and the results; trainings follow from them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eureka.report.costs import costs_of
from eureka.runs import layout
from eureka.runs.candidate import Candidate
from eureka.runs.history import candidates_of
from eureka.runs.journal import AnswerEvent, Journal, PromptEvent, read_journal
from eureka.runs.results import Comparison, Interval
from eureka.runs.statistics import student
from eureka.text import number

HERE = Path(__file__).resolve().parent
RECORDED = HERE / "recorded" / "search"
PAGE = HERE.parent / "docs" / "results" / "search.md"
SEARCHES = {"quadcopter": 3, "ball_balance": 2}
"""With each strategy."""
FRESH = 3
"""The seed of the comparison, which no search has."""
BUILT_IN = "search"
STRATEGIES = {"greedy": "greedy", "elite": "elite", "best-of-n": "one-prompt", BUILT_IN: "built-in"}
"""Their names as arms: those of controls are not free."""
DEVELOPMENT: dict[str, list[str]] = {  # options of each search; about half of the preset's world-steps
    "quadcopter": ["--steps", "327680", "--validation", "2x2"],
    "ball_balance": ["--steps", "393216", "--validation", "2x2"],
}
DEVELOPMENT_SEEDS = 3
FROZEN: dict[str, tuple[str, int]] = {  # the task, and final seeds
    "half_cheetah": ("half_cheetah", 10),
    "hopper_hop": ("hopper_hop", 10),
    "franka_cabinet": ("franka_cabinet", 5),
    "shadow_hand": ("shadow_hand", 5),
    "crane": (str(HERE / "crane.yaml"), 10),
}


def eureka(*arguments: object) -> None:
    """Call the command line."""
    subprocess.run([sys.executable, "-m", "eureka", *map(str, arguments)], check=True)


def finished(folder: Path) -> Journal | None:
    """The journal of a finished run."""
    journal = read_journal(folder) if layout.is_run(folder) else None
    return journal if journal and journal.finished else None


def search(folder: Path, task: str, llm: str, *options: object) -> None:
    """Run a search, or what is left of it."""
    if layout.is_run(folder):
        if not finished(folder):
            eureka("resume", folder)
        return
    designer = f"replay:{RECORDED / folder.parent.name / folder.name}" if llm == "recorded" else llm
    eureka("run", task, "--preset", "cpu", "--llm", designer, "--out", folder, "--yes", *options)


def develop(folder: Path, task: str, llm: str) -> None:
    """The searches of all strategies on one task, and the comparison of their winners."""
    sizes = DEVELOPMENT[task]
    winners: list[object] = []
    for strategy, arm in STRATEGIES.items():
        for k in range(SEARCHES[task]):
            own = folder / task / f"{strategy}-{k}"
            if strategy == BUILT_IN:
                search(own, task, BUILT_IN, *sizes, "--seed", k, "--seeds", 0)
            else:
                search(own, task, llm, *sizes, "--seed", k, "--seeds", 0, "--strategy", strategy)
        several = ",".join(str(folder / task / f"{strategy}-{k}") for k in range(SEARCHES[task]))
        winners.append(f"{arm}={several}")
    together = folder / task / "comparison"
    if layout.is_run(together):
        if not finished(together):
            eureka("resume", together)
    else:
        steps, seeds = sizes[sizes.index("--steps") + 1], DEVELOPMENT_SEEDS
        about = ("--task", task, "--preset", "cpu", "--steps", steps, "--seeds", seeds, "--seed", FRESH)
        eureka("compare", *winners, "human", "sparse", *about, "--out", together, "--yes")


def freeze(folder: Path, name: str, llm: str) -> None:
    """The one search of a task that was not looked at before."""
    task, seeds = FROZEN[name]
    search(folder / name / "elite", task, llm, "--strategy", "elite", "--seeds", seeds)


def results_of(journal: Journal) -> dict[str, Any]:
    """What a run found, its fitness to the last digit, and what it took."""
    end, found = journal.finished, candidates_of(journal)
    assert end is not None
    costs = costs_of(journal)
    prompts = {e.sha256: sum(len(m.content) for m in e.messages) for e in journal.all(PromptEvent)}
    asked = sum(prompts.get(e.prompt or "", 0) * len(e.answer.replies) for e in journal.all(AnswerEvent))
    return {
        "winner": end.winner,
        "comparison": end.comparison.model_dump(mode="json"),
        "candidates": {name: _outcome(candidate) for name, candidate in found.items()},
        "models": sorted({answer.model for answer in journal.answers()}),
        "calls": costs.calls,
        "prompt_tokens": costs.prompt_tokens or asked // 4,
        "completion_tokens": costs.completion_tokens
        or sum(len(r.text) for a in journal.answers() for r in a.replies) // 4,
    }


def _outcome(candidate: Candidate) -> dict[str, Any]:
    failed = str(candidate.failed) if candidate.failed else None
    reports = [score.report for score in candidate.scores]  # of the search, then of the validation
    return {"reports": reports, "failed": failed, "parents": list(candidate.parents)}


def keep(folder: Path) -> None:
    """Record the replies and the results of every finished run in `folder`."""
    for journal in runs(folder):
        to = RECORDED / journal.folder.relative_to(folder)
        to.mkdir(parents=True, exist_ok=True)
        record = (journal.folder / layout.RECORD).read_text()
        (to / layout.RECORD).write_text(record.replace(f"{HERE.parent}/", ""))  # of the task's file
        kept = [e.model_copy(update={"messages": ()}) if isinstance(e, PromptEvent) else e for e in journal.events]
        lines = [e.model_dump_json() for e in kept if isinstance(e, PromptEvent | AnswerEvent)]
        (to / layout.JOURNAL).write_text("".join(f"{line}\n" for line in lines))
        (to / "results.json").write_text(json.dumps(results_of(journal), indent=1) + "\n")
        print(to.relative_to(RECORDED))


def runs(folder: Path) -> Iterator[Journal]:
    """The finished runs of this benchmark in a folder."""
    for task in sorted({*DEVELOPMENT, *FROZEN}):
        for run in sorted((folder / task).glob("*")):
            if journal := finished(run):
                yield journal


def same(folder: Path) -> bool:
    """Whether all finished runs found what is recorded, to the bit."""
    alike = True
    for journal in runs(folder):
        place = journal.folder.relative_to(folder)
        path = RECORDED / place / "results.json"
        names = ("winner", "comparison", "candidates")
        recorded = json.loads(path.read_text()) if path.exists() else {}
        found = json.loads(json.dumps(results_of(journal)))
        different = [name for name in names if recorded.get(name) != found[name]]
        print(place, f"differs in {', '.join(different)}" if different else "is the same")
        alike = alike and not different
    return alike


def recorded(place: str) -> dict[str, Any] | None:
    """A recorded result."""
    path = RECORDED / place / "results.json"
    return json.loads(path.read_text()) if path.exists() else None


def report() -> str:
    """The page of results, from the recordings."""
    lines = ["# Do the rewards of a language model beat those of people?", ""]
    lines += ["Made by `python benchmarks/evidence.py report` from `benchmarks/recorded/search`; do not edit.", ""]
    lines += ABOUT.strip().splitlines()
    for task in DEVELOPMENT:
        lines += ["", f"## Strategies on {task}", "", *_strategies(task)]
    lines += ["", "## Rewards on tasks that were searched once", "", *_rewards()]
    return "\n".join(lines) + "\n"


ABOUT = """
Replies are by Claude (Anthropic), `manual:claude`: each prompt was given alone, without tools or other files, to an
agent that wrote three replies to it. Replies of one agent are therefore not independent samples. Searches with the same
number share their seed and the replies of the first generation, so that strategies are compared in pairs.
`built-in` is the designer without a language model. Tokens are a quarter of the characters, and a prompt counts once
for each reply to it. The budget of all strategies is the same: replies, world-steps, validation.

Prompts and strategies were frozen before any of the tasks that were searched once. The screen of proposals was added
after that; it sent back two replies of shadow_hand's search and none of half_cheetah's.

Human rewards of franka_cabinet and shadow_hand are those of IsaacGymEnvs, written for far longer trainings; those of
half_cheetah and hopper_hop are Gymnasium's. That of crane was written for it, and tuned before its search with as many
trainings as that had.
"""


def _strategies(task: str) -> Iterator[str]:
    """A table of the winners of each strategy on fresh seeds, and the differences to elite."""
    together = recorded(f"{task}/comparison")
    if together is None:
        yield "Not finished."
        return
    comparison = Comparison.model_validate(together["comparison"])
    sizes = " ".join(DEVELOPMENT[task])
    yield (
        f"{SEARCHES[task]} searches each, `{sizes}`; every winner trained on {DEVELOPMENT_SEEDS} fresh seeds. "
        "Intervals are 95 %, over searches (of people's rewards over seeds). "
        "`In the search`: mean of all candidates of a generation, one training each, and its standard error."
    )
    yield ""
    columns = [
        "",
        "fitness on fresh seeds",
        "interval",
        "each search",
        "in the search, by generation",
        "failed replies",
    ]
    yield f"| {' | '.join([*columns, 'tokens in, out'])} |"
    yield "|---" * (len(columns) + 1) + "|"
    for arm in comparison.arms:
        strategy = next((s for s, name in STRATEGIES.items() if name == arm.name), arm.name)
        found = [r for k in range(SEARCHES[task]) if (r := recorded(f"{task}/{strategy}-{k}"))]
        each, means, failed, tokens = "", "", "", ""
        if arm.searches and found:
            each = ", ".join(map(number, arm.fitness))
            means = ", ".join(_by_generation(found))
            given = [c["failed"] for r in found for c in r["candidates"].values()]
            failed = f"{sum(f is not None for f in given)} of {len(given)}"
            sums = [sum(r[name] for r in found) for name in ("prompt_tokens", "completion_tokens")]
            tokens = f"{sums[0]:,}, {sums[1]:,}" if strategy != BUILT_IN else "-"
        shown = arm.name if strategy == BUILT_IN else strategy
        row = [shown, number(arm.mean or 0.0), _interval(arm.interval), each, means, failed, tokens]
        yield f"| {' | '.join(row)} |"
    yield ""
    elite = comparison.arm("elite")
    for name in ("greedy", "best-of-n"):
        other = comparison.arm(STRATEGIES[name])
        if elite and other and len(elite.fitness) == len(other.fitness):
            pairs = [a - b for a, b in zip(elite.fitness, other.fitness, strict=True)]
            difference = student(pairs)
            yield f"- elite minus {name}, in pairs: {number(difference.mean)} ({_interval(difference)})"


def _by_generation(searches: list[dict[str, Any]]) -> Iterator[str]:
    """The mean report fitness of each generation's first trainings, with its standard error."""
    values: dict[str, list[float]] = {}
    for name, candidate in (item for search in searches for item in search["candidates"].items()):
        if candidate["reports"]:
            values.setdefault(name.partition(".")[0], []).append(candidate["reports"][0])
    for own in values.values():
        yield f"{number(statistics.fmean(own))} ({number(statistics.stdev(own) / len(own) ** 0.5)})"


def _rewards() -> Iterator[str]:
    """A table of winners against the human and the sparse reward, and what it says of all tasks."""
    columns = ["task", "seeds", "human", "sparse", "evolved", "evolved - human (97.75 %)", "of human", "says"]
    columns += ["against sparse", "normalised"]
    yield f"| {' | '.join(columns)} |"
    yield "|---" * len(columns) + "|"
    verdicts, close, done = [], 0, 0
    for task, (_, seeds) in FROZEN.items():
        found = recorded(f"{task}/elite")
        if found is None:
            yield f"| {task} | {seeds} | not finished | | | | | | | |"
            continue
        comparison = Comparison.model_validate(found["comparison"])
        evolved, human, sparse = (comparison.arm(name) for name in ("evolved", "human", "sparse"))
        assert evolved and human and sparse and evolved.against and evolved.against_sparse
        against, size = evolved.against, abs(human.mean or 0.0)
        done += 1
        verdicts.append(against.verdict)
        share = ""
        if against.difference and size:
            low, high = (bound / size for bound in (against.difference.low, against.difference.high))
            close += low > -0.1
            share = f"{low:+.1%} .. {high:+.1%}"
        means = [number(arm.mean or 0.0) for arm in (human, sparse, evolved)]
        difference = (
            f"{number(against.difference.mean)} ({_interval(against.difference)})" if against.difference else ""
        )
        normalised = "" if against.normalised is None else f"{against.normalised:.2f}"
        row = [*means, difference, share, against.verdict, evolved.against_sparse.verdict, normalised]
        yield f"| {task} | {seeds} | {' | '.join(row)} |"
    yield ""
    yield (
        f"Better than the human reward on {verdicts.count('better')} of {done} finished tasks, worse on "
        f"{verdicts.count('worse')}. The lower end of the difference is above -10 % of the human mean on {close}."
    )


def _interval(interval: Interval | None) -> str:
    return f"{number(interval.low)} .. {number(interval.high)}" if interval else ""


def main() -> None:
    """Do what is asked for."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("what", choices=("run", "keep", "same", "report"))
    made.add_argument("--folder", type=Path, default=Path("evidence"), help="of the runs")
    made.add_argument("--llm", default="recorded", help="designer, as for eureka run; or recorded")
    made.add_argument("--only", choices=(*DEVELOPMENT, *FROZEN), action="append", help="this task; may be repeated")
    options = made.parse_args()
    tasks = options.only or [*DEVELOPMENT, *FROZEN]
    match options.what:
        case "run":
            for task in tasks:
                (develop if task in DEVELOPMENT else freeze)(options.folder.resolve(), task, options.llm)
        case "keep":
            keep(options.folder.resolve())
        case "same":
            sys.exit(not same(options.folder.resolve()))
        case "report":
            PAGE.write_text(report())


if __name__ == "__main__":
    main()
