"""The loop: propose, compile, train, reflect, generation after generation (Ma et al. 2023, Algorithm 1).

Everything that happens is in the journal before it is acted upon, and whatever is there already is taken from
there: the functions below can be entered again at any point of an interrupted run and go on from it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from eureka.config.settings import ROUNDS, Settings
from eureka.designers import prompts
from eureka.designers.base import Request
from eureka.designers.extraction import Extracted, extract
from eureka.designers.prompts import Messages
from eureka.errors import EurekaError, UserError
from eureka.experiment import validation
from eureka.experiment.context import Given, RunContext
from eureka.experiment.hours import TimeLimit, begins
from eureka.experiment.islands import islands
from eureka.experiment.observers import with_remarks
from eureka.experiment.records import write_candidate, write_prompt
from eureka.experiment.screening import misled
from eureka.experiment.strategies import Question, SearchState, Strategy, best_of_n, elite, greedy
from eureka.runs import layout
from eureka.runs.candidate import Candidate, Failed, Outcome, Score
from eureka.runs.estimates import combined, with_estimates
from eureka.runs.events import Answered, Asked, GenerationBegan, GenerationEnded, Rejected, TrainingBegan
from eureka.runs.journal import AnswerEvent, PromptEvent, TrainingEvent, VerdictEvent
from eureka.runs.replies import SKIPPED, Answer, Reply
from eureka.system.seeds import derive
from eureka.text import command, shown
from eureka.workers.recovery import TrainingRequest, WarmStart

STRATEGIES: dict[str, Strategy] = {"greedy": greedy, "elite": elite, "islands": islands, "best-of-n": best_of_n}
"""Strategies by the name that `--strategy` gives."""


def strategy_of(settings: Settings, given: Given) -> Strategy:
    """The strategy of a run; `UserError` if it is a function that was not given."""
    found = STRATEGIES.get(settings.strategy) or given.strategy
    if found is None:
        raise UserError("the strategy python is a function; call eureka.resume(RUN, strategy=FUNCTION) in Python")
    if given.ask_words and settings.strategy == "best-of-n":
        raise UserError("--ask words: the strategy best-of-n does not reflect on candidates; choose another --strategy")
    return found


def evolve(context: RunContext, limit: TimeLimit | None = None) -> Candidate:
    """Search for the reward that trains the task best.

    The strategy (`strategies.py`) gives the questions for each generation. None begins that `limit` leaves no time for.

    Returns:
        The winner: the best of all generations by estimate, after the finalists were trained again on fresh seeds.

    Raises:
        EurekaError: no candidate could be trained at all.
    """
    settings = context.run.settings
    strategy = strategy_of(settings, context.given)
    start = _start(context)
    candidates = [start] if start else []
    state = SearchState(context.trainer.description.trained_with(settings), settings.samples, start, seed=settings.seed)
    for round, total in enumerate(context.run.rounds, 1):
        first = len(state.generations) + 1
        for number in range(first, total + 1):
            if number > first and not begins(context, number, round, total, limit):
                break
            context.display(GenerationBegan(number, total))
            candidates = with_remarks(context, number, candidates)
            state = _state(state, candidates)
            questions = strategy(state)
            _write_reflections(context, questions)
            generation = _generation(context, number, questions, candidates)
            candidates = with_estimates([*candidates, *generation], settings.choose_by)
            state = _state(state, candidates)
            for candidate in state.generations[-1]:
                write_candidate(context.run, candidate)
            context.display(GenerationEnded(state.generations[-1]))
        candidates = validation.validated(context, candidates, round)
        # The next round reflects on the estimates that the validation gives.
        state = _state(state, candidates)
    for candidate in candidates:
        write_candidate(context.run, candidate)
    winners = validation.eligible(candidates)
    if not winners:
        why = next((f"; the last one {shown(str(c.failed))}" for c in reversed(candidates) if c.failed), "")
        raise EurekaError(
            f"no candidate of {len(candidates)} could be trained{why}; all of them: "
            f"{command('inspect', context.run.folder)}"
        )
    return winners[0]


def _write_reflections(context: RunContext, questions: Sequence[Question]) -> None:
    for name, text in {p.name: q.messages[-1].content for q in questions for p in q.parents}.items():
        context.run.write(f"{layout.candidate(name)}/reflection.md", text + "\n")


def _state(state: SearchState, candidates: Sequence[Candidate]) -> SearchState:
    """The search with these candidates, the start of generation 0 included."""
    by_generation = {g: tuple(members) for g, members in itertools.groupby(candidates, key=lambda c: c.generation)}
    start = by_generation.pop(0, (state.start,))[0]
    return replace(state, start=start, generations=tuple(by_generation.values()))


def given_start(context: RunContext, reply: Reply) -> None:
    """Record a reward of the user's as generation 0: the paper's human initialisation."""
    answer = Answer(replies=(reply,), model=f"--start {context.run.settings.start}")
    context.run.append(AnswerEvent(generation=0, attempt=0, prompt=None, answer=answer))


def as_reply(source: str) -> Reply:
    """A reward's text as a model would have sent it."""
    return Reply(slot=0, text=f"{prompts.fenced_code(source)}\n")


def _start(context: RunContext) -> Candidate | None:
    """The trained reward of generation 0, if one was given. It can be reflected on, but does not win.

    Raises:
        UserError: it cannot be trained with.
    """
    recorded = context.run.replies().get((0, 0, 0))
    if recorded is None:
        return None
    reply, _ = recorded
    verdict = _verdicts(context, 0, 0, {0: reply}, [])[0]
    compiled = _Compiled(_candidate(reply, verdict, ()), verdict.program)
    (candidate,) = _trained(context, layout.search_training(0, 0), [compiled], [], None)
    (candidate,) = with_estimates([candidate], context.run.settings.choose_by)
    write_candidate(context.run, candidate)
    context.display(GenerationEnded((candidate,)))
    if candidate.failed:
        raise UserError(f"the reward of --start {context.run.settings.start} cannot be used: {candidate.failed}")
    return candidate


def _candidate(reply: Reply, verdict: VerdictEvent, parents: Sequence[Candidate]) -> Candidate:
    return Candidate(
        generation=verdict.generation,
        slot=verdict.slot,
        attempt=verdict.attempt,
        reply=reply.text,
        code=verdict.code,
        notes=verdict.notes,
        parents=tuple(parent.name for parent in parents),
        fingerprint=verdict.fingerprint,
        outcome=verdict.failed,
    )


def _generation(
    context: RunContext, generation: int, questions: Sequence[Question], earlier: Sequence[Candidate]
) -> list[Candidate]:
    """One generation; asked again with the errors, a bounded number of times, if no candidate can be trained."""
    candidates: list[Candidate] = []
    for attempt in range(0, ROUNDS * (context.run.settings.repairs + 1), context.run.settings.repairs + 1):
        compiled = _compiled(context, generation, attempt, questions, earlier)
        warm = _warm(context, questions[0].parents)
        candidates = _trained(context, layout.search_training(generation, attempt), compiled, earlier, warm)
        if any(c.trained for c in candidates):
            break
        failures = [str(c.failed) for c in candidates if c.failed]
        questions = [replace(q, messages=prompts.again(q.messages, failures)) for q in questions]
    return candidates


@dataclass(frozen=True)
class _Compiled:
    """A candidate on its way: with a program, or with the failure of its last attempt."""

    candidate: Candidate
    program: str | None


def _compiled(
    context: RunContext,
    generation: int,
    first_attempt: int,
    questions: Sequence[Question],
    earlier: Sequence[Candidate],
) -> list[_Compiled]:
    """A candidate for each slot; one that fails is sent back with its error, a bounded number of times."""
    repairs = context.run.settings.repairs
    asked = dict(enumerate(questions))
    done: dict[int, _Compiled] = {}
    for attempt in range(first_attempt, first_attempt + repairs + 1):
        replies = _replies(context, generation, attempt, asked)
        verdicts = _verdicts(context, generation, attempt, replies, earlier)
        asked = {}
        for slot, verdict in verdicts.items():
            candidate = _candidate(replies[slot], verdict, questions[slot].parents)
            failed = candidate.failed
            done[slot] = _Compiled(candidate, verdict.program)
            if failed is not None and replies[slot].finish != SKIPPED:
                messages = prompts.repair(questions[slot].messages, candidate.reply, failed, candidate.code)
                asked[slot] = replace(questions[slot], messages=messages)
                context.display(Rejected(candidate, again=attempt < first_attempt + repairs))
        if not asked:
            break
    return [done[slot] for slot in sorted(done)]


def _replies(context: RunContext, generation: int, attempt: int, asked: dict[int, Question]) -> dict[int, Reply]:
    """The recorded reply to each slot's question; slots with the same prompt are requested together."""
    recorded = context.run.replies()
    replies = {s: recorded[generation, s, attempt][0] for s in asked if (generation, s, attempt) in recorded}
    open_slots: dict[Messages, list[int]] = {}
    for slot, question in asked.items():
        if slot not in replies:
            open_slots.setdefault(question.messages, []).append(slot)
    requests = []
    for messages, slots in open_slots.items():
        parents = asked[slots[0]].parents
        parent = parents[0] if parents else None
        request = Request(generation, tuple(slots), attempt, messages, context.trainer.description, parent)
        key = {"generation": generation, "attempt": attempt, "sha256": request.mark}
        content = {"messages": messages, "parents": [p.name for p in parents]}
        context.run.once(PromptEvent, key, lambda content=content: content)
        write_prompt(context.run, generation, attempt, slots, messages)
        requests.append(request)
    marks = {slot: request.mark for request in requests for slot in request.slots}
    if requests:
        context.display(Asked(context.designer.name, len(marks)))
    for answer in context.designer.propose(requests):
        mark = next((marks[r.slot] for r in answer.replies), None)
        context.run.append(AnswerEvent(generation=generation, attempt=attempt, prompt=mark, answer=answer))
        replies |= {r.slot: r for r in answer.replies}
        context.display(Answered(answer, len(set(asked) - set(replies)), str(context.budget)))
    return replies


def _verdicts(
    context: RunContext, generation: int, attempt: int, replies: dict[int, Reply], earlier: Sequence[Candidate]
) -> dict[int, VerdictEvent]:
    """What became of each reply in extraction, compilation, pre-flight and screening, recorded, by slot."""
    verdicts: dict[int, VerdictEvent] = {}
    sources: dict[int, Extracted] = {}

    def record(
        slot: int, found: Extracted, failed: Failed | None, program: str | None = None, mark: str | None = None
    ) -> None:
        event = VerdictEvent(
            generation=generation,
            slot=slot,
            attempt=attempt,
            code=found.code,
            notes=tuple(found.notes),
            failed=failed,
            program=program,
            fingerprint=mark,
        )
        verdicts[slot] = context.run.append(event)

    for slot, reply in replies.items():
        event = context.run.find(VerdictEvent, generation=generation, slot=slot, attempt=attempt)
        if event is not None:
            verdicts[slot] = event
            continue
        found = extract(reply.text, reply.finish)
        known = context.designer.verdict(generation, slot, attempt)
        failed = found.failed or (known.failed if known and known.failed.stage != "train" else None)
        if failed is not None or found.code is None:
            record(slot, found, failed)
        else:
            sources[slot] = found
    texts = {slot: found.code or "" for slot, found in sources.items()}
    passed: dict[int, tuple[str, str]] = {}  # program and fingerprint
    for slot, result in context.compiler.compile(texts, context.trainer.description.fields()):
        report = (
            result if isinstance(result, Failed) else context.trainer.preflight(result, context.run.settings.worlds)
        )
        if isinstance(report, Failed):
            record(slot, sources[slot], report)
        else:
            passed[slot] = str(result), report.fingerprint
    screened = misled(context, {slot: program for slot, (program, _) in sorted(passed.items())}, earlier)
    for slot, (program, mark) in passed.items():
        if slot in screened:
            record(slot, sources[slot], screened[slot])
        else:
            record(slot, sources[slot], None, program, mark)
    return dict(sorted(verdicts.items()))


def _trained(
    context: RunContext,
    key: str,
    compiled: Sequence[_Compiled],
    earlier: Sequence[Candidate],
    warm: WarmStart | None,
) -> list[Candidate]:
    """The candidates with their outcomes; equal programs are trained once and share one."""
    first: dict[str, Candidate] = {}
    for candidate in earlier:
        if candidate.fingerprint and not candidate.duplicate_of:
            first.setdefault(candidate.fingerprint, candidate)
    found = {c.fingerprint: (c.outcome, c.scores) for c in first.values()}
    chosen: list[_Compiled] = []
    for item in compiled:
        c = item.candidate
        if item.program is None or c.fingerprint is None or c.fingerprint in first:
            continue
        first[c.fingerprint] = c
        chosen.append(item)
    if chosen:
        for item, result in zip(chosen, _train(context, key, chosen, warm), strict=True):
            found[item.candidate.fingerprint] = result
    finished = []
    for item in compiled:
        c = item.candidate
        if c.fingerprint is not None:
            original = first[c.fingerprint]
            twin = None if original.name == c.name else original.name
            begun = original.warm if twin else warm.parent if warm else None
            outcome, scores = found[c.fingerprint]
            update = {"outcome": outcome, "scores": scores, "duplicate_of": twin, "warm": begun}
            c = c.model_copy(update=update)
        finished.append(c)
    return finished


def _warm(context: RunContext, parents: Sequence[Candidate]) -> WarmStart | None:
    """The policy for a warm start of a generation: its parent's, which today's strategies share over all slots."""
    parent = parents[0] if parents else None
    if context.run.settings.warm_start is None or parent is None or parent.trained is None:
        return None
    trained, kept = parent.trained, parent.duplicate_of or parent.name
    return WarmStart(kept, layout.policy(layout.candidate(kept)), trained.curves.steps[trained.best])


def _train(
    context: RunContext, key: str, chosen: Sequence[_Compiled], warm: WarmStart | None
) -> list[tuple[Outcome | None, tuple[Score, ...]]]:
    """Train programs as one population, all on the same seeds: differences come from the rewards."""
    candidates, settings = [item.candidate for item in chosen], context.run.settings
    count, trainings = len(candidates), settings.seeds
    about = {"members": [c.address for c in candidates] * trainings, "trainings": trainings}
    begun = warm.parent if warm else None
    context.run.once(TrainingEvent, {"training": key}, lambda: {**about, "warm": begun})
    names = [validation.label(c.name, number) for number in range(trainings) for c in candidates]
    context.display(TrainingBegan(tuple(names)))
    verdicts = {m: context.designer.verdict(*c.address) for m, c in enumerate(candidates)}
    request = TrainingRequest(
        key=key,
        programs=[item.program or "" for item in chosen] * trainings,
        seeds=[derive(settings.seed, "search", *([n] if n else [])) for n in range(trainings) for _ in candidates],
        purpose="search",
        places=[layout.policy(layout.training(c.name, n)) for n in range(trainings) for c in candidates],
        trainings=trainings,
        race=settings.racing,
        warm=warm,
        known={member: known for member, known in verdicts.items() if known},
    )
    outcomes = context.trainer.train(context.run, request, context.display)
    return [combined(outcomes[c::count]) for c in range(count)]
