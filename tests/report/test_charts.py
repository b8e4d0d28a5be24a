"""Charts: whole, in both languages, small, with ids of their own, and no peak lost."""

from __future__ import annotations

import re
import xml.etree.ElementTree as xml
from html.parser import HTMLParser

import numpy as np
import pytest

from yeonma.pictures.style import Look, hangul_font
from yeonma.pictures.words import Both
from yeonma.report import canvas
from yeonma.report.charts import Bar, Group, Line, Trail, bars, files, heat, histogram, inline, lines, points, trail

TITLE, X, Y = Both("Score <b>", "점수 <b>"), Both("step", "스텝"), Both("accuracy", "정확도")
NASTY = ['a" id="x" <i>&', "$\\alpha$ 😀", "url(#x)\x1b\n", "한국어 이름"]
TRACK = np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0], [4.0, 4.0]])
KINDS = {
    "lines": lines(TITLE, X, Y, [Line(name, [1, 2], [1, i], [0, 1], [2, i]) for i, name in enumerate(NASTY)]),
    "points": points(TITLE, X, Y, [Group(name, [0.1, 1], [0.5, 0.6], 1, [10]) for name in NASTY], log_x=True),
    "bars": bars(TITLE, X, [Bar(name, i - 1, i - 2, float("inf") if i else 3) for i, name in enumerate(NASTY)]),
    "trail": trail(TITLE, X, Y, [Trail(name, TRACK + i, [0, 10, 20, 30]) for i, name in enumerate(NASTY)]),
    "heat": heat(TITLE, X, Y, NASTY, [Both("one", "하나"), "2"], [[0.5, None], [1, 0], [-1, 0.25], [0, 0]]),
    "histogram": histogram(TITLE, X, Y, [0, 1, 2, 3], [5, 0, 2]),
}  # fmt: skip


class Balance(HTMLParser):
    """Every tag that is opened is closed in its order; the elements' ids, and what is pointed to."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.used = [], [], set()
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            self.used |= set(re.findall(r"^(?:url\()?#([^)]+)", value or ""))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("kind", KINDS)
def test_a_chart_of_a_page_is_whole_and_in_both_languages(kind):
    drawn = inline(KINDS[kind], "one")
    parsed = Balance(drawn)
    assert parsed.used == set(parsed.ids)
    xml.fromstring(drawn)
    assert '<text lang="en"' in drawn
    assert ">step</text>" in drawn
    assert ">스텝</text>" in drawn
    assert "<title>Score &lt;b&gt; · 점수 &lt;b&gt;</title>" in drawn
    assert 'role="img" aria-label="Score' in drawn
    assert "<i>" not in drawn
    assert not re.search(r"#1f2933|#66727f|#ffffff|<style|font-family|<!--", drawn)
    assert "nan" not in drawn


def test_names_stay_as_they_are_and_cannot_pass_for_markup():
    drawn = inline(KINDS["bars"], "one")
    texts = ["".join(node.itertext()) for node in xml.fromstring(drawn).iter("text")]
    assert {NASTY[0], NASTY[1], "url(#x)\ufffd", NASTY[3]} <= set(texts)


def test_ids_are_unique_over_a_page():
    ids = [each for name in ("a", "b") for kind in KINDS for each in Balance(inline(KINDS[kind], name + kind)).ids]
    assert len(ids) == len(set(ids)) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_files_speak_both_languages(kind, tmp_path):
    svg, png = files(KINDS[kind], tmp_path, kind)
    text = svg.read_text(encoding="utf-8")
    xml.fromstring(text)
    assert all(said in text for said in ("Score &lt;b&gt;<", "점수 &lt;b&gt;<", "step · 스텝"))
    assert png.read_bytes().startswith(b"\x89PNG\r\n")


def test_without_a_korean_font_a_chart_is_drawn_too(monkeypatch):
    monkeypatch.setattr("yeonma.report.inline.hangul_font", lambda: None)
    assert ">스텝</text>" in inline(KINDS["lines"], "one")


def test_nine_long_lines_are_small_and_keep_their_peaks():
    draw, xs = np.random.default_rng(1), np.arange(30_000)
    made = [Line(f"run {i}", xs, draw.normal(size=len(xs)) + (xs == 17_123) * 90 * (i == 3)) for i in range(9)]
    chart = lines(TITLE, X, Y, made)
    assert len(inline(chart, "one").encode()) <= 60_000
    shown = axes(chart).lines
    assert all(len(line.get_xdata()) <= 400 for line in shown)
    assert shown[3].get_ydata().max() > 80
    assert [line.get_ydata().min() for line in shown] == [line.ys.min() for line in made]
    assert all({0, 29_999} <= set(line.get_xdata()) for line in shown)


def axes(draw):
    return draw(Look(("en",), hangul_font())).axes[0]


def test_bands_keep_their_extremes_in_fewer_points():
    xs, flat = np.arange(5000), np.zeros(5000)
    made = [Line(str(i), xs, flat, flat - (xs == 77), flat + 2 * (xs == 4321)) for i in range(9)]
    drawn = axes(lines(TITLE, X, Y, made))
    assert sum(len(line.get_xdata()) for line in drawn.lines) * 3 <= 3600
    ends = drawn.collections[0].get_paths()[0].vertices[:, 1]
    assert (ends.min(), ends.max()) == (-1, 2)


def test_what_has_no_place_is_left_out():
    values = [1.0, float("nan"), float("inf"), None, 0.0, -1.0, 4.0]
    shown = axes(lines(TITLE, X, Y, [Line("a", range(7), values)], log_y=True)).lines[0]
    assert list(shown.get_ydata()) == [1, 4]
    assert list(shown.get_xdata()) == [0, 6]


def test_on_a_log_axis_a_band_that_reaches_nought_ends_at_the_lowest_value_above_it():
    drawn = axes(lines(TITLE, X, Y, [Line("a", [1, 2], [4.0, 2.0], [0.5, 0.0], [8.0, 4.0])], log_y=True))
    assert list(drawn.lines[0].get_ydata()) == [4, 2]
    ends = drawn.collections[0].get_paths()[0].vertices
    assert {round(y, 9) for x, y in ends if x == 2} == {0.5, 4}


def test_nine_lines_are_told_apart_and_a_tenth_is_refused():
    made = [Line(str(i), [0, 1], [0, i]) for i in range(10)]
    shown = axes(lines(TITLE, X, Y, made[:9])).lines
    assert len({(line.get_color(), line.get_linestyle()) for line in shown}) == 9
    with pytest.raises(ValueError, match=r"9 lines apart; it got line 10. Mark the others as faint"):
        lines(TITLE, X, Y, made)


def test_faint_lines_are_behind_the_others_and_counted():
    made = [Line(str(i), [0, 1], [0, i], faint=i >= 8) for i in range(40)]
    drawn = inline(lines(TITLE, X, Y, made), "one")
    assert "others (32)" in drawn
    assert "그 밖 (32)" in drawn
    assert [line.get_color() for line in axes(lines(TITLE, X, Y, made)).lines][-8:] == list(canvas.SERIES[:8])


@pytest.mark.parametrize("ys", [[], [1.0], [2.0, 2.0], [float("nan")]])
@pytest.mark.parametrize("log", [False, True])
def test_lines_of_no_one_and_equal_points(ys, log):
    assert "<svg" in inline(lines(TITLE, X, Y, [Line("a", range(1, len(ys) + 1), ys)], log, log), "one")


def test_nothing_of_the_legend_stands_over_the_data():
    """All words above the axes, in the page and in files, whatever the names' lengths."""
    made = [Line("a long name of a run " * (i % 3 + 1), [0, 1], [0, i]) for i in range(9)]
    for look in (Look(("en", "ko"), hangul_font()), Look(("en", "ko"), hangul_font(), page=True)):
        figure = lines(TITLE, X, Y, made)(look)
        top = figure.axes[0].get_position().y1
        assert len(figure.texts) >= 11
        assert all(top < text.get_position()[1] < 1 for text in figure.texts)


def test_a_failed_trial_stands_at_the_bottom_and_the_chosen_one_is_ringed():
    drawn = axes(points(TITLE, X, Y, [Group("a", [3, 1, 2], [0.3, 0.1, 0.2], chosen=2, failed=[7])]))
    cloud, failed, ring = drawn.lines
    assert list(cloud.get_xdata()) == [1, 2, 3]
    assert (list(failed.get_xdata()), list(ring.get_xdata()), list(ring.get_ydata())) == ([7], [2], [0.2])
    assert 0 < failed.get_ydata()[0] < 0.05


def test_choices_that_are_no_numbers_are_named():
    drawn = axes(points(TITLE, X, Y, [Group("a", [0, 1], [0.3, 0.1])], joined=False, names=["relu", "$x$"]))
    assert [tick.get_text() for tick in drawn.get_xticklabels()] == ["relu", "$x$"]


def test_a_field_shows_its_values_where_they_are_few():
    texts = [text.get_text() for text in axes(KINDS["heat"]).texts]
    assert {"0.50", "–", "−1.00"} <= set(texts)
    many = axes(heat(TITLE, X, Y, [str(i) for i in range(40)], [str(i) for i in range(40)], np.eye(40)))
    assert "1.00" not in [text.get_text() for text in many.texts]


def test_the_farthest_value_has_the_strongest_colour():
    shown = axes(KINDS["heat"]).images[0].get_array()
    assert shown[0, 1, 3] == 0
    assert shown[1, 0, 3] == shown[2, 0, 3] == shown[..., 3].max()
    assert tuple(shown[1, 0, :3]) != tuple(shown[2, 0, :3])


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (1e-5, "10⁻⁵"), (2e-5, "2·10⁻⁵"), (0.001, "0.001"), (-0.25, "−0.25"), (12000, "12,000"), (3e6, "3·10⁶")],
)
def test_numbers_of_ticks(value, shown):
    assert canvas.number(value) == shown


def test_long_names_keep_both_ends():
    cut = canvas.fitted("bilstm-attention+embeddings-frozen+adam", Look(), 9, 120)
    assert cut.startswith("bilstm")
    assert cut.endswith("adam")
    assert canvas.extent(cut, Look(), 9) <= 120


def test_no_number_of_an_axis_and_no_title_leaves_the_sheet():
    draw = lines("a very long name of a run " * 6, X, Y, [Line("a", [0, 1], [0.9999951, 0.9999958])])
    for look in (Look(page=True), Look(("en",))):
        figure = draw(look)
        figure.canvas.draw()
        boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
        boxes += [text.get_window_extent() for text in figure.texts]
        assert min(box.x0 for box in boxes) >= 0
        assert max(box.x1 for box in boxes) <= figure.bbox.x1


@pytest.mark.parametrize(("low", "high"), [(0.99998, 1), (-1.00003, -1), (0, 3), (250, 250.01)])
def test_ticks_that_lie_close_have_numbers_that_differ(low, high):
    axes = lines(TITLE, X, Y, [Line("a", [0, 1], [low, high])])(Look(page=True)).axes[0]
    written = [axes.yaxis.get_major_formatter()(tick) for tick in axes.get_yticks()]
    assert len(set(written)) == len(written) > 2
