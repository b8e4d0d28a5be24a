"""yeonma pretrain: word vectors or a transformer encoder from plain text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from yeonma.cli.screen import Bars
    from yeonma.records import Event


def pretrain(
    method: Annotated[str, typer.Argument(help="word2vec | fasttext | glove | swivel | lsa | mlm", metavar="METHOD")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder of the vectors or encoder.", metavar="DIR")
    ],
    corpus: Annotated[
        list[str] | None,
        typer.Argument(help="Text, .gz, .zst, parquet, folders, globs.", metavar="CORPUS...", show_default=False),
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="whitespace | syllable | jamo | mecab | kiwi | wordpiece | bpe | unigram",
            show_default="mecab; mlm: wordpiece",
        ),
    ] = None,
    dim: Annotated[int | None, typer.Option(help="vectors: numbers a word.", show_default="100")] = None,
    window: Annotated[
        int | None, typer.Option(help="vectors: words to each side, at most.", show_default="the method's own")
    ] = None,
    negative: Annotated[
        int | None, typer.Option(help="word2vec, fasttext: negative words a window.", show_default="5")
    ] = None,
    min_count: Annotated[int | None, typer.Option(help="vectors: rarer words are left out.", show_default="5")] = None,
    vocab_size: Annotated[
        int | None,
        typer.Option(
            help="vectors: words that are kept, the most frequent. mlm: pieces of a new tokenizer.",
            show_default="all; mlm: 16000",
        ),
    ] = None,
    phrases: Annotated[
        float | None,
        typer.Option(
            help="vectors: two words that score more become one, a_b; e.g. 10.", metavar="SCORE", show_default="none"
        ),
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="mlm: continue this encoder, or else make a new one.", metavar="DIR|hub:NAME")
    ] = None,
    layers: Annotated[int | None, typer.Option(help="mlm: layers of a new encoder.", show_default="4")] = None,
    width: Annotated[int | None, typer.Option(help="mlm: its width.", show_default="256")] = None,
    heads: Annotated[int | None, typer.Option(help="mlm: its attention heads.", show_default="4")] = None,
    max_length: Annotated[int | None, typer.Option(help="mlm: tokens of a block of text.", show_default="128")] = None,
    batch_size: Annotated[int | None, typer.Option(help="mlm: blocks a step.", show_default="32")] = None,
    steps: Annotated[int | None, typer.Option(help="mlm: steps, instead of epochs.", show_default=False)] = None,
    optimizer: Annotated[str | None, typer.Option(help="mlm: one of `yeonma optim list`.", show_default="adam")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="mlm: at its highest.", show_default="5e-4; 1e-4 with --encoder")
    ] = None,
    schedule: Annotated[str | None, typer.Option(help="mlm: constant | linear | cosine", show_default="linear")] = None,
    precision: Annotated[str | None, typer.Option(help="mlm: auto | fp32 | bf16", show_default="auto")] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the corpus.", show_default="the method's own; mlm: 1")
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help="vectors: with more than one no two runs are equal to the bit.", show_default="1; mlm: all"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Start of the random numbers.", show_default="42")] = None,
    column: Annotated[
        str | None, typer.Option(help="The text column, where a table has several.", metavar="NAME")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any setting of the method, e.g. --set lr=0.025.", metavar="KEY=VALUE"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue in -o where it stopped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Train word vectors or a transformer encoder (mlm, masked words) on plain text.

    Vectors come as a folder that carries its tokenizer, encoders as a folder that Hugging Face reads too.
    """
    from yeonma import plugins

    named = {
        "dim": dim, "window": window, "negative": negative, "min_count": min_count, "encoder": encoder,
        "vocab_size": vocab_size, "phrases": phrases, "layers": layers, "width": width, "heads": heads,
        "max_length": max_length, "batch_size": batch_size, "steps": steps, "optimizer": optimizer,
        "learning_rate": learning_rate, "schedule": schedule, "precision": precision, "epochs": epochs,
        "threads": threads, "seed": seed, "tokenizer": tokenizer, "column": column, "given": set_,
        "resume": resume or None,
    }  # fmt: skip
    given = {key: value for key, value in named.items() if value is not None}
    if isinstance(plugins.load("pretrain", method), type):  # mlm is a function, and its imports take seconds
        _vectors(method, corpus or [], output, given, as_json)
    else:
        _encoder(corpus or [], output, given, as_json)


def _vectors(method: str, corpus: list[str], output: Path, given: Mapping[str, Any], as_json: bool) -> None:
    from yeonma import pretraining
    from yeonma.cli.screen import print_json

    with _watched() as (screen, stop):
        vectors = pretraining.pretrain(method, corpus, output, stop=stop, progress=screen.show, **given)
    if as_json:
        print_json(
            {"vectors": str(output), "words": len(vectors.words), "dim": int(vectors.matrix.shape[1]), **vectors.config}
        )
        return
    typer.echo(f"{len(vectors.words):,} words × {vectors.matrix.shape[1]} in {output}", err=True)
    typer.echo(f"Fine-tune them: yeonma finetune --data NAME --vectors {output} -o RUN", err=True)


def _encoder(corpus: list[str], output: Path, given: Mapping[str, Any], as_json: bool) -> None:
    from yeonma.cli.screen import print_json
    from yeonma.pretraining.mlm import pretrain_mlm, result

    with _watched() as (screen, stop):
        show = drawing(screen, output)
        pretrain_mlm(corpus, output, stop=stop, progress=screen.show, on_event=show, **given)
    if as_json:
        print_json({"encoder": str(output), **result(output)})
        return
    typer.echo(f"\nThe encoder is in {output}.", err=True)
    typer.echo(
        f"Fine-tune it: yeonma finetune --data NAME --encoder transformer --set encoder.path={output} -o RUN", err=True
    )


@contextmanager
def _watched() -> Iterator[tuple[Bars, Callable[[], bool]]]:
    """The bars, and whether a signal asked to stop; what was stopped ends the command with 130."""
    from yeonma.cli.screen import Bars, stop_on_signal
    from yeonma.errors import Interrupted

    screen = Bars()
    with stop_on_signal() as stop:
        try:
            yield screen, stop
        except Interrupted as stopped:
            typer.echo(str(stopped), err=True)
            raise typer.Exit(130) from stopped
        finally:
            screen.close()


def drawing(screen: Bars, output: Path) -> Callable[[Event], None]:
    """What shows the events of training: a bar in tokens, a line for each evaluation."""
    from yeonma.pretraining.mlm import tokens_at
    from yeonma.records import Evaluated, Stepped

    def show(event: Event) -> None:
        if isinstance(event, Stepped):
            note = f"loss {event.loss:.4f}  rate {event.learning_rate:.2e}"
            screen.show("training", *tokens_at(output, event.step), "tokens", note)
        elif isinstance(event, Evaluated):
            found = event.scores
            scores = f"loss {found['loss']:.4f}  perplexity {found['perplexity']:.1f}  accuracy {found['accuracy']:.4f}"
            screen.line(f"step {event.step:>7,}  held out: {scores}{' *' if event.best else ''}")

    return show
