"""The loop: propose, compile, train, reflect, generation after generation (Ma et al. 2023, Algorithm 1).

Everything that happens is in the journal before it is acted upon, and whatever is there already is taken from
there: the functions below can be entered again at any point of an interrupted run and go on from it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from eureka import prompt
from eureka.candidate import Candidate, Failed, Outcome
from eureka.confinement import Confinement
from eureka.designers import SKIPPED, Answer, Designer, Reply, Request, replies_of
from eureka.display import Answered, Asked, Display, GenerationBegan, GenerationEnded, Rejected, TrainingBegan
from eureka.errors import EurekaError, UserError
from eureka.extract import Extracted, extract
from eureka.prompt import Messages
from eureka.records import write_candidate, write_prompt
from eureka.rewards.compiler import Compiler
from eureka.seeds import derive
from eureka.spending import Ledger
from eureka.store import Event, Run
from eureka.trainer import Trainer

ROUNDS = 3
"""How often a generation may begin, if none of its candidates can be trained."""


@dataclass(frozen=True)
class Workshop:
    """What a run works with."""

    run: Run
    designer: Designer
    compiler: Compiler
    trainer: Trainer
    display: Display
    ledger: Ledger
    confinement: Confinement


def evolve(shop: Workshop) -> Candidate:
    """Search for the reward that trains the task best.

    The best candidate of the latest generation, by selection fitness, is what the next prompt reflects on. The
    strategy best-of-n, a control, asks the first prompt again instead.

    Returns:
        The winner: the best of all generations, by report fitness.

    Raises:
        EurekaError: no candidate could be trained at all.
    """
    settings, task = shop.run.settings, shop.trainer.description
    everyone: list[Candidate] = []
    parent = _start(shop)
    start = [parent] if parent else []
    messages = prompt.after(task, parent, []) if parent else prompt.first(task)
    for generation in range(1, settings.generations + 1):
        shop.display(GenerationBegan(generation, settings.generations))
        candidates = _generation(shop, generation, messages, parent, [*start, *everyone])
        everyone += candidates
        trained = [c for c in candidates if c.trained]
        shop.display(GenerationEnded(tuple(candidates)))
        if trained and settings.strategy == "greedy":
            parent = max(trained, key=_selection)
            failures = [f"{c.failed}" for c in candidates if c.failed]
            messages = prompt.after(task, parent, failures)
            shop.run.write(f"candidates/{parent.name}/reflection.md", messages[-1].content + "\n")
    given = {c.name for c in start}
    winners = [c for c in everyone if c.trained and c.duplicate_of not in given]
    if not winners:
        raise EurekaError(
            f"none of the {len(everyone)} candidates could be trained; to see why: eureka inspect {shop.run.folder}"
        )
    return max(winners, key=report_score)


def given_start(shop: Workshop, reply: Reply) -> None:
    """Record a reward of the user's as generation 0: the paper's human initialisation."""
    answer = Answer(replies=(reply,), model=f"--start {shop.run.settings.start}")
    shop.run.append("answer", generation=0, attempt=0, prompt=None, answer=answer.model_dump(mode="json"))


def as_reply(source: str) -> Reply:
    """A reward's text as a model would have sent it."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", source))])
    return Reply(slot=0, text=f"{fence}python\n{source.rstrip()}\n{fence}\n")


def _start(shop: Workshop) -> Candidate | None:
    """The trained reward of generation 0, if one was given. It can be reflected on, but does not win.

    Raises:
        UserError: it cannot be trained with.
    """
    recorded = replies_of(shop.run.events).get((0, 0, 0))
    if recorded is None:
        return None
    reply, _ = recorded
    verdict = _verdicts(shop, 0, 0, {0: reply})[0]
    candidate = _candidate(0, 0, 0, reply, verdict)
    (candidate,) = _trained(shop, "generation-0-0", [_Compiled(candidate, verdict["program"])], [])
    write_candidate(shop.run, candidate)
    shop.display(GenerationEnded((candidate,)))
    if candidate.failed:
        raise UserError(f"the reward of --start {shop.run.settings.start} cannot be used: {candidate.failed}")
    return candidate


def _candidate(generation: int, slot: int, attempt: int, reply: Reply, verdict: Event) -> Candidate:
    return Candidate(
        generation=generation,
        slot=slot,
        attempt=attempt,
        reply=reply.text,
        code=verdict["code"],
        notes=verdict["notes"],
        fingerprint=verdict["fingerprint"],
        outcome=Failed.model_validate(verdict["failed"]) if verdict["failed"] else None,
    )


def _selection(candidate: Candidate) -> tuple[float, int]:
    """What chooses the parent; of equals, the one that was there sooner in its training."""
    assert candidate.trained is not None
    return candidate.trained.selection, -candidate.trained.best


def report_score(candidate: Candidate) -> tuple[float, int]:
    """What chooses the winner, likewise."""
    assert candidate.trained is not None
    return candidate.trained.report, -candidate.trained.best


def _generation(
    shop: Workshop, generation: int, messages: Messages, parent: Candidate | None, earlier: Sequence[Candidate]
) -> list[Candidate]:
    """One generation, begun anew with the errors shown as long as nothing in it can be trained."""
    candidates: list[Candidate] = []
    for attempt in range(0, ROUNDS * (shop.run.settings.repairs + 1), shop.run.settings.repairs + 1):
        compiled = _compiled(shop, generation, attempt, messages, parent)
        candidates = _trained(shop, f"generation-{generation}-{attempt}", compiled, earlier)
        for candidate in candidates:
            write_candidate(shop.run, candidate)
        if any(c.trained for c in candidates):
            break
        messages = prompt.again(messages, [str(c.failed) for c in candidates if c.failed])
    return candidates


@dataclass(frozen=True)
class _Compiled:
    """A candidate on its way: with a program, or with the failure of its last attempt."""

    candidate: Candidate
    program: str | None


def _compiled(
    shop: Workshop, generation: int, first_attempt: int, messages: Messages, parent: Candidate | None
) -> list[_Compiled]:
    """A candidate for each slot, those that fail sent back with their errors a bounded number of times."""
    settings = shop.run.settings
    asked = dict.fromkeys(range(settings.samples), messages)
    done: dict[int, _Compiled] = {}
    for attempt in range(first_attempt, first_attempt + settings.repairs + 1):
        replies = _replies(shop, generation, attempt, asked, parent)
        verdicts = _verdicts(shop, generation, attempt, replies)
        asked = {}
        for slot, verdict in verdicts.items():
            candidate = _candidate(generation, slot, attempt, replies[slot], verdict)
            failed = candidate.failed
            done[slot] = _Compiled(candidate, verdict["program"])
            if failed is not None and replies[slot].finish != SKIPPED:
                asked[slot] = prompt.repair(messages, candidate.reply, failed, candidate.code)
                shop.display(Rejected(candidate, again=attempt < first_attempt + settings.repairs))
        if not asked:
            break
    return [done[slot] for slot in sorted(done)]


def _replies(
    shop: Workshop, generation: int, attempt: int, asked: dict[int, Messages], parent: Candidate | None
) -> dict[int, Reply]:
    """The reply to each slot's prompt, recorded; slots with the same prompt are asked for together."""
    recorded = replies_of(shop.run.events)
    replies = {s: recorded[generation, s, attempt][0] for s in asked if (generation, s, attempt) in recorded}
    open_slots: dict[Messages, list[int]] = {}
    for slot, messages in asked.items():
        if slot not in replies:
            open_slots.setdefault(messages, []).append(slot)
    requests = []
    for messages, slots in open_slots.items():
        request = Request(generation, tuple(slots), attempt, messages, shop.trainer.description, parent)
        key = {"generation": generation, "attempt": attempt, "sha256": request.mark}
        shop.run.once("prompt", key, lambda messages=messages: {"messages": [m.model_dump() for m in messages]})
        write_prompt(shop.run, generation, attempt, slots, messages)
        requests.append(request)
    marks = {slot: request.mark for request in requests for slot in request.slots}
    if requests:
        shop.display(Asked(shop.designer.name, len(marks)))
    for answer in shop.designer.propose(requests):
        mark = next((marks[r.slot] for r in answer.replies), None)
        content = answer.model_dump(mode="json")
        shop.run.append("answer", generation=generation, attempt=attempt, prompt=mark, answer=content)
        replies |= {r.slot: r for r in answer.replies}
        shop.display(Answered(answer, len(set(asked) - set(replies)), str(shop.ledger)))
    return replies


def _verdicts(shop: Workshop, generation: int, attempt: int, replies: dict[int, Reply]) -> dict[int, Event]:
    """What became of each reply in extraction, compilation and pre-flight, recorded, by slot."""
    verdicts: dict[int, Event] = {}
    sources: dict[int, Extracted] = {}

    def record(
        slot: int, found: Extracted, failed: Failed | None, program: str | None = None, mark: str | None = None
    ) -> None:
        verdicts[slot] = shop.run.append(
            "verdict",
            generation=generation,
            slot=slot,
            attempt=attempt,
            code=found.code,
            notes=list(found.notes),
            failed=failed.model_dump() if failed else None,
            program=program,
            fingerprint=mark,
        )

    for slot, reply in replies.items():
        event = shop.run.find("verdict", generation=generation, slot=slot, attempt=attempt)
        if event is not None:
            verdicts[slot] = event
            continue
        found = extract(reply.text, reply.finish)
        known = shop.designer.verdict(generation, slot, attempt)
        failed = found.failed or (known if known and known.stage != "train" else None)
        if failed is not None or found.code is None:
            record(slot, found, failed)
        else:
            sources[slot] = found
    texts = {slot: found.code or "" for slot, found in sources.items()}
    for slot, result in shop.compiler.compile(texts, shop.trainer.description.fields()):
        report = result if isinstance(result, Failed) else shop.trainer.preflight(result, shop.run.settings.worlds)
        if isinstance(report, Failed):
            record(slot, sources[slot], report)
        else:
            record(slot, sources[slot], None, str(result), report["fingerprint"])
    return dict(sorted(verdicts.items()))


def _trained(shop: Workshop, key: str, compiled: Sequence[_Compiled], earlier: Sequence[Candidate]) -> list[Candidate]:
    """The candidates with their outcomes; equal programs are trained once and share one."""
    first: dict[str, Candidate] = {}
    for candidate in earlier:
        if candidate.fingerprint and not candidate.duplicate_of:
            first.setdefault(candidate.fingerprint, candidate)
    outcomes: dict[str, Outcome] = {c.fingerprint: c.outcome for c in first.values() if c.fingerprint and c.outcome}
    chosen: list[_Compiled] = []
    for item in compiled:
        c = item.candidate
        if item.program is None or c.fingerprint is None or c.fingerprint in first:
            continue
        first[c.fingerprint] = c
        known = shop.designer.verdict(c.generation, c.slot, c.attempt)
        if known is not None:
            outcomes[c.fingerprint] = known
        else:
            chosen.append(item)
    if chosen:
        for item, outcome in zip(chosen, _train(shop, key, chosen), strict=True):
            outcomes[item.candidate.fingerprint or ""] = outcome
    finished = []
    for item in compiled:
        c = item.candidate
        if c.fingerprint is not None:
            original = first[c.fingerprint]
            twin = None if original.name == c.name else original.name
            c = c.model_copy(update={"outcome": outcomes[c.fingerprint], "duplicate_of": twin})
        finished.append(c)
    return finished


def _train(shop: Workshop, key: str, chosen: Sequence[_Compiled]) -> list[Outcome]:
    """Train programs as one population, all with the run's search seed: differences come from the rewards."""
    candidates = [item.candidate for item in chosen]
    members = [[c.generation, c.slot, c.attempt] for c in candidates]
    shop.run.once("training", {"training": key}, lambda: {"members": members})
    shop.display(TrainingBegan(tuple(c.name for c in candidates)))
    seed = derive(shop.run.settings.seed, "search")
    return shop.trainer.train(
        shop.run,
        key,
        programs=[item.program or "" for item in chosen],
        seeds=[seed] * len(chosen),
        purpose="search",
        places=[f"candidates/{c.name}/policy.safetensors" for c in candidates],
        on_progress=shop.display,
    )
