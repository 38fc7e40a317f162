"""Live pages: list of runs, run, candidate, diff of two candidates, comparison of runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import FastAPI, Query
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response, StreamingResponse
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
from eureka.runs import remarks
from eureka.runs.store import untrusted_run
from eureka.text import command

_MAX_TEXT = 200_000  # Characters
_MAX_FORM = 16_384  # Bytes
_PATIENCE = 0.7  # s that the list waits for runs that were not read yet
_MAX_COMPARED = 6  # Runs on a comparison page: the number of line styles


def site(root: Path, stopped: Callable[[], bool] = lambda: False) -> FastAPI:
    """Create the application for the runs in a folder; it changes nothing in them but their remarks.

    `auth.Guard` restricts access.
    """
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

    @app.post("/remark/{address:path}")
    async def remark(request: Request, address: str) -> Response:
        form = await _form(request)
        return await asyncio.to_thread(pages.remark, address, form)

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

    _say_errors(app, pages)
    return app


def _say_errors(app: FastAPI, pages: Pages) -> None:
    """Answer errors with a page."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return pages.message(error.status_code, str(error.detail))

    @app.exception_handler(UserError)
    async def damaged(request: Request, error: UserError) -> Response:
        return pages.message(200, str(error))


def _stream(followers: Followers, folder: Path | None) -> Response:
    return StreamingResponse(followers.follow(folder), media_type="text/event-stream")


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; HTTPException if it is none, or too large."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MAX_FORM:
            raise HTTPException(413, "The text is too long.")
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10))
    except ValueError:
        raise HTTPException(400, "The form has too many fields.") from None


class Pages:
    """Renders pages as HTML, and keeps remarks."""

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
            values |= {"asked": self._asked(folder, run)}
            return _page("site/run.html.j2", **values, **self._links(address, version))

    def candidate(self, address: str, name: str) -> Response:
        folder, version, run = self._open(address)
        entry = _entry(run, name)
        with untrusted_run(folder):
            asked = self._asked(folder, run)
            return _page("site/candidate.html.j2", run=run, entry=entry, asked=asked, **self._links(address, version))

    def remark(self, address: str, form: Mapping[str, str]) -> Response:
        """Keep a remark, or let a run that waits for words go on; then show the page that the form was on."""
        folder, _, run = self._open(address)
        if "done" in form:
            waiting = remarks.waits_for(folder)
            if waiting is not None:
                remarks.done(folder, waiting)
        else:
            entry = _entry(run, form.get("candidate", ""))
            remarks.add(folder, remarks.remark(entry.name, form.get("text", "")))
        return RedirectResponse(f"/run/{quote(address)}", 303)

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

    def _asked(self, folder: Path, run: RunView) -> dict[str, object] | None:
        """What the form for remarks shows; None where no prompt would tell them."""
        watched = [name for name, entry in run.entries.items() if entry.candidate.trained]
        if not run.searching or run.settings.strategy == "best-of-n" or not watched:
            return None
        waits = remarks.waits_for(folder) if self.index.state(run, folder) == "running" else None
        resume = command("resume", folder, "--generations", "3") if run.finished else ""
        said = remarks.open_remarks(folder, run.remarked)
        return {"watched": watched, "waits": waits, "open": said, "resume": resume}

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
