"""Errors worth reading: the most confident, by length, by label, by coverage, and where several runs disagree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from yeonma import stats
from yeonma.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

UNKNOWN = (0.0, 0.1, 0.25, 0.5, 1.0)  # upper ends of the bins of by_coverage
SAME = ("data", "id", "texts", "gold")  # what runs must share to be compared


class Graded(NamedTuple):
    """The rows of an evaluation whose gold answer is known, with a column more, `earned`.

    numbers  whether answers are numbers: then `earned` is the absolute error, and else 1 for right and 0 for wrong
    """

    rows: pl.DataFrame
    numbers: bool

    @property
    def spans(self) -> bool:
        """Whether answers are spans of characters: by label these are counted, not the rows."""
        return self.rows["gold_spans"].null_count() < len(self.rows)

    def mean(self, chosen: np.ndarray) -> dict[str, Any]:
        """n, mean, low, high of what the chosen rows earned; an end is None where one row says nothing of it."""
        earned = self.rows["earned"].to_numpy()[chosen]
        found = stats.bootstrap(earned) if self.numbers else stats.wilson(int(earned.sum()), len(earned))
        return _interval(found)


def graded(rows: pl.DataFrame) -> Graded:
    """What was earned on each row of `Run.predictions()`."""
    import polars as pl

    known = rows.filter(pl.col("gold").is_not_null())
    numbers = known["error"].null_count() < len(known)
    return Graded(known.with_columns(pl.col("error" if numbers else "right").cast(pl.Float64).alias("earned")), numbers)


def confident(rows: pl.DataFrame, count: int = 20) -> pl.DataFrame:
    """The wrong rows, the most probable answers first; of numbers the rows with the largest errors.

    An answer that names nothing (no spans, no text) has no probability worth its name, and comes last.
    """
    import polars as pl

    known, numbers = graded(rows)
    if numbers:
        return known.sort("error", descending=True, maintain_order=True).head(count).drop("earned")
    sure = pl.when(pl.col("predicted") != "").then(pl.col("probability").fill_nan(None))
    wrong = known.filter(~pl.col("right")).sort(sure, descending=True, nulls_last=True, maintain_order=True)
    return wrong.head(count).drop("earned")


def certain(rows: pl.DataFrame, count: int = 20) -> pl.DataFrame:
    """The right rows, the most probable answers first; of numbers the rows with the smallest errors."""
    import polars as pl

    known, numbers = graded(rows)
    if numbers:
        return known.sort("error", maintain_order=True).head(count).drop("earned")
    right = known.filter(pl.col("right") & (pl.col("predicted") != ""))
    return right.sort("probability", descending=True, maintain_order=True).head(count).drop("earned")


def by_length(rows: pl.DataFrame, bins: int = 5) -> pl.DataFrame:
    """from, to, n, mean, low, high: the share that is right of rows with from … to tokens, with its 95 % interval.

    Bins hold about as many rows each, and there are fewer where many rows are equally long. The interval is Wilson's.
    Of numbers it is the mean absolute error, with the bootstrap's.
    """
    known = graded(rows)
    tokens = known.rows["tokens"].to_numpy()
    shares = np.arange(1, bins + 1) / bins
    ends = np.unique(np.quantile(tokens, shares, method="inverted_cdf")) if len(tokens) else tokens
    return _means(known, np.searchsorted(ends, tokens), lambda each: (int(tokens[each].min()), int(tokens[each].max())))


def by_coverage(rows: pl.DataFrame) -> pl.DataFrame:
    """from, to, n, mean, low, high, as `by_length`, of rows whose share of unknown tokens lies in (from, to].

    The first bin is 0 alone. Empty where an encoder has no unknown tokens.
    """
    import polars as pl

    known = graded(rows.filter(pl.col("unknown").is_not_null()))
    tokens, unknown = (known.rows[name].to_numpy().astype(np.float64) for name in ("tokens", "unknown"))
    which = np.searchsorted(UNKNOWN, unknown / np.maximum(1, tokens))
    return _means(known, which, lambda each: (UNKNOWN[max(0, which[each][0] - 1)], UNKNOWN[which[each][0]]))


def by_label(rows: pl.DataFrame) -> pl.DataFrame:
    """label, n, mean, low, high, taken_for, times: of each gold label the share that is right, with Wilson's interval.

    taken_for is the wrong answer that came most often, and times how often. Of a tagging the spans are counted, each
    label's: right are those with the same characters and label, and taken_for is the label of a span of the same
    characters. The most frequent label comes first. Empty for numbers and for answers to questions.
    """
    import polars as pl

    kinds = {"label": pl.String, "right": pl.Boolean, "answer": pl.String}
    units = pl.DataFrame([*_units(graded(rows))], schema=kinds, orient="row")
    found = [_of_label(str(label), own) for (label,), own in units.group_by("label", maintain_order=True)]
    shown = {"label": pl.String, "n": pl.Int64, **dict.fromkeys(("mean", "low", "high"), pl.Float64)}
    table = pl.DataFrame(found, schema={**shown, "taken_for": pl.String, "times": pl.Int64}, orient="row")
    return table.sort("n", "label", descending=[True, False])


def disagreements(named: Mapping[str, pl.DataFrame], count: int = 20) -> pl.DataFrame:
    """id, texts, gold, right, answers: the examples on which runs disagree most.

    named    the rows of each run, by its name; two or more
    right    the share of the runs that are right; null for numbers
    answers  of each run, in order: {run, predicted, right, probability}
    First come those with a share closest to a half, of equal ones those whose answers are most probable; of numbers
    those whose answers lie farthest apart. Examples to which all give one answer are left out.
    Raises: ConfigError where the runs did not answer the same examples.
    """
    import polars as pl

    known = _together(named)
    first = next(iter(known.values()))
    answers = _codes(known)
    rights = np.stack([each.rows["right"].to_numpy() for each in known.values()]).sum(0)
    order = _order(known, rights)
    chosen = order[(answers != answers[0]).any(0)[order]][:count]
    fields = ("predicted", "right", "probability")
    columns = [each.rows[chosen].select(*fields).to_dicts() for each in known.values()]
    said = [[{"run": run, **one} for run, one in zip(known, each, strict=True)] for each in zip(*columns, strict=True)]
    kind = pl.Struct({"run": pl.String, "predicted": pl.String, "right": pl.Boolean, "probability": pl.Float64})
    table: pl.DataFrame = first.rows[chosen].select("id", "texts", "gold")
    right = pl.Series("right", [None] * len(chosen) if first.numbers else rights[chosen] / len(known), dtype=pl.Float64)
    return table.with_columns(right, pl.Series("answers", said, dtype=pl.List(kind)))


def agreement(named: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """run, values: a row for each run, and in it for each run, in the same order, the share of equal answers.

    Of numbers it is the mean absolute difference between the answers.
    Raises: ConfigError where the runs did not answer the same examples.
    """
    import polars as pl

    known = _together(named)
    if next(iter(known.values())).numbers:
        numbers = _numbers(known)
        values = [np.abs(numbers - own).mean(1).tolist() for own in numbers]
    else:
        codes = _codes(known)
        values = [(codes == own).mean(1).tolist() for own in codes]
    return pl.DataFrame({"run": [*known], "values": pl.Series(values, dtype=pl.List(pl.Float64))})


def _interval(found: stats.Interval) -> dict[str, Any]:
    ends = (float(end) if np.isfinite(end) else None for end in (found.low, found.high))
    return dict(zip(("n", "mean", "low", "high"), (found.n, found.mean, *ends), strict=True))


def _means(known: Graded, which: np.ndarray, ends: Any) -> pl.DataFrame:
    """A row for each bin that is not empty; `which` says whose each row of `known` is."""
    import polars as pl

    bins = [np.flatnonzero(which == number) for number in np.unique(which)]
    found = [{**dict(zip(("from", "to"), ends(each), strict=True)), **known.mean(each)} for each in bins]
    names = ("from", "to", "mean", "low", "high")
    frame = pl.DataFrame(found, schema={**dict.fromkeys(names, pl.Float64), "n": pl.Int64})
    return frame.select("from", "to", "n", "mean", "low", "high")


def _units(known: Graded) -> Iterator[tuple[str, bool, str | None]]:
    """What labels are counted over: (gold label, whether it was found, what was said in its place)."""
    if known.numbers:
        return
    if not known.spans:
        yield from known.rows.select("gold", "right", "predicted").iter_rows()
        return
    for golds, answers in known.rows.select("gold_spans", "predicted_spans").iter_rows():
        said = {(each["start"], each["end"]): each["label"] for each in answers or ()}
        for span in golds or ():
            answer = said.get((span["start"], span["end"]))
            if span["label"]:
                yield span["label"], answer == span["label"], answer


def _of_label(label: str, units: pl.DataFrame) -> dict[str, Any]:
    import polars as pl

    wrong = units.filter(~pl.col("right") & pl.col("answer").is_not_null())["answer"]
    most = wrong.value_counts().sort("count", "answer", descending=[True, False]).row(0) if len(wrong) else (None, 0)
    found = _interval(stats.wilson(int(units["right"].sum()), len(units)))
    return {"label": label, **found, "taken_for": most[0], "times": most[1]}


def _together(named: Mapping[str, pl.DataFrame]) -> dict[str, Graded]:
    """The graded rows of runs that answered the same examples."""
    if len(named) < 2:
        raise ConfigError(f"Runs are compared with one another: give two or more; came {len(named)}.")
    (one, first), *others = named.items()
    for other, rows in others:
        for name, what in zip(SAME, ("data", "ids", "texts", "gold answers"), strict=True):
            if not first[name].equals(rows[name]):
                raise ConfigError(f"{one} and {other} were scored on different {what}. Evaluate both on the same data.")
    found = {name: graded(rows) for name, rows in named.items()}
    numbers = any(
        each.numbers for each in found.values()
    )  # a run whose numbers all happen to be right is no other kind
    return {name: Graded(each.rows, numbers) for name, each in found.items()}


def _codes(known: Mapping[str, Graded]) -> np.ndarray:
    """(runs, examples): equal numbers for equal answers."""
    seen: dict[str, int] = {}
    return np.array(
        [[seen.setdefault(answer, len(seen)) for answer in each.rows["predicted"]] for each in known.values()]
    )


def _numbers(known: Mapping[str, Graded]) -> np.ndarray:
    """(runs, examples): the answers."""
    return np.array([[*map(float, each.rows["predicted"])] for each in known.values()])


def _order(known: Mapping[str, Graded], rights: np.ndarray) -> np.ndarray:
    """All examples, those with the most disagreement first; of each is given how many runs are right."""
    if next(iter(known.values())).numbers:
        return np.argsort(-np.ptp(_numbers(known), axis=0), kind="stable")
    sure: Iterable[np.ndarray] = (each.rows["probability"].fill_nan(0).to_numpy() for each in known.values())
    return np.lexsort((-np.mean([*sure], axis=0), np.abs(2 * rights - len(known))))
