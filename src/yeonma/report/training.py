"""How training went: loss, scores, learning rate and norms over the steps, with a band where seeds differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from yeonma.pictures.words import Both
from yeonma.records import Evaluated, Stepped
from yeonma.report import path
from yeonma.report.charts import Line, lines
from yeonma.report.gather import Shown, Told
from yeonma.report.html import note, part
from yeonma.report.inline import Draw
from yeonma.report.phrases import layer, plain, say
from yeonma.report.pictures import Pictures
from yeonma.report.scores import chosen_by
from yeonma.run import Run

if TYPE_CHECKING:
    import polars as pl

MOST = 9  # lines that a chart tells apart
NOTHING = plain("")

Points = tuple[Sequence[float], Sequence[float]]


def section(shown: Shown, pictures: Pictures) -> str:
    """The curves of all runs, and the norms of those in detail."""
    losses = curves(shown, lambda run: _stepped(run, "loss"))
    rates = curves(shown, lambda run: _stepped(run, "learning_rate"))
    drawn = [
        pictures.show("loss", _chart("loss", losses, log_y=_far_apart(losses))),
        pictures.show("validation", _chart("validation", curves(shown, _scored), _metrics(shown))),
        pictures.show("learning-rate", _chart("rate", rates, log_y=_far_apart(rates))),
        pictures.show(
            "gradient-norm", _chart("gradient", curves(shown, lambda run: _stepped(run, "grad_norm")), log_y=True)
        ),
    ]
    groups = shown.groups()
    detailed = dict.fromkeys(told.group for told in shown.detailed)
    kept = {group: _kept(_sound(groups[group])) or _kept(groups[group]) for group in detailed}
    norms = [pictures.show(name, draw) for group in kept for name, draw in _norms(group, kept[group], shown).items()]
    several = any(len(runs) > 1 for runs in groups.values())
    alone = any(len(found) == 1 < len(groups[group]) for group, found in kept.items())
    notes = note("training_band") * several + note("training_norms_alone") * alone
    return part("training", pictures.row(drawn) + pictures.row(norms) + notes)


def curves(shown: Shown, points: Callable[[Run], Points]) -> list[Line]:
    """One line for each group of runs of which something was recorded."""
    found = [banded(group, [points(told.run) for told in _sound(runs)]) for group, runs in shown.groups().items()]
    return told_apart([line for line in found if len(line.xs)])


def _chart(key: str, drawn: Sequence[Line], y: Both = NOTHING, *, log_y: bool = False) -> Draw | None:
    return lines(say(f"training_{key}"), say("training_step"), y, drawn, log_y=log_y) if drawn else None


def _metrics(shown: Shown) -> Both:
    """What the axis of validation scores shows: the score that each run goes by, where runs of several tasks meet."""
    names = [say(f"score_{name}") for name in dict.fromkeys(chosen_by(told.run) for told in shown.runs) if name]
    return Both(*(", ".join(each) for each in zip(*names, strict=True))) if names else NOTHING


def _far_apart(drawn: Sequence[Line]) -> bool:
    """Whether some line would lie flat at the foot of another: its peak is below a twentieth of the other's."""
    peaks = [max(line.ys) for line in drawn if max(line.ys) > 0]
    return bool(peaks) and max(peaks) > 20 * min(peaks)


def _sound(runs: Sequence[Told]) -> Sequence[Told]:
    """The runs that did not fail, where there are some: one that broke off would cut the curves of the others."""
    return [told for told in runs if told.run.status().get("state") != "failed"] or runs


def told_apart(found: Sequence[Line]) -> list[Line]:
    """As many lines as a chart tells apart, evenly chosen from the first to the last; the others stand behind them."""
    if len(found) <= MOST:
        return [*found]
    kept = {round(place) for place in np.linspace(0, len(found) - 1, MOST).tolist()}
    return [line if i in kept else replace(line, faint=True) for i, line in enumerate(found)]


def banded(name: Both | str, curves: Sequence[Points]) -> Line:
    """The mean of several curves between the lowest and the highest of them, from where all begin to where one ends.

    Where the curves do not have the same places, as of runs that end by the clock, values are interpolated.
    """
    known = [np.array(curve, float) for curve in curves if len(curve[0])]
    if not known:
        return Line(name, [], [])
    places = np.unique(np.concatenate([xs for xs, _ in known]))
    first, last = max(xs[0] for xs, _ in known), min(xs[-1] for xs, _ in known)
    places = places[(first <= places) & (places <= last)]
    values = np.array([np.interp(places, *curve) for curve in known])
    if len(known) == 1:
        return Line(name, places.tolist(), values[0].tolist())
    mean, low, high = (each.tolist() for each in (values.mean(0), values.min(0), values.max(0)))
    return Line(name, places.tolist(), mean, low, high)


def _stepped(run: Run, field: str) -> Points:
    events = [event for event in run.events() if isinstance(event, Stepped)]
    return [event.step for event in events], [getattr(event, field) for event in events]


def _scored(run: Run) -> Points:
    events = [event for event in run.events() if isinstance(event, Evaluated)]
    return [event.step for event in events], [float(event.scores[event.metric]) for event in events]


def _kept(runs: Sequence[Told]) -> dict[str, pl.DataFrame]:
    """The norms by layer of each run of which they were kept."""
    found = {told.name: path.norms(told.run) for told in runs}
    return {name: norms for name, norms in found.items() if len(norms)}


def _norms(group: str, found: Mapping[str, pl.DataFrame], shown: Shown) -> Mapping[str, Draw]:
    """The norms of gradients and of steps, a line for each layer, with a band where the group has them of several."""
    drawn: dict[str, Draw] = {}
    for column in ("gradient", "update"):
        made = _by_layer([*found.values()], column)
        if made:
            title = say(f"training_{column}_norms", whose=_whose(group, [*found], shown))
            drawn[f"{column}-norms"] = lines(title, say("training_step"), plain(""), made, log_y=True)
    return drawn


def _whose(group: str, names: Sequence[str], shown: Shown) -> str:
    """What a title adds: the one run of several that stands for its group, else the group where the page has others."""
    groups = shown.groups()
    if len(names) == 1 < len(groups[group]):
        return f" · {names[0]}"
    return f" · {group}" if len(groups) > 1 else ""


def _by_layer(found: Sequence[pl.DataFrame], column: str) -> list[Line]:
    curves: dict[str, list[Points]] = {}
    for norms in found:
        for own in norms.drop_nulls(column).partition_by("layer", maintain_order=True):
            curves.setdefault(own["layer"][0], []).append((own["step"].to_list(), own[column].to_list()))
    return told_apart([banded(layer(name), each) for name, each in curves.items()])
