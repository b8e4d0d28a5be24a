"""One step of Momentum beside one of NAG, drawn as vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from yeonma.optim.registry import get
from yeonma.optim.surfaces import get_surface
from yeonma.pictures.ground import draw_ground
from yeonma.pictures.layout import footnote, headline, sheet
from yeonma.pictures.style import INK, SYMBOLS, Look, colour
from yeonma.pictures.words import say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Pair = tuple[float, float]
SURFACE, RATE, PULL = "ravine", 0.35, "#c23f00"
WEIGHT, VELOCITY = np.array([-5.2, 1.9]), np.array([3.4, -2.8])  # W(t) and V(t − 1)


def corners(rule: str) -> dict[str, Floats]:
    """The points of a step, by the rule's own function: W, where the gradient is taken, and the next W.

    NAG's function holds θ = W + m V: it is given θ, and the next W is what it gives less m V.
    """
    form, ground = get(rule).form("deck"), get_surface(SURFACE)
    m = form.hyper["momentum"]
    taken = WEIGHT + m * VELOCITY if rule == "nag" else WEIGHT
    slope = np.array(ground.gradient(*taken))
    delta, state = form.function(slope, form.State(v=VELOCITY), 1, RATE, **form.hyper)
    after = taken + delta - (m * state.v if rule == "nag" else 0)
    return {"W": WEIGHT, "look": WEIGHT + m * VELOCITY, "taken": taken, "pull": -RATE * slope, "after": after}


def momentum_and_nag(look: Look) -> Figure:
    """Both steps from the same W with the same velocity."""
    figure = sheet(13, 6.4)
    figure.subplots_adjust(wspace=0.05, bottom=0.19)
    for ax, rule in zip(figure.subplots(1, 2), ("momentum", "nag"), strict=True):
        _step(ax, rule, look)
    headline(figure, say("lookahead"), look)
    ground, m = get_surface(SURFACE), get("nag").form("deck").hyper["momentum"]
    footnote(figure, say("lookahead_note", rate=f"{RATE:g}", m=f"{m:g}", ground=ground.title), look)
    return figure


def _step(ax: Axes, rule: str, look: Look) -> None:
    at, ahead = corners(rule), rule == "nag"
    draw_ground(ax, get_surface(SURFACE), 4000)
    ax.set(xlim=(-6.6, 0.6), ylim=(-2.7, 2.5))
    _arrow(ax, at["W"], at["look"], "#7b8794", "m V", -1 if ahead else 1)
    _arrow(ax, at["taken"], at["taken"] + at["pull"], PULL, f"−α ∇({'W + m V' if ahead else 'W'})", -1)
    _arrow(ax, at["W"], at["after"], colour(rule), "V′", 1 if ahead else -1, linewidth=2.8)
    _point(ax, at["W"], "W", (-8, 8))
    _point(ax, at["after"], "W′", (10, 8 if ahead else -16))
    ax.set_title(get(rule).title, loc="left", fontsize=13, fontweight="bold")
    ax.set_xlabel("\n".join(look.lines(say(f"{rule}_step"))), linespacing=1.3)


def _point(ax: Axes, at: Floats, name: str, aside: Pair) -> None:
    ax.plot(*at, "o", markerfacecolor="#ffffff", markeredgecolor=INK, markersize=7, zorder=5)
    _name(ax, at, name, aside, INK)


def _arrow(ax: Axes, start: Floats, end: Floats, ink: str, name: str, side: int, **style: Any) -> None:
    """An arrow with its name beside its middle, to the left of its way (1) or to the right (−1)."""
    drawn = {"arrowstyle": "-|>,head_width=0.25,head_length=0.5", "color": ink, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", _pair(end), _pair(start), arrowprops={**drawn, "linewidth": 1.8, **style})
    along = end - start
    across = side * np.array([-along[1], along[0]]) / np.hypot(*along) * 9
    _name(ax, start + along / 2, name, _pair(across), ink)


def _name(ax: Axes, at: Floats, name: str, aside: Pair, ink: str) -> None:
    """A name so many points aside of a place."""
    ha = "left" if aside[0] > 2 else "right" if aside[0] < -2 else "center"
    style: Any = {"textcoords": "offset points", "fontsize": 12.5, "family": SYMBOLS, "va": "center"}
    ax.annotate(name, _pair(at), aside, color=ink, ha=ha, **style)


def _pair(point: Floats) -> Pair:
    x, y = point.tolist()
    return x, y
