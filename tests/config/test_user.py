"""Files `eureka.toml`: what a user and a project may set, and what counts more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eureka.config.options import ModelOptions, Options, SizeOptions
from eureka.config.tasks import load_task
from eureka.errors import UserError
from eureka.experiment.options import resolve

Files = Callable[..., None]
SERVER = "openai:m@http://127.0.0.1:9/v1"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Writes the user's and the project's file, and works in the project."""
    home, project = tmp_path / "home", tmp_path / "project"
    (home / "eureka").mkdir(parents=True)
    project.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.delenv("EUREKA_LLM", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.chdir(project)

    def write(user: str = "", project_file: str | None = None) -> None:
        (home / "eureka" / "eureka.toml").write_text(user)
        if project_file is not None:
            (project / "eureka.toml").write_text(project_file)

    return write


def settings(*, preset: str | None = None, steps: int | None = None, **model):
    return resolve(load_task("cartpole"), Options(SizeOptions(preset, steps=steps), model=ModelOptions(**model)))


def test_the_users_file_sets_the_model_its_limits_and_presets(files: Files):
    files(
        f'llm = "{SERVER}"\nmax_tokens = 5000\ntemperature = 0.5\npreset = "quick"\nllm_options = {{top_p = 0.9}}\n'
        "[presets.quick]\nbase = 'cpu'\nsteps = 9999\nlearning = {gamma = 0.9}\n"
    )
    found = settings()
    assert (found.llm, found.asking.max_tokens, found.asking.temperature) == (SERVER, 5000, 0.5)
    assert found.asking.options == {"top_p": 0.9}
    cpu = load_task("cartpole").preset("cpu")
    assert (found.preset, found.steps, found.samples) == ("cpu", 9999, cpu.samples)
    assert found.learning == cpu.learning.model_copy(update={"gamma": 0.9}), "the others of the group stay"


def test_command_line_then_variable_then_project_then_user(files: Files, monkeypatch: pytest.MonkeyPatch):
    files(
        f'llm = "{SERVER}"\nmax_tokens = 5000\npreset = "a"\n[presets.a]\nsteps = 11\n[presets.b]\nsteps = 22\n',
        'preset = "b"\n[presets.a]\nsteps = 33\n',
    )
    assert settings().steps == 22 and settings(preset="a").steps == 33
    assert settings(steps=7).steps == 7 and settings(preset="cpu").steps > 100
    monkeypatch.setenv("EUREKA_LLM", "search")
    found = settings()
    assert found.llm == "search" and found.asking.max_tokens is None, "it has no effect there, so it is no mistake"
    other = settings(llm=SERVER.replace(":m@", ":other@"), max_tokens=1)
    assert (other.asking.max_tokens, other.asking.options) == (1, {})


def test_what_both_files_say_of_a_preset_is_merged_and_options_too(files: Files):
    files(
        f'llm = "{SERVER}"\nllm_options = {{top_p = 0.9}}\n'
        "[presets.cpu]\nfinal_seeds = 12\nlearning = {gamma = 0.9}\n",
        "[presets.cpu]\nsteps = 33\nlearning = {lam = 0.8}\n",
    )
    found = settings(options=("top_k=4",))
    assert (found.final_seeds, found.steps, found.learning.gamma, found.learning.lam) == (12, 33, 0.9, 0.8)
    assert found.asking.options == {"top_p": 0.9, "top_k": 4}


@pytest.mark.parametrize(
    "line",
    ['llm = "openai:m@http://evil.example/v1"', "max_usd = 1000", "max_tokens = 1", 'llm_options = {user = "x"}'],
)
def test_a_project_sets_no_address_and_no_limit(files: Files, line: str):
    files("", line)
    with pytest.raises(
        UserError, match=r"a project's file may set preset and presets only; \w+ belongs in .*eureka.toml"
    ):
        settings()


@pytest.mark.parametrize(
    "user, expected",
    [
        ("llm = ", "not valid TOML"),
        ('lm = "search"', r"unknown key 'lm' \(did you mean 'llm'\?\)"),
        ("[presets.a]\nstep = 1", r"presets.a: unknown key 'step' \(did you mean 'steps'"),
        ("[presets.a]\nsteps = 0", "presets.a: steps: "),
        ("[presets.a]\nbase = 'b'", "presets.a.base: give cpu, gpu or paper, not 'b'"),
        ('[presets.a]\nbase = ["cpu"]', "presets.a.base: give cpu, gpu or paper"),
        ("max_usd = -1", "max_usd: "),
        ("timeout = 0", "timeout: "),
        ("[presets.a]\nllm = 'search'", "presets.a: unknown key 'llm'"),
        ('llm = "gpt-4"', r"eureka.toml, llm: no designer 'gpt-4' \(did you mean openai:gpt-4\?\)"),
        ('preset = "c"', r"no preset 'c'"),
    ],
)
def test_a_mistake_in_a_file_names_it(files: Files, user: str, expected: str):
    files(user)
    with pytest.raises(UserError, match=expected):
        settings()


def test_a_limit_on_cost_does_not_hinder_a_server_of_ones_own(files: Files):
    files("max_usd = 5\nprices = '1,2'\n")
    assert settings(llm=SERVER).asking.max_usd is None
    assert settings(llm="openai:m@https://example.org/v1").asking.max_usd == 5
