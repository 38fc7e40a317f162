"""The loop: propose, compile, train, reflect, generation after generation (Ma et al. 2023, Algorithm 1).

Everything that happens is in the journal before it is acted upon, and whatever is there already is taken from
there: the functions below can be entered again at any point of an interrupted run and go on from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eureka import prompt
from eureka.candidate import Candidate, Failed, Outcome
from eureka.designers import Designer, Reply, Request
from eureka.display import Display
from eureka.errors import EurekaError
from eureka.extract import extract
from eureka.prompt import Messages
from eureka.records import write_candidate, write_prompt
from eureka.rewards.compiler import Compiler
from eureka.seeds import derive
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


def evolve(shop: Workshop) -> Candidate:
    """Search for the reward that trains the task best.

    The best candidate of the latest generation, by selection fitness, is what the next prompt reflects on.

    Returns:
        The winner: the best of all generations, by report fitness.

    Raises:
        EurekaError: no candidate could be trained at all.
    """
    settings, task = shop.run.settings, shop.trainer.description
    everyone: list[Candidate] = []
    messages, parent = prompt.first(task), None
    for generation in range(1, settings.generations + 1):
        shop.display.generation(generation, settings.generations)
        candidates = _generation(shop, generation, messages, parent, everyone)
        everyone += candidates
        trained = [c for c in candidates if c.trained]
        shop.display.generation_done(candidates)
        if trained:
            parent = max(trained, key=_selection)
            failures = [f"{c.failed}" for c in candidates if c.failed]
            messages = prompt.after(task, parent, failures)
            shop.run.write(f"candidates/{parent.name}/reflection.md", messages[-1].content + "\n")
    winners = [c for c in everyone if c.trained]
    if not winners:
        raise EurekaError(
            f"none of the {len(everyone)} candidates could be trained; to see why: eureka inspect {shop.run.folder}"
        )
    return max(winners, key=report_score)


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
            failed = Failed.model_validate(verdict["failed"]) if verdict["failed"] else None
            candidate = Candidate(
                generation=generation,
                slot=slot,
                attempt=attempt,
                reply=replies[slot].text,
                code=verdict["code"],
                fingerprint=verdict["fingerprint"],
                outcome=failed,
            )
            done[slot] = _Compiled(candidate, verdict["program"])
            if failed is not None:
                asked[slot] = prompt.repair(messages, candidate.reply, failed, candidate.code)
                shop.display.failed(candidate, again=attempt < first_attempt + settings.repairs)
        if not asked:
            break
    return [done[slot] for slot in sorted(done)]


def _replies(
    shop: Workshop, generation: int, attempt: int, asked: dict[int, Messages], parent: Candidate | None
) -> dict[int, Reply]:
    """The reply to each slot's prompt, recorded; slots with the same prompt are asked for together."""
    replies: dict[int, Reply] = {}
    open_slots: dict[Messages, list[int]] = {}
    for slot, messages in asked.items():
        event = shop.run.find("reply", generation=generation, slot=slot, attempt=attempt)
        if event is not None:
            replies[slot] = Reply.model_validate(event["reply"])
        else:
            open_slots.setdefault(messages, []).append(slot)
    for messages, slots in open_slots.items():
        mark = prompt.fingerprint(messages)
        key = {"generation": generation, "attempt": attempt, "sha256": mark}
        shop.run.once("prompt", key, lambda messages=messages: {"messages": [m.model_dump() for m in messages]})
        write_prompt(shop.run, generation, attempt, slots, messages)
        request = Request(generation, tuple(slots), attempt, messages, shop.trainer.description, parent)
        for slot, reply in zip(slots, shop.designer.propose(request), strict=True):
            key = {"generation": generation, "slot": slot, "attempt": attempt}
            shop.run.append("reply", **key, prompt=mark, reply=reply.model_dump(mode="json"))
            replies[slot] = reply
    return replies


def _verdicts(shop: Workshop, generation: int, attempt: int, replies: dict[int, Reply]) -> dict[int, Event]:
    """What became of each reply in extraction, compilation and pre-flight, recorded, by slot."""
    verdicts: dict[int, Event] = {}
    sources: dict[int, str] = {}

    def record(slot: int, code: str | None, failed: Failed | None, program: str | None, mark: str | None) -> None:
        verdicts[slot] = shop.run.append(
            "verdict",
            generation=generation,
            slot=slot,
            attempt=attempt,
            code=code,
            failed=failed.model_dump() if failed else None,
            program=program,
            fingerprint=mark,
        )

    for slot, reply in replies.items():
        event = shop.run.find("verdict", generation=generation, slot=slot, attempt=attempt)
        if event is not None:
            verdicts[slot] = event
            continue
        found = extract(reply.text)
        known = shop.designer.verdict(generation, slot, attempt)
        failed = found.failed or (known if known and known.stage != "train" else None)
        if failed is not None or found.code is None:
            record(slot, found.code, failed, None, None)
        else:
            sources[slot] = found.code
    for slot, result in shop.compiler.compile(sources, shop.trainer.description.fields()):
        report = result if isinstance(result, Failed) else shop.trainer.preflight(result, shop.run.settings.worlds)
        if isinstance(report, Failed):
            record(slot, sources[slot], report, None, None)
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
    shop.display.training(len(chosen))
    seed = derive(shop.run.settings.seed, "search")
    return shop.trainer.train(
        shop.run,
        key,
        programs=[item.program or "" for item in chosen],
        seeds=[seed] * len(chosen),
        purpose="search",
        places=[f"candidates/{c.name}/policy.safetensors" for c in candidates],
        on_progress=shop.display.progress,
    )
