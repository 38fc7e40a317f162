"""`eureka view`: the live pages served to this machine's own browser, until Ctrl-C."""

from __future__ import annotations

import contextlib
import secrets
import socket
from pathlib import Path

import uvicorn

from eureka.errors import UserError
from eureka.report.auth import Guard
from eureka.report.site import site

_HOST = "127.0.0.1"


def serve(root: Path, port: int) -> None:
    """Serve the runs below a folder, and print the address with its token.

    Args:
        root: a folder of runs, or one run.
        port: where; 0 for any that is free.

    Raises:
        UserError: there is no such folder, or the port is taken.
    """
    if not root.is_dir():
        raise UserError(f"there is no folder {root}; name one that holds runs")
    with _bound(port) as listening:
        port = listening.getsockname()[1]
        token = secrets.token_urlsafe(24)
        server: uvicorn.Server
        app = Guard(site(root, lambda: server.should_exit), token, port)
        # Its own logs would hold the token.
        config = uvicorn.Config(
            app,
            log_level="critical",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
            server_header=False,
        )
        server = uvicorn.Server(config)
        with contextlib.suppress(KeyboardInterrupt):  # which uvicorn raises again when it has ended
            print(f"http://{_HOST}:{port}/?token={token}\n{root.resolve()} until Ctrl-C", flush=True)
            server.run(sockets=[listening])


def _bound(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((_HOST, port))
        listening.listen()  # before the address is told: whoever is quick waits, and is not turned away
    except (OSError, OverflowError) as error:
        listening.close()
        why = getattr(error, "strerror", None) or str(error)
        raise UserError(f"port {port} cannot be had ({why}); give another one with --port, or 0 for any") from None
    return listening
