"""The sheet of a chart: its title, the legend above the data, the names and ticks of its axes."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from yeonma.pictures.style import FAINT, INK, SERIES, Look
from yeonma.pictures.words import Both
from yeonma.report.phrases import written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.text import Text

Said = Both | str
WIDTH, HEIGHT = 410.0, 170.0  # points: of a chart; of the field that holds its data
LEFT, RIGHT, BOTTOM = 46.0, 14.0, 36.0
TITLE, LEGEND, SMALL, LINE = 11.5, 9.0, 8.7, 14.5  # font sizes; the height of a line of words
RULE = "#c3ccd5"
NAMED, LONGEST = len(SERIES), 200  # lines that are told apart; letters of a text
SOLID = 5  # so many series have an unbroken line, the others are dashed
FROM_PAGE, FROM_NAME = "ko:", "name:"  # how a text's Korean and a mark's name travel through matplotlib, as a quoted id
DIGITS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Entry:
    """A line of the legend: what it names, and how that is drawn (as matplotlib's Line2D says it)."""

    name: Said
    style: dict[str, Any]


def series(number: int) -> dict[str, Any]:
    """How the line of that number looks; colours and dashes tell it apart.

    Raises: ValueError beyond the ninth.
    """
    if number >= NAMED:
        raise ValueError(
            f"A chart tells {NAMED} lines apart; it got line {number + 1}. Mark the others as faint, or leave them out."
        )
    return {"color": SERIES[number], "linestyle": "-" if number < SOLID else (0, (4, 1.4)), "linewidth": 1.6}


def clean(text: str) -> str:
    """A text in one line without letters that no file of pictures may hold."""
    kept = ("\ufffd" if unicodedata.category(c) in ("Cc", "Cs", "Cn") else c for c in " ".join(text[:LONGEST].split()))
    return "".join(kept)


def both(said: Said) -> Both:
    """In both languages, clean."""
    return Both(clean(said), clean(said)) if isinstance(said, str) else Both(clean(said.en), clean(said.ko))


def joined(said: Said, look: Look) -> str:
    """The text in the languages of a file, once where they are equal."""
    return " · ".join(dict.fromkeys(look.lines(both(said))))


def write(text: Text, said: Said, look: Look) -> Text:
    """Give a text its words: on a page both languages stand at one place, in a file beside each other."""
    en, ko = both(said)
    text.set_parse_math(False)
    if not look.page:
        text.set_text(joined(said, look))
    else:
        text.set_text(en)
        if en != ko:
            text.set_gid(FROM_PAGE + quote(ko))
    return text


def name(artist: Any, said: Said, look: Look) -> None:
    """A mark's name, which the page shows under the pointer."""
    if look.page:
        artist.set_gid(FROM_NAME + quote(" · ".join(dict.fromkeys(both(said)))))


def extent(said: Said, look: Look, size: float) -> float:
    """The width of a text in points, at most: whoever shows a page brings the font."""
    texts = both(said) if look.page else (joined(said, look),)
    return size * max(sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.6 for c in text) for text in texts)


def fitted(said: Said, look: Look, size: float, width: float) -> Said:
    """The text, its middle left out where it is wider than `width` points: names differ at their ends."""
    if extent(said, look, size) <= width:
        return said
    if isinstance(said, Both):
        return Both(*(str(fitted(text, look, size, width / (1 if look.page else 2))) for text in said))
    text = clean(said)
    for kept in range(len(text) - 1, 1, -1):
        tried = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
        if extent(tried, look, size) <= width:
            return tried
    return "…"


def sheet(
    title: Said,
    look: Look,
    entries: Sequence[Entry] = (),
    *,
    y: Said = "",
    height: float = HEIGHT,
    left: float = LEFT,
    bottom: float = BOTTOM,
) -> tuple[Figure, Axes]:
    """A figure with a title and a legend, and the axes below them; sizes in points."""
    from matplotlib.figure import Figure

    rows = _rows(entries, look)
    whole, title = title, Both(*(str(fitted(each, look, TITLE, WIDTH - 12)) for each in both(title)))
    titles = [joined(title, Look((language,))) for language in (("en",) if look.page else look.languages)]
    top = 6 + LINE * (len(titles) + len(rows) + bool(y)) + 8
    high = top + height + bottom
    figure = Figure(figsize=(WIDTH / 72, high / 72))
    figure.patch.set_visible(not look.page)
    name(figure, whole, look)
    _headline(figure, title, look, titles, high)
    for number, row in enumerate(rows):
        _legend_row(figure, row, look, high - 6 - LINE * (len(titles) + number + 0.6))
    axes = figure.add_axes((left / WIDTH, bottom / high, (WIDTH - left - RIGHT) / WIDTH, height / high))
    axes.patch.set_visible(False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SMALL, length=3, width=0.6)
    if y:
        write(figure.text(6 / WIDTH, 1 - (top - 4) / high, "", fontsize=SMALL, color=FAINT, va="bottom"), y, look)
    return figure, axes


def _headline(figure: Figure, title: Said, look: Look, titles: Sequence[str], high: float) -> None:
    for number, line in enumerate(titles):
        weight, ink = ("normal", FAINT) if number else ("bold", INK)
        text = figure.text(
            6 / WIDTH,
            1 - (6 + LINE * (number + 0.75)) / high,
            "",
            fontsize=TITLE - number,
            fontweight=weight,
            color=ink,
        )
        write(text, title if look.page else line, look)


def _rows(entries: Sequence[Entry], look: Look) -> list[list[tuple[float, Entry]]]:
    """The legend's lines: every entry with the point at which it begins."""
    rows: list[list[tuple[float, Entry]]] = []
    at = math.inf
    for entry in entries:
        entry = Entry(fitted(entry.name, look, LEGEND, WIDTH - 60), entry.style)
        wide = 36 + extent(entry.name, look, LEGEND)
        if at + wide > WIDTH:
            rows.append([])
            at = 6.0
        rows[-1].append((at, entry))
        at += wide
    return rows


def _legend_row(figure: Figure, row: Sequence[tuple[float, Entry]], look: Look, level: float) -> None:
    from matplotlib.lines import Line2D

    high = figure.get_figheight() * 72
    for at, entry in row:
        style = {"solid_capstyle": "butt", **entry.style}
        alone = style.get("linestyle") == ""
        places = [at + 9] if alone else [at, at + 18]
        figure.add_artist(Line2D([place / WIDTH for place in places], [level / high] * len(places), **style))
        text = figure.text((at + 22) / WIDTH, level / high, "", fontsize=LEGEND, color=INK, va="center_baseline")
        write(text, entry.name, look)


def name_x(axes: Axes, said: Said, look: Look) -> None:
    """The name of the horizontal axis."""
    write(axes.xaxis.label, said, look)
    axes.xaxis.label.set_fontsize(SMALL)


def ticks(axis: Axis, log: bool, most: int = 6) -> None:
    """Few round ticks with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    if log:
        low, high = sorted(axis.get_view_interval())
        wide = high / low if low > 0 else math.inf
        steps = (1, 2, 5) if wide < 60 else (1, 3) if wide < 1000 else (1,)
        axis.set_major_locator(LogLocator(subs=steps, numticks=most + 2))
        axis.set_minor_locator(NullLocator())
    else:
        axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 0.0 if log else _step(axis))))


def make_room(axes: Axes, look: Look) -> None:
    """Move the left edge so far in that the numbers of the vertical axis stand on the sheet."""
    axis, box = axes.yaxis, axes.get_position()
    labels = axis.get_major_formatter().format_ticks(axis.get_majorticklocs().tolist())
    left = (12 + max((extent(label, look, SMALL) for label in labels), default=0.0)) / WIDTH
    if left > box.x0:
        axes.set_position((left, box.y0, box.x1 - left, box.height))


def _step(axis: Axis) -> float:
    """How far the ticks of a linear axis are apart; 0 where there are not two."""
    places = axis.get_majorticklocs()
    return abs(float(places[1] - places[0])) if len(places) > 1 else 0.0


def number(value: float, step: float = 0.0) -> str:
    """A tick's number: plain from 0.001 to a million, else with a power of ten.

    step  how far ticks are apart: so many digits that they differ, four where it is 0
    """
    if value == 0 or 1e-3 <= abs(value) * 1.0000001 < 1e6:
        exact = max(4, 2 + math.floor(math.log10(abs(value) / step))) if value and step else 4
        return written(value, ",.0f" if abs(value) >= 1000 else f".{min(exact, 12)}g")
    digits, power = f"{value:.2e}".split("e")
    digits = written(float(digits), "g")
    raised = f"10{str(int(power)).translate(DIGITS)}"
    return raised if digits == "1" else f"{digits}·{raised}"
