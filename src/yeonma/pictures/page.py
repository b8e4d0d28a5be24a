"""One page that needs nothing beside itself: every rule on every surface, moving, with a learning rate to slide.

The paths are those of `trace`, so of the functions that train: for each rule and surface, and for each of MULTIPLIERS
times the rate that was chosen. The script of the page only draws them.
"""

from __future__ import annotations

import json
from importlib import resources
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yeonma.optim.registry import Rule, rules
from yeonma.optim.surfaces import SURFACES, Surface, trace
from yeonma.pictures.ground import bands, shades
from yeonma.pictures.stills import choice
from yeonma.pictures.style import colour, marker
from yeonma.pictures.tuning import STEPS, Choices, Chosen
from yeonma.pictures.walks import walk
from yeonma.pictures.words import keys, say
from yeonma.records import Progress, silent

MULTIPLIERS = tuple(2 ** (k / 2) for k in range(-6, 7))  # 1/8 to 8
WIDE, HIGH = 4000, 3000  # a picture fits into so many units of the page; paths are rounded to one
MARK, FINENESS = 110, 1200  # the width of a mark, in units; how finely the ground is drawn

Floats = NDArray[np.float64]


def scale(surface: Surface) -> float:
    """Units of the page for one of the surface's."""
    left, right, low, high = surface.box
    return min(WIDE / (right - left), HIGH / (high - low))


def to_page(points: Floats, surface: Surface) -> NDArray[np.int64]:
    """(n, 2) points of the surface in units of the page, which counts from the top left."""
    left, _, _, high = surface.box
    placed: NDArray[np.int64] = np.rint((points - (left, high)) * (scale(surface), -scale(surface))).astype(np.int64)
    return placed


def page(chosen: Choices, progress: Progress = silent) -> str:
    """The page as text."""
    walks = {}
    for done, (name, paths) in enumerate(chosen.items(), start=1):
        walks[name] = {rule: _walks(path) for rule, path in paths.items()}
        progress("paths of the page", done, len(chosen), "surfaces")
    data = {
        "steps": STEPS,
        "multipliers": [round(each, 4) for each in MULTIPLIERS],
        "words": {
            key: say(key, step="{step}", steps=STEPS)._asdict() for key in ("arrived", "left", "on_the_way", "stays")
        },
        "rules": [_rule(rule) for rule in rules().values()],
        "shades": shades(max(len(bands(surface, FINENESS)) for surface in SURFACES.values())),
        "surfaces": {name: _surface(surface) for name, surface in SURFACES.items()},
        "walks": walks,
    }
    return _filled(json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False))


def _walks(path: Chosen) -> dict[str, Any]:
    """The rate that was chosen, and the paths at all its multiples: the first point, then differences."""
    rates = [path.rate * each for each in MULTIPLIERS]
    taken = [walk(points, path.surface) for points in trace(path.rule, path.surface, lr=rates, steps=STEPS)]
    return {
        "rate": path.rate,
        "left": [each.left for each in taken],
        "arrived": [each.arrived for each in taken],
        "paths": [_differences(to_page(each.points, path.surface)) for each in taken],
    }


def _differences(points: NDArray[np.int64]) -> list[int]:
    """x, y of the first point, then how far each next one lies from the one before; rest at the end is left out."""
    moving = np.flatnonzero((points != points[-1]).any(axis=1))
    kept = points[: moving[-1] + 2] if len(moving) else points[:1]
    flat: list[int] = np.vstack([kept[:1], np.diff(kept, axis=0)]).ravel().tolist()
    return flat


def _rule(rule: Rule) -> dict[str, Any]:
    from matplotlib.markers import MarkerStyle

    style = MarkerStyle(marker(rule.name))
    size = MARK * (1.6 if rule.full_batch else 1)  # so that GD is seen under SGD, which walks the same path
    outline = np.asarray(style.get_path().transformed(style.get_transform()).to_polygons()[0]) * (size, -size)
    return {
        "name": rule.name, "title": rule.title, "paper": rule.paper, "formula": rule.form("deck").equations,
        "colour": colour(rule.name), "mark": _d(np.rint(outline).astype(np.int64)), "wide": rule.full_batch,
    }  # fmt: skip


def _surface(surface: Surface) -> dict[str, Any]:
    _, right, low, _ = surface.box
    ends = [surface.start] if surface.minimum is None else [surface.start, surface.minimum]
    drawn = ["".join(_d(to_page(ring, surface)) for ring in rings) for rings in bands(surface, FINENESS)]
    size = to_page(np.array([[right, low]]), surface)[0].tolist()
    return {"size": size, "ends": to_page(np.array(ends), surface).tolist(), "bands": drawn}


def _d(points: NDArray[np.int64]) -> str:
    """A closed outline in SVG's words."""
    return "M" + "L".join(f"{x} {y}" for x, y in points.tolist()) + "Z"


def _filled(data: str) -> str:
    """The template with its phrases, its style, its script and the data."""
    parts = {part: _asset(f"page.{part}") for part in ("css", "js")}
    phrases = {key: say(key).html() for key in keys() if key.startswith("page_")}
    surfaces = "".join(_choice(surface) for surface in SURFACES.values())
    how = choice(next(iter(SURFACES.values()))).html()
    values = {**parts, **phrases, "data": data.replace("</", "<\\/"), "surfaces": surfaces, "how": how}
    numbers = {"steps": STEPS, "last": len(MULTIPLIERS) - 1, "chosen": MULTIPLIERS.index(1)}
    return Template(_asset("page.html")).substitute({**values, **numbers})


def _choice(surface: Surface) -> str:
    return (
        f'<label><input type="radio" name="surface" value="{surface.name}"><b>{say(surface.name).html()}</b>'
        f"<i>{surface.title}</i></label>"
    )


def _asset(name: str) -> str:
    return (resources.files("yeonma.pictures") / name).read_text(encoding="utf-8")
