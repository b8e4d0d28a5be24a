"""Errors worth reading, where runs disagree, and which words carried an answer."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from yeonma.errors import ConfigError
from yeonma.records import Example, Progress, silent
from yeonma.report import marking, mistakes
from yeonma.report.charts import Bar, bars, heat
from yeonma.report.gather import Shown, Told
from yeonma.report.html import Cell, fold, note, number, part, table
from yeonma.report.phrases import say, word
from yeonma.report.pictures import Pictures

if TYPE_CHECKING:
    import polars as pl

READ, LONGEST = 20, 4000  # mistakes shown; characters of a text, more where a span lies further on
LABELS = 20  # that have a bar


def section(shown: Shown, pictures: Pictures, explain: int = 0, progress: Progress = silent) -> str:
    """The answers of each run in detail to the split it was last scored on, and where runs disagree.

    explain  how many wrong and how many right answers of each run are explained, which loads its model
    """
    found = {told.name: (told, rows) for told in shown.detailed if (rows := told.run.predictions()) is not None}
    if not found:
        return part("answers", note("answers_none")) if len(shown.runs) == 1 else ""
    single = len(found) == 1
    made = [_of_run(told, rows, pictures, explain, progress) for told, rows in found.values()]
    body = (
        "".join(made)
        if single
        else "".join(
            fold(escape(name), each, opened=not i) for i, (name, each) in enumerate(zip(found, made, strict=True))
        )
    )
    return part("answers", body + _between({name: rows for name, (_, rows) in found.items()}, pictures))


def _of_run(told: Told, rows: pl.DataFrame, pictures: Pictures, explain: int, progress: Progress) -> str:
    known = mistakes.graded(rows)
    split = rows["data"][0] if len(rows) else ""
    axis = "answers_axis_error" if known.numbers else "answers_axis_share"
    by_label = mistakes.by_label(rows)
    labels = [Bar(r["label"], r["mean"], r["low"], r["high"]) for r in by_label.head(LABELS).to_dicts()]
    charts = [
        pictures.show(name.replace("_", "-"), bars(say(f"answers_{name}"), say(unit), made)) if made else ""
        for name, unit, made in (
            ("by_length", axis, _bars(mistakes.by_length(rows))),
            ("by_coverage", axis, _bars(mistakes.by_coverage(rows), share=True)),
            ("by_label", "answers_axis_spans" if known.spans else axis, labels),
        )
    ]
    notes = note("answers_numbers" if known.numbers else "answers_shares", split=split)
    notes += note("answers_spans") if known.spans and labels else ""
    notes += note("answers_labels", shown=LABELS, count=len(by_label)) if len(by_label) > LABELS else ""
    return notes + pictures.row(charts) + _mistakes(rows) + _carried(told, rows, explain, progress)


def _bars(found: pl.DataFrame, *, share: bool = False) -> list[Any]:
    """A bar for each bin, named by its ends and how many examples it holds."""

    def name(row: Mapping[str, Any]) -> str:
        low, high = (f"{row[end]:.0%}" if share else f"{row[end]:g}" for end in ("from", "to"))
        return f"{low if low == high else f'{low} – {high}'} (n = {row['n']:,})"

    return [Bar(name(row), row["mean"], row["low"], row["high"]) for row in found.to_dicts()]


def _mistakes(rows: pl.DataFrame) -> str:
    found = mistakes.confident(rows, READ).to_dicts()
    if not found:
        return note("answers_faultless")
    numbers = found[0]["error"] is not None
    head = [word(f"answers_{key}") for key in ("text", "gold", "predicted")] + [
        word("answers_error" if numbers else "answers_probability")
    ]
    body: list[list[str | Cell]] = [
        [_texts(row), escape(row["gold"]), escape(row["predicted"]), _sure(row)] for row in found
    ]
    marks = _marks() if any(row["gold_spans"] or row["predicted_spans"] for row in found) else ""
    key = "answers_largest" if numbers else "answers_mistakes"
    return part(key, marks + table(head, body, sortable=True), level=3)


def _marks() -> str:
    """What the marks in a text mean, said with the marks themselves."""
    kinds = {"gold": "gold", "predicted": "predicted", "both": "both", "both differs": "differs"}
    shown = (f'<mark class="{kind}">{word(f"answers_{key}")}</mark>' for kind, key in kinds.items())
    return f'<p class="note marks">{" · ".join(shown)}</p>'


def _sure(row: Mapping[str, Any]) -> Cell:
    value = row["error"] if row["error"] is not None else row["probability"]
    return Cell(number(value, 3), -1.0 if value is None else value)


def _texts(row: Mapping[str, Any]) -> str:
    """The texts of an example, with the characters of spans marked; a long end without any is left out."""
    spans = row["gold_spans"], row["predicted_spans"]
    last = max((each["end"] for side in spans for each in side or ()), default=0)
    most = max(LONGEST, last)
    return "<hr>".join(marking.spans(text[:most], *spans, i) + _more(text, most) for i, text in enumerate(row["texts"]))


def _more(text: str, most: int) -> str:
    return " …" if len(text) > most else ""


def _carried(told: Told, rows: pl.DataFrame, explain: int, progress: Progress) -> str:
    """The words that carried some wrong and some right answers: the most confident of each kind."""
    if not explain or not told.run.model_folder.exists():
        return ""
    from yeonma.explaining import leave_one_out
    from yeonma.model import Model

    model, blocks = Model.from_pretrained(told.run.model_folder), []
    found = [*mistakes.confident(rows, explain).to_dicts(), *mistakes.certain(rows, explain).to_dicts()]
    chosen = [row for row in found if row["predicted_spans"] != []]  # no word carries spans that there are none of
    for done, row in enumerate(chosen, start=1):
        words = leave_one_out(model, Example(row["id"], tuple(row["texts"])))
        near = [each for each in words if each.end <= LONGEST]
        texts = "<hr>".join(
            marking.carried(text[:LONGEST], near, number=i) + _more(text, LONGEST)
            for i, text in enumerate(row["texts"])
        )
        gold = (
            "" if row["right"] and row["error"] is None else f" ({word('answers_gold')}: {escape(row['gold'] or '–')})"
        )
        blocks.append(f"<div class=carried><b>{escape(row['predicted'])}</b>{gold}<br>{texts}</div>")
        progress("explaining answers", done, len(chosen), "answers")
    said = "numbers" if mistakes.graded(rows).numbers else "spans" if told.config["task"] == "tagging" else "note"
    return part("answers_carried", note(f"answers_carried_{said}") + "".join(blocks), level=3) if blocks else ""


def _between(named: Mapping[str, pl.DataFrame], pictures: Pictures) -> str:
    """How often runs give the same answer, and where they part."""
    if len(named) < 2:
        return ""
    try:
        agreement, found = mistakes.agreement(named), mistakes.disagreements(named, READ)
    except ConfigError:  # scored on different data
        return note("answers_apart")
    names, numbers = agreement["run"].to_list(), mistakes.graded(next(iter(named.values()))).numbers
    title = say("answers_apart_by" if numbers else "answers_agreement")
    drawn = pictures.show(
        "agreement", heat(title, "", "", names, names, agreement["values"].to_list(), low=0.0 if numbers else 0.5)
    )
    head = [word("answers_text"), word("answers_gold"), *map(escape, names)]
    body = [
        [
            "<hr>".join(escape(text[:LONGEST]) + _more(text, LONGEST) for text in row["texts"]),
            escape(row["gold"] or "–"),
            *(_said(each, numbers) for each in row["answers"]),
        ]
        for row in found.to_dicts()
    ]
    return drawn + (part("answers_disagreements", table(head, body), level=3) if body else "")


def _said(answer: Mapping[str, Any], numbers: bool) -> str:
    kind = "" if numbers else " class=right" if answer["right"] else " class=wrong"
    return f"<span{kind}>{escape(answer['predicted'])}</span> <small>{number(answer['probability'], 2)}</small>"
