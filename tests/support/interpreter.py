"""Running as an ordinary user where the interpreter is in root's own folder: a copy of it that everybody may read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

NOBODY = 65534
_LEFT_OUT = ("site-packages", "test", "config-*", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip")


def interpreter_for_nobody(folder: Path) -> tuple[str, dict[str, str]]:
    """An interpreter that NOBODY can start, copied into `folder` if need be, and the variables that it needs."""
    try:
        subprocess.run([sys.executable, "-c", ""], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", check=True)
        return sys.executable, {}
    except (PermissionError, subprocess.CalledProcessError):
        pass
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base, library = Path(sys.base_prefix), Path(sysconfig.get_path("stdlib"))
    shutil.copytree(library, folder / "lib" / name, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    for shared in (base / "lib").glob("libpython*.so*"):
        shutil.copy(shared, folder / "lib")
    (folder / "lib" / name / "site-packages").symlink_to(sysconfig.get_path("purelib"))
    (folder / "bin").mkdir()
    program = folder / "bin" / name
    shutil.copy(os.path.realpath(sys.executable), program)
    return str(program), {"LD_LIBRARY_PATH": str(folder / "lib")}
