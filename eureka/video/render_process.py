"""The process that renders a trajectory, `python -m eureka.video.render_process`, without API keys or task code.

Messages use the trainer's protocol on the standard streams. It receives one, `{trajectory, renderer, size, film,
frames, limit}`, and sends

    unable {message}            the renderer is not available; the process ends
    drawing {by, codec, frames} the renderer works; with the number of frames
    frame {number}              after each frame
    drawn {}                    the files are complete
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any

from PIL import Image

from eureka.video import encoders, renderers
from eureka.video.overlay import Panel
from eureka.video.trajectory import Trajectory, drawn, load, rate_of
from eureka.workers.process import frames, write_frame

_SIDE_SHARE, _BELOW_SHARE = 0.3, 0.42
"""Fraction of a frame for the panel: beside a single policy, below one of several."""
_SEPARATOR = (68, 75, 88)  # Colour of the line between two policies


class _Layout:
    """Positions of each policy's scene and panel in a frame."""

    def __init__(self, policies: int, width: int, height: int):
        self.size = (width, height)
        self.alone = policies == 1
        wide = width // policies
        if self.alone:
            aside = max(min(220, width // 2), round(width * _SIDE_SHARE))
            self.picture, self.panel = (width - aside, height), (aside, height)
        else:
            below = max(min(150, height // 2), round(height * _BELOW_SHARE))
            self.picture, self.panel = (wide, height - below), (wide, below)

    def places(self, policy: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Upper left corners of a policy's scene and panel."""
        left = policy * self.picture[0]
        return ((0, 0), (self.picture[0], 0)) if self.alone else ((left, 0), (left, self.picture[1]))


def draw(job: dict[str, Any], out: int) -> None:
    """Render a trajectory as requested by `job`."""
    trajectory = load(Path(job["trajectory"]))
    width, height = (n - n % 2 for n in job["size"])
    layout = _Layout(len(trajectory.parts), width, height)
    try:
        renderer = renderers.make(job["renderer"], trajectory, *layout.picture)
        renderer.picture(trajectory.parts[0], 0)
    except Exception as error:  # graphics libraries raise arbitrary errors
        traceback.print_exc()
        first = (str(error).strip().splitlines() or [""])[0]
        write_frame(out, {"kind": "unable", "message": f"{type(error).__name__}: {first}"[:200]})
        return
    steps, (_, rate) = drawn(trajectory.control_period, trajectory.steps), rate_of(trajectory.control_period)
    if job["film"] and not job["frames"]:  # a picture that no file gets is not drawn
        apart = encoders.thinning(Path(job["film"]), rate)
        steps, rate = steps[::apart], rate / apart
    outputs: list[encoders.Film] = []
    if job["film"]:
        outputs.append(encoders.make(Path(job["film"]), rate, layout.size, job["limit"]))
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
        frame.paste(Image.fromarray(renderer.picture(part, step)), picture)
        frame.paste(panel.draw(step), beside)
        if p:
            frame.paste(_SEPARATOR, (picture[0], 0, picture[0] + 2, layout.size[1]))
    return frame


def main() -> None:
    """Render one trajectory."""
    out, source = os.dup(1), os.dup(0)
    os.dup2(2, 1)  # libraries print to the log
    job = next(frames(source), None)
    if job is not None:
        draw(job, out)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # graphics drivers may crash at exit
