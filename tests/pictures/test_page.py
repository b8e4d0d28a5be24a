"""The page: nothing from outside, every rule, the tuned rates, the paths of `trace`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

from yeonma.optim.rules import rules
from yeonma.optim.surfaces import SURFACES, trace
from yeonma.pictures.page import MULTIPLIERS, page, scale
from yeonma.pictures.tuning import STEPS, tune_all


class Parts(HTMLParser):
    """Tags in order, what they point to, and what stands in scripts."""

    VOID = ("meta", "input", "link")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.ids: list[str] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href", "action", "data")]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, text):
        if self.open and self.open[-1] == "script":
            self.scripts.append(text)


@pytest.fixture(scope="module")
def text(chosen):
    return page(chosen)


@pytest.fixture(scope="module")
def parts(text):
    read = Parts()
    read.feed(text)
    assert read.open == []
    return read


@pytest.fixture(scope="module")
def data(parts):
    return json.loads(parts.scripts[0])


def test_it_needs_nothing_beside_itself(text, parts):
    assert parts.sources == ["data:,"]
    assert set(re.findall(r"\w+://[^\s\"'`<]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in text
    assert not re.search(r"@import|\bfetch\(|XMLHttpRequest|\bimport\b|url\((?!#)", text)
    assert "$" not in re.sub(r"\$\{", "", text)


def test_it_is_small(text):
    assert len(text.encode()) < 600_000


def test_it_speaks_both_languages(text):
    english, korean = (re.findall(f'<span lang="{language}">', text) for language in ("en", "ko"))
    assert len(english) == len(korean) > 15


def test_every_name_in_the_script_is_in_the_page(parts):
    asked = set(re.findall(r'byId\("([\w-]+)"\)', parts.scripts[1]))
    assert asked <= set(parts.ids)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_script_is_well_formed(parts, tmp_path):
    (tmp_path / "page.js").write_text(parts.scripts[1], encoding="utf-8")
    subprocess.run(["node", "--check", tmp_path / "page.js"], check=True)


def test_every_rule_is_there_with_its_formula(data):
    assert [rule["name"] for rule in data["rules"]] == list(rules())
    assert [rule["formula"] for rule in data["rules"]] == [rule.form("deck").equations for rule in rules().values()]
    assert all(list(walks) == list(rules()) for walks in data["walks"].values())
    assert list(data["walks"]) == list(data["surfaces"]) == list(SURFACES)


def test_the_rates_are_the_tuned_ones(data, chosen):
    assert {s: {r: w["rate"] for r, w in walks.items()} for s, walks in data["walks"].items()} == {
        s: {r: path.rate for r, path in paths.items()} for s, paths in chosen.items()
    }
    assert data["multipliers"] == [round(each, 4) for each in MULTIPLIERS]
    assert 1 in data["multipliers"]


@pytest.mark.parametrize("surface", SURFACES)
def test_the_paths_are_those_of_trace(data, chosen, surface):
    """Decoded as the script decodes them, they lie within one unit's rounding of `trace`, up to the edge."""
    ground = SURFACES[surface]
    left, right, low, high = ground.box
    unit = 1 / scale(ground)
    for rule, kept in data["walks"][surface].items():
        paths = trace(rule, surface, lr=[chosen[surface][rule].rate * each for each in MULTIPLIERS], steps=STEPS)
        for flat, out, path in zip(kept["paths"], kept["left"], paths, strict=True):
            drawn = np.cumsum(np.reshape(flat, (-1, 2)), axis=0) * (unit, -unit) + (left, high)
            end = len(drawn) - 1 if out is None else out
            assert len(drawn) == end + 1
            np.testing.assert_allclose(drawn[:end], path[:end], atol=0.51 * unit)
            inside = (path >= (left, low)).all(axis=1) & (path <= (right, high)).all(axis=1)
            assert inside[:end].all()
            if out is None:  # what is left out at the end is rest
                assert np.abs(path[end:] - drawn[end]).max() <= 0.51 * unit
            else:
                assert not inside[out]
                assert (
                    np.isclose(drawn[out], (left, high), atol=unit).any()
                    or np.isclose(drawn[out], (right, low), atol=unit).any()
                )


def test_a_newcomer_walks_on_the_page_too(newcomer):
    assert '"name":"newcomer"' in page(tune_all())
