"""The family tree of the rules: who came from whom, and what each adds."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from statistics import mean
from typing import TYPE_CHECKING

from yeonma.optim.registry import Form, Rule, rules
from yeonma.pictures.layout import FOOT, HEAD, MARGIN, footnote, headline, sheet
from yeonma.pictures.style import FAINT, INK, SYMBOLS, Look, colour
from yeonma.pictures.words import adds, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN, LANE, CARD, TALL = 2.75, 2.4, 2.3, 2.05  # inches: from card to card across and down; a card's width and height
Place = tuple[float, float]


def family(look: Look) -> Figure:
    """Every rule as a card, the older ones to the left."""
    places = arranged(rules())
    columns = 1 + max(x for x, _ in places.values())
    top, bottom = (edge(y for _, y in places.values()) for edge in (max, min))
    wide, high = columns * COLUMN, (top - bottom) * LANE + TALL + 0.1
    figure = sheet(wide - (COLUMN - CARD) + 2 * MARGIN, high + HEAD + FOOT)
    ax = figure.add_subplot()
    ax.set(
        xlim=(-CARD / 2 - 0.02, wide - COLUMN + CARD / 2 + 0.02),
        ylim=(bottom * LANE - TALL / 2 - 0.05, top * LANE + TALL / 2 + 0.05),
    )
    ax.set_axis_off()
    spots = {name: (x * COLUMN, y * LANE) for name, (x, y) in places.items()}
    for name, rule in rules().items():
        for parent in rule.parents:
            _arrow(ax, spots[parent], spots[name], colour(name))
    for name, rule in rules().items():
        _card(ax, spots[name], rule, look)
    headline(figure, say("family"), look)
    footnote(figure, say("family_note"), look)
    return figure


def arranged(known: Mapping[str, Rule]) -> dict[str, Place]:
    """Rule → (column, lane). A rule stands right of all its parents, in the middle of their lanes.

    Children of one parent alone are spread two lanes apart; whoever would lie on another of the same column moves down.
    """
    places: dict[str, Place] = {}
    for name, rule in known.items():
        column = 1 + max((places[parent][0] for parent in rule.parents), default=-1)
        lane = mean(places[parent][1] for parent in rule.parents) if rule.parents else 0.0
        if len(rule.parents) == 1:
            siblings = [other for other, one in known.items() if one.parents.keys() == rule.parents.keys()]
            lane += (len(siblings) - 1) - 2 * siblings.index(name)
        while any(x == column and abs(y - lane) < 1 for x, y in places.values()):
            lane -= 1
        places[name] = (column, lane)
    return places


def _arrow(ax: Axes, start: Place, end: Place, ink: str) -> None:
    """From a card's right edge to another's left one, leaving and arriving on the sides that face each other."""
    (x0, y0), (x1, y1) = start, end
    lean = max(-1.0, min(1.0, (y1 - y0) / LANE))
    tail, head = (x0 + CARD / 2, y0 + lean * TALL * 0.48), (x1 - CARD / 2 - 0.02, y1 - lean * TALL * 0.2)
    style = {
        "arrowstyle": "-|>,head_width=0.18,head_length=0.36",
        "color": ink,
        "linewidth": 1.3,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    ax.annotate("", head, tail, arrowprops=style)


def _card(ax: Axes, spot: Place, rule: Rule, look: Look) -> None:
    from matplotlib.patches import FancyBboxPatch, Rectangle

    x, y = spot[0] - CARD / 2, spot[1] - TALL / 2
    rounded = "round,pad=0,rounding_size=0.06"
    ax.add_patch(FancyBboxPatch((x, y), CARD, TALL, boxstyle=rounded, facecolor="#f8fafc", edgecolor="#c3ccd5"))
    ax.add_patch(Rectangle((x, y + 0.06), 0.06, TALL - 0.12, facecolor=colour(rule.name)))
    ax.text(x + 0.16, y + TALL - 0.25, rule.title, fontsize=13, fontweight="bold")
    ax.text(x + CARD - 0.08, y + TALL - 0.25, rule.paper.split("; ")[0], fontsize=7, color=FAINT, ha="right")
    below = y + TALL - 0.38
    for language, ink in zip(look.languages, (INK, FAINT), strict=False):
        lines = list(_added(rule, language))
        ax.text(x + 0.16, below, "\n".join(lines), fontsize=8.3, va="top", linespacing=1.32, color=ink)
        below -= 0.17 * len(lines) + 0.02
    ax.text(x + 0.16, y + 0.09, formula(rule.form("deck")), fontsize=7.8, family=SYMBOLS, linespacing=1.35, va="bottom")


def _added(rule: Rule, language: str) -> Iterator[str]:
    """What it adds to each parent; the parent is named where there are several."""
    if not rule.parents:
        yield getattr(say("root"), language)
    for parent in rule.parents:
        named = f"{rules()[parent].title}: " if len(rule.parents) > 1 else ""
        yield from textwrap.wrap(named + getattr(adds(rule, parent), language), 40 if language == "en" else 24)


def formula(form: Form) -> str:
    """The first formula of every line, without remarks."""
    return "\n".join(line.split("    ")[0] for line in form.equations.splitlines())
