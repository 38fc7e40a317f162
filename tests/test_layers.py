"""The layout of `eureka/`: imports point down, there are no import rings, and the orchestrator loads no torch."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import eureka

ROOT = Path(eureka.__file__).parent
LAYERS = (
    {"errors", "rotation", ""},
    {"system", "text", "physics"},
    {"config", "noise"},
    {"runs", "task"},
    {"designers", "display", "workers", "envs"},
    {"report", "video", "rewards"},
    {"experiment", "rl", "gym", "testing"},
    {"api"},
    {"cli", "trainer"},
    {"__main__"},
)
"""From the lowest to the highest; the empty name is `eureka/__init__.py`."""
HEAVY = {"torch", "mujoco", "mujoco_warp", "warp", "gymnasium", "sandbox", "eureka_sandbox"}
MAY_BE_HEAVY = {"physics", "rotation", "noise", "task", "envs", "rl", "gym", "testing", "trainer"}
HEAVY_MODULES = {
    "rewards.program",
    "rewards.preflight",
    "rewards.python",
    "rewards.statistics",
    "designers.huggingface",
    "video.renderers",
}
"""Modules beside the orchestrator's that only the trainer, or a process of its own, runs."""
LAZY = {
    ("", "api"): "the interface for Python, loaded when it is used",
    ("api", "rl.deploy"): "a policy in this process, at the user's word",
    ("cli.export", "rl.deploy"): "the same",
    ("designers.registry", "designers.huggingface"): "a model in this process, at the user's word",
    (
        "video.play",
        "video.renderers",
    ): "names of renderers; MuJoCo is imported where one draws, in a process of its own",
    ("video.render_process", "video.renderers"): "the process that draws",
}
"""Imports that are allowed all the same."""


def modules() -> dict[str, Path]:
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if "templates" not in parts and "_shipped" not in parts:
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere, `TYPE_CHECKING` and lazy imports included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner.removeprefix("eureka.") in MODULES else str(node.module)


def own(path: Path) -> set[str]:
    return {n.removeprefix("eureka").removeprefix(".") for n in imports(path) if n.split(".")[0] == "eureka"}


def package(module: str) -> str:
    return module.split(".")[0]


def layer(module: str) -> int:
    return next(i for i, names in enumerate(LAYERS) if package(module) in names)


def test_every_package_has_a_layer():
    assert {package(m) for m in MODULES} == set().union(*LAYERS)


def test_imports_point_down_or_stay_in_their_package():
    wrong = [
        f"{module} imports {other}"
        for module, path in MODULES.items()
        for other in own(path)
        if package(other) != package(module) and layer(other) >= layer(module) and (module, other) not in LAZY
    ]
    assert not wrong, "\n".join(wrong)


def test_no_modules_import_each_other_in_a_ring():
    now = {m: {o for o in own(p) if (m, o) not in LAZY} for m, p in MODULES.items()}
    TopologicalSorter({m: others - {m} for m, others in now.items()}).prepare()


def test_heavy_libraries_and_task_code_stay_on_the_trainers_side():
    heavy = {m for m in MODULES if package(m) in MAY_BE_HEAVY} | HEAVY_MODULES
    wrong = [
        f"{module} imports {other}"
        for module, path in MODULES.items()
        if module not in heavy
        for other in imports(path)
        if other.split(".")[0] in HEAVY or other.removeprefix("eureka.") in heavy
        if (module, other.removeprefix("eureka.")) not in LAZY
    ]
    assert not wrong, "\n".join(wrong)


def test_the_top_level_is_small():
    assert len([m for m in MODULES if m and "." not in m and MODULES[m].name != "__init__.py"]) <= 9


def test_functions_and_files_can_be_held_in_the_head():
    for module, path in MODULES.items():
        text = path.read_text()
        assert len(text.splitlines()) <= 450, module
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and package(module) != "cli":
                assert node.end_lineno is not None and node.end_lineno - node.lineno < 60, f"{module}.{node.name}"
