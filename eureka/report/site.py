"""Live pages: list of runs, run, candidate, diff of two candidates, comparison of runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import FastAPI, Query
from fastapi.responses import FileResponse, HTMLResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request

from eureka.display import tables
from eureka.errors import UserError
from eureka.report.document import controls_of, values_of
from eureka.report.event_stream import Followers
from eureka.report.listing import COLUMNS, Listing
from eureka.report.rendering import STATIC, flat, render
from eureka.report.run_index import RunIndex
from eureka.report.run_view import Entry, RunView
from eureka.report.thumbnails import MAX_FRAME, first_frame
from eureka.runs.store import untrusted_run

_MAX_TEXT = 200_000  # Characters
_PATIENCE = 0.7  # s that the list waits for runs that were not read yet
_MAX_COMPARED = 6  # Runs on a comparison page: the number of line styles


def site(root: Path, stopped: Callable[[], bool] = lambda: False) -> FastAPI:
    """Create the read-only application for the runs in a folder. `auth.Guard` restricts access."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    pages = Pages(RunIndex(root))
    followers = Followers(pages.index, stopped)
    app.state.followers = followers

    @app.get("/")
    def runs(q: str = "", task: str = "", state: str = "", sort: str = "") -> Response:
        return pages.runs(q, task, state, sort)

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

    @app.get("/still/{address:path}")
    def still(address: str) -> Response:
        return Response(pages.still(address), media_type="image/webp")

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in ("style.css", "live.js", "icon.svg"):
            raise HTTPException(404, "This page does not exist.")
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
    """Renders pages as HTML."""

    def __init__(self, index: RunIndex):
        self.index = index

    def folder(self, address: str) -> Path:
        """Folder of the run at an untrusted address; HTTPException if there is none."""
        folder = self.index.folder(address)
        if folder is None:
            raise HTTPException(404, "This run does not exist.")
        return folder

    def still(self, address: str) -> bytes:
        """The first frame of a film; HTTPException if there is none."""
        film = self.index.film(self.folder(address))
        if film is None:
            raise HTTPException(404, "This run has no film.")
        with open(film, "rb") as file:
            found = first_frame(file.read(MAX_FRAME))
        if not found:
            raise HTTPException(404, "This run has no film.")
        return found

    def runs(self, q: str, task: str, state: str, sort: str) -> Response:
        version = self.index.version()
        listing = Listing(self.index.rows(within=_PATIENCE), q, task, state, sort)
        values = {"listing": listing, "columns": COLUMNS, "root": str(self.index.root)}
        return _page("site/runs.html.j2", **values, follow="/follow", version=version)

    def run(self, address: str) -> Response:
        folder, version, run = self._open(address)
        with untrusted_run(folder):
            values = values_of(folder, run, controls_of(folder), self.index.state(run, folder) == "running")
            return _page("site/run.html.j2", **values, **self._links(address, version))

    def candidate(self, address: str, name: str) -> Response:
        folder, version, run = self._open(address)
        entry = _entry(run, name)
        with untrusted_run(folder):
            return _page("site/candidate.html.j2", run=run, entry=entry, **self._links(address, version))

    def diff(self, address: str, before: str, after: str) -> Response:
        folder, version, run = self._open(address)
        old, new = _entry(run, before), _entry(run, after)
        with untrusted_run(folder):
            return _page("site/diff.html.j2", run=run, before=old, after=new, **self._links(address, version))

    def compare(self, addresses: list[str]) -> Response:
        wanted = list(dict.fromkeys(addresses))[:_MAX_COMPARED]
        views = [self.index.view(self.folder(address)) for address in wanted]
        rows = {address: self.index.row(address) for address in wanted}
        found = [(address, rows[address].name, run) for address, run in zip(wanted, views, strict=True)]
        with untrusted_run(self.index.root):
            values = {
                "found": found,
                "rows": rows,
                "sheets": [tables.sheets(run.comparison) for run in views],
                "settings": _differences(views),
                "most": _MAX_COMPARED,
                "asked": len(addresses),
            }
            return _page("site/compare.html.j2", **values, text_limit=_MAX_TEXT)

    def message(self, status: int, text: str) -> Response:
        response = _page("site/message.html.j2", status=status, text=text)
        response.status_code = status
        return response

    def _open(self, address: str) -> tuple[Path, str, RunView]:
        folder = self.folder(address)
        version = self.index.version(folder)  # before reading, so that no later change is missed
        return folder, version, self.index.view(folder)

    def _links(self, address: str, version: str) -> dict[str, object]:
        return {
            "live": True,
            "address": address,
            "most": _MAX_TEXT,
            "follow": f"/follow/{address}",
            "version": version,
            "link": lambda name: f"/candidate/{address}?{urlencode({'name': name})}",
            "run_link": f"/run/{address}",
        }


def _entry(run: RunView, name: str) -> Entry:
    if name not in run.entries:
        raise HTTPException(404, "The run does not have this candidate.")
    return run.entries[name]


def _differences(runs: Sequence[RunView]) -> list[tuple[str, list[str]]]:
    """Settings that are not the same in all runs, with the value of each run."""
    found = [{"task": run.task, **dict(flat(run.settings))} for run in runs]
    names = dict.fromkeys(name for settings in found for name in settings)
    rows = [(name, [settings.get(name, "-") for settings in found]) for name in names]
    return [(name, values) for name, values in rows if len(set(values)) > 1]


def _page(template: str, **values: object) -> Response:
    defaults = {"follow": None, "version": ""}
    return HTMLResponse(render(template, **(defaults | values)))
