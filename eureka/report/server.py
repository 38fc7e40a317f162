"""`eureka view`: serves the live pages on this machine until Ctrl-C."""

from __future__ import annotations

import contextlib
import secrets
import socket
import warnings
from pathlib import Path

import uvicorn

from eureka.errors import UserError
from eureka.report.auth import Guard
from eureka.report.site import site

_HOST = "127.0.0.1"


def serve(root: Path, port: int) -> None:
    """Serve a run, or the runs in a folder, and print the address with its token. Port 0 selects a free one.

    Raises:
        UserError: the folder does not exist, or the port is not available.
    """
    if not root.is_dir():
        raise UserError(f"the folder {root} does not exist; give a folder of runs")
    with _bind(port) as listening:
        port = listening.getsockname()[1]
        token = secrets.token_urlsafe(24)
        server: uvicorn.Server
        app = Guard(site(root, lambda: server.should_exit), token, port)
        # Logs would contain the token.
        config = uvicorn.Config(
            app,
            log_level="critical",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
            server_header=False,
        )
        server = uvicorn.Server(config)
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again after its shutdown
            print(f"http://{_HOST}:{port}/?token={token}\n{root.resolve()} until Ctrl-C", flush=True)
            # Ctrl-C may come before uvicorn's loop runs, which leaves its coroutine unused.
            warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
            server.run(sockets=[listening])


def _bind(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((_HOST, port))
        listening.listen()  # before printing the address, so that early connections are accepted
    except (OSError, OverflowError) as error:
        listening.close()
        why = getattr(error, "strerror", None) or str(error)
        raise UserError(f"port {port} is not available ({why}); give another one with --port, or 0 for any") from None
    return listening
