"""Validation: the best candidates of all generations are trained again on fresh seeds before one is the winner.

A search picks among many noisy scores, so its best score is too high. The finalists are trained on seeds that chose
nothing; estimates then rest on all trainings of a candidate.
"""

from __future__ import annotations

from collections.abc import Sequence

from eureka.experiment.context import RunContext
from eureka.runs import layout
from eureka.runs.candidate import Candidate, Failed
from eureka.runs.estimates import combined, with_estimates
from eureka.runs.events import TrainingBegan, ValidationBegan
from eureka.runs.journal import FinalistsEvent, TrainingEvent
from eureka.system.seeds import derive
from eureka.workers.recovery import TrainingRequest


def eligible(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that may win, the best first: each program once, trained to the end, not that of `--start`."""
    started = {c.name for c in candidates if not c.generation}
    found = [c for c in candidates if c.generation and c.estimate and c.duplicate_of not in started]
    originals = [c for c in found if not c.duplicate_of]
    return sorted(originals, key=lambda c: c.rank, reverse=True)


def validated(context: RunContext, candidates: Sequence[Candidate], round: int) -> list[Candidate]:
    """The candidates with estimates that include the validation; those of no validation if nothing is to be chosen.

    Finalists that an earlier round validated are not trained again.
    """
    settings, run, key = context.run.settings, context.run, layout.validation(round)
    ranked = eligible(candidates)
    if not settings.validation_seeds or len(ranked) < 2:
        return [*candidates]

    def choose() -> dict[str, object]:
        names = [c.name for c in ranked]
        return {"estimates": {c.name: c.estimate for c in ranked}, "chosen": names[: settings.finalists]}

    chosen = run.once(FinalistsEvent, {"round": round}, choose).chosen
    finalists = [c for name in chosen for c in ranked if c.name == name and not c.validated]
    if not finalists:
        return [*candidates]
    context.display(ValidationBegan(tuple(c.name for c in finalists), settings.validation_seeds))
    verdicts, seeds = run.verdicts(), range(settings.validation_seeds)
    about = {"members": [c.address for c in finalists] * len(seeds), "trainings": len(seeds)}
    run.once(TrainingEvent, {"training": key}, lambda: about)
    context.display(TrainingBegan(tuple(label(c.name, n, validation=True) for n in seeds for c in finalists)))
    request = TrainingRequest(
        key=key,
        programs=[verdicts[c.address].program or "" for c in finalists] * len(seeds),
        seeds=[derive(settings.seed, "validation", n) for n in seeds for _ in finalists],
        purpose="validation",
        places=[layout.policy(layout.training(c.name, n, validation=True)) for n in seeds for c in finalists],
        trainings=len(seeds),
    )
    ended = context.trainer.train(run, request, context.display)
    found = {c.name: combined(ended[i :: len(finalists)]) for i, c in enumerate(finalists)}
    updated = []
    for c in candidates:
        if (c.duplicate_of or c.name) in found:
            outcome, scores = found[c.duplicate_of or c.name]
            failed = isinstance(outcome, Failed)
            fresh = {"scores": () if failed else (*c.scores, *scores), "validated": len(scores)}
            c = c.model_copy(update=fresh | ({"outcome": outcome} if failed else {}))
        updated.append(c)
    return with_estimates(updated, settings.choose_by)


def label(name: str, number: int, validation: bool = False) -> str:
    """A training of a candidate for people, such as `1.0` or `1.0 seed 2`."""
    if validation:
        return f"{name} fresh seed {number + 1}"
    return f"{name} seed {number + 1}" if number else name
