"""yeonma predict: answers for texts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from yeonma.explaining import Method
    from yeonma.model import Model
    from yeonma.records import Example, Prediction, Progress


def predict(
    run: Annotated[Path, typer.Argument(help="A run folder or a model folder.", metavar="RUN")],
    text: Annotated[
        list[str] | None,
        typer.Argument(
            help="Texts; none: one a line from stdin. Two texts, a question and its context, or a premise and its "
            "endings have a tab between them.",
            metavar="[TEXT]...",
            show_default=False,
        ),
    ] = None,
    input_: Annotated[
        Path | None, typer.Option("--input", "-i", help="A csv, tsv, jsonl or parquet file of texts.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A .jsonl file; left out: stdout.")] = None,
    column: Annotated[str | None, typer.Option(help="The text column of the file.", metavar="NAME")] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            help="Say which words carried each answer: leave-one-out (any model) or gradient.", metavar="METHOD"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Answer texts, in their order, one JSON object a line."""
    import json

    from yeonma import api, explaining
    from yeonma.cli.screen import bars, print_json
    from yeonma.errors import ConfigError
    from yeonma.files import write_text

    if text and input_:
        raise ConfigError("Give texts or a file with -i, not both.")
    if as_json and output:
        raise ConfigError("--json prints on stdout and -o writes a file: give one of them.")
    way = None if explain is None else explaining.method_of(explain)
    model = api.load_model(run)
    examples = _file(model, run, input_, column) if input_ else _given(model, text or _stdin())
    if not examples:
        raise ConfigError("There is nothing to predict. Give texts, a file with -i, or lines on stdin.")
    with bars() as progress:
        predictions = model.predictions(model.prepare(examples, progress, cache=False), examples, progress)
        words = _words(model, examples, predictions, way, progress) if way else [{}] * len(examples)
    answered = zip(examples, predictions, words, strict=True)
    rows = [{**model.task.row(example, prediction), **carried} for example, prediction, carried in answered]
    if as_json:
        print_json({"predictions": rows})
        return
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if output:
        write_text(output, lines)
    else:
        typer.echo(lines, nl=False)


def _words(
    model: Model, examples: Sequence[Example], predictions: Sequence[Prediction], way: Method, progress: Progress
) -> list[dict[str, Any]]:
    """{"words": …} for each example."""
    from yeonma import explaining

    found: list[dict[str, Any]] = []
    for example, prediction in zip(examples, predictions, strict=True):
        found.append({"words": explaining.rows(example, way(model, example, prediction))})
        progress("explaining", len(found), len(examples), "texts")
    return found


def _stdin() -> list[str]:
    from yeonma.errors import DataError

    texts = []
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            texts.append(line.decode("utf-8").rstrip("\r\n"))
        except UnicodeDecodeError as error:
            raise DataError("the text must be UTF-8. Convert it: iconv -f CP949 -t UTF-8.", "stdin", number) from error
    return texts


def _given(model: Model, texts: Sequence[str]) -> list[Example]:
    from yeonma.errors import ConfigError
    from yeonma.records import Example

    if any("\udc80" <= character <= "\udcff" for given in texts for character in given):
        raise ConfigError("A text must be UTF-8; an argument holds other bytes. Put it into a file and use -i.")
    several = len(model.task.roles) > 1
    examples = [Example(str(n), tuple(text.split("\t")) if several else (text,)) for n, text in enumerate(texts)]
    for example in examples:
        model.task.must_fit(example.texts)
    return examples


def _file(model: Model, run: Path, path: Path, column: str | None) -> list[Example]:
    from yeonma import api, data

    known = api.run_of(run)
    how = api.manner(model, known.config() if known else None)
    columns = {"text": column} if column else how.get("columns", {})
    return [*data.load_split(path, **{**how, "columns": columns}, labelled=False)]
