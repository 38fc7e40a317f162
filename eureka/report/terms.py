"""Explanations of the terms in the tables of the pages."""

from __future__ import annotations

from collections.abc import Iterable

TERMS = {
    "fitness": "The task's own metric, which no reward can change. Higher is better.",
    "95% interval": "Student's t interval of the mean over seeds. With few seeds it may exceed the possible.",
    "against": "Mean fitness minus that of the baseline, with its interval (Welch; 97.75% instead of 95%, "
    "because seeds may be added and the comparison looked at again).",
    "verdict": "better or worse if the interval of the difference excludes zero; otherwise undecided.",
    "steps to 80%": "Median over seeds of the training world-steps until the fitness was 80% of the way from the "
    "baseline's first checkpoint to its best. Fewer is better.",
    "each fresh seed": "Fitness of each training. These seeds were not used in the search, so they did not choose the "
    "winner.",
    "last checkpoint": "Mean fitness of the policies at the end of training, instead of at the checkpoint that was "
    "selected.",
    "failed seeds": "Trainings that did not reach their end.",
    "P(better)": "Probability that a training with this reward has a higher fitness than one with the baseline.",
    "normalised": "(fitness - sparse) / |human - sparse|: 0 is as good as the sparse reward, 1 is as good as human.",
    "IQM": "Interquartile mean: the mean without the highest and the lowest quarter of the seeds.",
    "95% by bootstrap": "Interval of the IQM from resampled seeds. It is too narrow for few seeds.",
    "searches": "Independent searches that the rewards come from.",
    "correlation": "Correlation with the human reward along this arm's policies.",
    "as trained": "Fitness with the physics of training. The other columns have changed physics.",
    "trainings": "Trainings of this candidate to the end, each with its own seed. Its fitness is estimated from them.",
    "selection": "Fitness on the episodes that select the best checkpoint of a training. It tends to be too high.",
    "from step": "Simulation step of training at which the selected checkpoint was saved.",
    "parent": "The candidate whose training results were in the prompt; for a crossover, both.",
    "world-steps": "Control steps of training, summed over the simulated copies of the scene (worlds).",
}


def explain(term: str) -> str:
    """The explanation of a column's title; empty if it needs none."""
    return next((said for start, said in TERMS.items() if term.startswith(start)), "")


def explained(terms: Iterable[str]) -> list[tuple[str, str]]:
    """The titles that have an explanation, with it."""
    return [(term, said) for term in terms if (said := explain(term))]
