"""`main` in this process: exit codes, and help for the command that a mistake was made in."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from support.journals import write_run
from typer.main import get_command

from eureka import __version__
from eureka.__main__ import main
from eureka.cli import options
from eureka.cli.app import app

COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]


def test_there_are_seventeen_commands():
    assert len(COMMANDS) == 17


@pytest.mark.parametrize("command", COMMANDS)
def test_a_mistake_points_to_the_help_of_its_command(capsys: pytest.CaptureFixture[str], command: str):
    assert main([command, "--qqqqqqqq"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err == f"error: No such option: --qqqqqqqq; see eureka {command} --help\n"


@pytest.mark.parametrize("command", ["inspect", "export", "report", "play", "run", "new-task"])
def test_a_missing_argument_points_to_the_help_of_its_command(capsys: pytest.CaptureFixture[str], command: str):
    assert main([command]) == 2
    assert capsys.readouterr().err.endswith(f"; see eureka {command} --help\n")


@pytest.mark.parametrize("arguments", [["lauch"], ["--lauch"]])
def test_a_mistake_before_a_command_points_to_the_general_help(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
):
    assert main(arguments) == 2
    assert capsys.readouterr().err.endswith("; see eureka --help\n")


@pytest.mark.parametrize("option", ["--port", "--prot"])
def test_an_error_of_the_parser_itself_points_to_the_help_of_its_command(
    capsys: pytest.CaptureFixture[str], option: str
):
    assert main(["view", option]) == 2
    assert capsys.readouterr().err.endswith("; see eureka view --help\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(capsys: pytest.CaptureFixture[str], command: str):
    shown = set()
    for arguments in ([command, "--help"], [command, "-h"], ["help", command]):
        assert main(arguments) == 0
        shown.add(capsys.readouterr().out)
    (text,) = shown
    assert text.startswith(f"Usage: eureka {command} ")


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]):
    shown = set()
    for arguments in ([], ["--help"], ["-h"], ["help"]):
        assert main(arguments) == 0
        shown.add(capsys.readouterr().out)
    (text,) = shown
    assert all(f"\n  {command} " in text for command in COMMANDS) and "..." not in text.partition("Commands:")[2]


def test_tasks_and_runs_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs" / "cartpole" / "one", [])
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "run.json").write_text("[")
    (tmp_path / "cards.yaml").touch()
    assert options.tasks("car") == ["cartpole", "cards.yaml"]
    assert options.runs("") == ["cartpole", "latest", "runs/broken", "runs/cartpole/one"]
    assert options.runs("la") == ["latest"] and options.among("cpu", "gpu")("g") == ["gpu"]


def test_a_shell_gets_its_completion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for name, value in (
        ("_EUREKA_COMPLETE", "complete_bash"),
        ("COMP_WORDS", "eureka check shadow"),
        ("COMP_CWORD", "2"),
    ):
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        main([])
    assert capsys.readouterr().out.split() == ["shadow_hand", "shadow_hand_pen"]


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"eureka {__version__}\n"


def test_the_command_line_imports_nothing_heavy():
    heavy = ("torch", "mujoco", "pydantic", "jinja2", "rich", "numpy", "yaml")
    code = f"import sys, eureka.__main__; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_reference_of_commands_is_up_to_date():
    docs = Path(__file__).resolve().parents[2] / "docs"
    made = runpy.run_path(str(docs / "generate_cli.py"))
    generated = made["reference"]()
    assert (docs / "progress.schema.json").read_text() == made["schema"](), "run: python docs/generate_cli.py"
    assert (docs / "cli.md").read_text() == generated, "run: python docs/generate_cli.py"
    assert all(f"\n## {command}\n" in generated for command in COMMANDS)
