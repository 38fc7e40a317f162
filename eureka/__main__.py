"""Entry point of the command line: every foreseeable error becomes one sentence and an exit code."""

from __future__ import annotations

import os
import platform
import signal
import sys
import traceback
from collections.abc import Sequence

import typer

from eureka.cli.app import app
from eureka.errors import EurekaError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments after the program's name; None for those of this process.

    Returns:
        The exit code. An error is printed as one sentence on standard error.
    """
    if platform.system() == "Windows":
        return _fail("eureka needs Linux; on Windows, install it in WSL2 (https://learn.microsoft.com/windows/wsl)", 2)
    try:
        code = app(args=argv if argv is None else list(argv), prog_name="eureka", standalone_mode=False)
    except typer.TyperException as error:
        return _fail(f"{_sentence(error)}; see {_help(error)}", 2)
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
    if error.resume is None:
        return ""
    from eureka.experiment.session import command

    return f"; all recorded results are kept; resume with: {command(error.resume)}"


def _unforeseen(error: Exception) -> int:
    from eureka.experiment.session import command
    from eureka.system.signals import Interrupted

    if isinstance(error, Interrupted):
        number = error.signal_number
        reason = "interrupted" if number == signal.SIGINT else f"stopped by signal {number}"
        after = f"; all recorded results are kept; resume with: {command(error.folder)}" if error.folder else ""
        print(f"\n{reason}{after}", file=sys.stderr)
        return 128 + number
    traceback.print_exc()
    return _fail(f"this is a bug in eureka: {type(error).__name__}: {error}; please report it with the lines above", 1)


def _sentence(error: typer.TyperException) -> str:
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    return text.strip().rstrip(".").replace("Value error, ", "", 1)  # of a parser, whose message is complete


def _help(error: typer.TyperException) -> str:
    """The help of the command that the mistake was made in."""
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'eureka'} --help"


def _fail(message: str, code: int) -> int:
    # Messages may quote a server, a run or a reply.
    clean = "".join(c if c.isprintable() else " " for c in message)
    print(f"error: {clean}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
