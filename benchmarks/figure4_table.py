"""results/figure4.md: every data set's scores side by side, and whether Yeonma is worse than the Trainer."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import figure4_data
from figure4_data import LANGUAGE, Cap
from figure4_statistics import Comparison, Outcomes, compared

from yeonma.files import write_text
from yeonma.stats import holm

Row = dict[str, Any]
ENCODERS = {"en": "all-MiniLM-L6-v2", "ko": "multilingual-e5-small-koen"}
HEADER = "| data set | metric, × 100 |"  # what stands above it in the page is written by hand and kept
LEVEL = 0.05


def write(path: Path, rows: Sequence[Row], cap: Cap) -> None:
    """Write the table beside the rows."""
    scored = [row for row in rows if row["split"] == "test"]
    names = [name for name in LANGUAGE if any(row["data"] == name for row in scored)]
    found = {name: comparison for name in names if (comparison := _compared(name, scored, cap))}
    page = path.with_suffix(".md")
    head = page.read_text(encoding="utf-8").partition(HEADER)[0] if page.exists() else "# Figure 4\n\n"
    held = [row for row in rows if row["split"] == "held"]
    parts = [_scores(names, scored), _verdict(found), _differences(found), _rates(held)]
    write_text(page, head + "\n\n".join(part for part in parts if part) + "\n")


def _of(rows: Sequence[Row], name: str, side: str) -> list[Row]:
    return sorted((row for row in rows if (row["data"], row["side"]) == (name, side)), key=lambda row: row["seed"])


def _spread(found: Sequence[Row]) -> str:
    """Mean ± sample standard deviation, and how many seeds where they are not yet three."""
    values = [100 * row["score"] for row in found]
    if not values:
        return "–"
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    whole = len(values) == 3 or found[0]["side"] in ("majority", "tf-idf")
    return f"{statistics.mean(values):.1f}{spread}{'' if whole else f' (seeds: {len(values)})'}"


def _scores(names: Sequence[str], rows: Sequence[Row]) -> str:
    lines = [
        f"{HEADER} rows: train, scored | majority | tf-idf | word vectors, BiLSTM | encoder "
        "| Yeonma | Trainer | command: `python benchmarks/figure4.py` … |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in names:
        any_row = next(row for row in rows if row["data"] == name)
        sides = [_spread(_of(rows, name, side)) for side in ("majority", "tf-idf", "bilstm", "yeonma", "trainer")]
        sides.insert(3, ENCODERS[LANGUAGE[name]])
        counts = f"{any_row['train']:,}, {any_row['scored']:,}"
        lines.append(f"| {' | '.join([name, any_row['metric'], counts, *sides])} | `--data {name}` |")
    return "\n".join(lines)


def _compared(name: str, rows: Sequence[Row], cap: Cap) -> Comparison | None:
    """The comparison of a data set whose runs of all seeds are there."""
    sides = [_of(rows, name, side) for side in ("yeonma", "trainer")]
    if min(map(len, sides)) < 3:
        return None
    packed = [tuple(row["outcomes"] for row in side) for side in sides]
    return _cached(name, cap, *packed, tuple(row["score"] for side in sides for row in side))


@cache
def _cached(
    name: str, cap: Cap, ours: tuple[str, ...], reference: tuple[str, ...], scores: tuple[float, ...]
) -> Comparison:
    drawn = figure4_data.drawn(name, cap)
    outcomes = Outcomes(drawn.task, drawn.metric, drawn.dataset)
    runs = [outcomes.unpack(text) for text in (*ours, *reference)]
    for run, score in zip(runs, scores, strict=True):
        if not math.isclose(outcomes.score(run), score, abs_tol=2e-4):
            raise SystemExit(f"{name}: the answers kept say {outcomes.score(run):.4f}, the row {score:.4f}.")
    return compared(outcomes, runs[: len(ours)], runs[len(ours) :])


def _verdict(found: dict[str, Comparison]) -> str:
    """What the differences say together."""
    if len(found) < 2:
        return ""
    differences = [100 * each.difference for each in found.values()]
    mean, error = statistics.mean(differences), statistics.stdev(differences) / math.sqrt(len(differences))
    strict, both = (_flagged(found, key) for key in ("worse", "worse_both"))
    widest = max(differences, key=abs)
    others = (sum(differences) - widest) / (len(differences) - 1)
    return (
        f"**Yeonma − Trainer, mean over {len(found)} data sets: {mean:+.2f} ± {error:.2f}** points (± standard error "
        f"over the data sets; {mean / error:+.1f} standard errors); without the widest difference {others:+.2f}, the "
        f"median {statistics.median(differences):+.2f}. Significantly worse at 5 % after Holm, rows drawn at random "
        f"and these three seeds taken as they are: {strict}; rows and seeds both drawn at random: {both}."
    )


def _flagged(found: dict[str, Comparison], key: str) -> str:
    adjusted = holm([getattr(each, key) for each in found.values()])
    return ", ".join(name for name, p in zip(found, adjusted, strict=True) if p < LEVEL) or "none"


def _differences(found: dict[str, Comparison]) -> str:
    if not found:
        return ""
    lines = [
        "| data set | Yeonma − Trainer, points | p, worse: rows | after Holm | p, worse: rows and seeds | after Holm |",
        "|---|---|---|---|---|---|",
    ]
    columns = [[getattr(each, key) for each in found.values()] for key in ("worse", "worse_both")]
    adjusted = [holm(column) for column in columns]
    for i, (name, each) in enumerate(found.items()):
        ps = " | ".join(f"{column[i]:.4f} | {high[i]:.3f}" for column, high in zip(columns, adjusted, strict=True))
        lines.append(f"| {name} | {100 * each.difference:+.2f} ± {100 * each.error:.2f} | {ps} |")
    return "\n".join(lines)


def _rates(rows: Sequence[Row]) -> str:
    """The scores on held-out rows that the rates were chosen by."""
    if not rows:
        return ""
    sides = sorted({(row["side"], LANGUAGE[row["data"]]) for row in rows}, reverse=True)
    lines = ["| side | data set | rows | score × 100 on held-out rows, by learning rate |", "|---|---|---|---|"]
    for side, language in sides:
        for name in dict.fromkeys(row["data"] for row in rows if LANGUAGE[row["data"]] == language):
            tried = sorted((row for row in _of(rows, name, side)), key=lambda row: row["rate"])
            if tried:
                by_rate = ", ".join(f"{row['rate']:g}: {100 * row['score']:.1f}" for row in tried)
                lines.append(f"| {side} | {name} | {tried[0]['scored']} | {by_rate} |")
    return "\n".join(lines)
