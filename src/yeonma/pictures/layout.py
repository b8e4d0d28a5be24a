"""Where words stand in a figure: the headline, the small print, the ends of a path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yeonma.optim.surfaces import Surface
from yeonma.pictures.style import FAINT, INK, SYMBOLS, Look
from yeonma.pictures.words import Both

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

MARGIN, HEAD, FOOT = 0.35, 1.25, 0.75  # inches: at the sides, for the headline, for the small print


def sheet(width: float, height: float) -> Figure:
    """A figure, in inches, whose axes leave room for headline and small print."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(MARGIN / width, FOOT / height, 1 - MARGIN / width, 1 - HEAD / height)
    return figure


def headline(figure: Figure, both: Both, look: Look, formula: str = "") -> None:
    """The title at the top left, one line a language; a formula at the top right."""
    wide, high = figure.get_size_inches()
    first, *others = look.lines(both)
    figure.text(MARGIN / wide, 1 - 0.45 / high, first, fontsize=17, fontweight="bold")
    for line in others:
        figure.text(MARGIN / wide, 1 - 0.77 / high, line, fontsize=12.5, color=FAINT)
    figure.text(1 - MARGIN / wide, 1 - 0.45 / high, formula, ha="right", fontsize=13, family=SYMBOLS)


def footnote(figure: Figure, both: Both, look: Look) -> None:
    """Small print at the bottom, one line a language."""
    wide, high = figure.get_size_inches()
    for number, line in enumerate(reversed(look.lines(both))):
        figure.text(MARGIN / wide, (0.13 + 0.21 * number) / high, line, fontsize=8.5, color=FAINT)


def mark_ends(ax: Axes, surface: Surface) -> None:
    """A ring where a path begins, a cross where it should end."""
    ax.plot(*surface.start, "o", markerfacecolor="#ffffff", markeredgecolor=INK, markersize=6, markeredgewidth=1.2)
    if surface.minimum is not None:
        ax.plot(*surface.minimum, "+", color=INK, markersize=9, markeredgewidth=1.4)


def plain_ticks(*axes: Axis) -> None:
    """Plain numbers on log axes: 0.001, not a power set in type, for which a font may lack the minus."""
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    for axis in axes:
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
