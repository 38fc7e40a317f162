"""What pip installs works outside the checkout, and brings no top-level module but `eureka`."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from eureka.config.tasks import load_task, shipped_tasks
from eureka.system.paths import shipped

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = {"reacher": "", "from_gymnasium": ".j2"}
TINY = ["--generations", "1", "--samples", "2", "--envs", "128", "--steps", "4096", "--seeds", "2"]


def shell(*command: object, cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | extra
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=1200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    shell(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_installed_wheel_holds_everything_under_one_name_and_runs_outside_the_checkout(wheel: Path, tmp_path: Path):
    names = zipfile.ZipFile(wheel).namelist()
    assert {n.split("/")[0] for n in names if ".dist-info/" not in n} == {"eureka"}
    for task in shipped_tasks():
        loaded = load_task(task)
        for source in (loaded.module.parent / "SOURCES.md", *loaded.sources()):
            assert f"eureka/_shipped/tasks/{source.relative_to(shipped('tasks'))}" in names
    assert "eureka/_shipped/tasks/gymnasium/ids.yaml" in names
    assert {f"eureka/cli/templates/{kind}/my_task/SOURCES.md{end}" for kind, end in TEMPLATES.items()} <= set(names)
    assert "eureka/_shipped/prompts/system.md.j2" in names
    for folder in ("static", "templates", "templates/site"):
        beside = (ROOT / "eureka" / "report" / folder).iterdir()
        assert {f"eureka/report/{folder}/{p.name}" for p in beside if p.is_file()} <= set(names)
    assert {f"eureka/_shipped/sandbox/{p.name}" for p in shipped("sandbox").glob("*.py")} <= set(names)
    assert not any("__pycache__" in n or n.endswith(".pyc") for n in names)
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)  # which is what pip does with a wheel of Python files
    code = "import eureka.system.paths as p; print(p.__file__, p.shipped('tasks'))"
    where = shell(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(site)).stdout.split()
    assert all(path.startswith(str(site)) for path in where)
    code = "import sys; from eureka.__main__ import main; sys.exit(main())"
    done = shell(
        sys.executable, "-c", code, "run", "cartpole", "--out", "run", *TINY, cwd=tmp_path, PYTHONPATH=str(site)
    )
    assert "against human" in done.stdout


@pytest.mark.slow
def test_a_fresh_environment_with_the_wheel_runs_cartpole(wheel: Path, tmp_path: Path):
    shell(sys.executable, "-m", "venv", "fresh", cwd=tmp_path)
    shell("fresh/bin/pip", "install", "--quiet", wheel, cwd=tmp_path)
    done = shell(tmp_path / "fresh" / "bin" / "eureka", "run", "cartpole", "--out", "run", *TINY, cwd=tmp_path)
    assert "against human" in done.stdout
