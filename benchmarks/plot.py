"""The README's picture of the benchmarks, from the newest entries of their histories.

    python benchmarks/plot.py [-o docs/pictures/benchmarks.svg]

Left: env-steps a second on gymnasium's Ant-v5 scene, one policy. Middle: wall time of K cartpole trainings. Right:
where a training step goes. Grey text and lines of middling lightness, on no background, can be read on light and dark
pages.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from record import HISTORY, newest

mpl.use("svg")
mpl.rcParams |= {
    "svg.hashsalt": "eureka",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "#8b949e",
    "axes.labelcolor": "#7d8590",
    "axes.titlecolor": "#7d8590",
    "text.color": "#7d8590",
    "xtick.color": "#7d8590",
    "ytick.color": "#7d8590",
}
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "benchmarks.svg"
OURS, GREEN, VIOLET, ROSE, GREY = "#e8853b", "#3fa37c", "#8b7cd8", "#d4688c", "#8b949e"
LEARNERS = {
    "bare": ("bare mujoco.batch", GREY),
    "ours": ("Eureka", OURS),
    "rsl": ("rsl_rl, same environment", VIOLET),
    "sb3": ("stable-baselines3", GREEN),
}
WAYS = {
    "sequential": ("one after another", GREEN),
    "processes": ("a process each, at once", VIOLET),
    "one": ("one population", OURS),
}
PARTS = {
    "physics": GREY,
    "learning": OURS,
    "policy": VIOLET,
    "outside": ROSE,
}


def learners(axes: Axes, record: dict[str, Any]) -> None:
    """A bar a learner, the bare simulator on top."""
    shown = [(name, *LEARNERS[name]) for name in LEARNERS if name in record["steps_per_second"]]
    rates = [record["steps_per_second"][name]["median"] for name, _, _ in shown]
    places = range(len(shown))[::-1]
    axes.barh(places, rates, color=[color for _, _, color in shown], height=0.62)
    for place, rate, (_, label, _) in zip(places, rates, shown, strict=True):
        axes.text(0, place + 0.36, label, va="bottom", ha="left")
        axes.text(rate + max(rates) * 0.02, place, f"{rate:,.0f}", va="center", ha="left")
    axes.set(xlim=(0, max(rates) * 1.22), ylim=(-0.5, len(shown) - 0.1), xticks=[], yticks=[])
    axes.set_title("Ant-v5, one policy: env-steps a second")
    axes.spines[:].set_visible(False)


def population(axes: Axes, record: dict[str, Any]) -> None:
    """A line for each way to train K policies."""
    for way, (label, color) in WAYS.items():
        seconds = {int(k): of["median"] for k, of in record["seconds"][way].items()}
        axes.plot(list(seconds), list(seconds.values()), "o-", color=color, linewidth=1.8, markersize=4, label=label)
    sizes = [int(k) for k in record["seconds"]["one"]]
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(NullLocator())
    axes.set(xlabel="K rewards trained")
    axes.set_title(f"{record['task']}, K trainings: seconds")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)


def shares(axes: Axes, record: dict[str, Any]) -> None:
    """A bar for each task, cut into parts."""
    names = {"policy": "policy, noise", "outside": "task, rewards, between"}
    for row, result in enumerate(record["tasks"].values()):
        of = {name: value["median"] for name, value in result["share"]["one worker"].items()}
        parts = {"physics": of["physics"], "learning": of["learning"], "policy": of["policy"] + of["noise"]}
        parts["outside"] = result["outside"]["one worker"]["median"]
        left, whole = 0.0, sum(parts.values())
        for name, share in parts.items():
            label = names.get(name, name) if row == 0 else None
            axes.barh(-row, share / whole, left=left, color=PARTS[name], height=0.7, label=label)
            if share / whole > 0.07:  # else there is no room
                where = left + share / whole / 2
                axes.text(where, -row, f"{share / whole:.0%}", ha="center", va="center", fontsize=7, color="white")
            left += share / whole
    tasks = list(record["tasks"])
    axes.set(xlim=(0, 1), xticks=[], yticks=[-row for row in range(len(tasks))], yticklabels=tasks)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2, fontsize=7, frameon=False)
    axes.set_title("parts of a training step, one process")
    axes.spines[:].set_visible(False)


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=PICTURE)
    parser.add_argument("--history", type=Path, default=HISTORY)
    options = parser.parse_args()
    panels = {"train": learners, "population": population, "overhead": shares}
    wanted = {"train": {"task": "ant_v5"}}
    records = {name: newest(options.history, name, device="cpu", **wanted.get(name, {})) for name in panels}
    missing = [name for name, record in records.items() if record is None]
    if missing:
        sys.exit(f"error: no results yet of {', '.join(missing)}; run benchmarks/{missing[0]}.py, or make bench")
    figure, axes = plt.subplots(1, len(panels), figsize=(11, 2.9), layout="constrained")
    for axis, (name, draw) in zip(axes, panels.items(), strict=True):
        axis.patch.set_alpha(0)
        draw(axis, records[name] or {})
    machines = {
        f"{r['machine']['cores']} cores ({r['machine']['processor']}), {r['date']}" for r in records.values() if r
    }
    figure.supxlabel("; ".join(sorted(machines)), fontsize=8, x=0.99, ha="right")
    figure.savefig(options.output, transparent=True, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
