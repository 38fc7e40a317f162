"""Renders the templates in prompts/ to messages."""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import stdev
from typing import Literal

import jinja2

from eureka.config.description import Description
from eureka.designers.feedback import statistics
from eureka.runs.candidate import Candidate, Dropped, Failed, Trained
from eureka.runs.replies import CUT_OFF, Message
from eureka.system.paths import shipped
from eureka.text import number, shown

STAGES = {
    "reply": "Your reply could not be used",
    "extract": "No code was found",
    "compile": "It does not compile",
    "preflight": "It fails on states of the task",
    "train": "It failed in training",
}


Messages = tuple[Message, ...]
_LONGEST_WORDS = 300  # Characters of what an author says of a reward
_MOST_REMARKS = 8  # On a candidate in a prompt
_LONGEST_REPLY = 24_000  # Characters; about ten times the usual length


def fingerprint(messages: Messages) -> str:
    """SHA-256 of a prompt. Replays compare it with the recorded one."""
    data = json.dumps([m.model_dump() for m in messages], sort_keys=True)
    return hashlib.sha256(data.encode()).hexdigest()


def first(task: Description) -> Messages:
    """The prompt of the first generation."""
    arguments = [p.name for p in task.parameters if p.kind == "per world" and not p.varies]
    return (
        Message(role="system", content=_render("system", external=bool(task.trainer))),
        Message(role="user", content=_render("task", task=task, arguments=arguments)),
    )


Generations = Sequence[Sequence[Candidate]]


@dataclass(frozen=True)
class Wish:
    """What a later prompt asks for besides a better function."""

    ancestry: Sequence[Candidate] = ()
    """The steps that led to the parent, the first one first; the parent is the last."""
    partner: Candidate | None = None
    """Another trained candidate, whose strengths are to be combined with the parent's."""
    kind: Literal["better", "different", "mutation"] = "better"
    """`different`: another structure; `mutation`: one component changed."""


def after(task: Description, best: Candidate, generations: Generations, wish: Wish = Wish()) -> Messages:
    """The prompt of a later generation: the `best` reply, with a reflection on its training and on all generations."""
    text = reflection(best, generations, task.fitness_unit, task.fitness_range[1], wish, external=bool(task.trainer))
    return (*first(task), Message(role="assistant", content=as_sent(best.reply)), Message(role="user", content=text))


def reflection(
    best: Candidate,
    generations: Generations,
    unit: str = "",
    ceiling: float | None = None,
    wish: Wish = Wish(),
    external: bool = False,
) -> str:
    """Feedback on a trained candidate, on the history of the search, and on the candidates of its latest generation.

    Args:
        best: the candidate.
        generations: those of the search so far.
        unit: of the fitness.
        ceiling: the highest fitness of an episode, if there is one.
        wish: what is asked for.
        external: whether a command of the user's trains.
    """
    trained = best.trained
    assert trained is not None
    own = [c for c in (generations[-1] if generations else ()) if not c.duplicate_of]
    # The parent may be a duplicate of a candidate that trained for another number of steps.
    whole = next((c.trained.steps for c in own if c.trained), trained.steps)
    episodes, noise, partner = trained.report_episodes, trained.curves.action_std, wish.partner
    return _render(
        "reflection",
        steps=f"{trained.steps:,}",
        unit=unit,
        external=external,
        solved=ceiling is not None and trained.report >= ceiling,
        points=len(trained.curves.fitness),
        best=trained.best + 1,
        episodes=len(episodes),
        report=number(trained.report),
        error=number(stdev(episodes) / len(episodes) ** 0.5) if len(episodes) > 1 else "",
        noise=[number(noise[0]), number(noise[-1])] if noise else [],
        statistics=statistics(trained),
        scores=[number(score.report) for score in best.scores],
        name=best.name,
        estimate=best.estimate and shown(str(best.estimate)),
        warm=best.warm is not None,
        remarks=best.remarks[-_MOST_REMARKS:],
        seen=[_seen(c) for generation in generations for c in generation if c.remarks and c.name != best.name],
        history=[_best_of(generation) for generation in generations],
        others=[_other(c) for c in own if c.trained and c.name != best.name],
        failures=[shown(str(c.failed)) for c in own if c.failed],
        dropped=[_dropped(c.name, c.dropped, whole) for c in own if c.dropped],
        ancestry=[_step(c) for c in wish.ancestry],
        kind=wish.kind,
        partner=partner
        and {
            "fitness": _fitness(partner),
            "code": fenced_code(as_sent(partner.code or "")),
            "statistics": partner.trained and statistics(partner.trained),
        },
    )


def fenced_code(code: str) -> str:
    """Python code in a fence that it cannot close."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", code))])
    return f"{fence}python\n{code.rstrip()}\n{fence}"


def _step(candidate: Candidate) -> str:
    """A step of an ancestry: its fitness, and the first sentence of what its author wrote."""
    return f"{candidate.name}, fitness {_fitness(candidate)}: {' '.join(_words(candidate)) or '(no words)'}"


def _words(candidate: Candidate) -> list[str]:
    """The first line of what a candidate's author wrote before the code, if there is one, cut to a length."""
    told = shown(candidate.reply.partition("`" * 3)[0].strip().partition("\n")[0])
    return [textwrap.shorten(told, _LONGEST_WORDS, placeholder=" ...")] if told else []


def _fitness(candidate: Candidate) -> str:
    assert candidate.trained is not None
    return number(candidate.estimate.mean if candidate.estimate else candidate.trained.report)


def _seen(candidate: Candidate) -> str:
    """What people said of another candidate."""
    of = (
        f"{_parts(candidate.trained)}, fitness {_fitness(candidate)}" if candidate.trained else "not trained to the end"
    )
    return f"{candidate.name} ({of}): {' / '.join(candidate.remarks[-_MOST_REMARKS:])}"


def _best_of(generation: Sequence[Candidate]) -> str:
    found = [c.estimate.mean for c in generation if c.estimate]
    return number(max(found)) if found else "none"


def _other(candidate: Candidate) -> str:
    assert candidate.trained is not None
    return " ".join([f"{candidate.name} ({_parts(candidate.trained)}): {_fitness(candidate)}.", *_words(candidate)])


def _parts(trained: Trained | Dropped) -> str:
    return shown(" + ".join(trained.curves.components)) or "total only"


def _dropped(name: str, dropped: Dropped, steps: int) -> str:
    at = f"after {dropped.steps / steps:.0%} of the training, at fitness {number(dropped.selection)}"
    return f"{name} ({_parts(dropped)}): {at}"


def repair(messages: Messages, reply: str, failed: Failed, code: str | None) -> Messages:
    """A prompt that asks for a corrected version of a failed reply."""
    text = complaint(failed, code)
    return (*messages, Message(role="assistant", content=as_sent(reply)), Message(role="user", content=text))


def folded(messages: Messages) -> Messages:
    """A prompt without the role `system`: its text comes first in the first message of the user."""
    told = [m.content for m in messages if m.role == "system"]
    others = [m for m in messages if m.role != "system"]
    return (Message(role="user", content="\n\n".join([*told, others[0].content])), *others[1:])


def as_sent(reply: str) -> str:
    """A reply for a prompt; the middle of an overlong one is cut out."""
    if len(reply) <= _LONGEST_REPLY:
        return reply or "(nothing)"
    return f"{reply[: _LONGEST_REPLY // 2]}\n[...]\n{reply[-_LONGEST_REPLY // 2 :]}"


def complaint(failed: Failed, code: str | None) -> str:
    """Feedback on a failed reply."""
    lines = (code or "").splitlines()
    code_line = lines[failed.line - 1].strip() if failed.line and failed.line <= len(lines) else None
    return _render(
        "error",
        stage=STAGES[failed.stage],
        message=shown(failed.message).rstrip("."),
        line=failed.line,
        code_line=shown(code_line) if code_line else None,
        cut_off=failed.message == CUT_OFF,
    )


def again(messages: Messages, failures: Sequence[str]) -> Messages:
    """The prompt for repeating a generation in which all candidates failed."""
    text = _render("all_failed", failures=[shown(f) for f in dict.fromkeys(failures)])
    *before, last = messages
    return (*before, Message(role=last.role, content=f"{last.content}\n\n{text}"))


def as_text(messages: Messages) -> str:
    """Format a prompt as Markdown."""
    return "\n\n".join(f"# {m.role}\n\n{m.content}" for m in messages) + "\n"


def estimated_tokens(messages: Messages) -> int:
    """Estimated tokens of a prompt, at four characters per token."""
    return sum(len(m.content) for m in messages) // 4


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(shipped("prompts")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - the result is a prompt, not markup
    )


def _render(template: str, **values: object) -> str:
    return _environment().get_template(f"{template}.md.j2").render(**values).strip()
