"""Runs for the tests of the pages, made from the recorded example: grown to eighty candidates, hostile, cut short."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from eureka.report.run_view import RunView, read
from eureka.runs.journal import read_journal

Event = dict[str, Any]
"""As JSON: what is not an event of this version has to be written too."""
EXAMPLE = Path(__file__).resolve().parent.parent.parent / "runs" / "examples" / "cartpole"
HOSTILE = (
    "</script></style></title></textarea><img src=x onerror=\"window.pwned=1\"><svg onload='window.pwned=1'>"
    "' onmouseover=window.pwned=1 x=\" {{ 7 * 7 }} &lt;b&gt; \x1b[31mred\x1b[0m \u202egnol\u2066 \x00 \ud800 "
)
"""What must never become elements, attributes, a template, a terminal's colours or another direction of reading."""
_STRUCTURE = {
    "event",
    "stage",
    "role",
    "training",
    "preset",
    "device",
    "strategy",
    "choose_by",
    "verdict",
    "finish",
    "winner",
}
_STRUCTURE |= {"kind", "parents"}
"""Keys whose values are words of the format; others in their place make a journal that is refused."""


def example() -> list[Event]:
    """The events of the recorded run: two generations of four, finished."""
    return [json.loads(line) for line in (EXAMPLE / "events.jsonl").read_text().splitlines()]


def beginning(events: Sequence[Event], kind: str, count: int = 1) -> list[Event]:
    """The journal up to the `count`-th event of this kind, which is its last."""
    places = [i for i, event in enumerate(events) if event["event"] == kind]
    return list(events[: places[count - 1] + 1])


def halves() -> tuple[list[Event], list[Event]]:
    """The recorded run, cut after the fourth of eight checkpoints of its first generation."""
    first = beginning(example(), "checkpoint", 4)
    return first, example()[len(first) :]


def example_record() -> dict[str, Any]:
    return json.loads((EXAMPLE / "run.json").read_text())


def write_run(folder: Path, events: Iterable[Event], record: dict[str, Any] | None = None) -> Path:
    """A run's folder with this journal."""
    folder.mkdir(parents=True, exist_ok=True)
    events = list(events)
    kind = {"kind": "comparison"} if of_kind(events, "arms") else {}
    (folder / "run.json").write_text(json.dumps((record or example_record()) | kind))
    append(folder, events)
    return folder


def append(folder: Path, events: Iterable[Event]) -> None:
    with open(folder / "events.jsonl", "a") as file:
        file.writelines(json.dumps(event) + "\n" for event in events)


def of_kind(events: Iterable[Event], kind: str) -> list[Event]:
    return [event for event in events if event["event"] == kind]


def failing(events: list[Event], generation: int, slot: int, stage: str, message: str) -> list[Event]:
    """The same journal, but this candidate's first reply failed, and was not mended."""
    changed = []
    for event in events:
        if event["event"] == "verdict" and (event["generation"], event["slot"]) == (generation, slot):
            failed = {"stage": stage, "message": message, "line": 3, "machine": False}
            event = event | {"failed": failed, "program": None, "fingerprint": None}
        changed.append(event)
    return changed


def grown(generations: int = 5, samples: int = 16) -> tuple[list[Event], dict[str, Any]]:
    """A run of eighty candidates, with failures, duplicates, and texts and curves as long as a real run's.

    In each generation the slots 3, 10, ... fail, and the slots 5, 12, ... repeat the program of the one before.
    """
    chance, real, record = random.Random(0), example(), example_record()
    record["settings"] |= {"generations": generations, "samples": samples}
    codes = {(e["generation"], e["slot"]): e["code"] for e in of_kind(real, "verdict")}
    answers = [(e, e["answer"]["replies"][0]) for e in of_kind(real, "answer")]
    texts = [(reply["text"], codes[event["generation"], reply["slot"]]) for event, reply in answers]
    outcomes = [outcome for event in of_kind(real, "trained")[:2] for outcome in event["outcomes"]]
    events, parent, winner = [real[0]], ("", ""), ("", 0.0)
    for generation in range(1, generations + 1):
        chosen = [chance.choice(texts) for _ in range(samples)]
        members = [[generation, slot, 0] for slot in range(samples) if slot % 7 not in (3, 5)]
        trained = [_scaled(chance.choice(outcomes), chance.uniform(0.2, 0.5) + 0.1 * generation) for _ in members]
        time = real[0]["time"] + 600.0 * generation
        events += _asked(generation, chosen, parent, time)
        training = {"time": time + 60.0, "training": f"generation-{generation}-0"}
        ended = {"outcomes": trained, "seconds": {"env": 300.0, "learning": 250.0}, "publish": {}}
        events.append({"event": "training", **training, "members": members, "warm": None})
        events.append({"event": "trained", **training, "members": list(range(len(members))), "until": None, **ended})
        best = max(range(len(members)), key=lambda i: trained[i]["selection"])
        slot = members[best][1]
        parent = f"{generation}.{slot}", _marked(chosen[slot][0], generation, slot)
        winner = max(winner, (f"{generation}.{members[best][1]}", trained[best]["report"]), key=lambda found: found[1])
    events += [e for e in real if e["event"] == "baseline" or e.get("training") == "final"]
    return [*events, real[-1] | {"winner": winner[0]}], record


def _marked(text: str, generation: int, slot: int) -> str:
    """A reply that differs from every other one."""
    return text.replace("```python\n", f"```python\n# {generation}.{slot}\n")


def _scaled(outcome: dict[str, Any], by: float) -> dict[str, Any]:
    """A training whose fitness is so many times what it was."""
    curves = outcome["curves"] | {"fitness": [f * by for f in outcome["curves"]["fitness"]]}
    return outcome | {"curves": curves, "report": 500 * by, "selection": 500 * by}


def _asked(generation: int, chosen: Sequence[tuple[str, str]], parent: tuple[str, str], time: float) -> list[Event]:
    """A generation's prompt, answers and verdicts; the parent is given by its name and its reply."""
    real, sha256 = example(), f"{generation:064x}"
    messages = [dict(m) for m in of_kind(real, "prompt")[min(generation, 2) - 1]["messages"]]
    if generation > 1:
        messages[2]["content"] = parent[1]
    answer, verdict = (of_kind(real, kind)[0] for kind in ("answer", "verdict"))
    key = {"time": time, "generation": generation, "attempt": 0}
    prompt = {"event": "prompt", **key, "sha256": sha256, "messages": messages}
    events: list[Event] = [prompt | {"parents": [parent[0]] if generation > 1 else []}]
    took = {"called": True, "usd": 0.01, "seconds": 2.0, "prompt_tokens": 1200, "completion_tokens": 400}
    for slot, (text, code) in enumerate(chosen):
        reply = {"slot": slot, "text": _marked(text, generation, slot), "finish": "stop"}
        events.append(answer | key | {"prompt": sha256, "answer": answer["answer"] | took | {"replies": [reply]}})
        failed = {"stage": "compile", "message": "unknown name pole_angel", "line": 4, "machine": False}
        known = {"failed": failed, "fingerprint": None} if slot % 7 == 3 else {"failed": None}
        if slot % 7 != 3:
            known["fingerprint"] = f"{generation}-{slot - (slot % 7 == 5)}"
        events.append(verdict | key | {"slot": slot, "code": f"# {generation}.{slot}\n{code}"} | known)
    return events


def hostile() -> tuple[list[Event], dict[str, Any]]:
    """The recorded run with every name and text in it made hostile; what refers to each other still does."""

    def poisoned(value: Any, key: str = "") -> Any:
        if isinstance(value, str):
            return value if key in _STRUCTURE else HOSTILE + value
        if isinstance(value, list):
            return [poisoned(inner, key) for inner in value]
        if isinstance(value, dict):
            named = key in (
                "components",
                "least",
                "greatest",
                "sizes",
                "sums",
                "correlations",
                "robustness",
                "versions",
                "sources",
            )
            return {HOSTILE + k if named else k: poisoned(inner, k) for k, inner in value.items()}
        return value

    events = [poisoned(event) for event in failing(example(), 1, 2, "compile", HOSTILE + "x" * 500)]
    for event in of_kind(events, "trained")[:1]:
        event["outcomes"][1] = {"stage": "train", "message": HOSTILE, "line": None, "machine": True}
    return events, poisoned(example_record())


def reading(folder: Path) -> RunView:
    return read(read_journal(folder))
