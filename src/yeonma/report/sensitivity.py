"""How much a comparison's scores hang on what was tuned: every trial's value and score, and best values at an edge."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from statistics import median
from typing import Any

from yeonma.report.charts import Draw, Group, points
from yeonma.report.html import Cell, fold, number, table
from yeonma.report.phrases import plain, say, word
from yeonma.report.rulebook import Space, spaces
from yeonma.report.standing import leading, led

EDGE = 0.05  # of a space: what lies so near to its end counts as lying there

Result = Mapping[str, Any]
Show = Callable[[str, Draw | None], str]


def sensitivity(results: Result, show: Show) -> str:
    """A chart for each tuned setting, a sentence where best values lie at an edge, and the values that were chosen."""
    cells = [cell for cell in results["cells"] if cell["trials"]]
    if not cells:
        return ""
    keys = list(dict.fromkeys(key for cell in cells for trial in cell["trials"] for key in trial["params"]))
    known = spaces(results)
    drawn = "".join(
        show(f"study-trials-{key}", _chart(cells, key, known.get(key), joined=len(keys) == 1)) for key in keys
    )
    edges = "".join(_edges(cells, key, known[key]) for key in keys if key in known)
    chosen = fold(word("study_chosen"), _chosen(cells, keys))
    return f"<div class=charts>{drawn}</div>{led(cells)}{edges}{chosen}"


def best(cell: Result) -> Result | None:
    """The trial with the highest validation score, the first of equal ones: its values are the chosen ones."""
    return max(_ended(cell), key=lambda trial: float(trial["validation"]), default=None)


def _ended(cell: Result) -> list[Result]:
    return [trial for trial in cell["trials"] if trial["state"] == "done"]


def _chart(cells: Sequence[Result], key: str, space: Space | None, joined: bool) -> Draw:
    """Values of one setting on the horizontal axis; those that are no numbers in the order of their first trial."""
    values = [trial["params"][key] for cell in cells for trial in cell["trials"] if key in trial["params"]]
    words = [] if all(map(_is_number, values)) else list(dict.fromkeys(str(value) for value in values))
    groups = [_group(cell, key, words, faint) for cell, faint in leading(cells)]
    log = space[2] if space else not words and min(values) > 0 and max(values) > 100 * min(values)
    title = say("study_trials_of", setting=key)
    return points(title, plain(key), say("study_validation"), groups, log_x=log, joined=joined, names=words)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _group(cell: Result, key: str, words: Sequence[str], faint: bool) -> Group:
    def place(trial: Result) -> float:
        value = trial["params"][key]
        return float(words.index(str(value)) if words else value)

    trials = [trial for trial in cell["trials"] if key in trial["params"]]
    ended = [trial for trial in trials if trial["state"] == "done"]
    failed = [place(trial) for trial in trials if trial["state"] != "done"]
    chosen = ended.index(best(cell)) if ended and not faint else None
    return Group(cell["name"], [*map(place, ended)], [t["validation"] for t in ended], chosen, failed, faint)


def _edges(cells: Sequence[Result], key: str, space: Space) -> str:
    """A sentence for each end of a space at which best values lie."""
    places = {cell["name"]: _share(trial["params"][key], space) for cell in cells if (trial := best(cell))}
    ends = {
        "low": [name for name, share in places.items() if share < EDGE],
        "high": [name for name, share in places.items() if share > 1 - EDGE],
    }
    return "".join(
        f"<p class=warn>{word(f'study_edge_{end}', setting=key, cells=', '.join(names))}</p>"
        for end, names in ends.items()
        if names
    )


def _share(value: float, space: Space) -> float:
    """How far through the space a value lies."""
    low, high, log = space
    return math.log(value / low) / math.log(high / low) if log else (value - low) / (high - low)


def _chosen(cells: Sequence[Result], keys: Sequence[str]) -> str:
    head = [word("study_cell"), *map(escape, keys), word("study_best_trial"), word("study_median_trial")]
    return table(head, [_row(cell, keys) for cell in cells], sortable=True)


def _row(cell: Result, keys: Sequence[str]) -> list[str | Cell]:
    named, found = Cell(escape(cell["name"]), cell["name"]), best(cell)
    if found is None:
        return [named, *["–"] * (len(keys) + 2)]
    values = [found["params"].get(key) for key in keys]
    scores = [float(trial["validation"]) for trial in _ended(cell)]
    return [
        named,
        *(Cell(_value(value), value if _is_number(value) else str(value)) for value in values),
        *(Cell(number(score), score) for score in (max(scores), median(scores))),
    ]


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "–" if value is None else escape(str(value))
