"""The pages in a real browser: they look, update and can be used as they should, and nothing in them comes alive."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.journals import append, beginning, example, grown, halves, hostile, write_run

from eureka.report.document import document
from eureka.runs import remarks

pytest.importorskip("playwright", reason="playwright is not installed")
pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")

PAGES = {
    "list": "/",
    "run": "/run/small",
    "half": "/run/half",
    "candidate": "/candidate/small?name=2.0",
    "failed": "/candidate/small?name=1.3",
    "diff": "/diff/small?before=1.0&after=2.0",
    "compare": "/compare?run=small&run=half",
    "damaged": "/run/damaged",
    "hostile": "/run/hostile",
    "hostile candidate": "/candidate/hostile?name=1.0",
    "hostile diff": "/diff/hostile?before=1.0&after=2.0",
}
DISTINCT = ("/", "/run/small", "/candidate/small?name=2.0", "/diff/small?before=1.0&after=2.0",
            "/compare?run=small&run=half", "small")  # fmt: skip
"""A page of each kind; the others have the same elements."""
ALL = (*PAGES.values(), "small", "hostile")
"""Without the report `eighty`: its folded twenty thousand elements are those of `small`."""
Site = SimpleNamespace
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A served folder of runs (address with the token, address without, folder), and reports of two of them."""
    folder = tmp_path_factory.mktemp("runs")
    for name, sizes in (("small", (2, 4)), ("eighty", (5, 16))):
        events, record = grown(*sizes)
        write_run(folder / name, events, record)
    write_run(folder / "half", halves()[0])
    write_run(folder / "hostile", *hostile())
    append(write_run(folder / "damaged", example()[:2]), [{}])
    reports = {}
    for name in ("small", "eighty", "hostile"):
        reports[name] = folder / f"{name}.html"
        reports[name].write_text(document(folder / name))
    command = [str(Path(sys.executable).parent / "eureka"), "view", str(folder), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    door = server.stdout.readline().strip()
    yield SimpleNamespace(door=door, base=door.partition("/?")[0], folder=folder, reports=reports)
    server.terminate()
    server.wait(timeout=10)
    server.stdout.close()


@pytest.fixture
def opened(browser: Browser, pages: Site) -> Iterator[Open]:
    """Opens a page as a new visitor; in the end no page may have said anything on its console."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def open_page(path: str, width: int = 1280, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        if path.startswith("/"):
            page.goto(pages.door)
            page.goto(pages.base + path)
        else:
            page.goto(f"file://{pages.reports[path]}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


@pytest.mark.parametrize(
    ("scheme", "paths"),
    [
        ("light", DISTINCT),
        ("dark", DISTINCT[1:4]),
        pytest.param("light", ALL, marks=pytest.mark.slow),
        pytest.param("dark", ALL, marks=pytest.mark.slow),
    ],
)
def test_no_page_has_a_fault_of_accessibility(opened: Open, pages: Site, scheme: str, paths: tuple[str, ...]):
    """All of axe's rules; in the dark, where only colours are others, those of contrast."""
    page = opened("/", color_scheme=scheme)
    rules: dict[str, Any] = {"resultTypes": ["violations"]}
    if scheme == "dark":
        rules["runOnly"] = ["color-contrast"]
    for path in paths:
        page.goto(pages.base + path if path.startswith("/") else f"file://{pages.reports[path]}")
        page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
        page.evaluate(Axe().axe_script)
        found = page.evaluate("rules => axe.run(document, rules)", rules)["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in found] == [], (path, scheme)


@pytest.mark.parametrize("width", [375, pytest.param(1280, marks=pytest.mark.slow)])
def test_no_page_is_wider_than_the_screen(opened: Open, pages: Site, width: int):
    page = opened("/", width=width)
    for path in ALL:
        page.goto(pages.base + path if path.startswith("/") else f"file://{pages.reports[path]}")
        page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_the_first_screen_answers_and_code_keeps_its_indentation(opened: Open):
    page = opened("small")
    for part in (".verdict", ".facts", "#best pre >> nth=0", "#fitness .plot"):
        box = page.locator(part).first.bounding_box()
        assert box is not None and box["y"] + min(box["height"], 200) < 800, part
    page = opened("small", width=375)
    wraps, overflows = page.locator("#best pre >> nth=0").evaluate(
        "e => [getComputedStyle(e).whiteSpace, getComputedStyle(e).overflowX]"
    )
    assert (wraps, overflows) == ("pre", "auto")
    assert page.locator("#best pre >> nth=0").bounding_box()["y"] < 2 * 667


def test_what_is_hostile_never_becomes_an_element(opened: Open, pages: Site):
    page = opened("/")
    for path in [p for name, p in PAGES.items() if "hostile" in name] + ["/", "hostile"]:
        page.goto(pages.base + path if path.startswith("/") else f"file://{pages.reports[path]}")
        page.mouse.move(300, 300)
        found = page.evaluate(
            "[window.pwned, document.images.length,"
            "document.querySelectorAll('textarea:not(#remark), body style, body script').length,"
            "document.querySelectorAll('[onload], [onerror], [onmouseover]').length]"
        )
        assert found == [None, 0, 0, 0], path
        assert "<img src=x onerror=" in page.inner_text("body")


def test_a_reader_goes_from_the_list_to_what_differs(opened: Open):
    page = opened("/")
    page.get_by_label("search", exact=True).press_sequentially("EIGH")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_label("search", exact=True)).to_be_focused()
    page.keyboard.type("ty")
    expect(page).to_have_url(re.compile(r"/\?q=EIGHty$"))
    page.get_by_role("link", name="eighty").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("cartpole")
    page.locator("#candidates").get_by_role("link", name="2.0", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Candidate 2.0")
    page.get_by_label("Compare the code of").select_option("1.1")
    page.get_by_label("with", exact=True).select_option("2.4")
    page.get_by_role("button", name="Show diff").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("From 1.1 to 2.4")
    assert page.locator("ins").count() > 0 and page.locator("del").count() > 0
    page.get_by_role("link", name="All runs").click()
    page.get_by_label("state", exact=True).select_option("finished")
    expect(page.get_by_label("compare half")).to_have_count(0)
    page.get_by_label("state", exact=True).select_option("")
    for name in ("compare eighty", "compare half"):
        page.get_by_label(name).check()
    page.get_by_role("button", name="Compare selected runs").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Comparison of runs")


def test_a_filter_chosen_before_the_script_has_loaded_counts(opened: Open, pages: Site):
    page = opened("/run/small")
    held: list[Route] = []
    page.route("**/live.js", lambda route: held.append(route))
    page.goto(pages.base + "/", wait_until="commit")
    page.get_by_label("state", exact=True).select_option("finished")
    expect(page.get_by_label("compare half")).to_have_count(1)
    held[0].continue_()
    expect(page.get_by_label("compare half")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/\?state=finished$"))


def test_pages_work_without_scripts(opened: Open):
    page = opened("/", java_script_enabled=False)
    page.get_by_role("link", name="fitness").click()
    expect(page.get_by_role("columnheader", name="fitness")).to_have_attribute("aria-sort", "ascending")
    page.get_by_label("search", exact=True).fill("half")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("[data-copy]")).to_be_hidden()
    page.get_by_role("link", name="half").click()
    expect(page.get_by_text("training 4 policies, checkpoint 4 of 8")).to_be_visible()
    page.get_by_role("button", name="Show diff").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("From")


def test_a_page_follows_a_run_that_goes_on(opened: Open, pages: Site):
    """It is updated in place: what was opened stays open, what had the focus keeps it, nothing is loaded anew."""
    trained = beginning(example(), "trained")
    begun = halves()[0]
    folder = write_run(pages.folder / "growing", begun)
    with open(folder / "orchestrator.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        page = opened("/run/growing")
        page.evaluate("window.same = true")
        expect(page.locator("#connection")).to_have_text("live")
        expect(page.get_by_role("progressbar")).to_be_visible()
        expect(page.locator("#training path.line")).to_have_count(4)
        expect(page.locator("#fitness .plot .mark.training")).to_have_count(4)
        expect(page.locator(".standing time")).to_have_text(re.compile(r"^\d+:\d\d:\d\d$"))
        page.evaluate(Axe().axe_script)
        assert page.evaluate("axe.run('.standing, #training')")["violations"] == []
        page.locator("#task summary").click()
        page.locator("#candidates").get_by_role("link", name="1.2", exact=True).focus()
        append(folder, trained[len(begun) :])
        expect(page.locator(".standing")).to_contain_text("generation 1 of 2: trained", timeout=10_000)
        expect(page.locator("#candidates")).to_contain_text("angle_wide")
        assert page.locator("#task details").evaluate("details => details.open")
        assert page.evaluate("document.activeElement.textContent") == "1.2"
        append(folder, example()[len(trained) :])
        expect(page.locator(".facts")).to_contain_text("evolved reward", timeout=10_000)
        expect(page.locator("#status")).to_have_text("finished")
        expect(page.get_by_role("progressbar")).to_have_count(0)
        expect(page.locator("#training")).to_have_count(0)
        assert page.evaluate("window.same") and page.locator("#candidates tbody tr").count() == 8
        listed = opened("/")
        listed.get_by_label("compare growing").check()
        write_run(pages.folder / "new", example()[:3])
        expect(listed.get_by_role("link", name="new", exact=True)).to_be_visible(timeout=10_000)
        assert listed.get_by_label("compare growing").is_checked()
    shutil.rmtree(pages.folder / "new")
    shutil.rmtree(folder)


def test_a_remark_is_written_with_the_keyboard_and_kept_while_the_page_is_updated(opened: Open, pages: Site):
    folder = write_run(pages.folder / "watched", halves()[1])
    page = opened("/run/watched")
    page.get_by_label("What does the policy do").focus()
    page.keyboard.type("the knees are <i>stiff</i>")
    remarks.add(folder, remarks.remark("1.0", "said by somebody else"))
    expect(page.locator("#words li")).to_have_text(["1.0: said by somebody else"], timeout=10_000)
    expect(page.get_by_label("What does the policy do")).to_have_value("the knees are <i>stiff</i>")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#words li")).to_have_count(2)
    expect(page.locator("#words li").last).to_contain_text("the knees are <i>stiff</i>")
    assert [one.text for one in remarks.kept(folder).values()][1] == "the knees are <i>stiff</i>"
    page.evaluate(Axe().axe_script)
    assert page.evaluate("axe.run('#words')")["violations"] == []


def test_everything_can_be_reached_with_the_keyboard(opened: Open):
    page = opened("/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the contents")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            "[document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent,"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        reached.append(name)
        assert outline not in ("none", ""), name
        if name == "half":
            break
    assert reached[-1] == "half" and "compare half" in reached
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("cartpole")


def test_dark_is_dark_and_light_is_light(opened: Open, pages: Site):
    for scheme, brightest in (("light", 255), ("dark", 24)):
        page = opened("/run/small", color_scheme=scheme)
        for address in (page.url, f"file://{pages.reports['small']}"):
            page.goto(address)
            back = page.evaluate("getComputedStyle(document.body).backgroundColor")
            channels = [int(n) for n in back.removeprefix("rgb(").removesuffix(")").split(",")]
            assert max(channels) <= brightest and (scheme == "dark" or min(channels) > 240)


def test_a_link_to_a_folded_candidate_unfolds_it(opened: Open):
    page = opened("eighty")
    link = page.locator("#best").get_by_role("link").first
    folded = page.locator(link.get_attribute("href") or "")
    expect(folded).to_be_hidden()
    link.click()
    expect(folded).to_be_visible()
    expect(folded).to_be_in_viewport()


@pytest.mark.slow
def test_a_report_of_eighty_candidates_opens(opened: Open, pages: Site):
    """Contrast is judged in a smaller one, with the same colours: here it takes minutes."""
    page = opened("eighty")
    assert page.locator("#candidates details.one").count() == 80
    assert pages.reports["eighty"].stat().st_size < 2_000_000
    page.evaluate(Axe().axe_script)
    rules = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": False}}}
    assert page.evaluate("rules => axe.run(document, rules)", rules)["violations"] == []
