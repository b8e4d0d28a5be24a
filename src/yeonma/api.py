"""The commands as Python functions: pretrain, finetune, evaluate, load."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yeonma import config as configs
from yeonma.errors import ConfigError, Interrupted, RunError
from yeonma.pretraining import pretrain
from yeonma.records import Event, Finished, Progress, silent
from yeonma.run import Run

if TYPE_CHECKING:
    from yeonma.model import Model
    from yeonma.records import Dataset, Example
    from yeonma.vectors import Vectors

ADVICE = "Lower train.batch_size, data.max_length or encoder.dim."


def settings(
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    preset: str | None = None,
    data: str | None = None,
    task: str | None = None,
    encoder: str | None = None,
    encoder_path: str | Path | None = None,
    vectors: str | Path | None = None,
    optimizer: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> configs.Config:
    """Lay a preset, a config and single choices over each other, later ones winning, and check the whole.

    Where no task is named it is that of the named data set; a path alone means the encoder "transformer".
    Raises: ConfigError.
    """
    tree = configs.read_preset(preset) if preset else {}
    if config is not None:
        tree = configs.merge(tree, config if isinstance(config, Mapping) else configs.read_toml(Path(config)))
    if not all(isinstance(tree.get(section, {}), Mapping) for section in ("data", "encoder", "train")):
        return configs.resolve(tree)  # says which table is none
    chosen: dict[str, Any] = {"encoder": {}, "train": {}}
    if task:
        chosen["task"] = task
    if encoder_path:
        chosen["encoder"]["path"] = str(encoder_path)
        encoder = encoder or "transformer"
    if encoder:
        chosen["encoder"]["kind"] = encoder
        if tree.get("encoder", {}).get("kind", encoder) != encoder:
            tree["encoder"] = {k: v for k, v in tree["encoder"].items() if k in configs.EncoderConfig.model_fields}
    if vectors:
        chosen["encoder"]["vectors"] = str(vectors)
    if optimizer:
        chosen["train"]["optimizer"] = optimizer
    if data:
        tree["data"] = {k: v for k, v in tree.get("data", {}).items() if k not in ("name", "train", "valid", "test")}
        chosen["data"] = source(data)
    whole = configs.merge(tree, chosen, overrides or {})
    named = isinstance(whole.get("data"), Mapping) and whole["data"].get("name")
    return configs.resolve(whole if "task" in whole or not named else {**whole, "task": _task_of(named)})


def _task_of(name: str) -> str:
    """The task of a named data set."""
    from yeonma.data import entry

    return entry(name).task


def source(data: str) -> dict[str, str]:
    """`--data`: a name of the catalog, or a file.

    Raises: DataError for what is neither, naming the nearest known name.
    """
    from yeonma.data.sources import is_name

    return {"name": data} if is_name(data) else {"train": data}


def new_folder(config: configs.Config) -> Path:
    """runs/DATA-ENCODER-OPTIMIZER, with a number behind it where that is taken."""
    data = config.data.name or Path(str(config.data.train)).stem
    name = f"{data}-{config.encoder.kind}-{config.train.optimizer}"
    taken = (Path("runs") / (name if n == 1 else f"{name}-{n}") for n in itertools.count(1))
    return next(folder for folder in taken if not folder.exists())


def dataset(config: configs.Config, splits: Sequence[str] = ("train", "valid")) -> Dataset:
    """Read the examples that a config names; training never reads the test split.

    Raises: DataError, ConfigError.
    """
    from yeonma import data

    d = config.data
    if not (d.name or d.train):
        raise ConfigError("There is no data. Name some: --data nsmc, --data reviews.tsv, or [data] in the config.")
    return data.load(
        d.name, train=d.train, valid=d.valid, test=d.test, columns=d.columns, task=config.task, limit=d.limit,
        labels=d.labels or None, scale=d.scale, first=d.first, join=d.join, group=d.group, on_bad_row=d.on_bad_row,
        valid_fraction=d.valid_fraction, seed=config.seed, splits=splits,
    )  # fmt: skip


def training(
    config: configs.Config | None,
    output: str | Path,
    *,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
) -> Iterator[Event]:
    """Fine-tune in a run folder and yield its events; `config` may be None when an old run is resumed.

    Keeps status.json true, turns the machine's own failures into ours, and writes the page at the end. A new run whose
    input turns out to be wrong leaves no folder behind.
    Raises: YeonmaError.
    """
    from yeonma.report import write_page
    from yeonma.watch import watched

    if config is not None and not resume:
        Run(output).must_be_free()
        examples = dataset(config)
        run = Run.create(output, config)
    else:
        config = _begun_with(config, output, resume)
        examples = dataset(config)
        run = Run.open(output)
        run.lock()
    events = _finetuned(run, config, examples, resume, stop, progress)
    yield from watched(run, events, new=not resume, advice=ADVICE, finished=lambda: write_page(run))


def _begun_with(config: configs.Config | None, output: str | Path, resume: bool) -> configs.Config:
    if not resume:
        raise ConfigError("A new run needs a config or at least --data.")
    old = Run.open(output).config()
    if config not in (None, old):
        raise ConfigError(f"{output} was begun with other settings. Resume it with --resume -o {output} alone.")
    return old


def _finetuned(
    run: Run, config: configs.Config, examples: Dataset, resume: bool, stop: Callable[[], bool], progress: Progress
) -> Iterator[Event]:
    from yeonma.finetuning import train

    run.note("resumed" if resume else f"began, {len(examples.splits['train']):,} training examples")
    run.save_rejected(examples.rejected)
    run.save_data(examples)
    yield from train(config, run, examples, resume=resume, stop=stop, progress=progress)


def finetune(
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    output: str | Path,
    resume: bool = False,
    on_event: Callable[[Event], None] = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
    **choices: Any,
) -> Run:
    """Fine-tune and return the finished run; `choices` are those of `settings`: preset, data, encoder, vectors, ….

    `stop` is asked before every batch; when it says True the run is saved and Interrupted is raised.

    >>> run = yeonma.finetune(data="sample-single", encoder="bag", output="runs/first")      # doctest: +SKIP

    Raises: YeonmaError; Diverged when the loss is not finite; Interrupted.
    """
    checked = None if resume and config is None and not choices else settings(config, **choices)
    for event in training(checked, output, resume=resume, stop=stop, progress=progress):
        on_event(event)
        if isinstance(event, Finished) and event.reason == "interrupted":
            raise Interrupted(f"Stopped at step {event.step} and saved. Continue with resume=True.")
    return Run.open(output)


def evaluate(
    folder: str | Path, data: str | None = None, *, split: str = "test", progress: Progress = silent
) -> dict[str, Any]:
    """Score a run (or model folder) on a split of its own or another data set; a run keeps the scores in eval/.

    Returns {"n", "data", "split", "scores"}. Raises: RunError, DataError.
    """
    from yeonma.report import write_page
    from yeonma.scoring import evaluate as score

    model, run = load_model(folder), run_of(folder)
    name, examples = _examples(run, data, split, model)
    scores, predictions = score(model, examples, progress=progress)
    if run is not None:
        run.save_scores(name, split, scores)
        run.save_predictions(model.task, examples, predictions)
        write_page(run)
    return {"n": len(examples), "data": name, "split": split, "scores": scores}


def run_of(folder: str | Path) -> Run | None:
    """The run in a folder; None where it holds a model alone."""
    return Run(folder) if (Path(folder) / "config.toml").exists() else None


def _examples(run: Run | None, data: str | None, split: str, model: Model) -> tuple[str, list[Example]]:
    from yeonma.data import load_split

    config = run.config() if run else None
    if config and data in (None, config.data.name):
        splits = dataset(config, ("valid", "test")).splits
        if split not in splits:
            raise ConfigError(
                f"The run's data has no split {split!r}. It has: {', '.join(splits)}. Name data with --data."
            )
        return config.data.name or str(config.data.train), list(splits[split])
    if data is None:
        raise ConfigError("A model folder does not know its data. Name some with --data.")
    return data, list(load_split(data, split, **manner(model, config)))


def manner(model: Model, config: configs.Config | None) -> dict[str, Any]:
    """How a file is read for a model: as its run read its own, where that is known."""
    labels = (config and config.data.labels) or model.task.labels or None
    known: dict[str, Any] = {"task": model.task.kind, "scale": model.task.scale, "labels": labels}
    own = config.data.model_dump(include={"columns", "first", "join"}) if config else {}
    return {**known, **own}


def load(folder: str | Path) -> Model | Vectors:
    """A model from a run or model folder, or vectors from a vectors folder or text file.

    Raises: RunError, VectorsError.
    """
    from yeonma.vectors import Vectors

    path = Path(folder)
    if path.is_file() or (path / "vectors.safetensors").exists():
        return Vectors.load(path)
    return load_model(path)


def load_model(folder: str | Path) -> Model:
    """The model of a run folder, or of a folder that `save_pretrained` wrote.

    Raises: RunError when there is none, or the run is not finished.
    """
    from yeonma.model import Model

    path = Path(folder)
    if not path.exists():
        raise RunError(f"{path} does not exist. Give a run folder, or a model folder with config.json.")
    if (path / "config.toml").exists() and not (path / "model").exists():
        raise RunError(f"The run in {path} is not finished. Continue it: yeonma finetune --resume -o {path}")
    return Model.from_pretrained(path / "model" if (path / "config.toml").exists() else path)


__all__ = ["evaluate", "finetune", "load", "load_model", "pretrain", "settings", "training"]
