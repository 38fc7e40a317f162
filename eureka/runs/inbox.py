"""What people say of a run, as files in its folder: each is written at once and never changed.

Only the process that works on a run writes its journal. A file for each thing said is kept whatever happens to either
process, and several people can write at the same time.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from eureka.errors import UserError
from eureka.system.files import storage, write_whole

_LARGEST, _MOST = 16_384, 10_000  # Bytes of a file, and files that are read
_Said = TypeVar("_Said", bound=BaseModel)


def add(place: Path, said: BaseModel) -> None:
    """Keep something in a folder of a run."""
    put(place / f"{time.time_ns():020d}-{secrets.token_hex(4)}.json", said.model_dump_json())


def kept(place: Path, kind: type[_Said]) -> dict[str, _Said]:
    """All of a kind by the name of the file, in the order in which they were said; other files are passed over."""
    found: dict[str, _Said] = {}
    for path in sorted(place.glob("*.json"))[:_MOST] if place.is_dir() and not place.is_symlink() else []:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
            continue
        try:
            found[path.name] = kind.model_validate_json(path.read_bytes())
        except ValidationError:
            continue  # by something else
    return found


def put(path: Path, text: str) -> None:
    """Write a file whole or not at all, in a folder that is made; `UserError` if the folder is a link."""
    if path.parent.is_symlink():
        raise UserError(f"{path.parent} is a link, so nothing is written there: it may lead anywhere")
    with storage(path):
        path.parent.mkdir(exist_ok=True)
        write_whole(path, text.encode())
