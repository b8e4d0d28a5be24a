"""Five surfaces over the plane, and the path of a rule on them: the pictures that show how a rule moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yeonma.errors import ConfigError, nearest
from yeonma.optim.registry import Form, Rule, get
from yeonma.optim.settings import checked, resolve

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Surface:
    """A function of two variables.

    value     (x, y) → height; numbers or arrays of one shape
    gradient  (x, y) → (∂/∂x, ∂/∂y)
    start     where a path begins
    minimum   where it should end; None where there is no lowest point
    box       (x from, x to, y from, y to) of a picture
    """

    name: str
    title: str
    value: Callable[[Any, Any], Any]
    gradient: Callable[[Any, Any], tuple[Any, Any]]
    start: tuple[float, float]
    minimum: tuple[float, float] | None
    box: tuple[float, float, float, float]


def beale(x: Any, y: Any) -> Any:
    """(1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)² (Beale 1958)."""
    return sum((c - x + x * y**k) ** 2 for k, c in enumerate((1.5, 2.25, 2.625), start=1))


def beale_gradient(x: Any, y: Any) -> tuple[Any, Any]:
    """Σ 2 r (yᵏ − 1), Σ 2 r k x yᵏ⁻¹ over the three residuals r."""
    residuals = [(k, c - x + x * y**k) for k, c in enumerate((1.5, 2.25, 2.625), start=1)]
    return sum(2 * r * (y**k - 1) for k, r in residuals), sum(2 * r * k * x * y ** (k - 1) for k, r in residuals)


SURFACES: Mapping[str, Surface] = MappingProxyType(
    {
        s.name: s
        for s in (
            Surface(
                "bowl",
                "½ (x² + y²)",
                lambda x, y: (x * x + y * y) / 2,
                lambda x, y: (x, y),
                start=(-4.0, 3.0),
                minimum=(0.0, 0.0),
                box=(-5.0, 5.0, -4.0, 4.0),
            ),
            Surface(
                "ravine",
                "x² / 20 + y²",
                lambda x, y: x * x / 20 + y * y,
                lambda x, y: (x / 10, 2 * y),
                start=(-7.0, 2.0),
                minimum=(0.0, 0.0),
                box=(-8.0, 8.0, -4.0, 4.0),
            ),
            Surface(
                "saddle",
                "x² − y²",
                lambda x, y: x * x - y * y,
                lambda x, y: (2 * x, -2 * y),
                start=(1.0, 1e-3),
                minimum=None,
                box=(-1.5, 1.5, -1.5, 1.5),
            ),
            Surface(
                "rosenbrock",
                "(1 − x)² + 100 (y − x²)²",
                lambda x, y: (1 - x) ** 2 + 100 * (y - x * x) ** 2,
                lambda x, y: (-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)),
                start=(-1.5, 2.0),
                minimum=(1.0, 1.0),
                box=(-2.0, 2.0, -1.0, 3.0),
            ),
            Surface(
                "beale",
                "Beale 1958",
                beale,
                beale_gradient,
                start=(1.0, 1.5),
                minimum=(3.0, 0.5),
                box=(-1.0, 4.0, -1.5, 2.0),
            ),
        )
    }
)


def get_surface(name: str) -> Surface:
    """The surface of that name.

    Raises: ConfigError, naming the nearest known one.
    """
    if name not in SURFACES:
        raise ConfigError(f"There is no surface called {name!r}.{nearest(str(name), SURFACES)}")
    return SURFACES[name]


def trace(
    rule: str | Rule,
    surface: str | Surface,
    start: Sequence[float] | None = None,
    lr: float | Sequence[float] | None = None,
    steps: int = 100,
    form: str = "deck",
    **hyper: Any,
) -> Floats:
    """The path of a rule on a surface: (steps + 1, 2) float64, the start first, by the same function that trains.

    `start` and `lr` default to the surface's and the rule's. Several rates give as many paths at once: (rates,
    steps + 1, 2). A path that diverges goes to infinity and NaN. NAG's path is that of the point where it takes its
    gradient, which is what the rule stores.
    Raises: ConfigError for an unknown rule, surface, form or setting.
    """
    ground = get_surface(surface) if isinstance(surface, str) else surface
    chosen = (get(rule) if isinstance(rule, str) else rule).form(form)
    rate = chosen.lr if lr is None else lr
    if isinstance(rate, Sequence) and not isinstance(rate, str):
        rates = np.array([checked("lr", each) for each in rate])
        return np.moveaxis(_paths(chosen, ground, start, rates, steps, resolve(chosen, hyper)), 2, 0)
    settings = resolve(chosen, {**hyper, "lr": rate})
    return _paths(chosen, ground, start, np.array(settings.pop("lr")), steps, settings)


def _paths(
    form: Form, ground: Surface, start: Sequence[float] | None, rates: Floats, steps: int, settings: dict[str, float]
) -> Floats:
    """(steps + 1, 2, *rates.shape): the rule is elementwise, so all rates walk side by side."""
    if settings.keys() & {"weight_decay", "l2"}:
        raise ConfigError("A path on a surface has no weight_decay and no l2: leave them out.")
    path = np.empty((steps + 1, 2, *rates.shape))
    path[0].T[...] = ground.start if start is None else start
    slots = {k: float(v) if k in form.scalars else np.full(path.shape[1:], v) for k, v in form.slots.items()}
    state, hyper = form.State(**slots), {**form.hyper, **settings}
    with np.errstate(all="ignore"):
        for t in range(1, steps + 1):
            delta, state = form.function(np.array(ground.gradient(*path[t - 1])), state, t, rates, **hyper)
            path[t] = path[t - 1] + delta
    return path
