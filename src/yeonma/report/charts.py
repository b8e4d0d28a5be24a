"""The charts of the page, each drawn once: `inline` puts it into the page, `files` writes it as SVG and PNG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from yeonma.pictures.style import FAINT, INK, Look
from yeonma.report import canvas
from yeonma.report.canvas import RULE, SMALL, Entry, Said
from yeonma.report.fields import Bar, bars, heat, histogram
from yeonma.report.inline import Draw, files, inline
from yeonma.report.phrases import say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
LINE_POINTS, CHART_POINTS = 400, 3600  # no line and no chart holds more
DOTTED = 12  # points: a line of no more shows each
QUIET: Mapping[str, Any] = {"color": FAINT, "linestyle": "-", "linewidth": 0.8, "alpha": 0.55}


@dataclass(frozen=True, eq=False)
class Line:
    """A named line.

    xs, ys     its points; those that are not finite (on a log axis: not above 0) are left out
    low, high  the ends of a band around it, as long as ys; on a log axis one that reaches 0 ends at the line's lowest
               value above 0
    faint      drawn in grey and not told from the other faint ones
    stairs     each value holds until the next point
    """

    name: Said
    xs: Sequence[float]
    ys: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    faint: bool = False
    stairs: bool = False


def lines(
    title: Said,
    x: Said,
    y: Said,
    lines: Sequence[Line],
    log_y: bool = False,
    log_x: bool = False,
    *,
    shares: bool = False,
) -> Draw:
    """Up to nine lines, and any number of faint ones behind them.

    shares  values are shares of a whole: the axis goes from 0 to 1, however low they are
    Of a line with too many points (LINE_POINTS, less where there are many bands) each of equal stretches keeps its
    lowest and its highest, so that no peak is lost.
    Raises: ValueError for a tenth line.
    """
    styles = _styles([line.faint for line in lines])
    room = CHART_POINTS // max(1, sum(1 if line.low is None else 3 for line in lines))
    kept = [_thinned(_finite(line, log_x, log_y), min(LINE_POINTS, room)) for line in lines]

    def draw(look: Look) -> Figure:
        figure, axes = canvas.sheet(title, look, _entries(lines, styles), y=y)
        for line, style in sorted(zip(kept, styles, strict=True), key=lambda each: not each[0].faint):
            _draw_line(axes, line, style, look)
        if shares:
            axes.set_ylim(-0.03, 1.03)
        some = any(len(line.xs) for line in kept)  # an empty axis has no logarithm
        _scales(axes, x, look, log_x and some, log_y and some)
        return figure

    return draw


def _styles(faint: Sequence[bool]) -> list[dict[str, Any]]:
    """What each line looks like; colours in the order of those that are not faint."""
    numbers = np.cumsum([not each for each in faint]).tolist()
    return [dict(QUIET) if each else canvas.series(n - 1) for each, n in zip(faint, numbers, strict=True)]


def _entries(named: Sequence[Any], styles: Sequence[dict[str, Any]]) -> list[Entry]:
    """The legend of what has a name and a faint attribute; the faint ones are counted."""
    entries = [Entry(each.name, style) for each, style in zip(named, styles, strict=True) if not each.faint]
    if count := sum(each.faint for each in named):
        entries.append(Entry(say("chart_others", count=count), dict(QUIET)))
    return entries if len(entries) > 1 or count else []


def _finite(line: Line, log_x: bool, log_y: bool) -> Line:
    columns = [each for each in (line.xs, line.ys, line.low, line.high) if each is not None]
    table = np.array([[math.nan if v is None else v for v in column] for column in columns], float)
    good = np.isfinite(table).all(0)
    good &= (table[0] > 0) | (not log_x)
    if log_y:
        good &= table[1] > 0
        table[2:] = np.maximum(table[2:], min(table[1:][table[1:] > 0], default=0.0))
    return _rebuilt(line, table[:, good])


def _rebuilt(line: Line, table: Floats) -> Line:
    xs, ys, *band = table
    return replace(line, xs=xs, ys=ys, **dict(zip(("low", "high"), band, strict=False)))


def _thinned(line: Line, most: int) -> Line:
    """The first and the last point, and the extremes of each of equal stretches."""
    table = np.array([each for each in (line.xs, line.ys, line.low, line.high) if each is not None])
    if table.shape[1] <= most:
        return line
    kept = {0, table.shape[1] - 1}
    for stretch in np.array_split(np.arange(table.shape[1]), max(1, (most - 2) // (2 * (len(table) - 1)))):
        for row in table[1:, stretch]:
            kept |= {int(stretch[row.argmin()]), int(stretch[row.argmax()])}
    return _rebuilt(line, table[:, sorted(kept)])


def _draw_line(axes: Axes, line: Line, style: Mapping[str, Any], look: Look) -> None:
    dots = len(line.ys) == 1 or (len(line.ys) <= DOTTED and not line.faint and not line.stairs)
    way = "steps-post" if line.stairs else "default"
    (drawn,) = axes.plot(line.xs, line.ys, marker="o" if dots else "", markersize=3.2, drawstyle=way, **style)
    canvas.name(drawn, line.name, look)
    if line.low is not None and line.high is not None:
        axes.fill_between(line.xs, line.low, line.high, color=style["color"], alpha=0.2, linewidth=0)


def _scales(axes: Axes, x: Said, look: Look, log_x: bool = False, log_y: bool = False) -> None:
    axes.set_xscale("log" if log_x else "linear")
    axes.set_yscale("log" if log_y else "linear")
    canvas.ticks(axes.xaxis, log_x)
    canvas.ticks(axes.yaxis, log_y, 5)
    canvas.make_room(axes, look)
    axes.grid(axis="y", color=RULE, linewidth=0.5)
    axes.set_axisbelow(True)
    canvas.name_x(axes, x, look)


@dataclass(frozen=True, eq=False)
class Group:
    """Named points.

    chosen  the place of the one that is ringed
    failed  where, on the horizontal axis, there is no value: a cross at the bottom edge
    """

    name: Said
    xs: Sequence[float]
    ys: Sequence[float]
    chosen: int | None = None
    failed: Sequence[float] = ()
    faint: bool = False


def points(
    title: Said,
    x: Said,
    y: Said,
    groups: Sequence[Group],
    log_x: bool = False,
    *,
    joined: bool = True,
    names: Sequence[str] = (),
) -> Draw:
    """Points of up to nine groups.

    joined  by thin lines along the horizontal axis
    names   of 0, 1, 2 … on that axis, where it has no scale
    Raises: ValueError for a tenth group that is not faint.
    """
    styles = _styles([group.faint for group in groups])
    marks = [
        Entry(
            say("chart_chosen"), {"linestyle": "", "marker": "o", "markersize": 8, "color": INK, "fillstyle": "none"}
        ),
        Entry(say("chart_failed"), {"linestyle": "", "marker": "x", "markersize": 5, "color": INK}),
    ]
    way = {} if joined else {"linestyle": ""}
    shown = [any(group.chosen is not None for group in groups), any(len(group.failed) for group in groups)]

    def draw(look: Look) -> Figure:
        entries = _entries(groups, styles) + [mark for mark, there in zip(marks, shown, strict=True) if there]
        figure, axes = canvas.sheet(title, look, entries, y=y)
        for group, style in sorted(zip(groups, styles, strict=True), key=lambda each: not each[0].faint):
            _draw_group(axes, group, {**style, "linewidth": 0.7, **way}, look)
        _scales(axes, x, look, log_x and any(len(group.xs) or len(group.failed) for group in groups))
        if names:
            axes.set_xticks(range(len(names)), [canvas.clean(name) for name in names], parse_math=False)
        return figure

    return draw


def _draw_group(axes: Axes, group: Group, style: Mapping[str, Any], look: Look) -> None:
    order = np.argsort(group.xs)
    xs, ys = np.asarray(group.xs, float)[order], np.asarray(group.ys, float)[order]
    (drawn,) = axes.plot(xs, ys, marker="o", markersize=2.4 if group.faint else 4.2, **style)
    canvas.name(drawn, group.name, look)
    bottom = axes.get_xaxis_transform()
    axes.plot(
        group.failed, [0.025] * len(group.failed), "x", color=style["color"], markersize=5, transform=bottom,
        clip_on=False,
    )  # fmt: skip
    if group.chosen is not None:
        at = [group.xs[group.chosen]], [group.ys[group.chosen]]
        axes.plot(*at, "o", fillstyle="none", color=style["color"], markersize=9, markeredgewidth=1.4)


@dataclass(frozen=True, eq=False)
class Trail:
    """A way in a plane: points (n, 2), and the step at which each was taken."""

    name: Said
    points: Floats
    steps: Sequence[int]


def trail(title: Said, x: Said, y: Said, runs: Sequence[Trail]) -> Draw:
    """Ways in a plane of equal scales; a ring where each starts, a square where it ends, steps beside some points.

    Raises: ValueError for a tenth way.
    """
    styles = _styles([False] * len(runs))
    ends = [
        Entry(say("chart_start"), {"linestyle": "", "marker": "o", "markersize": 6, "color": INK, "fillstyle": "none"}),
        Entry(say("chart_end"), {"linestyle": "", "marker": "s", "markersize": 6, "color": INK}),
    ]

    def draw(look: Look) -> Figure:
        named = [Entry(run.name, style) for run, style in zip(runs, styles, strict=True)] if len(runs) > 1 else []
        figure, axes = canvas.sheet(title, look, named + ends, y=y, height=1.5 * canvas.HEIGHT)
        axes.set_aspect("equal", adjustable="datalim")
        numbered: list[Floats] = []
        for run, style in zip(runs, styles, strict=True):
            _draw_trail(axes, run, style, look, numbered)
        _scales(axes, x, look)
        axes.grid(axis="x", color=RULE, linewidth=0.5)
        axes.margins(0.08)
        return figure

    return draw


def _draw_trail(axes: Axes, run: Trail, style: Mapping[str, Any], look: Look, numbered: list[Floats]) -> None:
    places = np.asarray(run.points, float)
    good = np.isfinite(places).all(1)
    places, steps = places[good], np.asarray(run.steps)[good]
    if not len(places):
        return
    (drawn,) = axes.plot(*places.T, marker=".", markersize=3.5, **{**style, "linewidth": 1.2})
    canvas.name(drawn, run.name, look)
    for at, mark, filled in ((0, "o", "none"), (-1, "s", "full")):
        axes.plot(*places[at], mark, color=style["color"], fillstyle=filled, markersize=7, markeredgewidth=1.4)
    for at in _apart(places, numbered):
        axes.annotate(
            f"{steps[at]:,}", places[at], (4, 4), textcoords="offset points", fontsize=SMALL, color=style["color"]
        )


def _apart(places: Floats, numbered: list[Floats]) -> list[int]:
    """Some points that are far enough from each other, and from those of other ways, for a number beside each."""
    least = 0.16 * float(np.ptp(places, axis=0).max())
    kept: list[int] = []
    for at in range(len(places) - 1, 0, -1):
        if all(np.hypot(*(places[at] - other)) > least for other in [*numbered, places[0]]):
            kept.append(at)
            numbered.append(places[at])
    return kept


__all__ = [
    "Bar", "Draw", "Group", "Line", "Trail", "bars", "files", "heat", "histogram", "inline", "lines", "points", "trail",
]  # fmt: skip
