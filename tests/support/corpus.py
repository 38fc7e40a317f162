"""Reading the corpus of attacks. Their texts are never parsed as Python here: some exist to break a parser."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "sandbox" / "attacks"
WALLS = ("seccomp", "landlock", "limits", "compile", "verifier", "preflight", "training")
STANDING = {
    "strict": frozenset(WALLS),
    "strict-noland": frozenset(WALLS) - {"landlock"},
    "landlock-alone": frozenset(WALLS) - {"seccomp"},
    "none": frozenset(WALLS) - {"seccomp", "landlock"},
}
"""The walls that stand at each level of the compiler that the red team uses."""
_HEAD = re.compile(
    r'"""(?P<tries>[^"]+?)\n\n'
    r"walls: (?P<walls>[a-z ]+)\n"
    r'(?:control: no, because (?P<control>[^"]+?)\n?)?"""\n'
)


@dataclass(frozen=True)
class Attack:
    """A hostile candidate."""

    category: str
    name: str
    tries: str
    """What it tries, in one sentence."""
    walls: frozenset[str]
    """Each of them stops it alone."""
    control: str | None
    """Why it could do nothing even without walls; None if it could."""
    text: str

    @property
    def path(self) -> str:
        return f"sandbox/attacks/{self.category}/{self.name}.py"

    def must_be_contained(self, level: str) -> bool:
        """Whether a wall that stops it stands; seccomp alone keeps the whole promise."""
        return level in ("strict", "strict-noland") or bool(self.walls & STANDING[level])

    def must_get_through(self, level: str) -> bool:
        """Whether nothing that stands would stop it: what shows that the test of it can fail."""
        return not self.must_be_contained(level) and self.control is None

    def is_run_at(self, level: str) -> bool:
        """Bombs are thrown only at the walls that hold them."""
        bomb = "limits" in self.walls and not self.walls & {"seccomp", "landlock"}
        return level in ("strict", "strict-noland") or not bomb


def read(path: Path) -> Attack:
    """One attack.

    Raises:
        ValueError: its docstring is not as sandbox/attacks/README.md wants it.
    """
    text = path.read_text()
    head = _HEAD.match(text)
    if head is None:
        raise ValueError(f"{path}: does not begin with a docstring of a sentence, an empty line and `walls: ...`")
    walls = head["walls"].split()
    unknown = set(walls) - set(WALLS)
    if unknown or len(set(walls)) < len(walls):
        raise ValueError(f"{path}: walls are some of {', '.join(WALLS)}, each once")
    tries, control = (" ".join(part.split()) if part else None for part in (head["tries"], head["control"]))
    assert tries is not None
    return Attack(path.parent.name, path.stem, tries, frozenset(walls), control, text)


def corpus(only: Sequence[str] = ()) -> list[Attack]:
    """All attacks, or those of the named CATEGORYs and CATEGORY/NAMEs, by category and name."""
    attacks = [read(path) for path in sorted(FOLDER.glob("*/*.py"))]
    known = {a.category for a in attacks} | {f"{a.category}/{a.name}" for a in attacks}
    if missing := set(only) - known:
        raise ValueError(f"no attack {', '.join(sorted(missing))}")
    return [a for a in attacks if not only or a.category in only or f"{a.category}/{a.name}" in only]
