"""What the sandbox costs: seconds to compile a reward, and a step of its program against plain eager execution.

    python benchmarks/sandbox.py [--repeats 5] [--no-history]

Rewards are those of tests/sandbox/honest. Prints JSON and adds a line to benchmarks/history/sandbox.jsonl; ratios are
of medians measured side by side in this one run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from record import about, keep
from support.state import FIELDS

from eureka.rewards.compiler import Compiler
from eureka.rewards.program import Field, Program, ProgramBank, rebuild
from eureka.runs.candidate import Failed
from eureka.system.paths import load_sandbox
from eureka.workers.isolation import IsolationPolicy

trace = load_sandbox("trace")
HONEST = Path(__file__).parents[1] / "tests" / "sandbox" / "honest"
DECLARED = {name: Field(tuple(shape), dtype) for name, (shape, dtype, _) in FIELDS.items()}
SENT = {name: (field.shape, field.dtype) for name, field in DECLARED.items()}


def main() -> None:
    """Measure, print, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-history", action="store_true", help="print only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sources = {path.stem: path.read_text() for path in sorted(HONEST.glob("*.py"))}
    found = about("sandbox") | compiling(sources, options.repeats)
    programs = {k: v for k, v in found.pop("programs").items() if "cuda" not in sources[k]}
    with contextlib.redirect_stdout(sys.stderr):  # one of them prints
        found["step"] = {worlds: stepping(sources, programs, worlds, options.repeats) for worlds in (64, 4096)}
        found["together"] = together(sources, programs, options.repeats)
    print(json.dumps(found, indent=2))
    if not options.no_history:
        keep(found)


def compiling(sources: dict[str, str], repeats: int) -> dict[str, Any]:
    """The way through the jail: the start of it, each reward alone, and sixteen at once."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        compiler = Compiler(IsolationPolicy(), Path(folder) / "log")
        level = str(compiler.sandbox)
        warm_up = time.perf_counter() - start
        seconds, programs, refused = [], {}, []
        for name, source in sources.items():
            start = time.perf_counter()
            ((_, result),) = compiler.compile({name: source}, SENT)
            if isinstance(result, Failed):
                refused.append(name)
            else:
                seconds.append(time.perf_counter() - start)
                programs[name] = result
        names = list(programs)
        whole = []
        for i in range(repeats):
            start = time.perf_counter()
            batch = [names[(i * 16 + k) % len(names)] for k in range(16)]
            list(compiler.compile({k: sources[n] for k, n in enumerate(batch)}, SENT))
            whole.append(time.perf_counter() - start)
        compiler.close()
    return {
        "sandbox": level,
        "warm_up_seconds": round(warm_up, 2),
        "rewards": len(sources),
        "refused": refused,
        "compile_seconds": {
            "median": round(statistics.median(seconds), 3),
            "longest": round(max(seconds), 3),
            "sixteen": round(statistics.median(whole), 2),
        },
        "programs": programs,
    }


def stepping(sources: dict[str, str], texts: dict[str, str], worlds: int, repeats: int) -> dict[str, Any]:
    """One step of each program, rebuilt and checked, against the function that it was made from."""
    ratios = {}
    for name, text in texts.items():
        program = rebuild(text, DECLARED, worlds)
        function = trace.load(sources[name])
        states = _states(program, worlds)
        inputs = list(states.values())
        ratios[name] = _ratio(lambda: program(*inputs), lambda: function(**states), repeats)  # noqa: B023
    ordered = sorted(ratios.values())
    worst = max(ratios, key=ratios.__getitem__)
    return {
        "programs": len(ratios),
        "median": round(statistics.median(ordered), 3),
        "nine_tenths_below": round(ordered[int(0.9 * len(ordered))], 3),
        "worst": {worst: round(ratios[worst], 2)},
    }


def together(sources: dict[str, str], texts: dict[str, str], repeats: int) -> dict[str, Any]:
    """Sixteen candidates of 64 worlds each: eager functions, a bank of programs, and the same bank compiled."""
    worlds, names = 64, list(texts)[:: max(1, len(texts) // 16)][:16]
    programs = [rebuild(texts[name], DECLARED, worlds) for name in names]
    functions = [trace.load(sources[name]) for name in names]
    fields = _states(None, worlds * len(names))
    own = [{n: fields[n][p * worlds : (p + 1) * worlds] for n in q.inputs} for p, q in enumerate(programs)]

    def eager() -> None:
        for function, states in zip(functions, own, strict=True):
            function(**states)

    def of(bank: ProgramBank) -> Callable[[], None]:
        def step() -> None:
            bank(fields)
            for history in bank._history:
                history.clear()

        return step

    bank, compiled = ProgramBank(programs, worlds), ProgramBank(programs, worlds)
    start = time.perf_counter()
    problem = compiled.compile(fields)
    seconds = time.perf_counter() - start
    return {
        "candidates": len(names),
        "worlds": worlds,
        "compile_seconds": round(seconds, 1),
        "problem": problem,
        "eager_over_bank": round(1 / _ratio(of(bank), eager, repeats), 2),
        "eager_over_compiled": round(1 / _ratio(of(compiled), eager, repeats), 2),
    }


def _states(program: Program | None, worlds: int) -> dict[str, torch.Tensor]:
    chance = torch.Generator().manual_seed(0)
    names = program.inputs if program else tuple(DECLARED)
    return {name: trace._example(DECLARED[name], worlds, chance) for name in names}


@torch.no_grad()
def _ratio(first: Callable[[], Any], second: Callable[[], Any], repeats: int) -> float:
    """Median seconds of the first over those of the second, measured in turns."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(3):
        first(), second()
    for _ in range(max(5, repeats)):
        for act, taken in zip((first, second), seconds, strict=True):
            start = time.perf_counter()
            for _ in range(20):
                act()
            taken.append(time.perf_counter() - start)
    return statistics.median(seconds[0]) / statistics.median(seconds[1])


if __name__ == "__main__":
    main()
