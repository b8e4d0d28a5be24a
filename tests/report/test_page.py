"""The page of a run: whole, self-contained, in both languages, with texts escaped."""

from __future__ import annotations

import tomllib
from html.parser import HTMLParser
from importlib import resources

import pytest

from builders import config, dataset
from yeonma.finetuning import train
from yeonma.report import write_page
from yeonma.report.curves import chart
from yeonma.run import Run


class Balance(HTMLParser):
    """Every tag that is opened is closed in its order."""

    VOID = ("meta", "input", "link", "line", "circle", "path")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag, tag


@pytest.fixture
def run(tmp_path):
    run = Run.create(tmp_path / "run <b>", config())
    made = dataset()
    run.save_data(made)
    list(train(run.config(), run, made))
    run.set_status("done")
    return run


def test_it_is_whole_and_self_contained(run):
    text = write_page(run).read_text(encoding="utf-8")
    parser = Balance()
    parser.feed(text)
    assert parser.open == []
    assert parser.sources == ["data:,"]
    assert "<b>" not in text.split("<main>")[1]
    for word in ("accuracy", "정확도", "majority class", "다수 범주", "<polyline", "macro F1"):
        assert word in text, word


def test_an_unfinished_run_says_so(tmp_path):
    run = Run.create(tmp_path / "run", config())
    assert "not finished" in write_page(run).read_text(encoding="utf-8")


def test_both_languages_have_every_phrase():
    words = tomllib.loads((resources.files("yeonma.report") / "words.toml").read_text(encoding="utf-8"))
    assert all(set(both) == {"en", "ko"} for both in words.values())


@pytest.mark.parametrize("ys", [[], [1.0], [2.0, 2.0], [1.0, -3.0, 5.0]])
def test_charts_of_no_one_flat_and_many_points(ys):
    drawn = chart("title", "step", [("a", list(range(len(ys))), ys)])
    assert ("<svg" in drawn) == bool(ys)
    assert "nan" not in drawn
