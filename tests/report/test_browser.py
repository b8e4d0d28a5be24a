"""The page in a real browser: no error, no request, languages, search, sorting, small screens, large comparisons."""

from __future__ import annotations

import json
import shutil
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import yeonma
from report_builders import study
from yeonma.files import write_json

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[dev]'")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser: install one of {', '.join(BROWSERS)}")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


class Seen:
    """A page that is open, what it said to the console, and what it asked for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.page = browser.new_page(**options)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def quiet(self) -> bool:
        """Whether nothing went wrong and nothing was fetched but the file itself and what it holds."""
        return not self.said and all(url.startswith(("file:", "data:")) for url in self.asked)


@pytest.fixture(scope="module")
def written(runs, tmp_path_factory) -> Path:
    return yeonma.Report(runs[0].folder).write(tmp_path_factory.mktemp("page") / "페이지.html", explain=1)


def test_it_shows_one_language_at_a_time(browser, written):
    seen = Seen(browser, written, locale="en-US")
    english = seen.page.locator("main [lang=en]").first
    korean = seen.page.locator("main [lang=ko]").first
    assert english.is_visible() and not korean.is_visible()
    seen.page.check("#ko")
    assert korean.is_visible() and not english.is_visible()
    assert seen.page.evaluate("document.documentElement.lang") == "ko"
    assert seen.page.locator("svg text[lang=ko]").first.is_visible()
    assert not seen.page.locator("svg text[lang=en]").first.is_visible()
    assert seen.quiet(), seen.said


def test_a_korean_browser_sees_korean_first(browser, written):
    assert Seen(browser, written, locale="ko-KR").page.locator("main [lang=ko]").first.is_visible()


def test_light_and_dark_follow_the_system_and_the_switch(browser, written):
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = Seen(browser, written, color_scheme="dark").page
    assert dark.evaluate(paper) == "rgb(20, 24, 29)"
    dark.check("#light")
    assert dark.evaluate(paper) == "rgb(255, 255, 255)"
    light = Seen(browser, written, color_scheme="light").page
    light.check("#dark")
    assert light.evaluate(paper) == "rgb(20, 24, 29)"


def test_a_word_is_found_on_the_map_with_its_neighbours(browser, written, runs):
    seen = Seen(browser, written)
    word = yeonma.Report(runs[0].folder).moved(1)["word"][0]
    box = seen.page.locator(".map").first
    box.locator(".find").fill(word)
    assert word in box.locator(".said").inner_text()
    box.locator(".find").fill("없는낱말임")
    assert box.locator(".said").inner_text().strip() == "없는낱말임: –"
    before = box.locator("canvas").evaluate("canvas => canvas.toDataURL()")
    box.locator(".time").evaluate("bar => { bar.value = 0; bar.dispatchEvent(new Event('input')); }")
    assert box.locator("canvas").evaluate("canvas => canvas.toDataURL()") != before
    assert seen.quiet(), seen.said


def test_a_table_is_sorted_by_a_click(browser, written):
    seen = Seen(browser, written)
    table = seen.page.locator("table.sortable").first
    table.locator("th").nth(1).click()
    downwards = table.locator("tbody tr td:nth-child(2)").all_inner_texts()
    table.locator("th").nth(1).click()
    upwards = table.locator("tbody tr td:nth-child(2)").all_inner_texts()
    assert [float(each) for each in downwards] == sorted(map(float, downwards), reverse=True)
    assert upwards == sorted(downwards, key=float)


def test_a_column_is_sorted_by_what_it_holds(browser, written):
    page = Seen(browser, written).page
    for values, down in (
        (["3", "", "inf", "–", "-2", "1e-5"], ["inf", "3", "1e-5", "-2", "", "–"]),
        (["100", "9", "1a", "가"], ["가", "9", "1a", "100"]),
    ):
        page.evaluate(
            """values => {
              const table = document.querySelector("table.sortable");
              table.tBodies[0].innerHTML = values.map((v) => `<tr><td data-v="${v}"></td></tr>`).join("");
            }""",
            values,
        )
        head = page.locator("table.sortable th").first
        head.evaluate("head => head.removeAttribute('aria-sort')")
        head.press(" ")
        assert page.locator("table.sortable").first.locator("td").evaluate_all("c => c.map(e => e.dataset.v)") == down


def test_a_word_is_found_however_it_is_written(browser, written):
    text = written.read_text(encoding="utf-8")
    start = text.index("<script type=application/json>") + 30
    data = json.loads(text[start : text.index("</script>", start)])
    data["words"][:2] = [unicodedata.normalize("NFD", "영화관"), "Naver"]
    changed = written.with_name("changed.html")
    changed.write_text(text[:start] + json.dumps(data) + text[text.index("</script>", start) :], encoding="utf-8")
    box = Seen(browser, changed).page.locator(".map").first
    for asked, found in (
        ("영화관", data["words"][0]),
        ("nAV", "Naver"),
        (unicodedata.normalize("NFD", "영화관"), None),
    ):
        box.locator(".find").fill(asked)
        assert (found or data["words"][0]) in box.locator(".said").text_content()


@pytest.fixture(scope="module")
def several(runs, tmp_path_factory) -> Path:
    return yeonma.Report(runs[0].folder.parent).write(tmp_path_factory.mktemp("page") / "several.html", explain=0)


LETTERS = """[...document.querySelectorAll(".chart text")].filter((text) => text.checkVisibility()).map((text) => {
  const { a, b } = text.getScreenCTM();
  return parseFloat(getComputedStyle(text).fontSize) * Math.hypot(a, b);
})"""  # how high they are, in pixels


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_a_phone_needs_no_sideways_scrolling_and_no_magnifying_glass(browser, written, several, width):
    for path in (written, several):
        page = Seen(browser, path, viewport={"width": width, "height": 740}).page
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert len(page.evaluate(LETTERS)) > 100
        assert min(page.evaluate(LETTERS)) >= 10


def test_it_prints_without_its_switches(browser, written):
    seen = Seen(browser, written)
    seen.page.check("#dark")
    seen.page.emulate_media(media="print")
    assert seen.page.evaluate("getComputedStyle(document.body).color") == "rgb(31, 41, 51)"
    assert not seen.page.locator("body > label").first.is_visible()
    assert len(seen.page.pdf()) > 10_000


FOLDED = "document.querySelectorAll('details:not([open])').length"
UNSEEN = """[...document.querySelectorAll("details :is(p:not(.controls), pre, td)")]
  .filter((each) => !each.checkVisibility({ contentVisibilityAuto: true })).length"""


def test_what_is_folded_up_is_unfolded_on_paper(browser, several):
    page = Seen(browser, several).page
    before = page.evaluate(FOLDED)
    page.evaluate(f"addEventListener('beforeprint', () => {{ window.seen = [{FOLDED}, {UNSEEN}]; }})")
    assert before > 5 and page.evaluate(UNSEEN) > 50
    page.pdf()
    assert page.evaluate("window.seen") == [0, 0]
    assert page.evaluate(FOLDED) == before


def test_it_is_unfolded_on_paper_where_no_script_runs_too(browser, several):
    page = Seen(browser, several, java_script_enabled=False).page
    assert page.evaluate(UNSEEN) > 50
    page.emulate_media(media="print")
    assert page.evaluate(UNSEEN) == 0


def test_paper_shows_all_columns_of_a_table(browser, several):
    page = Seen(browser, several, viewport={"width": 718, "height": 900}).page  # A4 without its edges
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 718
    boxes = page.locator(".scroll").evaluate_all("boxes => boxes.map((box) => getComputedStyle(box).overflowX)")
    assert {*boxes} == {"visible"}


def test_a_comparison_of_200_runs_opens_at_once_and_is_no_burden(browser, runs, tmp_path):
    write_json(tmp_path / "study" / "results.json", study(40, 5, 12))
    for cell in range(40):  # runs as a comparison keeps them, the first of each cell whole
        for number in range(1, 6):
            place = tmp_path / "study" / "cells" / f"cell<{cell}> & co" / f"seed-{number:02d}"
            left_out = () if number == 1 else ("embeddings", "probes", "predictions.parquet")
            shutil.copytree(runs[0].folder, place, ignore=shutil.ignore_patterns("checkpoints", "model", *left_out))
    page = yeonma.Report(tmp_path / "study").write(tmp_path / "page.html")
    assert page.stat().st_size < 15e6
    began = time.monotonic()
    seen = Seen(browser, page)
    assert seen.page.locator("table.sortable").first.is_visible()
    assert time.monotonic() - began < 3
    assert seen.quiet(), seen.said
