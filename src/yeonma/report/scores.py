"""The scores of runs: with the interval of an accuracy, over seeds with Student's, by class, and what was confused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from yeonma import stats
from yeonma.records import Evaluated
from yeonma.report.gather import Shown, Told
from yeonma.report.html import fold, note, number, part, table
from yeonma.report.phrases import split as split_name
from yeonma.report.phrases import word
from yeonma.run import Run
from yeonma.tasks.scores.names import NAMES, baseline, classes, figures

SPLIT_OFF = re.compile(r" split off by .* with seed (\d+) from train ")  # as data.json says it
SHARES = ("accuracy", "squad_em", "korquad_em")  # how many of n examples were right

Scores = Mapping[str, Any]


def all_scores(run: Run) -> dict[str, Scores]:
    """The best validation scores of the loop, then every evaluation since, by name."""
    best = [e for e in run.events() if isinstance(e, Evaluated) and e.best]
    return {**({"validation": best[-1].scores} if best else {}), **run.scores()}


def chosen_by(run: Run) -> str:
    """The score that chose the run's best weights; empty where none was taken in training."""
    return next((event.metric for event in run.events() if isinstance(event, Evaluated)), "")


def section(shown: Shown) -> str:
    """The scores of every run, or of several runs of a group their mean; a comparison has its own table instead."""
    if shown.study is not None:
        return ""
    several = [group for group in shown.groups().values() if len(group) > 1]
    body = (_over_seeds(shown) if several else "") + "".join(
        _of_run(each, name_it=len(shown.runs) > 1) for each in shown.runs
    )
    return part("scores", body + note("scores_validation_note"))


def _of_run(told: Told, name_it: bool) -> str:
    shown = all_scores(told.run)
    found = _table(shown) + "".join(_details(name, scores) for name, scores in shown.items())
    return fold(escape(told.name), found, opened=True) if name_it else found


def _table(shown: Mapping[str, Scores]) -> str:
    names = [name for name in NAMES if any(name in figures(scores) for scores in shown.values())]
    beside = any(baseline(scores) for scores in shown.values())
    head = [word("scores_split"), word("scores_examples"), *map(_name, names), *[word("scores_majority")] * beside]
    rows = [
        [split_name(split).html(), f"{scores['n']:,}", *(_score(scores, name) for name in names)]
        + [f"{majority[1]:.4f}" if (majority := baseline(scores)) else "–"] * beside
        for split, scores in shown.items()
    ]
    return table(head, rows)


def _name(score: str) -> str:
    return word(f"score_{score}")


def _score(scores: Scores, name: str) -> str:
    """A score; of a share of right answers also Wilson's interval over the examples."""
    if name not in scores:
        return "–"
    value, n = float(scores[name]), int(scores["n"])
    if name not in SHARES or not n:
        return number(value)
    low, high = stats.wilson(round(value * n), n)[1:3]
    return f"{value:.4f}<small>{low:.3f} … {high:.3f}</small>"


def _over_seeds(shown: Shown) -> str:
    """A row for each group and each score that several of its runs have: mean, deviation, interval over seeds."""
    rows = []
    for group, runs in shown.groups().items():
        found = [all_scores(each.run) for each in runs]
        for split in dict.fromkeys(split for each in found for split in each):
            scored = [figures(each[split]) for each in found if split in each]
            rows += [_mean_row(group, split, name, [each[name] for each in scored]) for name in _first(scored)]
    head = ["scores_group", "scores_split", "scores_score", "scores_runs", "scores_mean", "scores_interval"]
    notes = note("scores_seeds_note")
    if any(_parted(runs) for runs in shown.groups().values()):
        notes += note("scores_parted_note")
    return table([word(key) for key in head], rows) + notes


def _parted(runs: Sequence[Told]) -> bool:
    """Whether runs of a group chose their weights by different rows: each seed splits its own off the training data."""
    sources = (told.run.read("data.json").get("sources", {}).get("valid", "") for told in runs)
    return len({found[1] for source in sources if (found := SPLIT_OFF.search(source))}) > 1


def _first(scored: Sequence[Mapping[str, float]], count: int = 3) -> list[str]:
    """The scores that matter most among those all runs have."""
    return [name for name in NAMES if all(name in each for each in scored)][:count]


def _mean_row(group: str, split: str, name: str, values: Sequence[float]) -> list[str]:
    found = stats.interval(values)
    spread = f" ± {found.sd:.4f}" if len(values) > 1 else ""
    reach = f"{number(found.low)} … {number(found.high)}" if len(values) > 1 else "–"
    mean = f"{number(found.mean)}{spread}"
    return [escape(group), split_name(split).html(), _name(name), str(len(values)), mean, reach]


def _details(name: str, scores: Scores) -> str:
    """Scores by class or type of entity, and the confusion matrix, where there are some."""
    fields = ("precision", "recall", "f1", "support")
    per_class = [
        [escape(label), *(f"{row[f]:.4f}" if f != "support" else f"{row[f]:,}" for f in fields)]
        for label, row in classes(scores).items()
    ]
    if not per_class:
        return ""
    head = [word("scores_label"), *(word(f"class_{f}") for f in fields)]
    return fold(f"{split_name(name).html()}: {word('scores_per_class')}", table(head, per_class) + _confusion(scores))


def _confusion(scores: Scores) -> str:
    if "confusion" not in scores:
        return ""
    labels, counts = scores["confusion"]["labels"], scores["confusion"]["rows_gold_columns_predicted"]
    rows = [[escape(label), *(f"{n:,}" for n in row)] for label, row in zip(labels, counts, strict=True)]
    return part("scores_confusion", table(["", *map(escape, labels)], rows), level=3)
