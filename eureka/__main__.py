"""Entry point of the command line: every foreseeable error becomes one sentence and an exit code."""

from __future__ import annotations

import os
import platform
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import typer
from typer.main import get_command

from eureka.cli.app import app
from eureka.errors import EurekaError
from eureka.text import command


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments after the program's name; None for those of this process.

    Returns:
        The exit code. An error is printed as one sentence on standard error.
    """
    if platform.system() == "Windows":
        return _fail("eureka needs Linux; on Windows, install it in WSL2 (https://learn.microsoft.com/windows/wsl)", 2)
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["help"]:
        given = [*given[1:2], "--help"]
    try:
        code = app(args=given, prog_name="eureka", standalone_mode=False)
    except typer.TyperException as error:
        return _fail(f"{_sentence(error)}; see {_help(error, given)}", 2)
    except EurekaError as error:
        return _fail(f"{error}{_resumable(error)}", error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except BrokenPipeError:
        # The reader of the output closed it, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except Exception as error:
        return _unforeseen(error)
    return code if isinstance(code, int) else 0


def _resumable(error: EurekaError) -> str:
    return _resume(error.resume) if error.resume else ""


def _resume(folder: Path) -> str:
    return f"; all recorded results are kept; resume with: {command('resume', folder)}"


def _unforeseen(error: Exception) -> int:
    from eureka.system.signals import Interrupted

    if isinstance(error, Interrupted):
        number = error.signal_number
        reason = "interrupted" if number == signal.SIGINT else f"stopped by signal {number}"
        print(f"\n{reason}{_resume(error.folder) if error.folder else ''}", file=sys.stderr)
        return 128 + number
    traceback.print_exc()
    return _fail(f"this is a bug in eureka: {type(error).__name__}: {error}; please report it with the lines above", 1)


def _sentence(error: typer.TyperException) -> str:
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    return text.strip().rstrip(".").replace("Value error, ", "", 1)  # of a parser, whose message is complete


def _help(error: typer.TyperException, given: Sequence[str]) -> str:
    """The help of the command that the mistake was made in."""
    context = getattr(error, "ctx", None)
    # Some errors of the parser have no context.
    within = next((f"eureka {name}" for name in given[:1] if name in get_command(app).commands), "eureka")  # type: ignore[attr-defined]
    return f"{context.command_path if context else within} --help"


def _fail(message: str, code: int) -> int:
    # Messages may quote a server, a run or a reply.
    clean = "".join(c if c.isprintable() else " " for c in message)
    print(f"error: {clean}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
