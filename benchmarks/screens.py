"""What screens before training would save, and what they would lose: rewards that behave like an earlier one.

    python benchmarks/screens.py
    python benchmarks/screens.py --runs OUT      # also finished searches of evidence.py, which have policies

Questions, on rewards that a language model wrote (`bank/`, `recorded/`, OUT):

- How many replies are structural twins: the same program as an earlier reply but for its numbers?
- If a reward is not trained because it agrees with an earlier one on random play, how many trainings does this save,
  and does it lose one of the best quarter, by the mean of its trainings in the bank? Agreement is the rank correlation
  of the rewards of a step, that of the returns of an episode, or Pearson's correlation of the rewards of a step.
- How many replies after the first generation pay an episode of random actions more than one of the policy of the best
  candidate so far, and how did they train?

Prints one JSON object and appends it to benchmarks/history/screens.jsonl.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from bank import BANK, load
from record import about, keep, rounded
from torch import Tensor
from trainings import Setting, compiled, setting

from eureka.designers.extraction import extract
from eureka.rewards.program import rebuild
from eureka.rl.checkpoints import load_policies
from eureka.rl.evaluation import PolicyPlayer, StepRewards, play_random
from eureka.runs import layout
from eureka.runs.candidate import Candidate
from eureka.runs.estimates import with_estimates
from eureka.runs.history import candidates_of
from eureka.runs.journal import read_journal

THRESHOLDS = (0.95, 0.97, 0.98, 0.99, 0.995, 0.999)
EPISODES = 64
RECORDED = Path(__file__).parent / "recorded"


def structure(program: str) -> str:
    """A program without its numbers with a fraction, and without the names of its components."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [strip(inner) for inner in value]
        return "number" if isinstance(value, float) else value

    graph = json.loads(program)
    return json.dumps(strip([graph["inputs"], graph["nodes"], graph["outputs"]]), sort_keys=True)


def twins(programs: Sequence[str]) -> int:
    """How many programs have the structure of an earlier one."""
    return len(programs) - len(set(map(structure, programs)))


def ranks(values: Tensor) -> Tensor:
    """(K, B) ranks within each row."""
    return values.argsort(dim=1).argsort(dim=1).double()


def agreements(made: Setting, programs: Sequence[str]) -> dict[str, Tensor]:
    """(K, K) by measure, on random play."""
    worlds = len(next(iter(made.states.values())))
    totals = []
    for text in programs:
        program = rebuild(text, made.fields, worlds)
        totals.append(program(*[made.states[name] for name in program.inputs])[0])
    watching = StepRewards([rebuild(text, made.fields, EPISODES) for text in programs])
    play_random(made.env(EPISODES), made.task.action_size, 0, watching)
    return {
        "ranks of steps": torch.corrcoef(ranks(torch.stack(totals))),
        "ranks of returns": torch.corrcoef(ranks(watching.returns())),
        "steps": watching.correlations(),
    }


def screened(agreement: Tensor, threshold: float) -> list[int]:
    """The rewards that agree with an earlier one that is kept, more than the threshold."""
    kept: list[int] = []
    left = []
    for k in range(len(agreement)):
        if any(agreement[k, other] > threshold for other in kept):
            left.append(k)
        else:
            kept.append(k)
    return left


def of_bank(task: str) -> dict[str, Any]:
    """What the screens would do to the trained rewards of a bank, in the order in which they were written."""
    bank, made = load(task), setting(task)
    codes = {r["name"]: r["code"] for r in bank["rewards"] if r["author"] != "people"}
    programs, _ = compiled([*codes.values()], made.fields)
    scores: dict[str, list[float]] = {}
    for training in bank["trainings"]:
        scores.setdefault(training["reward"], []).append(training["report"]["0"])
    chosen = [i for i, name in enumerate(codes) if name in scores]
    names = [[*codes][i] for i in chosen]
    means = [statistics.fmean(scores[name]) for name in names]
    best = set(sorted(range(len(names)), key=lambda i: -means[i])[: max(1, len(names) // 4)])
    found: dict[str, Any] = {"replies": len(codes), "structural_twins": twins(programs), "trained": len(names)}
    found["best_quarter"] = [names[i] for i in sorted(best)]
    for measure, agreement in agreements(made, [programs[i] for i in chosen]).items():
        found[measure] = {}
        for threshold in THRESHOLDS:
            left = screened(agreement, threshold)
            lost = [names[i] for i in left if i in best]
            found[measure][str(threshold)] = {"saved": rounded(len(left) / len(names)), "lost": lost}
    return found


def of_recording(folder: Path) -> dict[str, Any]:
    """Structural twins among the replies of a recorded search."""
    journal = read_journal(folder)
    codes = [code for reply, _ in journal.replies().values() if (code := extract(reply.text, reply.finish).code)]
    programs, _ = compiled(codes, setting(journal.record.task).fields)
    return {"replies": len(codes), "structural_twins": twins(programs)}


def misled(folder: Path) -> dict[str, Any]:
    """The replies of a finished search that prefer random actions to the best policy before them."""
    journal = read_journal(folder)
    made = setting(str(folder / "task" / Path(journal.record.task_file).name))
    generations: dict[int, list[Candidate]] = {}
    for candidate in with_estimates(candidates_of(journal).values(), journal.settings.choose_by):
        generations.setdefault(candidate.generation, []).append(candidate)
    tried, found = 0, []
    best = max((c for c in generations.pop(1) if c.trained), key=lambda c: c.rank)
    for own in generations.values():
        trained = [c for c in own if c.trained]
        programs = [p for c in trained if (p := journal.verdicts()[c.address].program)]
        watching = [StepRewards([rebuild(text, made.fields, EPISODES) for text in programs]) for _ in range(2)]
        play_random(made.env(EPISODES), made.task.action_size, 0, watching[0])
        policy, moments = load_policies([folder / layout.policy(layout.candidate(best.name))], torch.device("cpu"))
        env = made.env(EPISODES)
        env.reset()
        PolicyPlayer(env, policy, moments, watching[1]).play()
        at_random, by_policy = (w.returns().mean(dim=1).tolist() for w in watching)
        ranked = sorted(trained, key=lambda c: c.rank, reverse=True)
        tried += len(trained)
        for c, low, high in zip(trained, at_random, by_policy, strict=True):
            if low > high:
                found.append({"name": c.name, "rank": ranked.index(c) + 1, "of": len(ranked)})
        best = max([best, *trained], key=lambda c: c.rank)
    return {"replies": tried, "prefer_random": found}


def main() -> None:
    """Measure, print, and keep the result."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--no-history", action="store_true", help="print only")
    made.add_argument("--runs", type=Path, help="folder of finished searches: TASK/STRATEGY-K")
    options = made.parse_args()
    torch.set_num_threads(1)
    trained = [path.stem for path in sorted(BANK.glob("*.json")) if json.loads(path.read_text()).get("trainings")]
    tasks = [task for task in trained if "-" not in task]
    found = about("screens") | {
        "bank": {task: of_bank(task) for task in tasks},
        "recorded": {p.parent.name: of_recording(p.parent) for p in sorted(RECORDED.glob("*/events.jsonl"))},
    }
    if options.runs:
        runs = [p.parent for p in sorted(options.runs.glob("*/*-[0-9]/result.json"))]
        found["misled"] = {f"{run.parent.name}/{run.name}": misled(run) for run in runs}
    print(json.dumps(found, indent=2))
    if not options.no_history:
        keep(found)


if __name__ == "__main__":
    main()
