"""The live pages show what is below their folder to who has the token, and nothing else to anybody."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from support.cli import Cli
from support.journals import append, example, example_record, grown, halves, hostile, write_run
from support.pages import Page, values

from eureka.report.auth import Guard
from eureka.report.event_stream import Followers
from eureka.report.run_index import RunIndex
from eureka.report.site import site
from eureka.runs import layout, remarks

TOKEN = "secret-token"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder of runs in all states."""
    root = tmp_path / "runs"
    write_run(root / "cartpole" / "done", example())
    write_run(root / "cartpole" / "half", halves()[0])
    append(write_run(root / "broken", example()[:2]), [{}])
    write_run(root / "a b" / "\u202ehostile<b>", *hostile())
    write_run(root / "compared" / "controls" / "search", example())
    write_run(root / "compared", [{"event": "arms", "time": 1.0, "arms": [], "controls": ["search"]}])
    return root


@pytest.fixture
def client(runs: Path) -> Iterator[TestClient]:
    with TestClient(Guard(site(runs), TOKEN, 8321), base_url="http://127.0.0.1:8321") as client:
        client.get("/", params={"token": TOKEN})
        yield client


def test_the_list_shows_every_run_with_its_state(client: TestClient, runs: Path):
    rows = {row.name: row for row in RunIndex(runs).rows()}
    assert {name: row.state for name, row in rows.items()} == {
        "cartpole/done": "finished",
        "cartpole/half": "interrupted",
        "broken": "damaged",
        "a b/\u202ehostile<b>": "finished",
        "compared": "interrupted",
        "compared/controls/search": "finished",
    }
    page = Page(client.get("/").text)
    resume = [value for value in values(page, "data-copy") if value.startswith("eureka resume /")]
    assert len(resume) == 2 and "line 3: damaged" in page.text
    for link in values(page, "href"):
        assert client.get(link).status_code == 200, link


def test_the_list_is_sorted_and_filtered_by_its_address(client: TestClient):
    def shown(query: str) -> list[str]:
        page = Page(client.get(f"/?{query}").text)
        return [a["data-key"] or "" for t, a in page.elements if t == "tr" and "data-key" in a]

    by_run = shown("sort=run")
    assert by_run[1:] == ["broken", "cartpole/done", "cartpole/half", "compared", "compared/controls/search"]
    assert shown("sort=-run") == by_run[::-1]
    assert shown("sort=-fitness")[-2:] == ["compared", "broken"], "those without a value are last in both directions"
    assert shown("sort=nonsense") == shown("") and len(by_run) == 6
    assert shown("q=CARTPOLE+half") == ["cartpole/half"] and shown("state=damaged&q=") == ["broken"]
    assert shown("task=nothing") == []
    page = client.get("/?sort=-fitness&q=cart&state=finished").text
    assert 'aria-sort="descending"' in page and page.count("aria-sort") == 1
    assert "/?q=cart&amp;state=finished&amp;sort=task" in page and "of 6 runs" in page


def test_runs_that_are_not_read_yet_are_listed_and_read_in_the_background(runs: Path):
    shelf = RunIndex(runs)
    version = shelf.version()
    assert {row.state for row in shelf.rows(within=0.0)} == {"unread"}
    assert shelf._reader is not None
    shelf._reader.join(30)
    assert [row.state for row in shelf.rows(within=0.0)].count("finished") == 3 and shelf.version() != version


def test_a_film_is_served_and_its_first_frame_stands_for_it(client: TestClient, runs: Path):
    image = pytest.importorskip("PIL.Image")
    frames = [image.new("RGB", (40, 24), colour) for colour in ((200, 30, 30), (30, 30, 200))]
    film, other = runs / "cartpole" / "done" / "film.webp", runs / "cartpole" / "half" / "film.webp"
    frames[0].save(film, save_all=True, append_images=frames[1:], duration=100)
    other.symlink_to(film)
    still = client.get("/still/cartpole/done")
    assert still.headers["content-type"] == "image/webp"
    first = image.open(io.BytesIO(still.content))
    assert first.size == (40, 24) and getattr(first, "n_frames", 1) == 1
    assert first.convert("RGB").getpixel((20, 12))[0] > 150
    assert "/still/cartpole/done" in values(Page(client.get("/").text), "src")
    for address in ("/still/cartpole/half", "/still/nothing", "/still/cartpole/done/film.webp"):
        assert client.get(address).status_code == 404, address
    film.write_bytes(film.read_bytes()[:50])
    assert client.get("/still/cartpole/done").status_code == 404


def test_two_runs_are_compared_by_their_rewards_and_what_differs(client: TestClient, runs: Path):
    record = example_record()
    record["settings"] |= {"seed": 7, "samples": 5}
    write_run(runs / "other" / "done", example(), record)
    page = Page(client.get("/compare?run=cartpole/done&run=other/done").text)
    assert page.text.count("cartpole/done") > 3 and page.text.count("other/done") > 3
    assert page.text.count("def compute_reward") == 2 and "have the same code" in page.text
    assert page.text.count("are equal: 500 control steps of 500 on 3 fresh seeds each") == 2
    settings = page.text.partition("Settings that differ")[2]
    assert "samples" in settings and "seed" in settings and "worlds" not in settings
    three = Page(client.get("/compare?run=cartpole/done&run=other/done&run=cartpole/half").text)
    assert "compute_reward" not in three.text and "Settings that differ" in three.text


def test_the_pages_of_a_run_lead_to_each_other(client: TestClient):
    run = Page(client.get("/run/cartpole/done").text)
    assert "/candidate/cartpole/done?name=2.3" in values(run, "href")
    candidate = Page(client.get("/candidate/cartpole/done?name=2.3").text)
    assert "/run/cartpole/done#p-2" in values(candidate, "href") and "p-2" in values(run, "id")
    diff = Page(client.get("/diff/cartpole/done?before=1.0&after=2.3").text)
    assert "added" in diff.text and "removed" in diff.text
    both = Page(client.get("/compare?run=cartpole/done&run=compared/controls/search").text)
    assert "Best fitness by generation" in both.text


@pytest.mark.parametrize(
    "address",
    [
        "/run/nothing", "/run/../../etc", "/run/%2e%2e/%2e%2e/etc/passwd", "/run//etc", "/run/cartpole", "/run/",
        "/nope", "/candidate/cartpole/done?name=9.9", "/candidate/cartpole/done", "/diff/cartpole/done?before=1.0",
        "/static/../site.py", "/static/%2e%2e%2fsite.py", "/static/passwd", "/docs", "/openapi.json", "/follow/nothing",
        "/compare?run=nothing", "/still/", "/still/../../etc/passwd", "/still/cartpole/done",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(client: TestClient, address: str):
    response = client.get(address)
    assert response.status_code == 404 and "Not found" in response.text and "root:" not in response.text


def test_links_do_not_lead_out_of_the_folder(tmp_path: Path):
    outside = write_run(tmp_path / "outside", example())
    inside = write_run(tmp_path / "runs" / "inside", [])
    (tmp_path / "runs" / "linked").symlink_to(outside)
    (inside / "events.jsonl").unlink()
    (inside / "events.jsonl").symlink_to(outside / "events.jsonl")
    (tmp_path / "runs" / "file").mkdir()
    (tmp_path / "runs" / "file" / "run.json").symlink_to(outside / "run.json")
    shelf = RunIndex(tmp_path / "runs")
    assert list(shelf.runs()) == ["inside"]
    (row,) = shelf.rows()
    assert row.state == "damaged" and "is a link" in row.words


def test_a_pipe_in_the_place_of_a_journal_is_not_waited_for(tmp_path: Path):
    folder = write_run(tmp_path / "run", [])
    (folder / "events.jsonl").unlink()
    os.mkfifo(folder / "events.jsonl")
    assert [row.state for row in RunIndex(tmp_path).rows()] == ["damaged"]


def test_a_single_run_can_be_shown(tmp_path: Path):
    write_run(tmp_path / "one", example())
    assert list(RunIndex(tmp_path / "one").runs()) == ["one"]


def test_every_answer_forbids_scripts_but_its_own_file(client: TestClient):
    for address in ("/", "/run/cartpole/done", "/nope", "/static/live.js", "/run/broken"):
        policy = client.get(address).headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy and "unsafe" not in policy
        assert client.get(address).headers["x-content-type-options"] == "nosniff"
    scripts = [a for t, a in Page(client.get("/run/cartpole/done").text).elements if t == "script"]
    assert scripts == [{"src": "/static/live.js", "defer": None}]


def test_hostile_text_makes_no_element_and_no_attribute(client: TestClient, runs: Path):
    (address,) = [r.address for r in RunIndex(runs).rows() if "hostile" in r.name]
    pages = ["/", f"/run/{address}", f"/candidate/{address}?name=1.0", f"/candidate/{address}?name=1.1",
             f"/diff/{address}?before=1.0&after=2.1", f"/compare?run={address}"]  # fmt: skip
    for path in pages:
        page = Page(client.get(path).text)
        assert {"img", "b" if "diff" not in path else "img"}.isdisjoint(tag for tag, _ in page.elements), path
        names = {name for _, attributes in page.elements for name in attributes}
        assert not [name for name in names if name.startswith("on") or name in ("style", "srcdoc")], path
        assert len([tag for tag, _ in page.elements if tag == "script"]) == 1
        assert "<img src=x" in page.text


def test_a_token_opens_the_door_once_and_a_cookie_keeps_it_open(runs: Path):
    app = Guard(site(runs), TOKEN, 8321)
    with TestClient(app, base_url="http://localhost:9000", follow_redirects=False) as client:
        for headers in ({}, {"cookie": "eureka-view-8321=wrong"}, {"cookie": f"eureka-view-1={TOKEN}"}):
            refused = client.get("/run/cartpole/done", headers=headers)
            assert refused.status_code == 403 and "cartpole" not in refused.text
        for wrong in ("wrong", "", "\u00fc", TOKEN + " "):
            assert client.get("/", params={"token": wrong}).status_code == 403
        opened = client.get("/compare", params={"run": "cartpole/done", "token": TOKEN})
        assert opened.status_code == 303 and opened.headers["location"] == "/compare?run=cartpole%2Fdone"
        cookie = opened.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
        assert client.get("/run/cartpole/done").status_code == 200


def test_a_redirect_stays_on_this_host(runs: Path):
    with TestClient(Guard(site(runs), TOKEN, 1), base_url="http://127.0.0.1:1", follow_redirects=False) as client:
        place = client.get(f"http://127.0.0.1:1//evil.example/x?token={TOKEN}").headers["location"]
        assert place == "/evil.example/x"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8321", "", "localhost.evil.example", "0.0.0.0:8321"]
)
def test_another_name_for_this_machine_is_refused(client: TestClient, host: str):
    """A page of a stranger's whose name now leads here has our cookie's address, but not our name."""
    assert client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8321", "localhost:1", "[::1]:8321", "127.0.0.1", "localhost"])
def test_this_machine_may_be_called_what_it_is_called(client: TestClient, host: str):
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_changed(client: TestClient, method: str):
    assert client.request(method, "/run/cartpole/done").status_code == 405


ORIGIN = {"origin": "http://127.0.0.1:8321"}


def said(runs: Path) -> list[str]:
    return [f"{one.candidate}: {one.text}" for one in remarks.kept(runs / "cartpole/done").values()]


def test_a_remark_is_kept_and_shown_as_text(client: TestClient, runs: Path):
    form = {"candidate": "1.0", "text": "  the knees\nare <b>stiff</b> \u202e "}
    answer = client.post("/remark/cartpole/done", data=form, headers=ORIGIN, follow_redirects=False)
    assert answer.status_code == 303 and answer.headers["location"] == "/run/cartpole/done"
    assert said(runs) == ["1.0: the knees are <b>stiff</b>"]
    for page in ("/run/cartpole/done", "/candidate/cartpole/done?name=1.0"):
        text = client.get(page).text
        assert "the knees are &lt;b&gt;stiff&lt;/b&gt;" in text and "<b>stiff" not in text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({**ORIGIN, "cookie": ""}, 403),
        ({**ORIGIN, "host": "evil.example"}, 421),
    ],
)
def test_a_remark_from_elsewhere_is_refused(client: TestClient, runs: Path, headers: dict[str, str], status: int):
    if "cookie" in headers:
        client.cookies.clear()
    form = {"candidate": "1.0", "text": "anything"}
    assert client.post(f"/remark/cartpole/done?token={TOKEN}", data=form, headers=headers).status_code == status
    assert said(runs) == []


def test_what_is_no_remark_is_refused_in_a_sentence(client: TestClient, runs: Path):
    def post(**form: str):
        return client.post("/remark/cartpole/done", data=form, headers=ORIGIN)

    assert "the remark is empty" in post(candidate="1.0", text=" \n ").text
    assert "1,001 characters; 1,000 are allowed" in post(candidate="1.0", text="x" * 1001).text
    assert post(candidate="7.7", text="x").status_code == 404
    assert post(candidate="1.0", text="x" * 20_000).status_code == 413
    assert post(done="").status_code == 200 and said(runs) == [], "it does not wait"
    assert client.post("/remark/nowhere", data={"done": ""}, headers=ORIGIN).status_code == 404
    assert post(**{f"field{n}": "" for n in range(50)}).status_code == 400
    place = runs / "cartpole/done" / layout.REMARKS
    place.mkdir()
    (place / "waiting").symlink_to("/dev/zero")
    assert remarks.waits_for(place.parent) is None
    (place / "waiting").unlink()
    place.rmdir()
    (runs / "elsewhere").mkdir()
    (runs / "cartpole/done" / layout.REMARKS).symlink_to(runs / "elsewhere")
    assert "it may lead anywhere" in post(candidate="1.0", text="x").text and not [*(runs / "elsewhere").iterdir()]


def test_looking_changes_no_file(client: TestClient, runs: Path):
    def marks() -> dict[str, tuple[int, str]]:
        files = [p for p in runs.rglob("*") if p.is_file()]
        return {str(p): (p.stat().st_mtime_ns, hashlib.sha256(p.read_bytes()).hexdigest()) for p in files}

    before = marks()
    for address in ("/", "/run/cartpole/done", "/run/cartpole/half", "/compare?run=cartpole/half"):
        assert client.get(address).status_code == 200
    assert marks() == before


def test_a_version_changes_with_what_a_page_shows(runs: Path):
    shelf, half = RunIndex(runs), runs / "cartpole" / "half"
    one, everything = shelf.version(half), shelf.version()
    assert shelf.version(half) == one and shelf.version() == everything
    append(half, halves()[1][:1])
    assert shelf.version(half) != one and shelf.version() != everything


def test_however_many_follow_a_run_one_watcher_looks_at_it(runs: Path):
    shelf, half = RunIndex(runs), runs / "cartpole" / "half"
    followers = Followers(shelf, lambda: False)

    async def next_of(stream: AsyncIterator[str]) -> str:
        return await asyncio.wait_for(anext(stream), 10)

    async def follow() -> None:
        streams = [followers.follow(half) for _ in range(3)]
        first = [await next_of(stream) for stream in streams]
        assert len(set(first)) == 1 and followers.watchers == 1
        append(half, halves()[1][:1])
        second = await asyncio.gather(*map(next_of, streams))
        assert len(set(second)) == 1 and set(second) != set(first)
        for stream in streams:
            await stream.aclose()  # pyright: ignore[reportAttributeAccessIssue]
        assert followers.watchers == 0

    asyncio.run(follow())


def test_only_so_many_journals_stay_in_memory(tmp_path: Path):
    events, record = grown(generations=1, samples=2)
    for i in range(20):
        write_run(tmp_path / str(i), events, record)
    shelf = RunIndex(tmp_path)
    assert len(shelf.rows()) == 20 and len(shelf._journals) <= 12


def test_ctrl_c_ends_the_server_in_silence(runs: Path):
    command = [str(Path(sys.executable).parent / "eureka"), "view", str(runs), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert server.stdout is not None
    address = server.stdout.readline()
    assert address.startswith("http://127.0.0.1:") and len(address.partition("token=")[2].strip()) >= 32
    server.send_signal(signal.SIGINT)
    _, said = server.communicate(timeout=30)
    assert server.returncode == 0 and said == ""


def test_a_port_that_is_taken_is_said_in_one_sentence(cli: Cli, runs: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = cli("view", runs, "--port", port)
    assert done.returncode == 2 and f"port {port} is not available (Address already in use)" in done.stderr
    missing = cli("view", "nowhere")
    assert missing.returncode == 2 and "nowhere does not exist" in missing.stderr


def test_without_its_packages_the_command_says_what_to_install(runs: Path):
    code = "import sys; sys.modules['fastapi'] = None\n"
    code += f"from eureka.__main__ import main; sys.exit(main(['view', {str(runs)!r}]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "eureka view needs fastapi, which is not installed" in done.stderr
    assert "pip install -e '.[view]'" in done.stderr
