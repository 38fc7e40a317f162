"""The report is one file that holds a run whole, runs nothing, loads nothing, and shows a stranger's text as text."""

from __future__ import annotations

import base64
import itertools
import re
from pathlib import Path

import pytest
from support.cli import Cli
from support.journals import EXAMPLE, append, example, example_record, grown, halves, hostile, reading, write_run
from support.pages import Page, values

from eureka.report.document import MAX_FILM, MAX_SIZE, document, embed

ELEMENTS = (
    "a abbr b blockquote body caption code dd defs del desc details div dl dt figcaption figure footer "
    "foreignobject g h1 h2 h3 head header html i ins li line main meta nav ol p path pre rect section small span "
    "strong style summary svg table tbody td text th thead title tr ul use"
)


def test_the_report_of_the_recorded_run_has_all_its_parts():
    page = Page(document(EXAMPLE))
    for heading in ("Task desc", "Fitness by generation", "Lineage", "Comparison on fresh seeds", "All candidates",
                    "Prompts", "Time and cost", "Settings", "Provenance"):  # fmt: skip
        assert heading in page.text
    assert "balance a pole on a cart" in page.text and "angle_wide" in page.text and "2.13.0+cpu" in page.text
    assert "Changes since 1.0" in page.text and "human: the component upright is" in page.text


def test_every_link_leads_somewhere_and_no_anchor_is_there_twice():
    page = Page(document(EXAMPLE))
    anchors = values(page, "id")
    assert len(anchors) == len(set(anchors))
    links = values(page, "href")
    assert len(links) > 30 and all(link.startswith("#") and link[1:] in anchors for link in links)


def test_a_report_loads_and_runs_nothing(tmp_path: Path):
    text = document(write_run(tmp_path / "run", *hostile()))
    page = Page(text)
    assert {tag for tag, _ in page.elements} <= set(ELEMENTS.split())
    assert not [a for _, attributes in page.elements for a in attributes if a.startswith("on") or a in ("src", "style")]
    assert all(link.startswith("#") for link in values(page, "href"))
    policy = next(a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy and "default-src 'none'" in policy and "script" not in policy
    assert "url(" not in text.split("</style>")[0] and "@import" not in text


def test_hostile_text_is_shown_as_text(tmp_path: Path):
    text = document(write_run(tmp_path / "run", *hostile()))
    page = Page(text)
    assert page.text.count('<img src=x onerror="window.pwned=1">') > 50 and "{{ 7 * 7 }}" in page.text
    text.encode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", text)
    anchors = values(page, "id")
    assert all(link[1:] in anchors for link in values(page, "href"))


def test_the_verdict_comes_first_and_the_estimate_of_the_search_is_called_one():
    page = Page(document(EXAMPLE.parent / "ball_balance"))
    first, _, rest = page.text.partition("The evolved reward: candidate 2.3")
    assert "265 against 247" in first and "undecided" in first.lower() and "199" not in first
    assert "1.1 (fitness 166)" in rest and "2.3 (199), as estimated in the search" in rest
    assert "components +on_tray +ahead" in " ".join(rest.split()) and "\N{MINUS SIGN}held" in rest
    assert "so the signal must come faster" in rest, "the designer's reasons"


def test_no_table_has_an_empty_column_and_its_terms_are_explained():
    for name in ("ball_balance", "franka_cabinet", "cartpole"):
        text = document(EXAMPLE.parent / name)
        for table in re.findall("<table.*?</table>", text, re.DOTALL):
            rows = [
                re.findall("<t[hd].*?</t[hd]>", row, re.DOTALL) for row in re.findall("<tr>.*?</tr>", table, re.DOTALL)
            ]
            for column in itertools.zip_longest(*rows[1:]) if len(rows) > 2 else ():
                said = {re.sub("<[^>]*>", "", cell or "").strip() for cell in column}
                assert said - {"", "-"} or 'class="bar"' in (column[0] or ""), (name, table[:200])
        for term in ("P(better)", "IQM", "95% interval", "against human", "verdict", "selection"):
            assert re.search(f'<abbr title="[^"]+">{re.escape(term)}</abbr>', text) and f"<dt>{term}</dt>" in text


def test_every_fitness_of_a_run_has_the_same_number_of_decimals(tmp_path: Path):
    events, record = grown(2, 4)
    for event in events:
        for i, outcome in enumerate(event.get("outcomes", ()) if event.get("training") == "generation-1-0" else ()):
            outcome |= {"report": 0.00824 * (i + 1)}
    run = reading(write_run(tmp_path / "run", events, record))
    shown = [entry.fitness for entry in run.entries.values() if entry.fitness != "-"]
    assert len(shown) == 6 and {len(value.partition(".")[2]) for value in shown} == {0}


def test_a_film_in_the_folder_is_embedded(tmp_path: Path):
    folder = write_run(tmp_path / "run", example())
    film = b"RIFF\x10\x00\x00\x00WEBPVP8 "
    for data, there in ((film, True), (b"<svg onload='pwned()'>", False), (film + bytes(MAX_FILM), False)):
        (folder / "film.webp").write_bytes(data)
        page = Page(document(folder))
        shown = [a for tag, a in page.elements if tag == "img"]
        assert bool(shown) is there
        if there:
            assert shown[0]["src"] == f"data:image/webp;base64,{base64.b64encode(film).decode()}" and shown[0]["alt"]
    image = pytest.importorskip("PIL.Image")
    frames = [image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(folder / "film.webp", save_all=True, append_images=frames[1:], duration=100)
    (still,) = [a for tag, a in Page(document(folder)).elements if tag == "source"]
    assert still["media"] == "(prefers-reduced-motion: reduce)" and still["srcset"].startswith(
        "data:image/webp;base64,"
    )
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy and "img-src data:;" in policy
    made = Page(document(folder, embed(film, "image/webp", "film of 6 s: evolved beside human")))
    assert [a["alt"] for tag, a in made.elements if tag == "img"] == ["Film of 6 s: evolved beside human"]


def test_eighty_candidates_fit_two_megabytes(tmp_path: Path):
    events, record = grown()
    text = document(write_run(tmp_path / "run", events, record))
    assert text.count('<details class="one"') == 80 + 5 and len(text.encode()) < 2_000_000
    events, record = grown(3, 8)
    text = document(write_run(tmp_path / "less", events, record))
    assert "characters omitted" not in text, "texts of a usual length are whole"


def test_long_texts_lose_their_middles_before_the_report_grows_too_large(tmp_path: Path):
    events, record = grown()
    for event in events:
        if event["event"] == "answer":
            event["answer"]["replies"][0]["text"] += "<&>" * 20_000
    text = document(write_run(tmp_path / "run", events, record))
    assert len(text.encode()) < MAX_SIZE and "characters omitted" in text


def test_a_prompt_is_in_the_report_once(tmp_path: Path):
    events, record = grown()
    text = document(write_run(tmp_path / "run", events, record))
    assert text.count("State fields that the reward may ask for") == 2, "with the task, and in the first prompt"
    assert text.count("as in prompt 1") == 2 * 4


def test_a_folder_of_trainings_without_candidates_has_a_report(tmp_path: Path):
    events = [e for e in example() if e["event"] in ("started", "baseline", "finished") or e.get("training") == "final"]
    arms = [{"name": n, "rewards": [{"origin": n, "code": ""}]} for n in ("evolved", "human", "sparse")]
    events.insert(0, {"event": "arms", "time": 1.0, "arms": arms, "controls": ["search"]})
    events[-1] |= {"winner": None}
    folder = write_run(tmp_path / "run", events)
    write_run(folder / "controls" / "search", example(), example_record())
    page = Page(document(folder))
    assert "Comparison on fresh seeds" in page.text and "Lineage" not in page.text
    assert "Controls" in page.text and "8 candidates, best 1.0" in page.text


def test_a_report_says_how_far_a_run_is(tmp_path: Path):
    begun, rest = halves()
    folder = write_run(tmp_path / "run", begun)
    assert "This run is not finished: generation 1 of 2: training 4 policies" in Page(document(folder)).text
    append(folder, rest)
    assert "This run is not finished" not in document(folder)


def test_the_command_writes_the_file_and_says_where(cli: Cli, tmp_path: Path):
    folder = write_run(tmp_path / "one", example())
    done = cli("report", folder)
    assert done.returncode == 0 and done.stdout.strip() == str(folder / "report.html"), done.stderr
    assert cli("report", folder).returncode == 0, "it can be written again"
    done = cli("report", "one", "-o", "here.html")
    assert done.returncode == 0 and (tmp_path / "here.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere"], "nowhere does not exist"),
        (["run", "-o", "no/dir.html"], "cannot be written: No such file or directory"),
        (["run", "-o", "run"], "run exists already and is not a report"),
        (["run", "-o", "mine.txt"], "exists already and is not a report"),
        (["broken"], "line 2: damaged"),
    ],
)
def test_what_is_in_the_way_is_said_in_one_sentence(cli: Cli, tmp_path: Path, arguments: list[str], expected: str):
    write_run(tmp_path / "run", example()[:3])
    append(write_run(tmp_path / "broken", example()[:1]), [{}])
    (tmp_path / "mine.txt").write_text("precious")
    done = cli("report", *arguments)
    assert done.returncode == 2 and expected in done.stderr and "Traceback" not in done.stderr
    assert (tmp_path / "mine.txt").read_text() == "precious"
