"""Small pictures in the list of runs: fitness by generation, or the first frame of a film."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from eureka.report import svg
from eureka.report.axes import axis

_WIDTH, _HEIGHT, _MARGIN = 88.0, 32.0, 4.0  # px
MAX_FRAME = 1 << 20  # Bytes of a film in which its first frame has to end
_IMAGE = (b"ALPH", b"VP8 ", b"VP8L")


def sparkline(values: Sequence[float]) -> Markup:
    """The best fitness by generation as a line of fixed size, hidden from screen readers."""
    if not values:
        return Markup()
    down = axis(values).scale(_HEIGHT - _MARGIN, _MARGIN)
    step = (_WIDTH - 2 * _MARGIN) / max(1, len(values) - 1)
    points = [(_MARGIN + i * step, down(value)) for i, value in enumerate(values)]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    end = svg.element("circle", cx=f"{points[-1][0]:.1f}", cy=f"{points[-1][1]:.1f}", r="2.5")
    line = svg.element("path", d=path)
    return svg.element("svg", line, end, class_="thumb spark", width="88", height="32", aria_hidden="true")


def first_frame(film: bytes) -> bytes:
    """The first frame of an animated WebP as a WebP file; empty if there is none. The start of the film is enough.

    Source: WebP Container Specification, https://developers.google.com/speed/webp/docs/riff_container
    """
    for name, body in _chunks(film[12:MAX_FRAME] if film[:4] == b"RIFF" else b""):
        if name == b"ANMF":
            parts = [(kind, content) for kind, content in _chunks(body[16:]) if kind in _IMAGE]
            alpha = 16 if parts and parts[0][0] == b"ALPH" else 0
            header = struct.pack("<4sII", b"VP8X", 10, alpha) + body[6:12]  # width and height minus one, 24 bits each
            images = [struct.pack("<4sI", kind, len(found)) + found + b"\0" * (len(found) % 2) for kind, found in parts]
            inside = b"WEBP" + header + b"".join(images)
            return struct.pack("<4sI", b"RIFF", len(inside)) + inside
    return b""


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Complete chunks of a RIFF file by name."""
    at = 0
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > len(data):
            return
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
