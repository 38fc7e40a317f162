"""Panels beside the rendered scene: time, current fitness, and the reward's components over time."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from eureka.text import number, shown
from eureka.video.trajectory import TERMINATED, Part

_SCALE = 2  # Supersampling factor for antialiasing
_BACK, _PLOT, _RULE = (22, 25, 31), (31, 35, 43), (68, 75, 88)
_TEXT, _DIM = (236, 239, 244), (158, 167, 182)
_COLOURS = ((236, 239, 244), (94, 187, 255), (255, 180, 84), (122, 214, 138), (240, 138, 178), (190, 160, 255))
_BAD, _GOOD = (255, 128, 118), (122, 214, 138)
_MARGIN, _HEAD, _ROW, _MIN_WIDTH, _GAP = 14, 74, 48, 144, 12
"""Pixels: margin, height of the header, minimum height and width of a component's plot, and between two of them."""
_VALUE, _LINE = 58, 13  # Pixels for a component's value beside its name, and of the second line of a long name
_TITLE, _FONTS = 15, (12, 11, 10, 9)
"""Heights of letters in pixels: of a title, and of other text, of which the greatest one that fits is used."""


@dataclass(frozen=True)
class _Box:
    """Position of a component's plot, in pixels of the final image."""

    left: int
    top: int
    width: int
    height: int


class Panel:
    """The panel of one policy."""

    def __init__(self, part: Part, control_period: float, width: int, height: int):
        """Lay out the components that fit into `width` x `height` pixels, and draw the static parts."""
        self._part, self._period, self._size = part, control_period, (width, height)
        self._fonts = {px: ImageFont.load_default(px * _SCALE) for px in (_TITLE, *_FONTS)}
        names, across, down = part.names, width - 2 * _MARGIN, height - _HEAD - _MARGIN
        columns, rows, wide, row = 1, 1, across, _ROW
        for columns in range(1, max(2, across // _MIN_WIDTH + 1)):  # as few as have room for all
            wide = across // columns - (_GAP if columns > 1 else 0)
            self._names = [self._lines(shown(name), wide) for name in names]
            row = _ROW + _LINE * (max(map(len, self._names), default=1) - 1)
            rows = max(1, down // row)
            if rows * columns >= len(names):
                break
        room = rows * columns
        self._left_out = max(0, len(names) - room)
        used = min(rows, -(-len(names) // columns)) or 1
        high = min(down // used, row + _ROW)
        self._boxes = [
            _Box(_MARGIN + i % columns * (across // columns), _HEAD + i // columns * high, wide, high)
            for i in range(min(len(names), room))
        ]
        self._curves = [self._curve(i) for i in range(len(self._boxes))]
        self._ends = part.episodes()
        self._static = self._background()

    def draw(self, step: int) -> Image.Image:
        picture = self._static.copy()
        pen, part = ImageDraw.Draw(picture), self._part
        past = [end for end in self._ends if end < step]
        begun = past[-1] + 1 if past else 0
        left, right = _MARGIN, self._size[0] - _MARGIN
        self._write(pen, (right, 13), f"{(step + 1) * self._period:.1f} s", _TEXT, (_TITLE,), "ra")
        fitness = float(part.fitness[step])
        self._write(pen, (left, 35), f"current fitness  {_known(fitness)}", _TEXT)
        self._write(pen, (right, 35), f"episode {len(past) + 1}", _DIM, anchor="ra")
        last = step if part.ended[step] else past[-1] if past else None
        if last is not None:
            fell = part.ended[last] == TERMINATED
            before = max((end for end in self._ends if end < last), default=-1)
            took = (last - before) * self._period
            how = f"ended after {took:.1f} s" if fell else f"completed, {took:.1f} s"
            said = f"episode {self._ends.index(last) + 1}: {how}, fitness {_known(float(part.fitness[last]))}"
            self._write(pen, (left, 53), said, _BAD if fell else _GOOD, most=right - left)
        for i, box in enumerate(self._boxes):
            value = float(part.values[step, i])
            colour = _COLOURS[i % len(_COLOURS)]
            self._write(pen, (box.left + box.width, box.top + 3), _known(value), colour, anchor="ra")
            curve = self._curves[i][: step + 1]
            # Episodes are not connected by lines.
            for piece in np.split(curve, [end + 1 for end in past]):
                if len(piece) > 1:
                    pen.line([tuple(point) for point in piece], colour, 3, joint="curve")
            if begun <= step:
                x, y = curve[-1]
                pen.ellipse((x - 5, y - 5, x + 5, y + 5), colour)
        return picture.reduce(_SCALE)

    def _background(self) -> Image.Image:
        width, height = self._size
        picture = Image.new("RGB", (width * _SCALE, height * _SCALE), _BACK)
        pen = ImageDraw.Draw(picture)
        self._write(pen, (_MARGIN, 13), self._part.label, _TEXT, (_TITLE, *_FONTS), most=width - 2 * _MARGIN - 60)
        for i, box in enumerate(self._boxes):
            for n, line in enumerate(self._names[i]):
                most = box.width - (0 if n else _VALUE)
                self._write(pen, (box.left, box.top + 3 + _LINE * n), line, _DIM, most=most)
            x, y, right, low = self._area(i)
            pen.rounded_rectangle((x - 6, y - 6, right + 6, low + 6), 8, _PLOT)
            least, most = self._range(i)
            if least < 0.0 < most:
                zero = low - (low - y) * (0.0 - least) / (most - least)
                pen.line((x, zero, right, zero), _RULE, 2)
            for end in self._ends[:-1] if self._ends and self._ends[-1] == len(self._part.fitness) - 1 else self._ends:
                there = x + (right - x) * end / max(1, len(self._part.fitness) - 1)
                pen.line((there, y - 4, there, low + 4), _RULE, 2)
        if self._left_out:
            said = f"and {self._left_out} more"
            self._write(pen, (_MARGIN, height - _MARGIN - 2), said, _DIM)
        if not self._boxes:
            self._write(pen, (_MARGIN, _HEAD + 4), "reward unknown", _DIM)
        return picture

    def _area(self, i: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the plot, in supersampled pixels."""
        s, box = _SCALE, self._boxes[i]
        left, right = box.left * s + 6, (box.left + box.width) * s - 6
        return left, (box.top + 9 + _LINE * len(self._names[i])) * s, right, (box.top + box.height - 8) * s

    def _range(self, i: int) -> tuple[float, float]:
        """Minimum and maximum of all values, so that the axis is the same in all frames."""
        values = self._part.values[:, i]
        known = values[np.isfinite(values)]
        least, most = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
        return (least, most) if most - least > 1e-6 * max(1e-30, abs(most)) else (least - 1.0, most + 1.0)

    def _curve(self, i: int) -> np.ndarray:
        """(T, 2) supersampled pixels."""
        left, top, right, low = self._area(i)
        least, most = self._range(i)
        values = np.nan_to_num(self._part.values[:, i].astype(np.float64), nan=least, posinf=most, neginf=least)
        x = np.linspace(left, right, len(values))
        return np.stack([x, low - (low - top) * (values - least) / (most - least)], axis=1)

    def _lines(self, name: str, wide: int) -> list[str]:
        """A component's name in one line beside its value, or in two, broken behind `_` where possible."""
        font, room = self._fonts[_FONTS[1]], (wide - _VALUE) * _SCALE
        if font.getlength(name) <= room:
            return [name]
        fits = max(n for n in range(1, len(name)) if n == 1 or font.getlength(name[:n]) <= room)
        ends = [found.end() for found in re.finditer(r"[\W_]", name[:fits])]
        cut = ends[-1] if ends and ends[-1] > fits // 3 else fits
        return [name[:cut], name[cut:]]

    def _write(
        self,
        pen: ImageDraw.ImageDraw,
        at: tuple[int, int],
        text: str,
        colour: tuple[int, int, int],
        sizes: tuple[int, ...] = _FONTS,
        anchor: str = "la",
        most: int | None = None,
    ) -> None:
        """Draw one line of text in the first of `sizes` that has at most `most` pixels; `anchor` as in Pillow."""
        text, font = shown(text), self._fonts[sizes[0]]
        if most is not None:
            fitting = (self._fonts[px] for px in sizes if self._fonts[px].getlength(text) <= most * _SCALE)
            font = next(fitting, self._fonts[sizes[-1]])
            if font.getlength(text) > most * _SCALE:
                while text and font.getlength(text + "...") > most * _SCALE:
                    text = text[:-1]
                text += "..."
        pen.text((at[0] * _SCALE, at[1] * _SCALE), text, colour, font, anchor=anchor)


def _known(value: float) -> str:
    return number(value + 0.0) if np.isfinite(value) else "?"
