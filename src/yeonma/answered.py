"""What a model answered to each example, as a table: what pages and comparisons read of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from yeonma.batches import Prepared
from yeonma.model import Model
from yeonma.records import Example, Prediction, Span

if TYPE_CHECKING:
    import polars as pl


def table(
    model: Model, examples: Sequence[Example], prepared: Prepared, predictions: Sequence[Prediction], data: str
) -> pl.DataFrame:
    """A row for each example, in their order.

    id, texts        the example          data  "name:split" of what was scored
    gold, predicted  answers as one line; gold is null where it is unknown
    right            whether they are the same; null where gold is unknown
    error            |predicted − gold| where answers are numbers; else null
    probability      of the answer
    tokens, unknown  tokens read of it, in all rows and windows, and how many of them have no row of their own; unknown
                     is null where an encoder has no unknown tokens
    gold_spans, predicted_spans  the characters of answers that are spans: lists of {start, end, label, text}; else null
    """
    import polars as pl

    pairs = list(zip(examples, predictions, strict=True))
    task, bounds = model.task, zip(prepared.starts.tolist(), prepared.starts[1:].tolist(), strict=False)
    windows = [prepared.windows[start:end] for start, end in bounds]
    unknown = [[model.encoder.unknown(window) for window in each] for each in windows]
    span = pl.Struct({"start": pl.UInt32, "end": pl.UInt32, "label": pl.String, "text": pl.UInt8})
    columns: dict[str, Any] = {
        "id": pl.Series([p.id for p in predictions], dtype=pl.String),
        "texts": pl.Series([list(e.texts) for e in examples], dtype=pl.List(pl.String)),
        "gold": pl.Series([None if e.gold is None else task.written(e, e.gold) for e in examples], dtype=pl.String),
        "predicted": pl.Series([task.written(e, p.value) for e, p in pairs], dtype=pl.String),
        "right": pl.Series([None if e.gold is None else task.right(e, p) for e, p in pairs], dtype=pl.Boolean),
        "error": pl.Series([_error(e.gold, p.value) for e, p in pairs], dtype=pl.Float64),
        "probability": pl.Series([p.score for p in predictions], dtype=pl.Float64),
        "tokens": pl.Series([sum(len(window.ids) for window in each) for each in windows], dtype=pl.UInt32),
        "unknown": pl.Series([_total(each) for each in unknown], dtype=pl.UInt32),
        "gold_spans": pl.Series([_spans(e.gold) for e in examples], dtype=pl.List(span)),
        "predicted_spans": pl.Series([_spans(p.spans or p.value) for p in predictions], dtype=pl.List(span)),
    }
    return pl.DataFrame(columns).with_columns(pl.lit(data).alias("data"))


def _error(gold: Any, answer: Any) -> float | None:
    return abs(float(answer) - gold) if isinstance(gold, float) else None


def _total(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _spans(answer: Any) -> list[dict[str, Any]] | None:
    """Spans as rows; None for an answer of another kind."""
    if not isinstance(answer, tuple):
        return None
    return [Span(*each)._asdict() for each in answer]
