"""The part about a comparison: every number of results.json at its place, in both languages, quick and small."""

from __future__ import annotations

import json
import re
import time
from html import escape
from html.parser import HTMLParser
from itertools import product

import pytest

from comparing_builders import by_hand
from report_builders import RATE, TARGET, ruled, study
from yeonma.comparing import Comparison
from yeonma.comparing import results as comparing
from yeonma.comparing.rules import Rules
from yeonma.comparing.study import Plan, Study
from yeonma.report import leaderboard, pairs, rulebook, sensitivity
from yeonma.report.charts import inline
from yeonma.report.phrases import say
from yeonma.report.study import curves, section, targets


def show(name, draw):
    return inline(draw, name) if draw else ""


class Page(HTMLParser):
    """Every tag that is opened is closed in its order; ids, and each table as rows of (text, data-v)."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.tables, self.hidden = [], [], [], 0
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "br":
            return
        self.open.append((tag, attrs.get("lang")))
        self.ids += [attrs["id"]] if "id" in attrs else []
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append(["", attrs.get("data-v")])

    def handle_endtag(self, tag):
        if tag != "br":
            assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if {"td", "th"} & {tag for tag, _ in self.open} and "ko" not in {lang for _, lang in self.open}:
            self.tables[-1][-1][-1][0] += data.replace("\u00a0", " ")


@pytest.fixture(scope="module")
def html():
    return section(study(), show)


def test_it_is_whole_with_names_escaped_and_unique_ids(html):
    parsed = Page(html)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert "cell<0>" not in html
    assert "cell&lt;0&gt; &amp; co" in html
    for key in ("leaderboard", "targets", "curves", "sensitivity", "pairs", "rules"):
        assert say(f"study_{key}").en in html
        assert say(f"study_{key}").ko in html
    assert len(re.findall('lang="en"', html)) == len(re.findall('lang="ko"', html))


def test_the_leaderboard_holds_what_was_found():
    found = study()
    (board,) = Page(leaderboard.leaderboard(found)).tables
    rows = {row[0][1]: row for row in board[1:]}
    second = rows["cell<1> & co"]
    assert [text for text, _ in second[:3]] == ["cell<1> & co", "a", "0.8440 ± 0.0040"]
    assert "0.8340 … 0.8540" in second[3][0]
    assert [text for text, _ in second[4:8]] == ["−0.0060", "0.020", "< 0.001", "worse"]
    assert second[8] == ["tuning: 1 diverged", "1"]
    assert float(second[9][1]) == 4 * 60 + 3 * 61.5
    assert [float(row[2][1]) for row in board[1:]] == [cell["test"]["mean"] for cell in found["cells"]]
    last = rows["cell<2> & co"]
    assert last[7][0] == "not compared"
    assert last[8] == ["tuning: 1 divergedfinal: 1 diverged", "2"]
    text = leaderboard.leaderboard(found)
    assert "0.5123" in text
    assert "비교 안 함" in text


def test_one_seed_has_a_mean_and_no_interval():
    bar = leaderboard.interval({"mean": 0.5, "low": None, "high": None, "sd": None}, (0.0, 1.0))
    assert "<circle" in bar
    assert "<path" not in bar


def test_every_verdict_of_a_comparison_has_a_phrase():
    made = {comparing._verdict(p, d) for p in (None, 0.01, 0.5) for d in (None, -1.0, 1.0)} | {"best on validation"}
    for failed, hopeless, test in product(({}, {"diverged": 2}), (False, True), (None, {"mean": 1})):
        made.add(comparing._unfit({"failed_runs": failed, "hopeless": hopeless, "test": test}))
    assert len(made) == 7
    for verdict in made:
        both = leaderboard.verdict(verdict)
        assert both.en == verdict
        assert not re.search("[a-z]", both.ko), verdict


@pytest.mark.parametrize("rules", [
    Rules(12, 5, 100_000, spaces={RATE: "log:1e-5..10", "head.dropout": "0..0.6", "train.batch_size": "16,32"}),
    Rules(0, 1, cpu_seconds=2.5),
    Rules(3, 2, 10, spaces={RATE: "0.1..1"}),
    Rules(3, 40, 10, spaces={RATE: "0.1,1"}),
])  # fmt: skip
@pytest.mark.parametrize("cells", [1, 2, 3])
def test_every_rule_of_a_comparison_has_its_korean(rules, cells):
    found = ruled(Study("", Plan({"seed": 7}, rules, {f"a <{i}>": {} for i in range(cells)}, {})))
    lines = list(rulebook.lines(json.loads(json.dumps(found))))
    assert [line.en for line in lines] == found["rules"]
    assert all(re.search("[가-힣]", line.ko) for line in lines)


def test_spaces_are_read_from_the_rules():
    found = rulebook.spaces(study())
    assert found == {RATE: (1e-5, 10.0, True), "head.dropout": (0.0, 0.6, False)}


def test_the_time_to_the_target():
    found, drawn = study(), {}
    found["cells"][0]["to_target"].update(steps=100, examples=2000, seconds=12.25)
    found["cells"][2]["to_target"].update(reached=0, steps=None, examples=None, seconds=None)
    (table,) = Page(targets(found, lambda name, draw: drawn.update({name: draw}) or "")).tables
    assert [text for text, _ in table[1]] == ["cell<0> & co", "3 / 3", "100", "2,000", "12.25"]
    assert [text for text, _ in table[3]] == ["cell<2> & co", "0 / 3", "∞", "∞", "∞"]
    assert table[3][4][1] == "inf"
    assert set(drawn) == {"study-reached-examples", "study-reached-seconds"}


def test_a_run_that_never_reached_it_keeps_the_share_below_one():
    from yeonma.pictures.style import Look

    found, drawn = study(), {}
    targets(found, lambda name, draw: drawn.update({name: draw}) or "")
    shown = drawn["study-reached-examples"](Look(("en",))).axes[0].lines
    assert [line.get_ydata().max() for line in shown] == pytest.approx([1, 1, 2 / 3])


def test_the_axis_of_shares_ends_at_all_of_them_where_none_came_so_far():
    from yeonma.pictures.style import Look

    found, drawn = study(), {}
    for run in (run for cell in found["cells"] for run in cell["runs"][1:]):
        run["curve"] = run["curve"][:1]
    for cell in found["cells"]:
        cell["to_target"] = comparing.to_target(cell["runs"], TARGET)
    targets(found, lambda name, draw: drawn.update({name: draw}) or "")
    axes = drawn["study-reached-examples"](Look(("en",))).axes[0]
    assert max(line.get_ydata().max() for line in axes.lines) < 0.5
    assert axes.get_ylim() == pytest.approx((0, 1), abs=0.05)


def test_curves_are_means_between_the_lowest_and_the_highest():
    from yeonma.pictures.style import Look

    found, drawn = study(2), {}
    curves(found, lambda name, draw: drawn.update({name: draw}) or "")
    axes = drawn["study-curves"](Look(("en",))).axes[0]
    runs = [run["curve"] for run in found["cells"][0]["runs"]]
    last = [curve[-1]["validation"] for curve in runs]
    assert axes.lines[0].get_ydata()[-1] == pytest.approx(sum(last) / 3)
    assert list(axes.lines[0].get_xdata()) == [point["examples"] for point in runs[0]]
    band = axes.collections[0].get_paths()[0].vertices
    assert sorted({round(y, 9) for x, y in band if x == 10_000}) == pytest.approx([min(last), max(last)])


def test_a_best_rate_at_the_edge_of_its_space_is_said():
    found = study()
    for cell in found["cells"]:
        cell["trials"][1]["params"][RATE] = 0.01
        cell["trials"][1]["validation"] = 0.99
    assert "edge of the space of train.learning_rate" not in sensitivity.sensitivity(found, show)
    found["cells"][1]["trials"][1]["params"][RATE] = 9.5
    said = sensitivity.sensitivity(found, show)
    assert "At the upper edge of the space of train.learning_rate: cell&lt;1&gt; &amp; co." in said
    assert "위쪽 끝" in said


def test_choices_of_words_are_shown_too():
    found = study(trials=2)
    for cell in found["cells"]:
        for number, trial in enumerate(cell["trials"]):
            trial["params"] = {"head.activation": ["relu", "<tanh>"][number]}
    said = sensitivity.sensitivity(found, show)
    assert ">relu</text>" in said
    assert "&lt;tanh&gt;" in said


def test_pairs_stand_in_both_directions():
    found = study(4)
    found["pairs"][0]["p_holm_all"] = 0.01
    (table,) = Page(pairs.pairs(found, show)).tables
    assert table[1][2][0] == "+0.01230.010"
    assert table[2][1][0] == "−0.01230.010"
    assert pairs.pairs(found, show).count("<b>") >= 2
    assert pairs.pairs({**found, "pairs": []}, show) == ""


def test_a_real_comparison_is_shown(tmp_path):
    """Its results have the shape of the made-up ones."""
    tests = {"a": [0.80, 0.82, 0.81], "b": [0.70, 0.71, 0.73]}
    failed = {"state": "diverged", "validation": None, "curve": []}
    runs = {name: [{"test": test, "validation": test} for test in each] for name, each in tests.items()}
    found = Comparison(by_hand(tmp_path / "s", {**runs, "c": [*runs["b"][:2], failed]}).folder).save().results
    made = study(trials=0)
    assert found.keys() == made.keys()
    for one, other in (("cells", "cells"), ("pairs", "pairs")):
        assert found[one][0].keys() == made[other][0].keys()
    assert found["cells"][0]["runs"][0].keys() == made["cells"][0]["runs"][0].keys()
    read = json.loads((tmp_path / "s" / "results.json").read_text(encoding="utf-8"))
    html = section(read, show)
    Page(html)
    assert "0.8100\u00a0±\u00a00.0100" in html
    assert escape("not compared") in html


def test_a_comparison_that_has_only_begun_is_shown(tmp_path):
    read = Comparison(by_hand(tmp_path / "s", {"a": [], "b": []}).folder).save().results
    Page(section(read, show))


def test_two_hundred_runs_are_quick_and_small():
    found = study(cells=40, seeds=5, trials=12)
    before = time.process_time()
    html = section(found, show)
    assert time.process_time() - before < 3
    assert len(html.encode()) < 3_000_000
    parsed = Page(html)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert "others (32)" in html
    assert f"All {39 * 38 // 2} pairs" in html
