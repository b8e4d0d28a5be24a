"""yeonma predict: labels for texts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from yeonma.records import Prediction


def predict(
    run: Annotated[Path, typer.Argument(help="A run folder or a model folder.", metavar="RUN")],
    text: Annotated[
        list[str] | None,
        typer.Argument(help="Texts; none: one a line from stdin.", metavar="[TEXT]...", show_default=False),
    ] = None,
    input_: Annotated[
        Path | None, typer.Option("--input", "-i", help="A csv, tsv, jsonl or parquet file of texts.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A .jsonl file; left out: stdout.")] = None,
    column: Annotated[str | None, typer.Option(help="The text column of the file.", metavar="NAME")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Predict labels, in the order of the texts, one JSON object a line."""
    import json

    from yeonma import api
    from yeonma.cli.screen import bars, print_json
    from yeonma.errors import ConfigError
    from yeonma.files import write_text

    if text and input_:
        raise ConfigError("Give texts or a file with -i, not both.")
    if as_json and output:
        raise ConfigError("--json prints on stdout and -o writes a file: give one of them.")
    model = api.load_model(run)
    texts = list(_column(input_, column)) if input_ else text or _stdin()
    if any("\udc80" <= character <= "\udcff" for given in texts for character in given):
        raise ConfigError("A text must be UTF-8; an argument holds other bytes. Put it into a file and use -i.")
    if not texts:
        raise ConfigError("There is nothing to predict. Give texts, a file with -i, or lines on stdin.")
    with bars() as progress:
        rows = [_row(t, p) for t, p in zip(texts, model.predict(texts, progress), strict=True)]
    if as_json:
        print_json({"predictions": rows})
        return
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if output:
        write_text(output, lines)
    else:
        typer.echo(lines, nl=False)


def _stdin() -> list[str]:
    from yeonma.errors import DataError

    texts = []
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            texts.append(line.decode("utf-8").rstrip("\r\n"))
        except UnicodeDecodeError as error:
            raise DataError("the text must be UTF-8. Convert it: iconv -f CP949 -t UTF-8.", "stdin", number) from error
    return texts


def _row(text: str, prediction: Prediction) -> dict[str, Any]:
    return {"text": text, "label": prediction.value, "score": prediction.score, "scores": dict(prediction.scores)}


def _column(path: Path, column: str | None) -> Iterator[str]:
    from yeonma import data

    return data.read_texts(path, column)
