"""Elements of inline SVG.

A plot has no view box: x is a percentage of its width and y is in pixels, so that it fills the available width while
text and marks keep their size. Lines are in an inner, stretched `svg`. Labels are outside the plot area.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from eureka.report.axes import Axis, Scale, fitting
from eureka.text import plain

WIDTH = 1000.0  # Width of the stretched inner drawing in user units


def element(name: str, *children: object, **attributes: object) -> Markup:
    """Create an element; text is escaped. In names of attributes `_` stands for `-`; None omits one."""
    given = [
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _plain(value))
        for key, value in attributes.items()
        if value is not None
    ]
    inside = Markup().join(escape(_plain(child)) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(name, Markup().join(given), inside)


def picture(
    title: str, description: str, *children: Markup, height: float, class_: str = "plot", up: str = "", right: str = ""
) -> Markup:
    """A plot in a frame, with a title and a description for screen readers, and titles of its axes."""
    drawn = element(
        "svg",
        element("title", title),
        element("desc", description),
        *children,
        role="img",
        width="100%",
        height=_digits(height),
    )
    above, below = (element("p", said, class_="axis") if said else Markup() for said in (up, right))
    return element("div", above, drawn, below, class_=class_)


def mark(shape: str, across: float, down: float, says: str, class_: str) -> Markup:
    """A mark with a tooltip, at x in 0 .. WIDTH and y in px. States differ in shape as well as in colour."""
    said = element("title", says) if says else Markup()
    return element("use", said, href=f"#m-{shape}", x=percent(across), y=_digits(down), class_=f"mark {class_}")


def shapes() -> Markup:
    """Outlines of the marks, to be included once per page."""
    outlines = {
        "dot": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
        "ring": "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0",
        "cross": "M-3.5-3.5L3.5 3.5M-3.5 3.5L3.5-3.5",
        "triangle": "M0-5.5L5.5 4.5H-5.5Z",
        "diamond": "M0-5L5 0L0 5L-5 0Z",
        "bead": "M-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0",
        "halo": "M-8 0a8 8 0 1 0 16 0a8 8 0 1 0-16 0",
        "bar": "M0-5V5",
    }
    drawn = [element("path", id=f"m-{name}", d=d) for name, d in outlines.items()]
    return element("svg", element("defs", *drawn), class_="shapes", aria_hidden="true")


def line(points: Iterable[tuple[float, float] | None], height: float, class_: str) -> Markup:
    """A line through points (x in 0 .. WIDTH, y in pixels); None interrupts it."""
    drawn, pen = "", "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        drawn += f"{pen}{_digits(point[0])} {_digits(point[1])}"
        pen = "L"
    return stretch(element("path", d=drawn, class_=class_), height) if drawn else Markup()


def band(across: Sequence[float], upper: Sequence[float], lower: Sequence[float], height: float, class_: str) -> Markup:
    """The area between two lines with the same x coordinates."""
    ends = [*zip(across, upper, strict=True), *reversed(list(zip(across, lower, strict=True)))]
    drawn = "M" + "L".join(f"{_digits(x)} {_digits(y)}" for x, y in ends) + "Z"
    return stretch(element("path", d=drawn, class_=f"band {class_}"), height)


def text(says: str, across: float, down: float, class_: str = "", anchor: str | None = None, dx: float = 0) -> Markup:
    """A text label."""
    shift = _digits(dx) if dx else None
    return element(
        "text", says, x=percent(across), y=_digits(down), dx=shift, class_=class_ or None, text_anchor=anchor
    )


def rule(across: float, down: float, to_across: float, to_down: float, class_: str) -> Markup:
    """A straight line between two points."""
    return element(
        "line",
        x1=percent(across),
        y1=_digits(down),
        x2=percent(to_across),
        y2=_digits(to_down),
        class_=class_,
    )


def rows(axis: Axis, scale: Scale) -> Markup:
    """Grid lines with labels for the ticks of a vertical axis."""
    drawn = []
    for tick, label in zip(axis.ticks, axis.labels, strict=True):
        down = scale(tick)
        drawn += [rule(0, down, WIDTH, down, "grid"), text(label, 0, down + 4, "tick", "end", dx=-8)]
    return Markup().join(drawn)


def columns(axis: Axis, scale: Scale, height: float, most: int = 5, grid: bool = False) -> Markup:
    """Labels, and optionally grid lines, for the ticks of a horizontal axis."""
    drawn = []
    for tick, label, fits in zip(axis.ticks, axis.labels, fitting(axis.labels, most), strict=True):
        across = scale(tick)
        if grid:
            drawn.append(rule(across, 0, across, height, "grid"))
        if fits:
            drawn.append(text(label, across, height + 16, "tick", "middle"))
    return Markup().join(drawn)


def percent(across: float) -> str:
    """Format an x coordinate as a percentage."""
    return f"{_digits(100 * across / WIDTH)}%"


def stretch(inside: Markup, height: float) -> Markup:
    """Elements with x in 0 .. WIDTH, stretched to the width of the plot."""
    return element(
        "svg",
        inside,
        width="100%",
        height=_digits(height),
        viewBox=f"0 0 {WIDTH:.0f} {_digits(height)}",
        preserveAspectRatio="none",
    )


def _digits(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _plain(value: object) -> object:
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value
