"""The digest of the sandbox's source files, which decides how many honest rewards a test run compiles.

python tests/support/sandbox_sources.py        # print it, for tests/sandbox/checked.txt
"""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHECKED = ROOT / "tests" / "sandbox" / "checked.txt"
"""Digest of the sources with which all honest rewards passed last; written by `make test-honest`."""


def digest() -> str:
    """SHA-256 of the names and texts of sandbox/*.py."""
    files = sorted((ROOT / "sandbox").glob("*.py"))
    return hashlib.sha256(b"".join(f.name.encode() + b"\0" + f.read_bytes() + b"\0" for f in files)).hexdigest()


if __name__ == "__main__":
    print(digest())
