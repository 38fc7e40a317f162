"""The live display: finished events scroll above, the current state is drawn below."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.live import Live as Region
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from eureka.display.format import Pace, format_rung
from eureka.display.plain import Plain
from eureka.display.terminal import fold
from eureka.runs.events import (
    Answered,
    Asked,
    Event,
    FinalBegan,
    Finished,
    GenerationBegan,
    GenerationEnded,
    Progressed,
    RungReached,
    TrainingBegan,
    TrainingProgress,
    ValidationBegan,
)
from eureka.text import clock, number, shown

_GAP = "   "  # Separator between the parts of a line


class Live:
    """Draws the generation, candidates with their current fitness, rate, remaining time and cost."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._plain = Plain(self._print)
        self._pace = Pace()
        self._title, self._doing, self._spent = "preparing", "", ""
        self._names: tuple[str, ...] = ()
        self._fitness: dict[int, float | None] = {}
        self._dropped: set[int] = set()
        self._report: TrainingProgress | None = None
        self._spinner = Spinner("dots")
        self._region = Region(get_renderable=self._draw, console=self._console, refresh_per_second=5, transient=True)
        self._region.start()

    def __call__(self, event: Event) -> None:
        match event:
            case GenerationBegan(number=generation, of=of):
                self._title, self._names, self._report = f"generation {generation} of {of}", (), None
            case Asked(designer, replies):
                self._doing = f"asking {shown(designer)} for {replies} repl{'ies' if replies != 1 else 'y'}"
                self._pace.restart()
                return
            case Answered(missing=missing, spent=spent):
                self._doing = (
                    f"waiting for {missing} more repl{'ies' if missing != 1 else 'y'}" if missing else "compiling"
                )
                self._spent = spent if event.answer.prompt_tokens is not None else self._spent
            case TrainingBegan(names):
                self._doing = f"training {len(names)} polic{'ies' if len(names) != 1 else 'y'}"
                self._names, self._fitness, self._dropped, self._report = names, {}, set(), None
                self._pace.restart()
                return
            case Progressed(members, report):
                self._report = report
                self._fitness |= dict(zip(members, report.fitness, strict=True))
                return
            case RungReached(fitness=fitness, dropped=dropped):
                self._fitness |= fitness
                self._dropped |= set(dropped)
                self._print(f"  {format_rung(event, self._names)}")
                return
            case GenerationEnded():
                self._names, self._report, self._doing = (), None, ""
            case ValidationBegan():
                self._title = "validation of the finalists"
            case FinalBegan():
                self._title = "final comparison"
            case Finished():
                self.close()
        self._plain(event)

    def close(self) -> None:
        self._region.stop()

    def _print(self, text: str) -> None:
        self._console.print(Text(fold(text, self._console.width)), soft_wrap=True)

    def _draw(self) -> RenderableType:
        now = clock(self._pace.elapsed())
        status = " · ".join(part for part in (self._title, self._doing, now) if part)
        parts: list[RenderableType] = [_row(self._spinner, status, "bold")]
        if len(status) + 2 > self._console.width:
            parts = [_row(self._spinner, f"{self._title} · {now}", "bold"), _line(f"  {self._doing}", "bold")]
        if self._report is not None:
            share = self._report.iteration / self._report.iterations
            bar = ProgressBar(total=1.0, completed=share, width=16)
            words = self._pace.words(self._report)
            if 24 + len(words) > self._console.width:
                parts.append(_row(bar, f"{share:4.0%}"))
                parts += [_line(f"  {part}") for part in words.split(_GAP)]
            else:
                parts.append(_row(bar, f"{share:4.0%}  {words}"))
            parts += self._members(self._console.height - len(parts) - 4)
        if self._spent:
            parts.append(_line(f"spent: {self._spent}", "dim"))
        return Group(*parts)

    def _members(self, lines: int) -> list[RenderableType]:
        """All members in at most `lines` lines: one per line, else in columns, else only the best."""
        lines = max(1, lines)
        if len(self._names) <= lines:
            return [self._member(i, f"  {name}") for i, name in enumerate(self._names)]
        width = max(map(len, self._names)) + len("  -123.45 dropped") + 1
        columns = max(1, self._console.width // width)
        chosen = list(range(len(self._names)))
        left_out = len(chosen) - columns * lines
        if left_out > 0:
            ranked = sorted(chosen, key=lambda i: (i in self._dropped, -_sort_key(self._fitness.get(i)), i))
            chosen = sorted(ranked[: max(1, columns * (lines - 1))])
            left_out = len(self._names) - len(chosen)
        table = Table.grid(padding=0)
        for _ in range(columns):
            table.add_column(width=width)
        rows = -(-len(chosen) // columns)
        for row in range(rows):
            table.add_row(*[self._member(i, f"  {self._names[i]}", short=True) for i in chosen[row::rows]])
        return [table, *([_line(f"  and {left_out} more, none better", "dim")] if left_out > 0 else [])]

    def _member(self, place: int, name: str, short: bool = False) -> Text:
        fitness = self._fitness.get(place)
        known = [f for f in self._fitness.values() if f is not None]
        best = fitness is not None and fitness == max(known)
        width = max(map(len, self._names)) + 2
        state = "training" if fitness is None else number(fitness) if short else f"current fitness {number(fitness)}"
        if place in self._dropped:
            state = f"{number(fitness or 0.0)} dropped" if short else f"dropped at fitness {number(fitness or 0.0)}"
        return _line(f"{name:<{width}}  {state}", "bold green" if best else "")


def _sort_key(fitness: float | None) -> float:
    return float("-inf") if fitness is None else fitness


def _line(text: str, style: str = "") -> Text:
    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _row(mark: RenderableType, text: str, style: str = "") -> Table:
    """A small renderable followed by text, truncated to one line."""
    row = Table.grid(padding=(0, 1))
    row.add_row(mark, _line(text, style))
    return row
