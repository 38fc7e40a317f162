"""The live pages: runs, one run, one candidate, what differs between two, and several runs side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import FastAPI, Query
from fastapi.responses import FileResponse, HTMLResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request

from eureka.errors import UserError
from eureka.report.document import controls_of, values_of
from eureka.report.event_stream import Followers
from eureka.report.rendering import STATIC, render
from eureka.report.run_index import RunIndex
from eureka.report.run_view import Entry, RunView
from eureka.runs.store import untrusted_run

_LONGEST = 200_000
"""Characters of a text that a page shows."""
_MOST_COMPARED = 6
"""Runs side by side; more have no line of their own."""


def site(root: Path, over: Callable[[], bool] = lambda: False) -> FastAPI:
    """The application for the runs below a folder; it only reads, and knows nothing of who asks (see `access`)."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    pages = Pages(RunIndex(root))
    followers = Followers(pages.shelf, over)
    app.state.followers = followers

    @app.get("/")
    def runs() -> Response:
        return pages.runs()

    @app.get("/run/{address:path}")
    def run(address: str) -> Response:
        return pages.run(address)

    @app.get("/candidate/{address:path}")
    def candidate(address: str, name: str = "") -> Response:
        return pages.candidate(address, name)

    @app.get("/diff/{address:path}")
    def diff(address: str, before: str = "", after: str = "") -> Response:
        return pages.diff(address, before, after)

    @app.get("/compare")
    def compare(run: Annotated[list[str] | None, Query()] = None) -> Response:
        return pages.compare(run or [])

    @app.get("/follow")
    async def follow_all() -> Response:
        return _stream(followers, None)

    @app.get("/follow/{address:path}")
    async def follow(address: str) -> Response:
        return _stream(followers, await asyncio.to_thread(pages.folder, address))

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in ("style.css", "live.js", "icon.svg"):
            raise HTTPException(404, "There is no such page.")
        return FileResponse(STATIC / name)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return pages.message(error.status_code, str(error.detail))

    @app.exception_handler(UserError)
    async def damaged(request: Request, error: UserError) -> Response:
        return pages.message(200, str(error))

    return app


def _stream(followers: Followers, folder: Path | None) -> Response:
    return StreamingResponse(followers.follow(folder), media_type="text/event-stream")


class Pages:
    """Pages as HTML."""

    def __init__(self, shelf: RunIndex):
        """Of the runs of a shelf."""
        self.shelf = shelf

    def folder(self, address: str) -> Path:
        """The run of an address that a browser gave.

        Raises:
            HTTPException: there is none.
        """
        folder = self.shelf.folder(address)
        if folder is None:
            raise HTTPException(404, "There is no such run here.")
        return folder

    def runs(self) -> Response:
        """The list."""
        version, rows = self.shelf.version(), self.shelf.rows()
        return _page("site/runs.html.j2", rows=rows, root=str(self.shelf.root), follow="/follow", version=version)

    def run(self, address: str) -> Response:
        """One run."""
        folder, version, run = self._opened(address)
        with untrusted_run(folder):
            values = values_of(run, controls_of(folder), self.shelf.state(run, folder) == "running")
            return _page("site/run.html.j2", **values, **self._of(address, version))

    def candidate(self, address: str, name: str) -> Response:
        """One candidate."""
        folder, version, run = self._opened(address)
        entry = _named(run, name)
        with untrusted_run(folder):
            return _page("site/candidate.html.j2", run=run, entry=entry, **self._of(address, version))

    def diff(self, address: str, before: str, after: str) -> Response:
        """What differs between two candidates."""
        folder, version, run = self._opened(address)
        old, new = _named(run, before), _named(run, after)
        with untrusted_run(folder):
            return _page("site/diff.html.j2", run=run, before=old, after=new, **self._of(address, version))

    def compare(self, addresses: list[str]) -> Response:
        """Several runs side by side."""
        wanted = list(dict.fromkeys(addresses))[:_MOST_COMPARED]
        chosen = [(address, self.folder(address)) for address in wanted]
        found = [(address, str(folder.name), self.shelf.reading(folder)) for address, folder in chosen]
        rows = {row.address: row for row in self.shelf.rows() if row.address in wanted}
        with untrusted_run(self.shelf.root):
            return _page("site/compare.html.j2", found=found, rows=rows, most=_MOST_COMPARED, asked=len(addresses))

    def message(self, status: int, text: str) -> Response:
        """A page with one sentence."""
        response = _page("site/message.html.j2", status=status, text=text)
        response.status_code = status
        return response

    def _opened(self, address: str) -> tuple[Path, str, RunView]:
        folder = self.folder(address)
        version = self.shelf.version(folder)  # before it is read, so that nothing new is missed
        return folder, version, self.shelf.reading(folder)

    def _of(self, address: str, version: str) -> dict[str, object]:
        return {
            "live": True,
            "address": address,
            "most": _LONGEST,
            "follow": f"/follow/{address}",
            "version": version,
            "link": lambda name: f"/candidate/{address}?{urlencode({'name': name})}",
            "run_link": f"/run/{address}",
        }


def _named(run: RunView, name: str) -> Entry:
    if name not in run.entries:
        raise HTTPException(404, "The run has no such candidate.")
    return run.entries[name]


def _page(template: str, **values: object) -> Response:
    defaults = {"follow": None, "version": ""}
    return HTMLResponse(render(template, **(defaults | values)))
