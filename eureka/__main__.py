"""Entry point of the command line: every foreseeable error becomes one sentence and an exit code."""

from __future__ import annotations

import os
import platform
import signal
import sys
import traceback

import typer

from eureka.cli.app import app
from eureka.errors import EurekaError


def main() -> None:
    """Entry point of the command `eureka`: every foreseeable error is one sentence and an exit code."""
    if platform.system() == "Windows":
        _end("eureka runs on Linux; on Windows, install it inside WSL2 (https://learn.microsoft.com/windows/wsl)", 2)
    code = None
    try:
        code = app(standalone_mode=False)
    except typer.TyperException as error:
        _end(f"{_sentence(error)}; see {_help()}", 2)
    except EurekaError as error:
        _end(f"{error}{_resumable(error)}", error.exit_code)
    except KeyboardInterrupt:
        _end("interrupted", 130)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
    except Exception as error:
        _unforeseen(error)
    sys.exit(code if isinstance(code, int) else 0)


def _resumable(error: EurekaError) -> str:
    if error.resume is None:
        return ""
    from eureka.experiment.session import command

    return f"; nothing recorded is lost, to go on: {command(error.resume)}"


def _unforeseen(error: Exception) -> None:
    from eureka.experiment.session import command
    from eureka.system.signals import Interrupted

    if isinstance(error, Interrupted):
        number = error.signal_number
        reason = "interrupted" if number == signal.SIGINT else f"stopped by signal {number}"
        after = f"; nothing recorded is lost. To go on: {command(error.folder)}" if error.folder else ""
        print(f"\n{reason}{after}", file=sys.stderr)
        sys.exit(128 + number)
    traceback.print_exc()
    _end(f"this is a bug in eureka: {type(error).__name__}: {error}; please report it with the lines above", 1)


def _sentence(error: typer.TyperException) -> str:
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    return text.strip().rstrip(".")


def _help() -> str:
    commands = {c.name or (c.callback.__name__ if c.callback else "") for c in app.registered_commands}
    named = next((a for a in sys.argv[1:] if a in commands), None)
    return f"eureka {named} --help" if named else "eureka --help"


def _end(message: str, code: int) -> None:
    # Messages may quote a server, a run or a reply.
    clean = "".join(c if c.isprintable() else " " for c in message)
    print(f"error: {clean}", file=sys.stderr, flush=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
