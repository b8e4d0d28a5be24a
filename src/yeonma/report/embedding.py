"""What fine-tuning did to the embedding: how far words moved and where to, the map, the layers, the weights' path."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

import numpy as np

from yeonma.report import cka, path, projection
from yeonma.report.charts import Line, Trail, histogram, lines, trail
from yeonma.report.drift import Drift
from yeonma.report.gather import Shown, Told
from yeonma.report.html import Cell, fold, note, part, table
from yeonma.report.phrases import layer, plain, say, word
from yeonma.report.pictures import Pictures
from yeonma.report.training import told_apart
from yeonma.run import Run

WORDS, NEAR, ON_MAP = 40, 6, 1000


def section(shown: Shown, pictures: Pictures, method: str = "pca") -> str:
    """The words, the map and the layers of each run in detail, and the paths of all of them in one plane."""
    made = [(told, _of_run(told, pictures, method)) for told in shown.detailed]
    if len(made) > 1:
        body = "".join(fold(escape(told.name), each, opened=not i) for i, (told, each) in enumerate(made))
    else:
        body = "".join(each for _, each in made)
    return part("embedding", body + _paths(shown, pictures))


def _of_run(told: Told, pictures: Pictures, method: str) -> str:
    drift = Drift.of(told.run)
    layers = _layers(told, pictures)
    if drift is None:
        return layers
    return _moved(drift, pictures) + _map(drift, method) + layers


def _moved(drift: Drift, pictures: Pictures) -> str:
    """How many rows moved, how far, and the words that moved most."""
    named = drift.named
    untouched = float((~drift.touched[named]).mean()) if named.any() else drift.untouched
    overlap = cka.subspace_overlap(drift.before, drift.after)
    said = note("embedding_untouched", share=f"{untouched:.1%}", rows=f"{int(named.sum()):,}")
    if overlap is not None:
        said += note("embedding_overlap", overlap=f"{overlap:.3f}")
    found = drift.most_moved(WORDS, NEAR)
    if not len(found):
        return said + note("embedding_nothing")
    bars = drift.histogram()
    edges = [*bars["low"].to_list(), bars["high"][-1]]
    title, axis = say("embedding_histogram"), say("embedding_distance")
    drawn = pictures.show("distances", histogram(title, axis, say("embedding_rows"), edges, bars["rows"].to_list()))
    head = [word(f"embedding_{key}") for key in ("word", "distance", "cosine", "before", "after")]
    rows: list[list[str | Cell]] = [
        [
            escape(row["word"]),
            Cell(f"{row['distance']:.3f}", row["distance"]),
            Cell("–" if row["cosine"] is None else f"{row['cosine']:.3f}", row["cosine"] or 0.0),
            _near(row["before"], row["gone"], "gone"),
            _near(row["after"], row["come"], "come"),
        ]
        for row in found.iter_rows(named=True)
    ]
    return said + drawn + part("embedding_words", table(head, rows, sortable=True), level=3)


def _near(words: Sequence[str], changed: Sequence[str], kind: str) -> str:
    """Neighbours, those that are gone or came marked."""
    marked = set(changed)
    return " ".join(f"<i class={kind}>{escape(w)}</i>" if w in marked else f"<i>{escape(w)}</i>" for w in words)


def _map(drift: Drift, method: str) -> str:
    """Both ends of the table in one plane, with a search; the script of the page draws it."""
    found = projection.project(drift, method, ON_MAP)
    if found is None:
        return ""
    points = found.points
    before, after = drift.near(found.rows, NEAR)
    data = {
        "words": points["word"].to_list(),
        "moved": _rounded(points["moved"].to_numpy()),
        "ends": [_rounded(points[name].to_numpy()) for name in ("x_before", "y_before", "x_after", "y_after")],
        "near": [[[each for each, _ in near] for near in end] for end in (before, after)],
    }
    shares = f" ({found.shares[0]:.0%}, {found.shares[1]:.0%})" if found.shares else ""
    said = note("embedding_map_note", method=method.upper() + shares, count=f"{len(points):,}")
    controls = (
        f"<label>{word('embedding_search')} <input type=search class=find></label>"
        f"<label>{word('embedding_before')} <input type=range class=time min=0 max=100 value=100> "
        f"{word('embedding_after')}</label>"
    )
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = text.replace("<", "\\u003c")  # <!-- and <script would keep the element open
    view = "<canvas aria-hidden=true></canvas><p class=said aria-live=polite></p>"  # a reader hears what is found
    store = f"<script type=application/json>{text}</script>"
    return part("embedding_map", f"{said}<div class=map><p class=controls>{controls}</p>{view}{store}</div>", level=3)


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.4g}") for value in values.tolist()]


def _layers(told: Told, pictures: Pictures) -> str:
    """How like itself at the start each layer stayed."""
    found = cka.layers(told.run).drop_nulls()
    if not len(found) or found["step"].max() == 0:
        return ""
    frames = found.partition_by("layer", maintain_order=True)
    drawn = told_apart([Line(layer(own["layer"][0]), own["step"].to_list(), own["cka"].to_list()) for own in frames])
    chart = lines(say("embedding_cka"), say("training_step"), plain("CKA"), drawn)
    return pictures.show("layers", chart) + note("embedding_cka_note", texts=cka.texts(told.run))


def _paths(shown: Shown, pictures: Pictures) -> str:
    """The weights' paths of the runs in detail, in one plane where they have the same weights, else group by group."""
    together = path.plane({told.name: told.run for told in shown.detailed})
    groups: dict[str, dict[str, Run]] = {}
    for told in shown.detailed:
        groups.setdefault(told.group, {})[told.name] = told.run
    planes = [together] if together else map(path.plane, groups.values())
    drawn = []
    for plane in filter(None, planes):
        runs = plane.points.partition_by("run", maintain_order=True)
        trails = [Trail(own["run"][0], own.select("x", "y").to_numpy(), own["step"].to_list()) for own in runs]
        x, y = (say("embedding_axis", number=i, share=f"{share:.0%}") for i, share in enumerate(plane.shares, start=1))
        whose = f" · {runs[0]['run'][0]}" if len(runs) == 1 < len(shown.runs) else ""
        drawn.append(pictures.show("path", trail(say("embedding_path", whose=whose), x, y, trails)))
    return pictures.row(drawn) + note("embedding_path_note") if drawn else ""
