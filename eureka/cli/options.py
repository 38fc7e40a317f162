"""Options and arguments that several commands share.

`show_default` describes a default that is not a constant.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from eureka.text import whole


def within(least: int, most: float = math.inf) -> Callable[[Any], int]:
    """A parser of whole numbers, such as `1e6`, in a range."""

    def parse(given: Any) -> int:
        number = whole(given)
        if not least <= number <= most:
            raise ValueError(f"give a number of at least {least}{f' and at most {most}' if most < math.inf else ''}")
        return number

    return parse


def _ask(given: str) -> str:
    if given != "words":
        raise ValueError(f"give words, not {given!r}")
    return given


def _hours(given: Any) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(given) < math.inf:
            return float(given)
    raise ValueError("give a number of hours above 0, such as 8 or 0.5")


def tasks(incomplete: str) -> list[str]:
    """Complete a task: a shipped one, or a YAML file."""
    from eureka.config.tasks import shipped_tasks

    names = shipped_tasks()
    files = sorted(str(path) for path in Path(incomplete).parent.glob("*.yaml"))
    return [name for name in [*names, *files] if name.startswith(incomplete)]


def runs(incomplete: str) -> list[str]:
    """Complete a run: `latest`, a task's name, or a folder in `runs/`."""
    from eureka.runs import layout

    folders, names = list(layout.runs_below(Path("runs"))), {"latest"}
    for folder in folders:
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):  # a damaged run
            names.add(str(json.loads((folder / layout.RECORD).read_bytes())["task"]))
    return [name for name in [*sorted(names), *map(str, folders)] if name.startswith(incomplete)]


def among(*words: str) -> Callable[[str], list[str]]:
    """Complete one of these words."""
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


Task = Annotated[
    str,
    Argument(metavar="TASK", help="Name of a shipped task, a task's YAML file, or gymnasium:ID.", autocompletion=tasks),
]
Run = Annotated[
    str,
    Argument(
        metavar="RUN",
        help="Folder of a run; or a task's name or latest, for the newest one in runs/.",
        autocompletion=runs,
    ),
]

# Sizes
Preset = Annotated[
    str | None,
    Option(
        metavar="NAME",
        help="Preset sizes: cpu, gpu, paper, or one in eureka.toml.",
        show_default="by device",
        autocompletion=among("cpu", "gpu", "paper"),
    ),
]
Envs = Annotated[
    int | None, Option(metavar="N", parser=whole, help="Worlds per training.", show_default="from the preset")
]
Steps = Annotated[
    int | None, Option(metavar="S", parser=whole, help="World-steps per training.", show_default="from the preset")
]
Seed = Annotated[
    int | None,
    Option(metavar="S", parser=within(0, 2**31 - 1), help="Seed of all random numbers.", show_default="0"),
]
Compile = Annotated[
    bool, Option("--compile", help="Compile the rewards of a generation with torch.compile; needs a C++ compiler.")
]
Set = Annotated[
    list[str] | None,
    Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a setting of the preset or a parameter of the task, such as learning.gamma=0.98 or "
        "parameters.NAME=0.5; may be repeated.",
        show_default=False,
    ),
]
Policy = Annotated[
    str | None,
    Option(
        metavar="RUN|FILE",
        help="Policy that every training starts from: a run's winner, or a policy file in a run.",
        show_default="a new policy",
    ),
]
FinalSeeds = Annotated[int, Option(metavar="N", parser=within(1), help="Trainings per reward, each with a fresh seed.")]

# The search
Generations = Annotated[
    int | None,
    Option(metavar="G", parser=whole, help="Rounds of proposing and training.", show_default="from the preset"),
]
Samples = Annotated[
    int | None, Option(metavar="K", parser=whole, help="Candidates per generation.", show_default="from the preset")
]
Strategy = Annotated[
    str | None,
    Option(
        metavar="NAME",
        help="Search strategy: greedy (reflects on the best of the latest generation), elite (on the best of all), "
        "islands (on one or two of several populations) or best-of-n (no reflection).",
        show_default="greedy",
    ),
]
Racing = Annotated[
    str | None,
    Option(
        metavar="RUNGS",
        help="Early stopping of weak candidates: on, off, or RUNG,RUNG:KEEP as shares of training and candidates; "
        "RUNGxS for S trainings of each candidate up to a rung.",
        show_default="from the preset",
    ),
]
SearchSeeds = Annotated[
    int | None,
    Option(
        metavar="S",
        parser=whole,
        help="Trainings of each candidate, on different seeds.",
        show_default="from the preset",
    ),
]
Validation = Annotated[
    str | None,
    Option(
        metavar="MxV",
        help="Train the best M candidates of all generations again on V fresh seeds before one is the winner; or off.",
        show_default="from the preset",
    ),
]
ChooseBy = Annotated[
    str | None,
    Option(
        metavar="NAME",
        help="What chooses parents and the winner: estimate, or checkpoint (the best one's fitness, as in the paper).",
        show_default="from the preset",
    ),
]
WarmStart = Annotated[
    float | None,
    Option(
        metavar="SHARE",
        help="Share of the steps to train from the parent's policy in later generations; 0 for off.",
        show_default="from the preset",
    ),
]

# The designer
Llm = Annotated[
    str | None,
    Option(
        metavar="NAME",
        help="Designer: search (built in), openai:MODEL[@URL] (also anthropic, gemini, ollama, openrouter), "
        "manual[:NAME], transformers:MODEL or replay:RUN.",
        show_default="EUREKA_LLM, or search",
    ),
]
LlmOption = Annotated[
    list[str] | None,
    Option(
        "--llm-option",
        metavar="KEY=VALUE",
        help="Further parameter of each model call, such as top_p=0.9 or reasoning_effort=low; may be repeated.",
        show_default=False,
    ),
]
MaxUsd = Annotated[float | None, Option(metavar="USD", help="Limit on the cost of all model calls.")]
MaxTokens = Annotated[int | None, Option(metavar="T", parser=whole, help="Limit on the tokens of all model calls.")]
Prices = Annotated[
    str | None,
    Option(
        metavar="IN,OUT[,CACHED]",
        help="Prices of the model in USD per million tokens; looked up if genai-prices is installed.",
    ),
]

# Devices
Device = Annotated[
    str, Option(metavar="NAME", help="Device: auto, cpu, cuda, or warp-cpu (GPU code on the CPU, slow).")
]
Devices = Annotated[str | None, Option(metavar="D,D", help="GPUs that share the work, such as cuda:0,cuda:1.")]
Workers = Annotated[int | None, Option(metavar="N", parser=whole, help="Trainer processes that share the work.")]
Executor = Annotated[
    str | None, Option(metavar="NAME", help="Executor: local, or ray[:ADDRESS] for the machines of a Ray cluster.")
]

# Isolation and output
Sandbox = Annotated[str, Option(metavar="LEVEL", help="Sandbox level: auto, strict, strict-noland, container or none.")]
OpenTrainer = Annotated[
    bool, Option("--open-trainer", help="Allow the task's code to write files and use the network.")
]
Out = Annotated[Path | None, Option(metavar="DIR", help="Folder of the run.", show_default="a new folder in runs/TASK")]
Display = Annotated[str, Option(metavar="KIND", help="Progress display: auto, live, plain, json or none.")]
Log = Annotated[str | None, Option(metavar="NAME", help="Additional logger for the curves: tensorboard or wandb.")]
Yes = Annotated[bool, Option("--yes", help="Start even if the estimate exceeds 8 hours.")]
Ask = Annotated[
    str | None,
    Option(
        metavar="words", parser=_ask, help="Wait after each generation for what people say of it (eureka feedback)."
    ),
]
MaxHours = Annotated[
    float | None,
    Option(
        metavar="H",
        parser=_hours,
        help="Hours that the command may take: a search ends after fewer generations; what does not fit is refused.",
        show_default="no limit",
    ),
]
