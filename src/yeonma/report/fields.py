"""The charts of rows and fields: bars, heat maps, histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from yeonma.pictures.style import INK, SERIES, Look
from yeonma.report import canvas
from yeonma.report.canvas import RULE, SMALL, WIDTH, Entry, Said
from yeonma.report.inline import Draw
from yeonma.report.phrases import written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
ROW, NAMES, STANDING = (
    15.0,
    170.0,
    110.0,
)  # points: the height of a row; the most that its name, and a column's, may take
MOST_WRITTEN = 150  # cells: values are written into no more
PLUS, MINUS = SERIES[0], SERIES[1]


@dataclass(frozen=True, eq=False)
class Bar:
    """A value with a name; low and high are the ends of its whisker, note stands behind it instead of the value."""

    name: Said
    value: float
    low: float | None = None
    high: float | None = None
    note: Said | None = None


def bars(title: Said, x: Said, rows: Sequence[Bar]) -> Draw:
    """Horizontal bars from 0, the first row at the top; whiskers that are not finite are left out."""

    def draw(look: Look) -> Figure:
        left = _names_width([row.name for row in rows], look)
        figure, axes = canvas.sheet(title, look, height=ROW * max(1, len(rows)) + 6, left=left)
        levels = np.arange(len(rows))
        values = np.nan_to_num([row.value for row in rows], posinf=0, neginf=0)
        axes.barh(levels, values, height=0.62, color=[PLUS if value >= 0 else MINUS for value in values])
        for level, row in enumerate(rows):
            _whisker(axes, level, row)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        ends = axes.get_xlim()
        _write_notes(axes, rows, look)
        _name_rows(axes, [row.name for row in rows], look, left - 10)
        canvas.ticks(axes.xaxis, False)
        axes.set_xticks([tick for tick in axes.get_xticks() if ends[0] <= tick <= ends[1]])
        axes.grid(axis="x", color=RULE, linewidth=0.5)
        axes.set_axisbelow(True)
        canvas.name_x(axes, x, look)
        return figure

    return draw


def _whisker(axes: Axes, level: int, row: Bar) -> None:
    if row.low is not None and row.high is not None and math.isfinite(row.low) and math.isfinite(row.high):
        axes.plot([row.low, row.high], [level, level], color=INK, linewidth=1.2, marker="|", markersize=5)


def _write_notes(axes: Axes, rows: Sequence[Bar], look: Look) -> None:
    """What stands behind each bar, and the room for it."""
    notes = [
        written(row.value, ".3f" if abs(row.value) < 10 else ",.0f") if row.note is None else row.note for row in rows
    ]
    field = axes.get_position().width * WIDTH
    wide = max((canvas.extent(note, look, SMALL) for note in notes), default=0.0) + 6
    low, high = axes.get_xlim()
    axes.set_xlim(low, high + (high - low) * wide / max(field - wide, field / 4))
    for level, (row, note) in enumerate(zip(rows, notes, strict=True)):
        ends = [end for end in (row.value, row.high, 0.0) if end is not None and math.isfinite(end)]
        text = axes.annotate(
            "", (max(ends), level), (4, 0), textcoords="offset points", fontsize=SMALL, va="center_baseline", color=INK
        )
        canvas.write(text, note, look)


def _names_width(names: Sequence[Said], look: Look) -> float:
    return 12 + min(NAMES, max((canvas.extent(name, look, SMALL) for name in names), default=0.0))


def _name_rows(axes: Axes, names: Sequence[Said], look: Look, width: float) -> None:
    """Names to the left of the rows, in place of ticks."""
    axes.set_yticks([])
    for level, name in enumerate(names):
        text = axes.annotate(
            "", (0, level), (-5, 0), xycoords=axes.get_yaxis_transform(), textcoords="offset points",
            ha="right", va="center_baseline", fontsize=SMALL, color=INK,
        )  # fmt: skip
        canvas.write(text, canvas.fitted(name, look, SMALL, width), look)


def _name_columns(axes: Axes, names: Sequence[Said], look: Look, width: float) -> float:
    """Names below the columns, standing where they are wider than `width`, thinned out where even that is too much.

    Returns how deep they reach, in points.
    """
    axes.set_xticks([])
    stands, deep = _depth(names, look, width)
    every = max(1, math.ceil((SMALL + 3) / width)) if stands else 1
    way: Any = {"rotation": 90, "ha": "right", "va": "center"} if stands else {"ha": "center", "va": "top"}
    for column in range(0, len(names), every):
        text = axes.annotate(
            "", (column, 0), (0, -4), xycoords=axes.get_xaxis_transform(), textcoords="offset points",
            rotation_mode="anchor", fontsize=SMALL, color=INK, **way,
        )  # fmt: skip
        canvas.write(text, canvas.fitted(names[column], look, SMALL, deep if stands else width), look)
    return deep


def _depth(names: Sequence[Said], look: Look, width: float) -> tuple[bool, float]:
    """Whether names of columns must stand, and how deep they reach below the axis."""
    widest = max((canvas.extent(name, look, SMALL) for name in names), default=0.0)
    return (True, min(widest, STANDING)) if widest > width - 2 else (False, SMALL + 2)


def heat(
    title: Said,
    x: Said,
    y: Said,
    rows: Sequence[Said],
    columns: Sequence[Said],
    values: Sequence[Sequence[float | None]],
    *,
    low: float = 0.0,
    high: float | None = None,
    form: str = ".2f",
) -> Draw:
    """A field of cells, the stronger coloured the farther from `low`: blue above it, red below; None stays empty.

    high  what is coloured most, as a distance from low in both directions; left out: the farthest value
    form  of the numbers that are written where there are few cells, as Python's format says it
    """
    table = np.array([[math.nan if v is None else v for v in row] for row in values], float)
    table = table.reshape(len(rows), len(columns))
    away = np.abs(table - low)
    reach = (high - low) if high is not None else float(np.nanmax(away, initial=0.0)) or 1.0

    def draw(look: Look) -> Figure:
        left = _names_width(rows, look)
        wide = (WIDTH - left - canvas.RIGHT) / max(1, len(columns))
        tall = ROW + 3 if len(rows) <= 20 else 10.0
        figure, axes = canvas.sheet(
            title, look, _scale(table, low, reach, form), y=y, height=tall * max(1, len(rows)), left=left,
            bottom=_depth(columns, look, wide)[1] + 24,
        )  # fmt: skip
        axes.imshow(_colours(table, low, reach), aspect="auto", interpolation="none")
        axes.spines[:].set_visible(False)
        _name_rows(axes, rows, look, left - 10)
        axes.xaxis.labelpad = _name_columns(axes, columns, look, wide) + 4
        if table.size <= MOST_WRITTEN and wide > 0.61 * SMALL * (len(format(-0.5 if (table < 0).any() else 0.5, form))):
            _write_values(axes, table, form)
        canvas.name_x(axes, x, look)
        return figure

    return draw


def _colours(table: Floats, low: float, reach: float) -> Floats:
    """Red, green, blue and opacity of every cell: the paper shines through where little is to be seen."""
    from matplotlib.colors import to_rgb

    colours = np.where((table >= low)[..., None], to_rgb(PLUS), to_rgb(MINUS))
    share = np.clip(np.nan_to_num(np.abs(table - low) / reach, nan=0.0), 0, 1)
    return np.dstack([colours, np.where(np.isnan(table), 0.0, 0.06 + 0.84 * share)])


def _scale(table: Floats, low: float, reach: float, form: str) -> list[Entry]:
    """The legend: what the ends and the middle of the scale look like."""
    steps = [low, low + reach / 2, low + reach]
    if (table < low).any():
        steps = [low - reach, low - reach / 2, *steps]
    shades = _colours(np.array([steps]), low, reach)[0]
    square: dict[str, Any] = {"linestyle": "", "marker": "s", "markersize": 9, "markeredgewidth": 0}
    return [
        Entry(written(step, form), {**square, "color": tuple(shade)}) for step, shade in zip(steps, shades, strict=True)
    ]


def _write_values(axes: Axes, table: Floats, form: str) -> None:
    for (row, column), value in np.ndenumerate(table):
        text = "–" if math.isnan(value) else written(value, form)
        axes.text(column, row, text, ha="center", va="center_baseline", fontsize=SMALL, color=INK)


def histogram(title: Said, x: Said, y: Said, edges: Sequence[float], counts: Sequence[float]) -> Draw:
    """Counts between edges, one fewer than these."""

    def draw(look: Look) -> Figure:
        figure, axes = canvas.sheet(title, look, y=y)
        axes.stairs(counts, edges, fill=True, color=PLUS, alpha=0.8, linewidth=0)
        axes.set_ylim(bottom=0)
        canvas.ticks(axes.xaxis, False)
        canvas.ticks(axes.yaxis, False, 5)
        axes.grid(axis="y", color=RULE, linewidth=0.5)
        axes.set_axisbelow(True)
        canvas.name_x(axes, x, look)
        return figure

    return draw
