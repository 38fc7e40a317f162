"""Standings at a rung."""

from __future__ import annotations

from support.candidates import trained

from eureka.runs.candidate import Dropped


def standing(selection: float, in_training: float | None = 0.0) -> Dropped:
    curves = trained().curves.model_copy(update={"training_fitness": [1e9, in_training]})
    return Dropped(curves=curves, best=0, selection=selection, diverged=0, steps=20)
