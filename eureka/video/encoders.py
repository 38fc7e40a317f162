"""Writes frames to MP4, GIF, WebP or PNG files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

_CODECS = {"libx264": "H.264", "libopenh264": "H.264", "h264_videotoolbox": "H.264", "mpeg4": "MPEG-4"}
"""In order of browser support; every build of FFmpeg has the last."""
_MAX_WIDTH, _MAX_RATE = {".gif": 480, ".webp": 640}, 15  # Pixels and frames per second of an animated image
_QUALITIES = (60, 40, 20)  # Of WebP; the first that keeps to a limit is used


class Film(Protocol):
    """A writer of consecutive frames."""

    by: str  # Display name of the format

    def add(self, frame: Image.Image) -> None:
        """Append a frame; all frames have the same size, with even width and height."""

    def close(self) -> None:
        """Finish the file."""


def make(path: Path, rate: Fraction, size: tuple[int, int], limit: int | None = None) -> Film:
    """Create a writer for a path with a suffix of `play.FILMS`.

    Args:
        path: the file.
        rate: frames per second.
        size: width and height in pixels.
        limit: bytes; WebP loses quality, then frames, to keep to it.
    """
    return _Video(path, rate, size) if path.suffix == ".mp4" else _AnimatedImage(path, rate, limit)


def thinning(path: Path, rate: Fraction) -> int:
    """One frame in how many a film of this path has, at `rate` frames per second."""
    return 1 if path.suffix == ".mp4" else max(1, round(rate / _MAX_RATE))


class Frames:
    """Writes one PNG file per frame: `frame-00000.png` and so on."""

    by = "PNG"

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._count = folder, 0

    def add(self, frame: Image.Image) -> None:
        frame.save(self._folder / f"frame-{self._count:05}.png")
        self._count += 1

    def close(self) -> None:
        """Do nothing."""


class _Video:
    def __init__(self, path: Path, rate: Fraction, size: tuple[int, int]):
        import av

        self._av = av
        self._file = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        codec = next(name for name in _CODECS if name in av.codecs_available and _encodes(name))
        self.by = f"{_CODECS[codec]} ({codec})"
        stream = self._file.add_stream(codec, rate=rate)
        assert isinstance(stream, av.VideoStream)
        self._stream = stream
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"  # supported by every browser
        if codec == "libx264":
            self._stream.options = {"crf": "20", "preset": "fast"}
        else:
            self._stream.bit_rate = 4_000_000

    def add(self, frame: Image.Image) -> None:
        self._file.mux(self._stream.encode(self._av.VideoFrame.from_ndarray(np.asarray(frame), format="rgb24")))

    def close(self) -> None:
        self._file.mux(self._stream.encode(None))
        self._file.close()


class _AnimatedImage:
    """GIF or WebP, with reduced size and rate."""

    def __init__(self, path: Path, rate: Fraction, limit: int | None):
        self._limit = limit
        self.by = "WebP" if path.suffix == ".webp" else "GIF"
        self._path, self._every = path, thinning(path, rate)
        self._duration = int(1000 * self._every / rate)
        self.by += f", one frame in {self._every}" if self._every > 1 else ""
        self._count, self._frames = 0, []

    def add(self, frame: Image.Image) -> None:
        if self._count % self._every == 0:
            share = min(1.0, _MAX_WIDTH[self._path.suffix] / frame.width)
            small = frame.resize((round(frame.width * share), round(frame.height * share)), Image.Resampling.LANCZOS)
            self._frames.append(
                small if self._path.suffix == ".webp" else small.quantize(128, dither=Image.Dither.NONE)
            )
        self._count += 1

    def close(self) -> None:
        if self._path.suffix == ".gif":
            return self._save(optimize=True)
        for quality in _QUALITIES:
            self._save(quality=quality, method=4)
            if self._limit is None or self._path.stat().st_size <= self._limit:
                return
        if len(self._frames) > 1:
            self._frames, self._duration = self._frames[::2], 2 * self._duration
            self.close()

    def _save(self, **more: Any) -> None:
        first, *others = self._frames
        first.save(self._path, save_all=True, append_images=others, duration=self._duration, loop=0, **more)


def _encodes(codec: str) -> bool:
    import av

    try:
        return av.Codec(codec, "w").is_encoder
    except ValueError:
        return False
