"""The loop's logic, with a scripted designer and a trainer that knows every program's fitness beforehand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.candidates import TASK, trained

from eureka.config.settings import Settings
from eureka.config.tasks import load_task
from eureka.designers import prompts
from eureka.designers.base import Request
from eureka.designers.budget import Budget
from eureka.errors import EurekaError, UserError
from eureka.experiment.context import RunContext
from eureka.experiment.search import as_reply, evolve, given_start
from eureka.runs.candidate import Failed, Known, Outcome
from eureka.runs.events import silent
from eureka.runs.journal import ExtendedEvent, TrainedEvent
from eureka.runs.replies import SKIPPED, Answer, Reply
from eureka.runs.store import Run, create
from eureka.workers.isolation import IsolationPolicy
from eureka.workers.messages import PlayedEpisodes, PreflightReport
from eureka.workers.recovery import TrainingRequest


def reply(note: str) -> str:
    return f"```python\ndef compute_reward(x):\n    return x, {{}}  # {note}\n```"


class Scripted:
    """Answers each (generation, slot, attempt) from a table; `x` where the table has nothing."""

    name = "scripted"

    def __init__(self, script: Mapping[tuple[int, int, int], str], known: Mapping[Any, Known] | None = None):
        self.script, self.known = script, known or {}
        self.asked: list[Request] = []

    def propose(self, requests: Sequence[Request]) -> Iterator[Answer]:
        self.asked += requests
        for request in requests:
            for slot in request.slots:
                address = (request.generation, slot, request.attempt)
                text = self.script.get(address, reply(f"number {address}"))
                finish = SKIPPED if text == SKIPPED else "length" if text == "cut" else "stop"
                yield Answer(replies=(Reply(slot=slot, text=text, finish=finish),), model="scripted")

    def verdict(self, *address: int) -> Known | None:
        return self.known.get(address)


class FakeCompiler:
    """Takes the text for the program; `bad` does not compile."""

    def __init__(self) -> None:
        self.compiled: list[str] = []

    def compile(self, sources: Mapping[int, str], fields: Any) -> Iterator[tuple[int, str | Failed]]:
        for key, source in reversed(sources.items()):  # in any order
            self.compiled.append(source)
            yield key, Failed(stage="compile", message="it is bad", line=2) if "bad" in source else source


class FakeTrainer:
    """Fitness is the number behind `fit` in the text, else 1; `nan` fails in training."""

    description = TASK

    def __init__(self) -> None:
        self.trained: list[list[str]] = []
        self.seeds: dict[str, set[int]] = {}
        self.played: list[Path | None] = []

    def preflight(self, program: str, worlds: int) -> PreflightReport | Failed:
        if "mixes" in program:
            return Failed(stage="preflight", message="it mixes worlds")
        return PreflightReport(fingerprint=program.replace(" ", ""), inputs=(), nodes=0, ranges={}, notes=())

    def play_episodes(
        self, episodes: int, seed: int, programs: list[str], policy: Path | None = None
    ) -> PlayedEpisodes:
        """The policy of a candidate has fitness 5, or that of random actions if its path has `1.2`."""
        self.played.append(policy)
        fitness = 5.0 if policy and "1.2" not in str(policy) else 1.0
        values = [2.0 if ("misled" in p) != bool(policy) else 1.0 for p in programs]
        returns = tuple(tuple(v + 0.01 * e for e in range(episodes)) for v in values)
        several = tuple(fitness + 0.01 * e for e in range(episodes))
        return PlayedEpisodes(fitness=several, length=(1,) * episodes, metrics={}, returns=returns)

    def train(self, run: Any, request: TrainingRequest, on_progress: Any) -> list[Outcome]:
        programs, known = request.programs, request.known
        self.trained.append([p for m, p in enumerate(programs) if m not in known])
        assert len(set(request.seeds)) == request.trainings
        self.seeds[request.purpose] = self.seeds.get(request.purpose, set()) | set(request.seeds)
        outcomes = [
            known[m].failed if m in known else self._one(p, request.purpose, m // request.candidates)
            for m, p in enumerate(programs)
        ]
        about = {"members": [*range(len(programs))], "until": None, "outcomes": outcomes}
        return run.once(TrainedEvent, {"training": request.key}, lambda: about).outcomes

    def _one(self, program: str, purpose: str, number: int) -> Outcome:
        """`fit 3 5` is 3 in the first training of the search and 5 in the others; `fresh 4` is 4 in the validation."""
        if "nan" in program:
            return Failed(stage="train", message="NaN")
        found, fresh = re.search(r"fit (\d+)(?: (\d+))?", program), re.search(r"fresh (\d+)", program)
        fitness = float(found.group(2) or found.group(1) if number and found else found.group(1) if found else 1.0)
        if purpose == "validation" and fresh:
            fitness = float(fresh.group(1)) + 0.5 * number
        one = trained()
        curves = one.curves.model_copy(update={"training_fitness": [None] * 3})  # the reports alone count
        numbers = {"selection": fitness, "report": fitness, "best": int("late" in program)}
        return one.model_copy(update=numbers | {"curves": curves})


class Loop:
    def __init__(self, tmp_path: Path):
        self.tmp_path, self.count = tmp_path, 0

    def __call__(self, script=None, known=None, resume: Path | None = None, start=None, **sizes) -> Loop:
        preset = load_task("cartpole").file.presets["cpu"].model_dump()
        sizes = {"generations": 2, "samples": 3, "repairs": 1, "racing": None, "validation_seeds": 0} | sizes
        settings = Settings.model_validate(preset | {"preset": "cpu"} | sizes)
        self.designer, self.compiler, self.trainer = Scripted(script or {}, known), FakeCompiler(), FakeTrainer()
        if resume is None:
            self.count += 1
            self.run = create(self.tmp_path / str(self.count), load_task("cartpole"), settings, {})
        else:
            self.run = Run(resume)
        budget = Budget(settings.asking)
        parts = (self.run, self.designer, self.compiler, self.trainer, silent, budget, IsolationPolicy())
        context = RunContext(*parts)  # type: ignore[arg-type]
        try:
            if start is not None:
                given_start(context, as_reply(start))
            self.winner = evolve(context)
        finally:
            self.events = [event.model_dump() for event in self.run.events]
            self.run.close()
        return self


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    return Loop(tmp_path)


def fit(value: int, also: str = "") -> str:
    return reply(f"fit {value} {also}")


def test_the_best_of_the_latest_generation_is_reflected_on_and_the_winner_is_of_all(loop: Loop):
    script = {(1, 1, 0): fit(9), (2, 0, 0): fit(5), (2, 2, 0): fit(3), (3, 0, 0): fit(4)}
    loop(script, generations=3)
    assert loop.winner.name == "1.1"
    parents = [r.parent.name if r.parent else None for r in loop.designer.asked]
    assert parents == [None, "1.1", "2.0"], "the latest generation's best, though an older one was better"
    assert loop.designer.asked[1].messages[2].content == script[1, 1, 0]


def test_a_lucky_candidate_does_not_pass_the_validation(loop: Loop):
    """Three finalists of two generations; each is trained on three seeds that no search used."""
    script = {(1, 0, 0): fit(99, "fresh 20"), (1, 1, 0): fit(60, "fresh 58"), (2, 0, 0): fit(50, "fresh 50")}
    loop(script, finalists=3, validation_seeds=3)
    assert loop.winner.name == "1.1" and len(loop.winner.scores) == 4 and loop.winner.validated == 3
    chosen = next(e for e in loop.events if e["event"] == "finalists")
    assert chosen["chosen"] == ["1.0", "1.1", "2.0"] and chosen["estimates"]["1.0"]["mean"] == 99.0
    assert len(loop.trainer.trained[-1]) == 9 and len(loop.trainer.seeds["validation"]) == 3
    assert not loop.trainer.seeds["validation"] & loop.trainer.seeds["search"]
    record = json.loads((loop.tmp_path / "1" / "candidates" / "1.0" / "record.json").read_text())
    assert [s["report"] for s in record["scores"]] == [99.0, 20.0, 20.5, 21.0] and record["estimate"]["trainings"] == 4
    assert loop(script).winner.name == "1.0", "without validation, luck wins"


def test_an_extension_reflects_on_the_validated_and_validates_new_finalists_only(loop: Loop):
    script = {(1, 0, 0): fit(99, "fresh 20"), (1, 1, 0): fit(60, "fresh 58"), (2, 0, 0): fit(90, "fresh 91")}
    loop(script, generations=1, finalists=3, validation_seeds=2)
    assert loop.winner.name == "1.1"
    run = Run(loop.tmp_path / "1")
    run.append(ExtendedEvent(generations=2))
    run.close()
    for _ in range(2):  # as it goes on, and as it is resumed at its end
        loop(script, resume=loop.tmp_path / "1")
        assert loop.winner.name == "2.0" and loop.winner.validated == 2
        chosen = [e["chosen"] for e in loop.events if e["event"] == "finalists"]
        assert chosen[0] == ["1.0", "1.1", "1.2"] and set(chosen[1]) == {"2.0", "1.0", "1.1"}
        validations = [e["members"] for e in loop.events if e["event"] == "training" and "valid" in e["training"]]
        assert validations[1] == [(2, 0, 0)] * 2
        parents = [e["parents"] for e in loop.events if e["event"] == "prompt"]
        assert parents == [(), ("1.1",)], "lucky 1.0 was found out by the validation"


def test_a_finalist_that_fails_in_the_validation_does_not_win(loop: Loop):
    one = loop({(1, 0, 0): fit(9), (1, 1, 0): fit(8)}, generations=1, finalists=2, validation_seeds=1)
    assert one.winner.name == "1.0"
    train = FakeTrainer._one

    def failing(self, program, purpose, number):
        failed = Failed(stage="train", message="NaN")
        return failed if purpose == "validation" and "fit 9" in program else train(self, program, purpose, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeTrainer, "_one", failing)
        loop({(1, 0, 0): fit(9), (1, 1, 0): fit(8)}, generations=1, finalists=2, validation_seeds=1)
    assert loop.winner.name == "1.1"


def test_nothing_is_validated_where_nothing_is_to_be_chosen(loop: Loop):
    loop({(1, 0, 0): fit(9)}, generations=1, samples=1, validation_seeds=3)
    assert loop.winner.name == "1.0" and set(loop.trainer.seeds) == {"search"}


def test_two_trainings_of_each_choose_the_parent_and_are_told(loop: Loop):
    script = {(1, 0, 0): reply("fit 90 20"), (1, 1, 0): reply("fit 70 66"), (1, 2, 0): reply("fit 10 12")}
    loop(script, seeds=2)
    assert len(loop.trainer.trained[0]) == 6 and len(loop.trainer.seeds["search"]) == 2
    parent = loop.designer.asked[1]
    assert parent.parent is not None and parent.parent.name == "1.1", "the mean counts, not the best training"
    told = parent.messages[3].content
    assert "It was trained 2 times with different random seeds" in told and "70.00, 66.00" in told
    assert re.search(r"Its estimated fitness, .* is \d+\.\d+ \+- \d+\.\d+, 2 trainings\. .* is 1\.1\.\n", told)


def test_a_reward_that_prefers_random_actions_to_the_best_policy_is_sent_back(loop: Loop):
    script = {(1, s, 0): reply(f"fit {30 - s}") for s in range(3)}
    script |= {(1, 1, 0): reply("misled fit 20"), (2, 0, 0): reply("misled fit 90"), (2, 1, 0): reply("fit 40")}
    loop(script | {(2, 0, 1): reply("fit 50")})
    assert any("misled" in p for p in loop.trainer.trained[0]), "the first generation has nothing to compare with"
    assert [p and p.parent.name for p in loop.trainer.played[:2]] == [None, "1.0"]
    repair = next(request for request in loop.designer.asked if request.attempt == 1)
    assert repair.slots == (0,) and "a training would lead away from" in repair.messages[-1].content
    assert not any("misled" in p for p in loop.trainer.trained[1]) and loop.winner.name == "2.0"
    before = loop.trainer.trained
    assert any("misled" in p for p in loop(script, screen=False).trainer.trained[1]) and len(before) == 2


def test_nothing_is_screened_before_a_policy_is_better_than_random_actions(loop: Loop):
    script = {(1, 2, 0): reply("fit 60"), (2, 0, 0): reply("misled fit 90")}
    assert loop(script).winner.name == "2.0"


def test_of_equals_the_one_that_learned_sooner_then_the_first_is_taken(loop: Loop):
    loop({(1, 0, 0): fit(9, "late"), (1, 1, 0): fit(9), (1, 2, 0): fit(9, "too")}, generations=1)
    assert loop.winner.name == "1.1"


def test_a_failed_candidate_is_sent_back_with_its_error_a_bounded_number_of_times(loop: Loop):
    loop({(1, 0, 0): reply("bad"), (1, 0, 1): reply("bad again"), (1, 1, 0): reply("mixes")}, generations=1)
    requests = loop.designer.asked
    assert [(r.slots, r.attempt) for r in requests] == [((0, 1, 2), 0), ((0,), 1), ((1,), 1)]
    assert "line 2: it is bad." in requests[1].messages[-1].content
    assert "it mixes worlds" in requests[2].messages[-1].content
    assert requests[1].messages[-2].content == reply("bad")
    verdicts = {(e["slot"], e["attempt"]): e["failed"] for e in loop.events if e["event"] == "verdict"}
    assert verdicts[0, 1] is not None, "given up after its one repair"
    assert verdicts[1, 1] is None, "mended"
    assert len(loop.trainer.trained[0]) == 2


def test_a_reply_without_code_is_a_failure_like_any_other(loop: Loop):
    loop({(1, 0, 0): "I would rather not.", (1, 0, 1): "Still not."}, generations=1)
    assert "No code was found" in loop.designer.asked[1].messages[-1].content


def test_equal_programs_are_trained_once_in_a_generation_and_over_generations(loop: Loop):
    same, spaced = fit(7), fit(7).replace("x, {}", "x,  {}")
    script = {(1, 0, 0): same, (1, 1, 0): spaced, (2, 0, 0): same, (2, 1, 0): fit(2), (2, 2, 0): fit(3)}
    loop(script)
    assert [len(programs) for programs in loop.trainer.trained] == [2, 2]
    assert loop.winner.name == "1.0"
    assert loop.designer.asked[1].parent.name == "1.0"


def test_a_generation_of_known_programs_trains_nothing_and_goes_on(loop: Loop):
    same = {(g, s, 0): fit(7) for g in (1, 2, 3) for s in range(3)}
    loop(same, generations=3)
    assert [len(p) for p in loop.trainer.trained] == [1]
    assert loop.designer.asked[2].parent.name == "2.0" and loop.designer.asked[2].parent.duplicate_of == "1.0"


def test_a_generation_in_which_all_fail_is_begun_anew_with_the_errors_shown(loop: Loop):
    script = {(1, s, a): reply("bad" if a < 2 else "fine") for s in range(3) for a in range(3)}
    loop(script, generations=1)
    again = loop.designer.asked[-1]
    assert again.attempt == 2 and again.slots == (0, 1, 2)
    text = again.messages[-1].content
    told = TASK.trained_with(loop.run.settings)
    assert text.startswith(prompts.first(told)[-1].content)
    assert text.count("it is bad") == 1, "the same error is told once"


def test_candidates_that_fail_in_training_begin_the_generation_anew_too(loop: Loop):
    loop({(1, s, 0): reply(f"nan {s}") for s in range(3)}, generations=1)
    assert "NaN" in loop.designer.asked[-1].messages[-1].content and loop.winner.attempt == 2


def test_a_hopeless_generation_is_left_and_the_run_goes_on(loop: Loop):
    script = {(2, s, a): reply("bad") for s in range(3) for a in range(6)}
    loop(script, generations=3)
    assert loop.winner.generation in (1, 3)
    assert loop.designer.asked[-1].parent.generation == 1, "the last best there is"


def test_a_run_without_any_trained_candidate_says_so(loop: Loop):
    script = {(1, s, a): reply("bad") for s in range(3) for a in range(6)}
    with pytest.raises(EurekaError, match=r"no candidate of 3 could be trained.*eureka inspect"):
        loop(script, generations=1)


def test_a_known_failure_by_time_or_memory_is_not_decided_again(loop: Loop):
    slow = Known(Failed(stage="compile", message="took too long", machine=True))
    dead = Known(Failed(stage="train", message="killed", machine=True))
    loop({}, {(1, 0, 0): slow, (1, 1, 0): dead}, generations=1)
    assert not any("(1, 0, 0)" in source for source in loop.compiler.compiled)
    assert any("(1, 1, 0)" in source for source in loop.compiler.compiled)
    assert not any("(1, 1, 0)" in program for programs in loop.trainer.trained for program in programs)


def test_the_failures_of_a_generation_are_told_in_the_next_prompt(loop: Loop):
    loop({(1, 0, a): reply("bad") for a in (0, 1)})
    assert "failed: compile: line 2: it is bad" in loop.designer.asked[-1].messages[-1].content


def test_a_reply_that_was_cut_off_is_a_failure_of_its_own_and_sent_back(loop: Loop):
    loop({(1, 0, 0): "cut"}, generations=1)
    failed = next(e["failed"] for e in loop.events if e["event"] == "verdict" and e["failed"])
    assert failed["stage"] == "reply" and "cut off" in failed["message"]
    assert "could not be used: the reply was cut off" in loop.designer.asked[1].messages[-1].content


def test_a_reply_that_nobody_gave_is_not_asked_for_again(loop: Loop):
    loop({(1, 0, 0): SKIPPED, (1, 1, 0): SKIPPED}, generations=1)
    assert len(loop.designer.asked) == 1 and loop.winner.name == "1.2"


def test_a_start_takes_the_place_of_generation_0_and_does_not_win(loop: Loop):
    start = "def compute_reward(x):\n    return x, {}  # fit 99\n"
    loop({(1, 0, 0): fit(5)}, generations=1, start=start)
    (first,) = loop.designer.asked
    assert first.parent.name == "0.0" and "fit 99" in first.messages[2].content
    assert "A policy was trained on your reward function" in first.messages[3].content
    assert [len(p) for p in loop.trainer.trained] == [1, 3]
    assert loop.winner.name == "1.0"


def test_a_start_that_cannot_be_used_is_the_users_fault(loop: Loop):
    with pytest.raises(UserError, match="line 2: it is bad"):
        loop({}, generations=1, start="def compute_reward(x):\n    return bad, {}\n")


class Crash(BaseException):
    pass


def test_a_run_cut_off_after_any_event_ends_in_the_same_journal(loop: Loop, monkeypatch):
    """Cuts a run after each of its events in turn, resumes it, and compares what is recorded in the end."""
    from eureka.runs.store import Run

    script = {(1, 0, 0): reply("bad"), (1, 1, 0): fit(9), (2, 0, 0): fit(5), (2, 1, 0): fit(9), (2, 2, 0): reply("nan")}

    def recorded(events):
        return sorted(str({k: v for k, v in e.items() if k != "time"}) for e in events)

    loop(script)
    whole, winner = recorded(loop.events), loop.winner
    append = Run.append
    for cut in range(1, len(whole)):
        left = {"events": cut}

        def crashing(self, event, left=left):
            event = append(self, event)
            left["events"] -= 1
            if left["events"] == 0:
                raise Crash
            return event

        monkeypatch.setattr(Run, "append", crashing)
        with pytest.raises(Crash):
            loop(script)
        monkeypatch.setattr(Run, "append", append)
        folder = loop.run.folder
        loop(script, resume=folder)
        assert recorded(loop.events) == whole, f"cut after event {cut}"
        assert loop.winner == winner
