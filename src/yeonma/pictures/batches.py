"""GD beside SGD: a small least-squares problem, walked with all examples a step, with a few, and with one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from yeonma.optim.surfaces import Surface, trace
from yeonma.pictures.ground import draw_ground
from yeonma.pictures.layout import footnote, headline, mark_ends, plain_ticks, sheet
from yeonma.pictures.style import INK, Look
from yeonma.pictures.words import say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
EXAMPLES, SEED, RATE = 64, 0, 0.15
SHOWN, READ = 320, 64 * 64  # examples read: by the paths that are drawn, by the curves of the cost
BOX, START = (-2.2, 2.2, -1.1, 2.4), (-1.7, -0.7)


@dataclass(frozen=True, eq=False)
class Fit:
    """A line through points: cost(a, b) = mean of ½ (a + b x − y)², over seeded examples (x, y)."""

    x: Floats
    y: Floats

    def cost(self, a: Any, b: Any) -> Any:
        """Over all examples; a and b are numbers or arrays of one shape."""
        return np.mean([(a + b * x - y) ** 2 / 2 for x, y in zip(self.x, self.y, strict=True)], axis=0)

    def gradient(self, a: Any, b: Any, batch: NDArray[np.int64] | slice) -> tuple[Any, Any]:
        """The mean gradient over a batch of examples."""
        error = a + b * self.x[batch] - self.y[batch]
        return error.mean(), (error * self.x[batch]).mean()

    @property
    def best(self) -> tuple[float, float]:
        """Where the cost is lowest, in closed form."""
        a, b = np.linalg.lstsq(np.stack([np.ones_like(self.x), self.x], axis=1), self.y, rcond=None)[0]
        return float(a), float(b)

    def surface(self, batches: Iterator[NDArray[np.int64]] | None) -> Surface:
        """The cost as a surface whose gradient is that of the next batch; without batches, of all examples."""

        def gradient(a: Any, b: Any) -> tuple[Any, Any]:
            return self.gradient(a, b, slice(None) if batches is None else next(batches))

        return Surface("fit", "mean of ½ (a + b x − y)²", self.cost, gradient, START, self.best, BOX)


def example_fit() -> Fit:
    """64 points about the line 0.4 + 0.6 x."""
    rng = np.random.default_rng(SEED)
    x = rng.uniform(0, 2, EXAMPLES)
    return Fit(x, 0.4 + 0.6 * x + 0.5 * rng.standard_normal(EXAMPLES))


def shuffled(size: int) -> Iterator[NDArray[np.int64]]:
    """Batches of that size without end; every epoch in another order."""
    rng = np.random.default_rng(SEED + size)
    while True:
        yield from rng.permutation(EXAMPLES).reshape(-1, size)


def paths(fit: Fit) -> dict[int, Floats]:
    """Examples a step → the path that reads READ of them, all with one learning rate."""
    whole = trace("gd", fit.surface(None), lr=RATE, steps=READ // EXAMPLES)
    few = {size: trace("sgd", fit.surface(shuffled(size)), lr=RATE, steps=READ // size) for size in (8, 1)}
    return {EXAMPLES: whole, **few}


LINES = {EXAMPLES: ("#b1b1b1", 3.2), 8: ("#0a0a0a", 1.4), 1: ("#c2185b", 0.8)}  # examples a step → colour, width


def gd_and_sgd(look: Look) -> Figure:
    """The first steps over the cost, and the cost by examples read."""
    fit = example_fit()
    walked = paths(fit)
    figure = sheet(13, 6.6)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    figure.subplots_adjust(wspace=0.14, bottom=0.17)
    _paths(left, fit, walked, look)
    _costs(right, fit, walked, look)
    headline(figure, say("batches"), look, fit.surface(None).title)
    footnote(figure, say("batches_note", examples=EXAMPLES, shown=SHOWN, rate=f"{RATE:g}"), look)
    return figure


def _paths(ax: Axes, fit: Fit, walked: dict[int, Floats], look: Look) -> None:
    ground = fit.surface(None)
    draw_ground(ax, ground, 2000)
    for size in sorted(walked):
        ink, width = LINES[size]
        x, y = walked[size][: SHOWN // size + 1].T
        ax.plot(x, y, color=ink, linewidth=width, marker="o", markersize=width * 1.8, solid_joinstyle="round")
    mark_ends(ax, ground)
    ax.set_xlabel("a")
    ax.set_ylabel("b", rotation=0)


def smoothed(read: Floats, cost: Floats) -> tuple[Floats, Floats]:
    """The mean of a curve over windows of equal length on a log scale, twelve a decade."""
    window = np.round(np.log10(read) * 12)
    groups = [window == each for each in np.unique(window)]
    return np.array([read[group].mean() for group in groups]), np.array([cost[group].mean() for group in groups])


def _costs(ax: Axes, fit: Fit, walked: dict[int, Floats], look: Look) -> None:
    lowest = fit.cost(*fit.best)
    for size, path in walked.items():
        ink, width = LINES[size]
        read, above = smoothed(1 + size * np.arange(len(path), dtype=float), fit.cost(*path.T) - lowest)
        rule = "GD" if size == EXAMPLES else "SGD"
        label = "\n".join(f"{rule}, {line}" for line in look.lines(say("a_step", size=size)))
        ax.plot(read, above, color=ink, linewidth=max(width * 0.8, 1.6), label=label)
    ax.set(xscale="log", yscale="log", xlim=(1, READ))
    plain_ticks(ax.xaxis, ax.yaxis)
    ax.set_xlabel(" · ".join(look.lines(say("examples_read"))))
    ax.set_title(" · ".join(look.lines(say("cost_above"))), loc="left", fontsize=10.5)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="lower left", fontsize=9, labelcolor=INK)
