"""Options and arguments that several commands of the command line have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TaskArgument = Annotated[
    str, typer.Argument(metavar="TASK", help="A task's YAML, a shipped task's name or gymnasium:ID.")
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run.")]
SandboxOption = Annotated[
    str, typer.Option("--sandbox", metavar="LEVEL", help="auto, strict, strict-noland, container or none.")
]
OpenOption = Annotated[
    bool, typer.Option("--open-trainer", help="Let the task's own code write anywhere and use the network.")
]
CompileOption = Annotated[
    bool, typer.Option("--compile", help="Merge and compile the rewards that train together; needs a C++ compiler.")
]
DisplayOption = Annotated[str, typer.Option("--display", metavar="HOW", help="auto, live, plain, json or none.")]
LogOption = Annotated[
    str | None, typer.Option("--log", metavar="NAME", help="Where curves go besides the run's folder: tensorboard.")
]
LlmOption = Annotated[
    str | None,
    typer.Option(
        "--llm",
        metavar="NAME",
        help="Designer: search (built in), openai:MODEL[@URL], manual[:WHO], transformers:MODEL or replay:RUN. "
        "Default: what EUREKA_LLM says, else search.",
    ),
]
UsdOption = Annotated[float | None, typer.Option("--max-usd", metavar="USD", help="What all calls may cost.")]
PricesOption = Annotated[
    str | None, typer.Option("--prices", metavar="IN,OUT[,CACHED]", help="The model's, in USD a million tokens.")
]
TokensOption = Annotated[int | None, typer.Option("--max-tokens", metavar="T", help="What all calls may take.")]
PresetOption = Annotated[
    str | None, typer.Option("--preset", metavar="NAME", help="Size of it all: cpu, gpu or paper.")
]
GenerationsOption = Annotated[
    int | None, typer.Option("--generations", metavar="G", help="Rounds of prompting and training.")
]
SamplesOption = Annotated[int | None, typer.Option("--samples", metavar="K", help="Candidates in a generation.")]
EnvsOption = Annotated[int | None, typer.Option("--envs", metavar="N", help="Worlds of each training.")]
StepsOption = Annotated[int | None, typer.Option("--steps", metavar="S", help="World-steps of each training.")]
SeedOption = Annotated[
    int | None, typer.Option("--seed", metavar="S", help="Decides every random number; 0 if not given.")
]
StrategyOption = Annotated[
    str | None,
    typer.Option("--strategy", metavar="HOW", help="greedy (the paper's, default) or best-of-n: no reflection."),
]
DeviceOption = Annotated[
    str, typer.Option("--device", metavar="D", help="auto, cpu, cuda, or warp-cpu: the GPU's code on the CPU, slowly.")
]
DevicesOption = Annotated[
    str | None, typer.Option("--devices", metavar="D,D", help="GPUs that share the work, as cuda:0,cuda:1.")
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", metavar="N", help="Trainer processes that share the work.")
]
ExecutorOption = Annotated[
    str | None,
    typer.Option("--executor", metavar="WHERE", help="local, or ray[:ADDRESS]: the machines of a Ray cluster."),
]
RacingOption = Annotated[
    str | None,
    typer.Option(
        "--racing",
        metavar="HOW",
        help="on, off, or RUNG,RUNG:KEEP: at those shares of the training only that share of the candidates goes on.",
    ),
]
WarmOption = Annotated[
    float | None,
    typer.Option(
        "--warm-start",
        metavar="SHARE",
        help="Later generations begin from the parent's policy, and train for that share of the steps.",
    ),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder of the run; default runs/TASK/...")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Start even what is estimated above 8 hours.")]
