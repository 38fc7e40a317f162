"""The process that renders a trajectory, `python -m eureka.video.render_process`: without keys, without task code.

Frames go both ways on the standard streams, as with the trainer. In comes one, `{trajectory, renderer, size, film,
frames}`; out go

    unable {message}            there is no such renderer here; the process ends
    drawing {by, codec, frames} it works: so many frames will follow
    frame {number}              after each of them
    drawn {}                    the files are whole
"""

from __future__ import annotations

import os
import sys
import traceback
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from eureka.video import encoders, renderers
from eureka.video.overlay import Panel
from eureka.video.trajectory import Trajectory, load
from eureka.workers.process import frames, write_frame

_SLOWEST = 25
"""Frames a second that look like motion: no control step beyond them is drawn."""
_ASIDE, _BELOW = 0.3, 0.42
"""The share of a lone policy's frame, or of one among several, that the panel takes."""

_BETWEEN = (68, 75, 88)
"""Colour of the line between two policies."""


def rate_of(control_period: float) -> tuple[int, Fraction]:
    """Every how many control steps there is a frame, and frames a second, so that the film runs in real time."""
    steps = Fraction(1 / control_period).limit_denominator(1000)
    every = max(1, int(steps / _SLOWEST))
    return every, steps / every


class _Layout:
    """Where picture and panel of each policy go in a frame."""

    def __init__(self, policies: int, width: int, height: int):
        self.size = (width, height)
        self.alone = policies == 1
        wide = width // policies
        if self.alone:
            aside = max(min(220, width // 2), round(width * _ASIDE))
            self.picture, self.panel = (width - aside, height), (aside, height)
        else:
            below = max(min(150, height // 2), round(height * _BELOW))
            self.picture, self.panel = (wide, height - below), (wide, below)

    def places(self, policy: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """The upper left corners of a policy's picture and panel."""
        left = policy * self.picture[0]
        return ((0, 0), (self.picture[0], 0)) if self.alone else ((left, 0), (left, self.picture[1]))


def draw(job: dict[str, Any], out: int) -> None:
    """Do what the frame that came in says."""
    trajectory = load(Path(job["trajectory"]))
    width, height = (n - n % 2 for n in job["size"])
    layout = _Layout(len(trajectory.parts), width, height)
    states = np.concatenate([part.state for part in trajectory.parts])
    try:
        renderer = renderers.make(job["renderer"], trajectory.model, states, *layout.picture)
        renderer.picture(trajectory.parts[0].state[0], trajectory.parts[0].goal[0])
    except Exception as error:  # a graphics library's ways of failing are its own
        traceback.print_exc()
        first = (str(error).strip().splitlines() or [""])[0]
        write_frame(out, {"kind": "unable", "message": f"{type(error).__name__}: {first}"[:200]})
        return
    every, rate = rate_of(trajectory.control_period)
    steps = range(every - 1, trajectory.steps, every) or range(trajectory.steps - 1, trajectory.steps)
    outputs: list[encoders.Film] = []
    if job["film"]:
        outputs.append(encoders.make(Path(job["film"]), rate, layout.size))
    codec = outputs[0].by if outputs else ""
    if job["frames"]:
        outputs.append(encoders.Frames(Path(job["frames"])))
    write_frame(out, {"kind": "drawing", "by": renderer.by, "codec": codec, "frames": len(steps), "rate": float(rate)})
    panels = [Panel(part, trajectory.control_period, *layout.panel) for part in trajectory.parts]
    for number, step in enumerate(steps):
        frame = _frame(trajectory, layout, renderer, panels, step)
        for output in outputs:
            output.add(frame)
        write_frame(out, {"kind": "frame", "number": number + 1})
    for output in outputs:
        output.close()
    write_frame(out, {"kind": "drawn"})


def _frame(
    trajectory: Trajectory, layout: _Layout, renderer: renderers.Renderer, panels: list[Panel], step: int
) -> Image.Image:
    frame = Image.new("RGB", layout.size)
    for p, (part, panel) in enumerate(zip(trajectory.parts, panels, strict=True)):
        picture, beside = layout.places(p)
        frame.paste(Image.fromarray(renderer.picture(part.state[step], part.goal[step])), picture)
        frame.paste(panel.draw(step), beside)
        if p:
            frame.paste(_BETWEEN, (picture[0], 0, picture[0] + 2, layout.size[1]))
    return frame


def main() -> None:
    """Draw one trajectory, and end."""
    out, source = os.dup(1), os.dup(0)
    os.dup2(2, 1)  # what a library prints belongs in the log
    job = next(frames(source), None)
    if job is not None:
        draw(job, out)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # graphics drivers have their own ideas of an orderly end
