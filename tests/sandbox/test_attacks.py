"""The corpus of hostile rewards: it is well formed, it can hurt, and the sandbox holds it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import red_team
from support.corpus import Attack, corpus, read
from support.firing_range import Result

PROGRAM = Path(red_team.__file__)
HARMFUL = ("files_read/secret_open", "files_write/forge_result", "network/tcp", "processes/fork",
           "signals/kill_orchestrator", "persistence/symlink")  # fmt: skip


def run(tmp_path: Path, *arguments: str) -> tuple[int, dict[str, list[str]]]:
    """The exit status, and what each attack did that it must not; as the user who runs the tests."""
    results = tmp_path / "results.json"
    command = [sys.executable, str(PROGRAM), "--once", "--user", "root", "--json", str(results), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    print(done.stdout, done.stderr)
    attacks = [a for one in json.loads(results.read_text()) for a in one["attacks"]]
    if not attacks:
        pytest.skip("this machine lacks a wall")
    return done.returncode, {a["attack"]: a["breaches"] for a in attacks}


def test_the_corpus_is_large_and_well_formed():
    attacks = corpus()
    assert len(attacks) >= 100 and len({a.category for a in attacks}) >= 20
    for attack in attacks:
        assert attack.tries.endswith(".") and len(attack.tries) <= 160, attack.path
        assert attack.tries.isprintable() and attack.walls, attack.path


@pytest.mark.parametrize(
    "head",
    [
        "import os\n",
        '"""Reads."""\n',
        '"""Reads.\n\nwalls: seccomp moat\n"""\n',
        '"""Reads.\n\nwalls: limits limits\n"""\n',
    ],
)
def test_an_attack_that_says_nothing_of_walls_is_no_attack(head: str, tmp_path: Path):
    path = tmp_path / "attack.py"
    path.write_text(head)
    with pytest.raises(ValueError, match="walls"):
        read(path)


@pytest.mark.slow
def test_without_walls_attacks_get_through_and_the_runner_sees_it(tmp_path: Path):
    status, did = run(tmp_path, "--walls", "none", *(f"--only={name}" for name in HARMFUL))
    assert all(did[name] for name in HARMFUL), did
    assert status == 0


def test_an_attack_that_got_through_fails_the_pass_and_one_that_did_nothing_fails_the_control():
    attack = Attack("files_read", "one", "Reads.", frozenset({"seccomp"}), None, "")
    for level, breaches, expected in (
        ("strict", ["reports: x"], "GOT THROUGH"),
        ("strict-noland", ["reports: x"], "GOT THROUGH"),
        ("strict", [], None),
        ("none", ["reports: x"], None),
        ("landlock-alone", ["reports: x"], None),
        ("none", [], "DID NOTHING"),
    ):
        one = red_team.Pass(level, "")
        red_team.assess(one, Result(attack, 0.1, "refused", breaches), firm=True)
        found = one.failures + [note for note in one.notes if "DID NOTHING" in note]
        assert [f.split("  ")[0].split(" with")[0] for f in found] == ([expected] if expected else []), level


def test_what_is_shown_of_an_attack_cannot_drive_a_terminal():
    assert red_team.plain("\x1b[2Jred\x07\n\u202etxt") == " [2Jred   txt"


def test_one_attack_of_each_category_is_contained(tmp_path: Path):
    chosen: dict[str, Attack] = {}
    for attack in corpus():
        if "limits" not in attack.walls:  # bombs take their time
            chosen.setdefault(attack.category, attack)
    names = [f"{a.category}/{a.name}" for a in chosen.values()]
    status, did = run(tmp_path, "--walls", "strict", *(f"--only={name}" for name in names))
    assert set(did) == set(names)
    assert not any(did.values()) and status == 0


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_the_sandbox_holds_the_whole_corpus():
    assert subprocess.run([sys.executable, str(PROGRAM)], check=False).returncode == 0
