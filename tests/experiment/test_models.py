"""Whole runs with language models behind a real server, from the command line; only trainings are made up."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli import KEY, Cli, sentence, start_command
from support.events import answers, cut_before
from support.model_runs import rewards
from support.model_server import GOOD, Server, completion, error

pytestmark = pytest.mark.usefixtures("fakes")
SIZES = ("--generations", 2, "--samples", 2, "--envs", 32, "--steps", 2048)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(rewards)
    yield server
    server.close()


def test_a_whole_run_with_a_model_and_its_replay(cli: Cli, server: Server, tmp_path: Path):
    done = cli(
        "run", "cartpole", "--llm", f"openai:small-model@{server.url}", "--out", "run", *SIZES,
        "--prices", "2,10", "--max-usd", "5", OPENAI_API_KEY=KEY,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"designer: small-model at {server.url}" in done.stdout
    # 2 calls of (1000 * 2 + 200 * 10) millionths
    assert "spent: 2 calls, 2400 tokens, $0.0080" in done.stdout
    assert [len(b["messages"]) for b in server.bodies] == [2, 4], "the second asks for a better one"
    assert "\nfitness: " in server.bodies[1]["messages"][3]["content"]
    run = tmp_path / "run"
    for path in run.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    assert KEY not in done.stdout + done.stderr
    settings = json.loads((run / "run.json").read_text())["settings"]
    assert settings["asking"]["prices"] == {"input": 2.0, "output": 10.0, "cached": 2.0}, "a snapshot of the prices"
    server.close()  # a replay asks nobody
    again = cli("run", "cartpole", "--llm", f"replay:{run}", "--out", "again")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again" / "result.json").read_bytes() == (run / "result.json").read_bytes()


def test_a_named_server_gets_its_own_key_alone_and_the_users_options(cli: Cli, server: Server, tmp_path: Path):
    keys = {f"{name}_API_KEY": f"decoy-of-{name}" for name in ("OPENAI", "ANTHROPIC", "GEMINI", "OPENROUTER")}
    done = cli(
        "run", "cartpole", "--llm", f"anthropic:m@{server.url}", "--out", "run", *SIZES,
        "--llm-option", "top_p=0.9", **keys
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert server.keys == {"Bearer decoy-of-ANTHROPIC"}
    assert {body["top_p"] for body in server.bodies} == {0.9} and {body["stream"] for body in server.bodies} == {False}
    for path in (tmp_path / "run").rglob("*"):
        assert not path.is_file() or b"decoy-of" not in path.read_bytes(), path
    refused = cli("resume", "run", **keys)
    assert refused.returncode == 0, "it is finished, and the server is on this machine"


def test_a_users_file_is_named_and_a_projects_file_cannot_redirect_a_key(cli: Cli, server: Server, tmp_path: Path):
    (tmp_path / "cfg" / "eureka").mkdir(parents=True)
    (tmp_path / "cfg" / "eureka" / "eureka.toml").write_text(f'llm = "openai:m@{server.url}"\n')
    own = {"XDG_CONFIG_HOME": str(tmp_path / "cfg"), "OPENAI_API_KEY": KEY}
    done = cli("run", "cartpole", "--out", "run", *SIZES, **own)
    assert done.returncode == 0 and f"defaults from {tmp_path}/cfg/eureka/eureka.toml" in done.stdout, done.stderr
    (tmp_path / "eureka.toml").write_text('llm = "openai:m@http://evil.example/v1"\n')
    assert "a project's file may set preset and presets only" in sentence(cli("run", "cartpole", *SIZES, **own))


def test_faulty_replies_are_sent_back_with_their_errors(cli: Cli, tmp_path: Path):
    bad = GOOD.replace("torch.square(pole_angle)", "torch.square(pole_angel)")
    replies = iter([bad, "I would rather talk.", GOOD, GOOD.replace("0.1)", "0.2)")])

    def answer(body, number):
        return completion(*[next(replies) for _ in range(body.get("n", 1))])

    server = Server(answer)
    try:
        sizes = ("--generations", 1, *SIZES[2:])
        done = cli("run", "cartpole", "--llm", f"openai:m@{server.url}", "--out", "run", *sizes)
        assert done.returncode == 0, done.stderr
        complaints = sorted(b["messages"][-1]["content"] for b in server.bodies[1:])
        assert any("pole_angel" in c for c in complaints) and any("No code was found" in c for c in complaints)
        assert done.stdout.count("; requesting a repair") == 2
    finally:
        server.close()


REFUSALS = [
    (["--llm", "openai:gpt"], {}, "OPENAI_API_KEY is not set; export it"),
    (["--llm", "openai:small-model@URL"], {"answer": error(401, "bad key")}, "rejects the API key in OPENAI_API_KEY"),
    (["--llm", "openai:smal-model@URL"], {"answer": error(404, "no")}, "(did you mean 'small-model'"),
    (["--llm", "openai:@URL"], {}, "--llm openai needs a model after a colon; URL lists large-model, small-model"),
    (["--llm", "openai:m@http://127.0.0.1:9/v1"], {}, "cannot connect to http://127.0.0.1:9/v1"),
    (["--llm", "openai:m@httpx"], {}, "the address httpx does not begin with http://"),
    (["--llm", "openai:unknown-model@URL", "--max-usd", "1"], {}, "--max-usd needs prices"),
    (["--llm", "openai:m@URL", "--prices", "cheap"], {}, "--prices cheap: give IN,OUT"),
    (["--llm", "openai:m@URL", "--temperature", "3"], {}, "--temperature: input should be less than or equal to 2"),
    (["--llm", "openai:m@URL", "--prices", "1,1", "--max-usd", "0.000001"], {}, "could exceed --max-usd 1e-06"),
    (["--llm", "openai:m@127.0.0.1:8555"], {}, "give openai:m@http://127.0.0.1:8555"),
    (["--llm", "gpt-4"], {}, "no designer 'gpt-4' (did you mean openai:gpt-4?)"),
    (
        ["--llm", "openai:m@URL"],
        {"answer": error(403, "Country not supported")},
        "denies access (status 403: Country not",
    ),
    (["--llm", "openai:m@URL", "--llm-option", "n=3"], {}, "the program sets n itself; use --samples"),
    (["--llm", "openai:m@URL", "--llm-option", "top_p"], {}, "--llm-option top_p: give KEY=VALUE"),
    (["--llm", "openai:m@URL", "--llm-option", "api_key=x"], {}, "options are recorded with the run"),
    (["--llm", "openai:m@URL", "--llm-option", f"user={KEY}"], {}, "options are recorded with the run"),
    (["--llm", "openai:m@URL", "--llm-option", "a=2024-01-01"], {}, "cannot be sent as JSON; quote it"),
    (["--llm", "search", "--llm-option", "top_p=1"], {}, "--llm-option has no effect on --llm search"),
    (["--llm", "search", "--max-usd", "1"], {}, "--max-usd has no effect on --llm search"),
    (["--llm", "manual", "--temperature", "1"], {}, "--temperature has no effect on --llm manual"),
    (["--llm", "transformers"], {}, "needs a model after a colon"),
    (["--start", "nowhere.py"], {}, "--start nowhere.py: no such file"),
]


@pytest.mark.parametrize("arguments, mood, expected", REFUSALS)
def test_what_a_model_cannot_do_is_one_sentence_and_leaves_nothing(
    cli: Cli,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    mood: dict,
    expected: str,
):
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.01)
    if mood:
        server.answer = lambda body, number: mood["answer"]
    given = [a.replace("URL", server.url) for a in arguments]
    keys = {} if arguments[-1] == "openai:gpt" else {"OPENAI_API_KEY": KEY}
    done = cli("run", "cartpole", *given, "--out", "run", *SIZES, **keys)
    assert expected.replace("URL", server.url) in sentence(done)
    assert not (tmp_path / "run").exists()


def test_a_model_named_in_the_environment_is_the_default(cli: Cli, server: Server):
    done = cli("run", "cartpole", "--dry-run", EUREKA_LLM=f"openai:gpt-4o@{server.url}")
    assert done.returncode == 0, done.stderr
    assert f"designer openai:gpt-4o@{server.url}; no model was called" in done.stdout
    assert "cost: unpriced" in done.stdout and server.bodies == []
    priced = cli("run", "cartpole", "--dry-run", "--llm", f"openai:m@{server.url}", "--prices", "2,10")
    assert "cost: about $0." in priced.stdout and "limits: none" in priced.stdout


def test_killed_with_calls_in_flight_a_run_asks_only_for_what_was_not_recorded(cli: Cli, tmp_path: Path):
    release = threading.Event()

    def answer(body, number):
        if "n" in body:
            return error(400, "n", param="n")
        if number > 3 and not release.is_set():
            release.wait(60)  # in flight until long after the kill
        return rewards(body, number)

    server = Server(answer)
    sizes = ("--generations", 1, "--samples", 4, *SIZES[4:])
    try:
        process = start_command(
            "run", "cartpole", "--out", "run", "--llm", f"openai:m@{server.url}", *sizes, cwd=tmp_path
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (len(answers(tmp_path / "run")) == 2 and len(server.bodies) == 5):
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        before = answers(tmp_path / "run")
        assert len(before) == 2
        release.set()
        time.sleep(0.5)
        done = cli("resume", "run")
        assert done.returncode == 0, done.stderr
        after = answers(tmp_path / "run")
        assert after[:2] == before and len(after) == 4
        slots = sorted(r["slot"] for e in after for r in e["answer"]["replies"])
        assert slots == [0, 1, 2, 3], "each once"
    finally:
        server.close()


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_does_not_wait_for_a_model(cli: Cli):
    interrupted = []

    def answer(body, number):
        if not interrupted:
            interrupted.append(time.monotonic())
            interrupt()
        time.sleep(30)

    server = Server(answer)
    try:
        done = cli("run", "cartpole", "--out", "run", "--llm", f"openai:m@{server.url}", *SIZES)
        assert done.returncode == 130 and "resume with: eureka resume run" in done.stderr
        assert time.monotonic() - interrupted[0] < 20
    finally:
        server.close()


def test_a_strangers_run_does_not_send_a_key_to_its_address(cli: Cli, server: Server, tmp_path: Path):
    done = cli("run", "cartpole", "--llm", f"openai:m@{server.url}", "--out", "run", *SIZES)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "run"
    record = json.loads((run / "run.json").read_text())
    record["settings"]["llm"] = "openai:m@http://collector.example/v1"
    (run / "run.json").write_text(json.dumps(record))
    cut_before(run, "finished")
    refused = cli("resume", "run", OPENAI_API_KEY=KEY)
    assert refused.returncode == 2
    assert "would receive your OPENAI_API_KEY; to allow it, add --llm openai:m@http://collector" in refused.stderr


def test_a_spent_budget_ends_a_run_that_can_be_gone_on_with(cli: Cli, server: Server, tmp_path: Path):
    limits = ("--reply-tokens", 500, "--max-tokens", 9500)
    done = cli("run", "cartpole", "--llm", f"openai:m@{server.url}", "--out", "run", *SIZES, *limits)
    assert done.returncode == 2 and "could exceed --max-tokens 9500" in done.stderr, done.stdout + done.stderr
    assert "resume with: eureka resume run" in done.stderr
    before = answers(tmp_path / "run")
    assert [e["generation"] for e in before] == [1, 2], "a batch, then as many single calls as fit"
    more = cli("resume", "run", "--max-tokens", 100_000)
    assert more.returncode == 0, more.stderr
    after = answers(tmp_path / "run")
    assert after[:2] == before and sorted(r["slot"] for e in after[1:] for r in e["answer"]["replies"]) == [0, 1]


def test_a_person_answers_through_files_and_may_leave_and_come_back(cli: Cli, tmp_path: Path):
    place = tmp_path / "run" / "manual" / "1.0"
    prompt = []

    def friend() -> None:
        """Gives one reply, and stops the run."""
        deadline = time.monotonic() + 60
        while not (place / "prompt.md").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        prompt.append((place / "prompt.md").read_text())
        (place / "reply-1.md").write_text(GOOD)
        while not (place / "taken" / "reply-1.md").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        interrupt()

    threading.Thread(target=friend, daemon=True).start()
    sizes = ("--generations", 1, "--samples", 3, *SIZES[4:])
    left = cli("run", "cartpole", "--out", "run", "--llm", "manual:a friend", *sizes)
    assert "You design reward functions" in prompt[0]
    assert left.returncode == 130 and "eureka resume run" in left.stderr
    assert "waiting for 3 replies: save each as a file in run/manual/1.0" in left.stdout
    assert "You design" in left.stdout
    (place / "reply-7.md").write_text(GOOD.replace("0.1)", "0.3)"))
    os.utime(place / "reply-7.md", (0, 0))  # it was saved a while ago
    (place / "done").touch()
    done = cli("resume", "run")
    assert done.returncode == 0, done.stderr
    found = answers(tmp_path / "run")
    assert [e["answer"]["source"] for e in found] == ["1.0/reply-1.md", "1.0/reply-7.md", None]
    assert found[0]["answer"]["model"] == "a friend"
    assert "no reply was given" in done.stdout
    again = cli("run", "cartpole", "--llm", f"replay:{tmp_path / 'run'}", "--out", "again")
    assert again.returncode == 0, again.stderr


def test_a_twin_of_the_start_does_not_win_and_the_file_is_not_needed_again(cli: Cli, tmp_path: Path):
    code = GOOD.split("```python\n")[1].split("```")[0]
    (tmp_path / "mine.py").write_text(code)
    scales = iter(["0.1", "0.4"])
    server = Server(
        lambda b, n: completion(*[GOOD.replace("/ 0.1", f"/ {next(scales)}") for _ in range(b.get("n", 1))])
    )
    try:
        sizes = ("--generations", 1, *SIZES[2:])
        done = cli("run", "cartpole", "--llm", f"openai:m@{server.url}", "--start", "mine.py", "--out", "run", *sizes)
        assert done.returncode == 0, done.stderr
    finally:
        server.close()
    assert "1.0    same program as 0.0, not trained again" in done.stdout
    assert json.loads((tmp_path / "run" / "result.json").read_text())["winner"] == "1.1"
    assert "/ 0.4" in cli("inspect", "run", "--best", "--code").stdout
    (tmp_path / "mine.py").unlink()
    again = cli("run", "cartpole", "--llm", f"replay:{tmp_path / 'run'}", "--out", "again")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again" / "result.json").read_bytes() == (tmp_path / "run" / "result.json").read_bytes()


def test_prices_and_limits_survive_a_resume_with_the_same_model(cli: Cli, server: Server, tmp_path: Path):
    model = f"openai:m@{server.url}"
    cost = ("--prices", "2,10", "--reply-tokens", 300, "--max-usd", 0.018)
    done = cli("run", "cartpole", "--llm", model, "--out", "run", *SIZES, *cost)
    assert done.returncode == 2 and "could exceed --max-usd 0.018" in done.stderr, done.stdout + done.stderr
    useless = cli("resume", "run", "--llm", "search", "--max-tokens", 5)
    assert useless.returncode == 2 and "--max-tokens has no effect on --llm search" in useless.stderr
    more = cli("resume", "run", "--llm", model, "--max-usd", 1)
    assert more.returncode == 0 and "unpriced" not in more.stdout, more.stderr
    spent = sum(e["answer"]["usd"] for e in answers(tmp_path / "run"))
    assert f"${spent:.4f}" in more.stdout and spent >= 0.008


def test_a_base_url_is_kept_with_the_run(cli: Cli, server: Server, tmp_path: Path):
    done = cli("run", "cartpole", "--llm", "openai:m", "--out", "run", *SIZES, OPENAI_BASE_URL=server.url)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "run.json").read_text())["settings"]["llm"] == f"openai:m@{server.url}"


def test_a_human_start_is_improved_on(cli: Cli, server: Server, tmp_path: Path):
    done = cli("run", "cartpole", "--llm", f"openai:m@{server.url}", "--start", "human", "--out", "run", *SIZES)
    assert done.returncode == 0, done.stderr
    first = server.bodies[0]["messages"]
    assert len(first) == 4 and "def compute_reward" in first[2]["content"] and "\nfitness: " in first[3]["content"]
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert [c["generation"] for c in result["candidates"]] == [0, 1, 1, 2, 2] and result["winner"][0] != "0"
    shown = cli("inspect", "run", "--candidate", "0.0")
    assert shown.returncode == 0 and "\nfitness: " in shown.stdout
    asked = cli("inspect", "run", "--candidate", "0.0", "--prompt")
    assert asked.returncode == 2 and "was given with --start" in asked.stderr
