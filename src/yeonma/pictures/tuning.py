"""The learning rate of a path, found by the same search for every rule and surface.

RATES learning rates, evenly spaced on a log scale, are walked for STEPS steps each. Those with a step longer than LIMIT
of the picture's width are left out: a leap is no path, and on a round bowl one leap of the right length always
wins. Of the others the one with the lowest mean distance to the minimum over all steps is taken; where there
is no minimum, the one with the lowest mean height. After a path has left the picture it counts as standing on the edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from yeonma.optim.registry import Rule, rules
from yeonma.optim.surfaces import SURFACES, Surface, trace
from yeonma.pictures.walks import Walk, walk, width
from yeonma.records import Progress, silent

RATES = tuple(float(f"{10 ** (k / 8):.3g}") for k in range(-32, 25))  # 0.0001 to 1000, eight a decade
STEPS = 200
LIMIT = 0.2

Choices = Mapping[str, Mapping[str, "Chosen"]]
"""Surface → rule → its chosen path."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """A rule on a surface with the learning rate that was chosen."""

    rule: Rule
    surface: Surface
    rate: float
    walk: Walk


def cost(taken: Walk, surface: Surface) -> float:
    """What the search makes low; infinite where a step is too long."""
    if taken.longest > LIMIT * width(surface):
        return np.inf
    x, y = np.vstack([taken.points, np.repeat(taken.points[-1:], STEPS + 1 - len(taken.points), axis=0)]).T
    if surface.minimum is None:
        return float(np.mean(surface.value(x, y)))
    return float(np.hypot(x - surface.minimum[0], y - surface.minimum[1]).mean())


def tune(rule: Rule, surface: Surface) -> Chosen:
    """The rule's path on the surface, with the best of RATES."""
    walks = [walk(path, surface) for path in trace(rule, surface, lr=RATES, steps=STEPS)]
    best = int(np.argmin([cost(taken, surface) for taken in walks]))
    return Chosen(rule, surface, RATES[best], walks[best])


def tune_all(progress: Progress = silent) -> Choices:
    """Every rule on every surface."""
    found: dict[str, dict[str, Chosen]] = {}
    for done, surface in enumerate(SURFACES.values(), start=1):
        found[surface.name] = {rule.name: tune(rule, surface) for rule in rules().values()}
        progress("learning rates", done, len(SURFACES), "surfaces")
    return found
