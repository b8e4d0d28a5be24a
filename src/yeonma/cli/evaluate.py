"""yeonma evaluate: score a model on a split, or word vectors on words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer


def evaluate(
    run: Annotated[
        Path, typer.Argument(help="A run or model folder; or word vectors, a folder or file.", metavar="RUN|VECTORS")
    ],
    data: Annotated[
        str | None,
        typer.Option(
            help="A data set of the catalog, or a file. Left out: the run's own. Of vectors: which words they know.",
            metavar="NAME|FILE",
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="train | valid | test", show_default="test; of vectors: train")
    ] = None,
    similarity: Annotated[
        list[str] | None,
        typer.Option(help="Vectors: pairs of words with a score. May be repeated.", metavar="FILE|NAME"),
    ] = None,
    analogies: Annotated[
        list[str] | None,
        typer.Option(help="Vectors: questions a : b = c : d. May be repeated.", metavar="FILE|NAME"),
    ] = None,
    nearest: Annotated[
        list[str] | None, typer.Option(help="Vectors: the words nearest to a word. May be repeated.", metavar="WORD")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Score a model by its task's scores, by class or type of entity too, and the majority class beside them.

    Score word vectors by likeness of words, analogies and nearest words; with none of them asked for, on all word sets
    of YEONMA_DATA in the vectors' language. With --data: which of its words they know.
    """
    from yeonma import api
    from yeonma.cli.screen import bars, print_json, score_lines
    from yeonma.report import write_page

    asked = {"similarity": similarity or (), "analogies": analogies or (), "nearest": nearest or ()}
    with bars() as progress:
        result = api.evaluate(run, data, split=split, progress=progress, **asked)
    if scored := api.run_of(run):
        write_page(scored)
    if as_json:
        print_json(result)
    elif "scores" in result:
        typer.echo(f"{result['data']} : {result['split']}")
        typer.echo("\n".join(score_lines(result["scores"])))
    else:
        typer.echo("\n".join(vector_lines(result)))


def vector_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """What was found of word vectors, as small tables."""
    yield f"{result['words']:,} words × {result['dim']}"
    if result["similarity"]:
        yield f"\n{'likeness':<18}{'pairs':>7}{'known':>7}{'Spearman':>10}{'+ composed':>12}{'Spearman':>10}"
    for row in result["similarity"]:
        known, composed = _number(row["spearman"]), _number(row["spearman_composed"])
        yield f"{row['name']:<18}{row['pairs']:>7,}{row['known']:>7,}{known:>10}{row['composed']:>12,}{composed:>10}"
    for row in result["analogies"]:
        yield f"\n{'analogies':<28}{'questions':>10}{'covered':>9}{'accuracy':>10}"
        for name, share in [(row["name"], row), *((f"  {name}", each) for name, each in row["categories"].items())]:
            yield f"{name:<28}{share['questions']:>10,}{share['covered']:>9,}{_number(share['accuracy']):>10}"
    for word, near in result["nearest"].items():
        yield f"\n{word}: " + ", ".join(f"{other} {cosine:.3f}" for other, cosine in near)
    if found := result.get("coverage"):
        yield from _coverage_lines(found)


def _coverage_lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n{found['data']}, cut by {found['tokenizer']}"
    for kind, words in (("types", "distinct words"), ("tokens", "running words")):
        known, total = found[f"known_{kind}"], found[kind]
        made = f", {composed:,} composed" if (composed := found[f"composed_{kind}"]) else ""
        yield f"{words:<16}{known:>11,} of {total:>11,} known{known / max(1, total):>9.2%}{made}"
    if found["unknown"]:
        yield "most frequent unknown words: " + ", ".join(f"{word} {count:,}" for word, count in found["unknown"])


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
