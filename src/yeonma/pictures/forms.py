"""The two forms of a rule side by side: where epsilon stands, and what a velocity does when the rate falls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from yeonma.optim.registry import get
from yeonma.pictures.layout import footnote, headline, plain_ticks, sheet
from yeonma.pictures.style import SYMBOLS, Look, colour
from yeonma.pictures.tree import formula
from yeonma.pictures.words import say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
RATE, CUT, STEPS = 0.1, 60, 100  # the rate, a tenth of it from step CUT on


def step_size(rule: str, form: str, slopes: Floats, **hyper: float) -> Floats:
    """|Δ| / α of the first step, for gradients of that size: √v̂ is the gradient itself then."""
    written = get(rule).form(form)
    state = written.State(**{slot: start + 0 * slopes for slot, start in written.slots.items()})
    delta: Floats = written.function(slopes, state, 1, 1.0, **{**written.hyper, **hyper})[0]
    return np.abs(delta)


def falling(rule: str, form: str) -> Floats:
    """|Δ| of every step under a gradient of 1, with a rate that is cut to a tenth on the way."""
    written = get(rule).form(form)
    state, sizes = written.State(**written.slots), []
    for t in range(1, STEPS + 1):
        delta, state = written.function(1.0, state, t, RATE if t < CUT else RATE / 10, **written.hyper)
        sizes.append(abs(delta))
    return np.array(sizes)


def deck_and_torch(look: Look) -> Figure:
    """Epsilon to the left, velocity to the right."""
    figure = sheet(13, 6.0)
    left, right = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.06, wspace=0.18, bottom=0.19)
    _epsilon(left, look)
    _velocity(right, look)
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, prop={"family": SYMBOLS, "size": 9}, labelcolor="linecolor")
    headline(figure, say("forms"), look)
    footnote(figure, say("forms_note"), look)
    return figure


def _epsilon(ax: Axes, look: Look) -> None:
    slopes = np.logspace(-11, -2, 400)
    inside, outside = (get("adam").form(form).hyper["eps"] for form in ("deck", "torch"))
    lines = {
        f"deck: √(v̂ + ε), ε = {inside:g}": (step_size("adam", "deck", slopes), colour("adam"), "-", 2.4),
        f"torch: √v̂ + ε, ε = {outside:g}": (step_size("adam", "torch", slopes), colour("nadam"), "--", 2.0),
        f"√(v̂ + ε), ε = {outside:g}": (step_size("adam", "deck", slopes, eps=outside), "#8a96a3", ":", 1.8),
    }
    for label, (sizes, ink, dash, width) in lines.items():
        ax.plot(slopes, sizes, color=ink, linestyle=dash, linewidth=width, label=label)
    ax.set(xscale="log", xlim=(slopes[0], slopes[-1]), ylim=(0, 1.08))
    plain_ticks(ax.xaxis)
    ax.set_title(" · ".join(look.lines(say("epsilon"))), loc="left", fontsize=10.5)
    ax.set_xlabel("√v̂", family=SYMBOLS)
    ax.set_ylabel("|Δ| / α", family=SYMBOLS)


def _velocity(ax: Axes, look: Look) -> None:
    steps = np.arange(1, STEPS + 1)
    for form, ink, dash in (("deck", colour("momentum"), "-"), ("torch", colour("nadam"), "--")):
        label = f"{form}: {formula(get('momentum').form(form)).replace(chr(10), ';  ')}"
        ax.plot(steps, falling("momentum", form), color=ink, linestyle=dash, linewidth=2.2, label=label)
    ax.set(xlim=(1, STEPS), ylim=(0, None))
    ax.set_title(" · ".join(look.lines(say("velocity", cut=CUT))), loc="left", fontsize=10.5)
    ax.set_xlabel(" · ".join(look.lines(say("steps"))))
    ax.set_ylabel("|Δ|", family=SYMBOLS)
