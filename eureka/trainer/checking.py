"""The pre-flight of a program in a trainer process."""

from __future__ import annotations

import traceback

from torch import Tensor

from eureka.rewards.preflight import preflight, too_slow
from eureka.rewards.program import Field, Rejected, fingerprint, rebuild
from eureka.runs.candidate import Failed
from eureka.workers import messages


def checked(
    command: messages.Preflight, fields: dict[str, Field], states: dict[str, Tensor], endless: bool
) -> messages.Preflighted:
    """Run a program on states.

    Args:
        command: with the program.
        fields: of the state.
        states: (S, ...) by field, S a multiple of 4.
        endless: whether all episodes of the task have the same length.
    """
    text = command.program
    try:
        report = preflight(text, fields, states, endless=endless)
        program = rebuild(text, fields, command.worlds)  # an honest program fits any number of worlds
        slow = too_slow(program, states)
    except Rejected as rejection:
        return messages.Preflighted(result=Failed(stage="compile", message=str(rejection), line=rejection.line))
    except Exception as error:  # an untrusted program must not end this process
        traceback.print_exc()
        message = f"the program cannot be run: {type(error).__name__}"
        return messages.Preflighted(result=Failed(stage="compile", message=message))
    if problem := report.problem or slow:
        failed = Failed(stage="preflight", message=problem, machine=report.problem is None)
        return messages.Preflighted(result=failed)
    return messages.Preflighted(
        result=messages.PreflightReport(
            fingerprint=fingerprint(text),
            inputs=report.inputs,
            nodes=report.nodes,
            ranges=report.ranges,
            notes=report.notes,
        )
    )
