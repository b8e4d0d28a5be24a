"""How training went: loss, scores, learning rate and norms over the steps, with a band where seeds differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from yeonma.records import Evaluated, Stepped
from yeonma.report import path
from yeonma.report.charts import Line, lines
from yeonma.report.gather import Shown, Told
from yeonma.report.html import note, part
from yeonma.report.inline import Draw
from yeonma.report.phrases import plain, say
from yeonma.report.pictures import Pictures
from yeonma.run import Run

MOST = 9  # lines that a chart tells apart

Points = tuple[Sequence[float], Sequence[float]]


def section(shown: Shown, pictures: Pictures) -> str:
    """The curves of all runs, and the norms of those in detail."""
    curves = {
        "loss": (lambda run: _stepped(run, "loss"), "training_loss"),
        "validation": (_scored, "training_validation"),
        "learning-rate": (lambda run: _stepped(run, "learning_rate"), "training_rate"),
        "gradient-norm": (lambda run: _stepped(run, "grad_norm"), "training_gradient"),
    }
    drawn = [
        pictures.show(name, chart(shown, points, key, log_y=name == "gradient-norm"))
        for name, (points, key) in curves.items()
    ]
    norms = [pictures.show(name, draw) for told in shown.detailed for name, draw in _norms(told, shown).items()]
    banded = any(len(group) > 1 for group in shown.groups().values())
    body = pictures.row(drawn) + pictures.row(norms) + (note("training_band") if banded else "")
    return part("training", body)


def chart(shown: Shown, points: Callable[[Run], Points], key: str, *, log_y: bool = False) -> Draw | None:
    """One line for each group of runs; None where nothing was recorded."""
    found = [banded(group, [points(told.run) for told in runs]) for group, runs in shown.groups().items()]
    drawn = told_apart([line for line in found if len(line.xs)])
    return lines(say(key), say("training_step"), plain(""), drawn, log_y=log_y) if drawn else None


def told_apart(found: Sequence[Line]) -> list[Line]:
    """As many lines as a chart tells apart, evenly chosen from the first to the last; the others stand behind them."""
    if len(found) <= MOST:
        return [*found]
    kept = {round(place) for place in np.linspace(0, len(found) - 1, MOST).tolist()}
    return [line if i in kept else replace(line, faint=True) for i, line in enumerate(found)]


def banded(name: str, curves: Sequence[Points]) -> Line:
    """The mean of several curves at the steps that all have, between the lowest and the highest of them."""
    by_step = [dict(zip(*curve, strict=True)) for curve in curves]
    steps = sorted(set(by_step[0]).intersection(*by_step[1:]))
    values = np.array([[each[step] for step in steps] for each in by_step])
    if len(curves) == 1:
        return Line(name, steps, values[0].tolist())
    mean, low, high = (values.mean(0), values.min(0), values.max(0)) if steps else (values[0],) * 3
    return Line(name, steps, mean.tolist(), low.tolist(), high.tolist())


def _stepped(run: Run, field: str) -> Points:
    events = [event for event in run.events() if isinstance(event, Stepped)]
    return [event.step for event in events], [getattr(event, field) for event in events]


def _scored(run: Run) -> Points:
    events = [event for event in run.events() if isinstance(event, Evaluated)]
    return [event.step for event in events], [float(event.scores[event.metric]) for event in events]


def _norms(told: Told, shown: Shown) -> Mapping[str, Draw]:
    """The norms of gradients and of steps, a line for each layer."""
    found = path.norms(told.run)
    whose = f" · {told.name}" if len(shown.runs) > 1 else ""
    drawn: dict[str, Draw] = {}
    for column in ("gradient", "update"):
        made = _by_layer(found, column)
        if made:
            title = say(f"training_{column}_norms", whose=whose)
            drawn[f"{column}-norms"] = lines(title, say("training_step"), plain(""), made, log_y=True)
    return drawn


def _by_layer(found: Any, column: str) -> list[Line]:
    known = found.drop_nulls(column)
    frames = known.partition_by("layer", maintain_order=True)
    return told_apart([Line(own["layer"][0], own["step"].to_list(), own[column].to_list()) for own in frames])
