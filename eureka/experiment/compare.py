"""Retrains rewards on the same fresh seeds with the same budget, and compares them."""

from __future__ import annotations

import functools
import shutil
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from eureka.config import tasks
from eureka.config.tasks import LoadedTask
from eureka.errors import UserError
from eureka.experiment.arms import compared
from eureka.experiment.context import RunContext
from eureka.runs import alarms, history, layout
from eureka.runs.candidate import Candidate, Failed, Outcome, Trained
from eureka.runs.comparison import comparison
from eureka.runs.events import FinalBegan, Notice, TrainingBegan
from eureka.runs.journal import (
    BaselineEvent,
    CutEvent,
    ProbedEvent,
    PublishedFile,
    TrainedEvent,
    read_journal,
)
from eureka.runs.results import EVOLVED, HUMAN, ArmSpec, CompareOptions, Comparison, Reward
from eureka.runs.store import Run, untrusted_run
from eureka.system.files import storage
from eureka.system.seeds import derive
from eureka.workers.recovery import TrainingRequest


def of_run(context: RunContext, task: LoadedTask, winner: Candidate) -> Comparison:
    """Compare a run's winner with the task's baselines."""
    program, known = context.run.verdicts()[winner.address].program, context.run.find(BaselineEvent, arm=EVOLVED)
    assert program is not None and winner.code is not None
    if known is None or known.program != program:  # the latest one counts, after an extension
        context.run.append(BaselineEvent(arm=EVOLVED, program=program))  # verified before
    if not context.run.settings.final_seeds:
        return Comparison(arms=[])
    evolved = Reward(origin=f"candidate {winner.name}", code=winner.code)
    start = context.run.verdicts().get((0, 0, 0))
    others = compared(task, context.run.settings, start and start.code)
    result = retrain(context, [ArmSpec(name=EVOLVED, rewards=(evolved,), searches=1), *others])
    first, *others = result.arms
    lucky = alarms.of_winner(winner, first.interval)
    arms = [first.model_copy(update={"alarms": [*first.alarms, *lucky]}), *others]
    return result.model_copy(update={"arms": arms})


def check(context: RunContext, specs: Sequence[ArmSpec]) -> dict[str, str]:
    """Compile all rewards in the sandbox, once per run. Returns programs by key; UserError if a reward is invalid."""
    return {
        spec.key(i): _program(context, spec.key(i), reward) for spec in specs for i, reward in enumerate(spec.rewards)
    }


def _program(context: RunContext, key: str, reward: Reward) -> str:
    known = context.run.find(BaselineEvent, arm=key)
    if known is not None:
        return known.program
    if reward.code is None:
        context.run.append(BaselineEvent(arm=key, program=tasks.PROGRAM))
        return tasks.PROGRAM
    ((_, result),) = context.compiler.compile({key: reward.code}, context.trainer.description.fields())
    report = result if isinstance(result, Failed) else context.trainer.preflight(result, context.run.settings.worlds)
    if isinstance(report, Failed):
        where = f", line {report.line}" if report.line else ""
        raise UserError(f"{reward.origin}{where}: {report.message}")
    program = str(result)
    context.run.append(BaselineEvent(arm=key, program=program))
    context.run.write(layout.baseline(key), reward.code)
    return program


def retrain(context: RunContext, specs: Sequence[ArmSpec], wanted: CompareOptions = CompareOptions()) -> Comparison:  # noqa: B008
    """Train all rewards on the same fresh seeds, episodes and minibatches; concurrently as far as memory allows."""
    programs, settings, round = check(context, specs), context.run.settings, len(context.run.rounds)
    slots = slots_of(specs, settings.final_seeds)
    context.display(FinalBegan(tuple(e.name for e in specs), settings.final_seeds))
    together = context.run.once(CutEvent, {}, lambda: {"members": context.trainer.room(settings)}).members
    outcomes = reused(context.run, slots, programs)
    open_slots = [slot for slot in slots if slot[1:] not in outcomes]
    for begin in range(0, len(open_slots), together):
        part = open_slots[begin : begin + together]
        context.display(TrainingBegan(tuple(f"{key} {seed + 1}" for _, key, seed in part)))
        request = TrainingRequest(
            key=layout.final_training(begin // together, round),
            programs=[programs[key] for _, key, _ in part],
            seeds=[derive(settings.seed, "final", seed) for _, _, seed in part],
            purpose="final",
            places=[layout.policy(layout.final(key, seed, round)) for _, key, seed in part],
        )
        ended = context.trainer.train(context.run, request, context.display)
        outcomes |= {(key, seed): o for (_, key, seed), o in zip(part, ended, strict=True) if o is not None}
    found = {e.name: [outcomes[key, seed] for of, key, seed in slots if of is e] for e in specs}
    trained = [(e.name, key, seed) for e, key, seed in slots if isinstance(outcomes[key, seed], Trained)]
    parts = [trained[i : i + together] for i in range(0, len(trained), together)]
    result = comparison(specs, found).model_copy(update={"notes": wanted.notes})
    return _probe(context, wanted, programs, parts, result)


Slot = tuple[ArmSpec, str, int]  # an arm, the key of one of its rewards, the number of a seed


def slots_of(specs: Sequence[ArmSpec], seeds: int) -> list[Slot]:
    """All trainings of a comparison."""
    return [(e, e.key(i), s) for e in specs for i in range(len(e.rewards)) for s in range(seeds)]


def reused(run: Run, slots: Sequence[Slot], programs: Mapping[str, str]) -> dict[tuple[str, int], Outcome]:
    """The trainings that were taken from another run (`reuse`) or from earlier rounds, by key and seed."""
    event, ended, round = run.find(TrainedEvent, training=layout.REUSED), history.retrained(run), len(run.rounds)
    found: dict[tuple[str, int], Outcome] = {}
    for _, key, seed in slots:
        folder, outcome = ended.get((key, programs[key], seed), (None, None))
        # A training of this round stays in its part, which a resumed run cuts out in the same way.
        if outcome is not None and folder != layout.final(key, seed, round):
            found[key, seed] = outcome
    return found | ({slots[m][1:]: o for m, o in zip(event.members, event.outcomes, strict=True)} if event else {})


def reuse(context: RunContext, specs: Sequence[ArmSpec], folder: Path) -> None:
    """Take the trainings of a finished run with the same task, sizes and seed, instead of training them again.

    Its policies are copied. Nothing is taken from a run that was trained in another way.
    """
    run = context.run
    with untrusted_run(folder):
        other = read_journal(folder)
        alike = ("worlds", "steps", "learning", "evaluation", "parameters", "stages", "policy", "seed")
        alike += ("compiled",)
        same = all(getattr(other.settings, name) == getattr(run.settings, name) for name in alike)
        if other.finished is None or not same or other.record.sources != run.record.sources:
            return
        ended = {(program, seed): found for (_, program, seed), found in history.retrained(other).items()}
        hashes = {place: file.sha256 for event in other.all(TrainedEvent) for place, file in event.publish.items()}
    programs, slots = check(context, specs), slots_of(specs, run.settings.final_seeds)
    members, outcomes, publish = [], [], {}
    for member, (_, key, seed) in enumerate(slots):
        place, outcome = ended.get((programs[key], seed), ("", None))
        policy = folder / layout.policy(place)
        if outcome is None or not run.verified(policy, hashes[layout.policy(place)]):
            continue
        copy = run.scratch(layout.REUSED) / str(member) / layout.POLICY
        with storage(copy):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(policy, copy)
        file = PublishedFile(file=str(copy.relative_to(run.folder)), sha256=hashes[layout.policy(place)])
        members.append(member)
        outcomes.append(outcome)
        publish[layout.policy(layout.final(key, seed))] = file
    if members:
        run.append(
            TrainedEvent(training=layout.REUSED, members=members, until=None, outcomes=outcomes, publish=publish)
        )
        run.publish(publish)
        run.clear_scratch(layout.REUSED)
        context.display(Notice(f"{len(members)} of {len(slots)} trainings are taken from {folder}"))


def _probe(
    context: RunContext,
    wanted: CompareOptions,
    programs: Mapping[str, str],
    trained: Sequence[Sequence[tuple[str, str, int]]],
    result: Comparison,
) -> Comparison:
    """Add robustness and correlation. `trained` has (arm, reward's key, seed) in parts that fit into memory."""
    human = programs.get(HUMAN) if wanted.correlation else None
    if not any(trained) or not (wanted.robustness or human):
        return result
    context.display(Notice("testing robustness and correlation of the trained policies"))
    robustness: dict[str, list[float]] = {}
    correlation: list[float | None] = []
    for number, part in enumerate(trained):
        if not part:
            continue
        policies = [layout.policy(layout.final(key, seed)) for _, key, seed in part]
        of_each = [programs[key] for _, key, _ in part]
        probe = functools.partial(context.trainer.probe, context.run, policies, of_each, human, wanted.robustness)
        look = context.run.once(ProbedEvent, {"part": number}, probe)
        for name, values in look.robustness.items():
            robustness.setdefault(name, []).extend(values)
        correlation += look.correlation or []
    names = [name for part in trained for name, _, _ in part]
    arms = []
    for arm in result.arms:
        mine = [i for i, name in enumerate(names) if name == arm.name]
        tried = robustness.items() if mine else ()
        robust = {name: statistics.fmean(values[i] for i in mine) for name, values in tried}
        known = [r for i in mine if correlation and (r := correlation[i]) is not None]
        correlated = statistics.fmean(known) if known and arm.name != HUMAN else None
        arms.append(arm.model_copy(update={"robustness": robust, "correlation": correlated}))
    return result.model_copy(update={"arms": arms})
