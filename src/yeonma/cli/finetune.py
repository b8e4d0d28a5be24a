"""yeonma finetune: train an embedding and a head for one task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from yeonma.cli.screen import Bars
    from yeonma.records import Evaluated, Event, Finished


def finetune(
    config: Annotated[
        Path | None, typer.Argument(help="A TOML file; `yeonma init` writes one.", show_default=False)
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Settings that come with yeonma: ratsgo-6.3, ratsgo-6.3-fixed.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="A data set of the catalog, or a file.", metavar="NAME|FILE")] = None,
    task: Annotated[
        str | None, typer.Option(help="single | pair | choice | qa | tagging. Left out: the data set's own.")
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="bag | cnn | bilstm-attention | ngram | transformer | stack | wide-deep")
    ] = None,
    encoder_path: Annotated[
        str | None, typer.Option(help="A pretrained transformer: its folder, or hub:NAME.", metavar="DIR|hub:NAME")
    ] = None,
    vectors: Annotated[Path | None, typer.Option(help="Word vectors to start from: a folder or a file.")] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="gd | sgd | momentum | nag | adagrad | rmsprop | adadelta | adam | nadam")
    ] = None,
    layer_decay: Annotated[
        float | None, typer.Option(help="A layer's rate as a share of the one above it, e.g. 0.8.")
    ] = None,
    embedding_lr: Annotated[float | None, typer.Option(help="Learning rate of the embeddings.")] = None,
    head_lr: Annotated[float | None, typer.Option(help="Learning rate of the head.")] = None,
    freeze: Annotated[
        str | None, typer.Option(help="none | embeddings | lower:K (these and K layers) | all | gradual")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any setting, e.g. --set train.epochs=5. May be repeated.", metavar="KEY=VALUE"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The run folder. Left out: a new one in runs/.", metavar="RUN")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in -o where it stopped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout at the end.")] = False,
) -> None:
    """Train an encoder and a head for a task; the best checkpoint is chosen on validation data."""
    from yeonma import api, chosen
    from yeonma import config as configs
    from yeonma.cli.screen import Bars, print_json, stop_on_signal
    from yeonma.errors import ConfigError
    from yeonma.report import write_page
    from yeonma.run import Run

    rates = {"train.layer_decay": layer_decay, "train.embedding_lr": embedding_lr, "train.head_lr": head_lr}
    single = {**rates, "encoder.freeze": freeze}
    overrides: dict[str, Any] = {}
    for assignment in [*(f"{key}={value}" for key, value in single.items() if value is not None), *(set_ or [])]:
        configs.set_value(overrides, assignment)
    choices = {
        "preset": preset,
        "data": data,
        "task": task,
        "encoder": encoder,
        "encoder_path": encoder_path,
        "vectors": vectors,
        "optimizer": optimizer,
    }
    given = config is not None or overrides or any(value is not None for value in choices.values())
    if resume and output is None:
        raise ConfigError("--resume needs the run's folder: -o RUN.")
    checked = chosen.settings(config, overrides=overrides, **choices) if given or not resume else None
    output = output or chosen.new_folder(cast(configs.Config, checked))
    bars = Bars()
    with stop_on_signal() as stop:
        try:
            end = draw(
                api.training(checked, output, resume=resume, stop=stop, progress=bars.show), bars, _position(output)
            )
        finally:
            bars.close()
    write_page(Run(output))
    if as_json:
        facts = {"step": end.step, "reason": end.reason, "best_step": end.best_step, "validation_score": end.best_score}
        print_json({"run": str(output), **facts, "seconds": round(end.seconds, 2)})
    if end.reason == "interrupted":
        go_on = f"yeonma finetune --resume -o {quote(str(output))}"
        typer.echo(f"Saved at step {end.step}. Continue with: {go_on}", err=True)
        raise typer.Exit(130)
    typer.echo(f"\nThe model is in {output}/model, the page in {output}/report/index.html.", err=True)
    if Run(output).config().data.name or Run(output).config().data.test:
        typer.echo(f"Score it on the test split: yeonma evaluate {quote(str(output))}", err=True)


def _position(output: Path) -> Callable[[], tuple[int, int]]:
    """How many examples the run has read so far, a resumed one's earlier ones too, and how many over all epochs."""

    def position() -> tuple[int, int]:
        from yeonma.records import Stepped
        from yeonma.run import Run

        run = Run(output)
        config = run.config()
        read = sum(event.examples for event in run.events() if isinstance(event, Stepped))
        epochs = config.train.epochs + (config.encoder.model_extra or {}).get("wide_epochs", 0)
        return read, config.train.examples or int(run.read("data.json")["examples"]["train"]) * epochs

    return position


def draw(events: Iterator[Event], bars: Bars, position: Callable[[], tuple[int, int]]) -> Finished:
    """Show the events of training and return the last one."""
    from yeonma.records import Evaluated, Finished, Stepped

    seen, whole, end = 0, 0, None
    for event in events:
        if isinstance(event, Stepped):
            seen, whole = (seen + event.examples, whole) if whole else position()
            note = f"loss {event.loss:.4f}  rate {event.learning_rate:.2e}"
            bars.show("training", seen, max(whole, seen), "examples", note)
        elif isinstance(event, Evaluated):
            bars.line(f"epoch {event.epoch + 1:>3}  step {event.step:>7,}  {_scored(event)}")
        elif isinstance(event, Finished):
            end = event
    assert end is not None, "training always ends with Finished"
    return end


def _scored(event: Evaluated) -> str:
    """The score that chooses between models, another one, and the majority class."""
    from yeonma.tasks.scores.names import NAMES, baseline, figures

    found = figures(event.scores)
    shown = [event.metric, *(name for name in found if name != event.metric)][:2]
    scores = "  ".join(f"{NAMES.get(name, name)} {event.scores[name]:.4f}" for name in shown)
    majority = baseline(event.scores)
    beside = f"  (majority {majority[1]:.4f})" if majority else ""
    return f"validation {scores}{beside}{' *' if event.best else ''}"
