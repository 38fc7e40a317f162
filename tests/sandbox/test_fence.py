"""The trainer's own isolation, tried for real: what a process behind the fence can and cannot do."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from eureka.config.parameters import Curriculum
from eureka.system.paths import load_sandbox, shipped
from eureka.workers.messages import Load, Unfenced, decode_answer, encode
from eureka.workers.process import Worker

ATTEMPTS = """
import ctypes, errno, fcntl, json, os, resource, shutil, signal, socket, struct, subprocess, sys
outside, port, victim, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
done = []
def attempt(name, act):
    try:
        act()
        done.append(name)
    except OSError:
        pass
def system(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")
attempt("create", lambda: open(outside + "/new", "w").close())
attempt("change", lambda: open(outside + "/file", "a").write("x"))
attempt("truncate", lambda: os.truncate(outside + "/file", 0))
attempt("remove", lambda: os.unlink(outside + "/file"))
attempt("rename", lambda: os.rename(outside + "/file", outside + "/other"))
attempt("link", lambda: os.link(outside + "/file", folder + "/hard"))
attempt("folder", lambda: os.mkdir(outside + "/sub"))
attempt("through a link", lambda: (os.symlink(outside, folder + "/out"), open(folder + "/out/new", "w").close()))
attempt("owner", lambda: os.chown(outside + "/file", os.getuid(), os.getgid()))
attempt("attribute", lambda: os.setxattr(outside + "/file", "user.x", b"1"))
def child_writes():
    if subprocess.run(["sh", "-c", f"echo x 2>/dev/null > {outside}/new"], stderr=subprocess.DEVNULL).returncode:
        raise OSError
attempt("child's file", child_writes)
attempt("tcp", lambda: socket.create_connection(("127.0.0.1", port), timeout=2))
attempt("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
attempt("unix", lambda: socket.socket(socket.AF_UNIX))
attempt("signal", lambda: os.kill(victim, 0))
attempt("all signals", lambda: os.kill(-1, 0))
attempt("group", lambda: os.killpg(os.getpgid(victim), 0))
attempt("environment", lambda: open(f"/proc/{victim}/environ", "rb").read())
attempt("memory", lambda: open(f"/proc/{victim}/mem", "rb"))
attempt("limits", lambda: resource.prlimit(victim, resource.RLIMIT_NOFILE))
attempt("trace", lambda: system(101 if os.uname().machine == "x86_64" else 117, 0x4206, victim, 0, 0))
attempt("io_uring", lambda: system(425, 1, ctypes.create_string_buffer(128)))
attempt("namespace", lambda: system(272 if os.uname().machine == "x86_64" else 97, 0x10000000))
def in_a_namespace():
    libc = ctypes.CDLL(None, use_errno=True)
    pid = libc.syscall(56 if os.uname().machine == "x86_64" else 220, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    if pid < 0:
        raise OSError(ctypes.get_errno(), "")
    os.waitpid(pid, 0)
attempt("process in a namespace", in_a_namespace)
def clone3_is_not_there():
    try:
        system(435, ctypes.create_string_buffer(8), 8)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
attempt("no clone3", clone3_is_not_there)
def signal_by_a_socket():
    one, other = socket.socketpair()
    fcntl.ioctl(one.fileno(), 0x8901, struct.pack("i", victim))
attempt("owner of a socket", signal_by_a_socket)
attempt("attribute's end", lambda: os.removexattr(outside + "/file", "user.x"))
attempt("own file", lambda: (open(folder + "/a", "w").close(), os.rename(folder + "/a", folder + "/b")))
attempt("own limits", lambda: resource.getrlimit(resource.RLIMIT_NOFILE))
attempt("own signal", lambda: os.kill(os.getpid(), 0))
attempt("null", lambda: open("/dev/null", "w").close())
attempt("child", lambda: subprocess.run(["true"], check=True))
print(json.dumps([os.environ.get("EUREKA_FENCE"), done]))
"""
ALLOWED = ["no clone3", "own file", "own limits", "own signal", "null", "child"]


def attempts(folder: Path, fenced: bool, victim: int) -> tuple[str, list[str]]:
    """What got through, in a fence around `folder` or without one."""
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "file").write_text("kept")
    folder.mkdir()
    (folder.parent / "attempts.py").write_text(ATTEMPTS)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        how = [str(shipped("sandbox") / "fence.py"), str(folder)] if fenced else ["-m"]
        told = [str(outside), str(listener.getsockname()[1]), str(victim), str(folder)]
        command = [sys.executable, "-P", *how, "attempts", *told]
        environment = os.environ | {"PYTHONPATH": str(folder.parent)}
        said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120).stdout
        reached = True
        try:
            listener.accept()[0].close()
        except TimeoutError:
            reached = False
    assert reached == (not fenced)
    if fenced:
        assert [p.name for p in outside.iterdir()] == ["file"] and (outside / "file").read_text() == "kept"
    fence, done = json.loads(said)
    return fence, done


@pytest.fixture
def victim():
    """A process of the same user, with something to steal."""
    process = subprocess.Popen(["sleep", "600"], env={"OPENAI_API_KEY": "sk-decoy"}, start_new_session=True)
    yield process.pid
    process.kill()
    process.wait()


def test_behind_the_fence_only_its_own_folder_can_be_changed_and_nobody_reached(tmp_path: Path, victim: int):
    fence, done = attempts(tmp_path / "own", True, victim)
    assert "seccomp" in fence and not fence.startswith("!")
    if "landlock" not in fence:
        pytest.skip("this kernel has no Landlock: files are not fenced, and the fence says so")
    assert done == ALLOWED


def test_without_the_fence_the_same_attempts_get_through(tmp_path: Path, victim: int):
    _, done = attempts(tmp_path / "own", False, victim)
    assert {"create", "change", "tcp", "udp", "signal", "environment", "child's file"} < set(done)


def test_a_fence_with_a_hole_says_which(tmp_path: Path):
    copy = tmp_path / "sandbox"
    shutil.copytree(shipped("sandbox"), copy, ignore=shutil.ignore_patterns("attacks", "__pycache__"))
    table = copy / "syscalls.py"
    table.write_text(table.read_text().replace('FENCED = (\n    "socket",\n', "FENCED = (\n", 1))
    (tmp_path / "own").mkdir()
    command = [sys.executable, "-P", str(copy / "fence.py"), str(tmp_path / "own")]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert said.strip() == "!a confined trainer could open a socket"


def test_the_fences_filter_knows_both_machines():
    fence, syscalls = load_sandbox("fence"), load_sandbox("syscalls")
    absent = {"chown", "lchown"}  # arm64 has the calls that name a folder only
    for name, machine in syscalls.MACHINES.items():
        missing = {*syscalls.FENCED, *syscalls.OWN_ONLY} - set(machine.numbers)
        assert missing == (absent if name == "aarch64" else set())
        assert len(fence.program(machine, 1)) % 8 == 0


def test_a_trainer_that_could_not_be_confined_runs_no_code_of_the_task(tmp_path: Path):
    (tmp_path / "task.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    yaml = "name: mine\ndescription: none\ntask: task.py:Mine\npresets: {}\n"
    (tmp_path / "mine.yaml").write_text(yaml)
    program = ["-P", "-m", "eureka.trainer.service", str(tmp_path / "mine.yaml"), "1", "cpu"]
    answers = []
    for fence in ("!no seccomp here", ""):
        worker = Worker(program, tmp_path / "log", more={"EUREKA_FENCE": fence})
        worker.send(encode(Load(curriculum=Curriculum())))
        answers.append((decode_answer(worker.receive(60) or {}), (tmp_path / "ran").exists()))
        worker.close()
    assert answers[0] == (Unfenced(reason="no seccomp here"), False) and answers[1][1]
