"""yeonma pretrain: word vectors from plain text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def pretrain(
    method: Annotated[str, typer.Argument(help="word2vec", metavar="METHOD")],
    corpus: Annotated[list[str], typer.Argument(help="Text, .gz, .zst, parquet, folders, globs.", metavar="CORPUS...")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The vectors folder.", metavar="DIR")],
    tokenizer: Annotated[
        str, typer.Option(help="whitespace | syllable | jamo | mecab | kiwi | wordpiece | bpe | unigram")
    ] = "mecab",
    dim: Annotated[int | None, typer.Option(help="Numbers a word.", show_default="100")] = None,
    window: Annotated[int | None, typer.Option(help="Words to each side, at most.", show_default="5")] = None,
    negative: Annotated[int | None, typer.Option(help="Negative words a window.", show_default="5")] = None,
    min_count: Annotated[int | None, typer.Option(help="Rarer words are left out.", show_default="5")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the corpus.", show_default="5")] = None,
    threads: Annotated[
        int | None, typer.Option(help="More than one: faster, not reproducible to the bit.", show_default="1")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Start of the random numbers.", show_default="42")] = None,
    column: Annotated[
        str | None, typer.Option(help="The text column, where a table has several.", metavar="NAME")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Train word vectors on plain text and write them as a vectors folder that carries its tokenizer."""
    from yeonma import pretraining
    from yeonma.cli.screen import bars, print_json

    named = {"dim": dim, "window": window, "negative": negative, "min_count": min_count, "epochs": epochs}
    given = {key: value for key, value in {**named, "threads": threads, "seed": seed}.items() if value is not None}
    with bars() as progress:
        vectors = pretraining.pretrain(
            method, corpus, output, tokenizer=tokenizer, column=column, progress=progress, **given
        )
    if as_json:
        print_json(
            {"vectors": str(output), "words": len(vectors.words), "dim": int(vectors.matrix.shape[1]), **vectors.config}
        )
        return
    typer.echo(f"{len(vectors.words):,} words × {vectors.matrix.shape[1]} in {output}", err=True)
    typer.echo(f"Fine-tune them: yeonma finetune --data NAME --vectors {output} -o RUN", err=True)
