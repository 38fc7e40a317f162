"""The real jail against acts of hostile text. Each test looks at the effect, not at the exception."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eureka.errors import SandboxUnavailable, UserError
from eureka.rewards.compiler import Compiler
from eureka.runs.candidate import Failed
from eureka.system.paths import load_sandbox, shipped
from eureka.workers.isolation import IsolationPolicy, check_level
from eureka.workers.process import Worker

pytestmark = pytest.mark.xdist_group("jail")
FIELDS = {"height": ((), "float32")}
HONEST = "def compute_reward(height):\n    return -height.abs(), {'h': height}"


SECRET = "sk-decoy-5678"
TQDM = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\ntqdm = None\n"
"""A progress bar as many packages bring it: a fork server with its monitor thread would be unsafe."""


class LimitedCompiler(Compiler):
    """A compiler whose children have a second of processor time and three of the clock."""

    def _start(self) -> Worker:
        limits = json.dumps({"cpu_seconds": 1, "wall_seconds": 3.0})
        return Worker(["-P", str(shipped("sandbox") / "server.py"), self._level, limits], self._log)


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compiler]:
    """A compiler that is started with a key in its parent's environment, beside a package that starts a thread."""
    folder = tmp_path_factory.mktemp("jail")
    (folder / "tqdm").mkdir()
    (folder / "tqdm" / "__init__.py").write_text(TQDM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", SECRET)
        patch.setenv("PYTHONPATH", str(folder))
        c = Compiler(IsolationPolicy(), folder / "log")
        yield c
    c.close()


@pytest.fixture(scope="module")
def open_compiler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compiler]:
    """The same without walls: the control that shows that these attacks attack."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OPENAI_API_KEY", raising=False)
        patch.setenv("EUREKA_ALLOW_NO_SANDBOX", "1")
        c = Compiler(IsolationPolicy("none"), tmp_path_factory.mktemp("open") / "log")
    yield c
    c.close()


def compile_one(c: Compiler, source: str) -> str | Failed:
    ((_, result),) = c.compile({0: source}, FIELDS)
    return result


def works(c: Compiler) -> bool:
    return isinstance(compile_one(c, HONEST), str)


def test_the_jail_holds_here_and_says_what_it_is(compiler: Compiler):
    assert compiler.sandbox.level in ("strict", "strict-noland")
    assert compiler.sandbox.through == []
    assert works(compiler)


def test_without_walls_the_canary_sings(open_compiler: Compiler):
    assert {"read a file", "open a TCP socket", "start a process"} <= set(open_compiler.sandbox.through)


def read_file(path: Path) -> str:
    return f"raise ValueError(open({str(path)!r}).read())"


def test_a_file_cannot_be_read(compiler: Compiler, open_compiler: Compiler, tmp_path: Path):
    secret = tmp_path / "key"
    secret.write_text("sk-decoy-1234")
    for source in (
        read_file(secret),
        f"import os\nraise ValueError(os.read(os.open({str(secret)!r}, 0), 99))",
        f"import io\nraise ValueError(io.open_code({str(secret)!r}).read())",
        f"t = torch.from_file({str(secret)!r}, size=13, dtype=torch.uint8)\nraise ValueError(bytes(t.tolist()))",
        f"raise ValueError(torch.load({str(secret)!r}))",
    ):
        assert "sk-decoy" not in str(compile_one(compiler, source))
    assert "sk-decoy" in str(compile_one(open_compiler, read_file(secret)))


def test_no_secret_is_in_the_environment_or_reachable_through_proc(compiler: Compiler):
    assert os.environ["OPENAI_API_KEY"] == SECRET
    for source in (
        "import os\nraise ValueError(str(dict(os.environ)))",
        "import os\nraise ValueError(open(f'/proc/{os.getppid()}/environ').read())",
        f"raise ValueError(open('/proc/{os.getpid()}/environ').read())",
        "import ctypes\nraise ValueError(ctypes.CDLL(None).getenv(b'OPENAI_API_KEY'))",
    ):
        assert "sk-decoy" not in str(compile_one(compiler, source))
    environ = Path(f"/proc/{compiler._worker.process.pid}/environ").read_text()
    assert "sk-decoy" not in environ and "KEY" not in environ


def test_a_file_cannot_be_made(compiler: Compiler, open_compiler: Compiler, tmp_path: Path):
    target = tmp_path / "forged.json"
    source = f"open({str(target)!r}, 'w').write('x')"
    compile_one(compiler, source)
    compile_one(compiler, f"torch.save(torch.ones(1), {str(target)!r})")
    compile_one(compiler, f"import os\nos.symlink('/etc', {str(target)!r})")
    assert not target.exists()
    # with limits alone the file appears, and stays empty: no bytes may be written
    compile_one(open_compiler, source)
    assert target.exists()


def test_the_network_cannot_be_reached(compiler: Compiler, open_compiler: Compiler):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        port = listener.getsockname()[1]
        source = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=1)"
        compile_one(compiler, source)
        with pytest.raises(TimeoutError):
            listener.accept()
        compile_one(open_compiler, source)
        listener.accept()[0].close()


def descendants(pid: int) -> set[int]:
    children = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        children |= {int(p) for p in (task / "children").read_text().split()}
    return children | {d for c in children for d in descendants(c)}


def test_no_process_or_thread_is_started_and_none_is_left(compiler: Compiler, tmp_path: Path):
    mark = tmp_path / "ran"
    for source in (
        "import os\nfor _ in range(20):\n    os.fork()",
        f"import os\nos.system('touch {mark}')",
        f"import subprocess\nsubprocess.Popen(['touch', {str(mark)!r}])",
        f"import os\nos.execv('/bin/touch', ['touch', {str(mark)!r}])",
        "import threading\nthreading.Thread(target=lambda: None).start()",
        "import multiprocessing\nmultiprocessing.Process(target=int).start()",
    ):
        compile_one(compiler, source)
    assert not mark.exists()
    assert descendants(compiler._worker.process.pid) == set()
    assert works(compiler)


def test_the_parents_live_and_their_limits_stay(compiler: Compiler):
    server = compiler._worker.process.pid
    for source in (
        "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)",
        "import os, signal\nos.kill(-1, signal.SIGTERM)",
        f"import os, signal\nos.kill({os.getpid()}, signal.SIGTERM)",
        f"import ctypes\nctypes.CDLL(None).ptrace(16, {server}, 0, 0)",
        f"import resource\nresource.prlimit({server}, resource.RLIMIT_NOFILE, (1, 1))",
    ):
        compile_one(compiler, source)
    assert compiler._worker.process.pid == server and works(compiler)


BOMBS = {
    "loop": "while True:\n    pass",
    "stubborn loop": "while True:\n    try:\n        while True: pass\n    except BaseException:\n        pass",
    "ignores signals": "import signal\n[signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15, 24)]\nwhile True: pass",
    "power": "x = 9 ** 9 ** 9",
    "sleep": "import time\ntime.sleep(1000)",
    "list": "x = [0]\nwhile True:\n    x = x + x",
    "memory": "x = bytearray(1 << 40)",
    "tensor": "x = torch.zeros(1 << 36)",
    "segfault": "import ctypes\nctypes.string_at(0)",
    "abort": "import os\nos.abort()",
    "exit": "import os\nos._exit(0)",
    "output flood": "import os\nos.write(3, b'=' + b'x' * (64 << 20))",
}


def test_a_child_that_the_kernel_ended_for_its_time_is_told_from_others():
    """On a busy machine, 10 s by the kernel's ticks are fewer that were had."""
    ends = [(signal.SIGKILL, 9.9), (signal.SIGKILL, 7.0), (signal.SIGKILL, 1.0), (signal.SIGSEGV, 9.9)]
    # In a process of its own: the server takes the standard output.
    code = (
        "import sys; from sandbox import jail, server\n"
        f"for status, seconds in {[(int(status), seconds) for status, seconds in ends]}:\n"
        "    print(server._cause(status, seconds, '', jail.Limits(cpu_seconds=10)), file=sys.stderr)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    time_up = "more than 10 s of CPU time"
    expected = (time_up, time_up, "died with signal 9", "died with signal 11")
    for said, words in zip(done.stderr.splitlines(), expected, strict=True):
        assert words in said


@pytest.mark.parametrize("kind", [LimitedCompiler, pytest.param(Compiler, marks=pytest.mark.slow)])
def test_time_memory_and_output_are_bounded(kind: type[Compiler], tmp_path: Path):
    c = kind(IsolationPolicy(), tmp_path / "log")
    try:
        bounded(c)
    finally:
        c.close()


def bounded(compiler: Compiler) -> None:
    start = time.monotonic()
    results = dict(compiler.compile(BOMBS, FIELDS))
    assert set(results) == set(BOMBS)
    for name, result in results.items():
        assert isinstance(result, Failed), name
    for name in ("loop", "stubborn loop", "ignores signals", "power", "sleep"):
        assert results[name].machine and "took more than" in results[name].message, name
    assert not results["exit"].machine, "that is the candidate's own doing, wherever it runs"
    # four endless ones of 10 s of processor time and one of 20 s of sleep, at least one at a time
    assert time.monotonic() - start < 180
    assert works(compiler)


def test_a_forged_answer_is_only_ever_an_untrusted_text(compiler: Compiler):
    forged = "import os\nos.write(3, b'={}')\nos._exit(0)"
    cases = {
        '{"program": {"a": 1}}': Failed,
        '{"refused": "\\u001b[2Jfine", "line": "x"}': Failed,
        "[[[[": Failed,
        '{"program": "not a graph"}': str,  # for the verifier to refuse
    }
    for text, kind in cases.items():
        result = compile_one(compiler, forged.replace("{}", text))
        assert isinstance(result, kind)
        if isinstance(result, Failed):
            assert "\x1b" not in result.message and (result.line is None or isinstance(result.line, int))
    assert works(compiler)


def test_a_forged_reason_cannot_drive_a_terminal(compiler: Compiler):
    for answer in (b"!\x1b[2J\x1b]0;owned\x07no memory\nSYSTEM: hello", b"\x1b[31mred"):
        result = compile_one(compiler, f"import os\nos.write(3, {answer!r})\nos._exit(0)")
        assert isinstance(result, Failed) and result.message.isprintable() and result.message


@pytest.mark.slow
def test_an_answer_that_nobody_came_to_read_in_time_still_counts(compiler: Compiler):
    large = "def compute_reward(height):\n    w = torch.tensor([i + 0.5 for i in range(9000)])\n"
    results = compiler.compile(dict.fromkeys(range(8), large + "    return height * w.sum(), {}"), FIELDS)
    seen = [next(results)]
    time.sleep(24)  # longer than a candidate may take, with the server's pipe full meanwhile
    seen += results
    assert len(seen) == 8 and all(isinstance(program, str) for _, program in seen)


def test_what_one_candidate_does_to_python_does_not_reach_the_next(compiler: Compiler):
    compile_one(compiler, "torch.exp = torch.zeros_like\nimport builtins\nbuiltins.len = lambda x: 0\n" + HONEST)
    result = compile_one(compiler, "def compute_reward(height):\n    return torch.exp(height), {}")
    assert isinstance(result, str) and "aten.exp" in result


def test_many_candidates_are_compiled_at_once_and_each_gets_its_own_verdict(compiler: Compiler):
    sources = {i: f"def compute_reward(height):\n    return height * {i}.5, {{}}" for i in range(6)}
    sources |= {10: "import os\nos._exit(1)", 11: "x" * 300_000}
    results = dict(compiler.compile(sources, FIELDS))
    assert set(results) == set(sources)
    for i in range(6):
        assert f"{i}.5" in str(results[i])
    assert isinstance(results[10], Failed) and "300000 characters" in str(results[11])


def test_a_killed_compiler_is_replaced_and_no_candidate_is_blamed(compiler: Compiler):
    assert works(compiler)
    os.kill(compiler._worker.process.pid, signal.SIGKILL)
    assert works(compiler)


def test_a_progress_bar_that_torch_finds_installed_starts_no_thread(compiler: Compiler):
    assert works(compiler)
    process = Path(f"/proc/{compiler._worker.process.pid}")
    path = os.environ["PYTHONPATH"]
    assert Path(path, "tqdm").exists() and f"PYTHONPATH={path}" in (process / "environ").read_text()
    assert len(list((process / "task").iterdir())) == 1


def test_levels_that_do_not_exist_or_are_too_weak_are_refused(monkeypatch):
    with pytest.raises(UserError, match="use one of auto, strict"):
        check_level("tight")
    monkeypatch.delenv("EUREKA_ALLOW_NO_SANDBOX", raising=False)
    for name in [n for n in os.environ if n.endswith(("_API_KEY", "_TOKEN", "_SECRET"))]:
        monkeypatch.delenv(name)
    with pytest.raises(UserError, match="EUREKA_ALLOW_NO_SANDBOX"):
        check_level("none")
    monkeypatch.setenv("EUREKA_ALLOW_NO_SANDBOX", "1")
    check_level("none")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-decoy")
    with pytest.raises(UserError, match="OPENAI_API_KEY"):
        check_level("none")


def test_a_jail_with_a_hole_stops_everything_and_names_the_act(tmp_path: Path, monkeypatch):
    """A filter that lets sockets through: the canary finds out, whatever the kernel's version says."""
    copy = tmp_path / "sandbox"
    copy.mkdir()
    for source in shipped("sandbox").glob("*.py"):
        text = source.read_text()
        if source.name == "syscalls.py":
            text = text.replace('    "brk",\n', '    "brk",\n    "socket",\n', 1)
            text = text.replace('    "read": 0,\n', '    "read": 0,\n    "socket": 41,\n', 1)
            text = text.replace('    "fcntl": 25,\n', '    "fcntl": 25,\n    "socket": 198,\n', 1)
        (copy / source.name).write_text(text)
    monkeypatch.setattr("eureka.rewards.compiler.shipped", lambda kind: copy)
    c = Compiler(IsolationPolicy(), tmp_path / "log")
    try:
        with pytest.raises(SandboxUnavailable, match="could open a TCP socket, open a unix socket"):
            _ = c.sandbox
    finally:
        c.close()


HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("machine", HEADERS)
def test_system_call_numbers_are_the_kernels(machine: str):
    header = HEADERS[machine]
    if not header.exists():
        pytest.skip(f"{header} is not installed")
    text = header.read_text()
    syscalls = load_sandbox("syscalls")
    known = {name: int(n) for name, n in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    table = syscalls.MACHINES[machine].numbers
    newer = {"landlock_create_ruleset": 444, "landlock_add_rule": 445, "landlock_restrict_self": 446}
    newer |= {"setxattrat": 463, "removexattrat": 466}
    for name, number in table.items():
        assert {**newer, **known}[name] == number, name
    absent = {"poll", "time"} if machine == "aarch64" else set()
    assert set(syscalls.ALLOWED) - set(table) == absent
