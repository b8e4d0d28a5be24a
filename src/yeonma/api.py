"""The commands as Python functions: pretrain, finetune, evaluate, load."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yeonma import chosen
from yeonma import config as configs
from yeonma.errors import ConfigError, Interrupted, RunError, VectorsError, nearest
from yeonma.pretraining import pretrain
from yeonma.records import Event, Finished, Progress, silent
from yeonma.run import Run

if TYPE_CHECKING:
    from yeonma.model import Model
    from yeonma.records import Dataset, Example
    from yeonma.vectors import Vectors

ADVICE = "Lower train.batch_size, data.max_length or encoder.dim."


def dataset(config: configs.Config, splits: Sequence[str] = ("train", "valid")) -> Dataset:
    """Read the examples that a config names; training never reads the test split.

    Raises: DataError, ConfigError.
    """
    from yeonma import data

    d = config.data
    if not (d.name or d.train):
        raise ConfigError("There is no data. Name some: --data nsmc, --data reviews.tsv, or [data] in the config.")
    with _uncollected():
        return data.load(
            d.name, train=d.train, valid=d.valid, test=d.test, columns=d.columns, task=config.task, limit=d.limit,
            labels=d.labels or None, scale=d.scale, first=d.first, join=d.join, group=d.group, on_bad_row=d.on_bad_row,
            valid_fraction=d.valid_fraction, seed=config.seed, splits=splits,
        )  # fmt: skip


@contextmanager
def _uncollected() -> Iterator[None]:
    """Python's collector of circles rests: among examples there are none, and looking at them takes half the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def training(
    config: configs.Config | None,
    output: str | Path,
    *,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
) -> Iterator[Event]:
    """Fine-tune in a run folder and yield its events; `config` may be None when an old run is resumed.

    Keeps status.json true, and turns the machine's own failures into ours. A new run whose input turns out to be wrong
    leaves no folder behind.
    Raises: YeonmaError.
    """
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
    yield from watched(run, events, new=not resume, advice=ADVICE)


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
    checked = None if resume and config is None and not choices else chosen.settings(config, **choices)
    for event in training(checked, output, resume=resume, stop=stop, progress=progress):
        on_event(event)
        if isinstance(event, Finished) and event.reason == "interrupted":
            raise Interrupted(f"Stopped at step {event.step} and saved. Continue with resume=True.")
    return Run.open(output)


def evaluate(
    folder: str | Path,
    data: str | None = None,
    *,
    split: str | None = None,
    similarity: Sequence[str | Path] = (),
    analogies: Sequence[str | Path] = (),
    nearest: Sequence[str] = (),
    progress: Progress = silent,
) -> dict[str, Any]:
    """Score a run (or model folder) on a split of its own or another data set; a run keeps the scores in eval/.

    `split` left out: test. Returns {"n", "data", "split", "scores"}.
    Of word vectors, a folder or a file: see `evaluate_vectors`, which takes the rest.
    Raises: RunError, DataError, VectorsError, ConfigError.
    """
    from yeonma.answered import table
    from yeonma.scoring import evaluate as score

    if is_vectors(folder):
        return evaluate_vectors(
            folder, data, split=split, similarity=similarity, analogies=analogies, nearest=nearest,
            progress=progress,
        )  # fmt: skip
    if similarity or analogies or nearest:
        raise ConfigError(
            f"Likeness, analogies and nearest words are of word vectors, and {folder} is none. The tuned vectors of a "
            f"run: yeonma export {folder} --to vectors"
        )
    model, run = load_model(folder), run_of(folder)
    split = split or "test"
    name, examples = _examples(run, data, split, model)
    prepared = model.prepare(examples, progress)
    scores, predictions = score(model, examples, prepared, progress)
    if run is not None:
        run.save_scores(name, split, scores)
        run.save_predictions(table(model, examples, prepared, predictions, f"{name}:{split}"))
    return {"n": len(examples), "data": name, "split": split, "scores": scores}


def evaluate_vectors(
    path: str | Path,
    data: str | None = None,
    *,
    split: str | None = None,
    similarity: Sequence[str | Path] = (),
    analogies: Sequence[str | Path] = (),
    nearest: Sequence[str] = (),
    progress: Progress = silent,
) -> dict[str, Any]:
    """Word vectors on word pairs, questions (files, or names of `$YEONMA_DATA/wordsim`), neighbours, words of data.

    With nothing asked for: on all known sets of the vectors' likely language. `data` is a data set's name, of which
    `split` (left out: train) is read, or a file, which has none; its words are those of the vectors' tokenizer, else
    of mecab.
    Returns {"words", "dim", "similarity", "analogies", "nearest", "coverage"}; the fields of the rows are those of
    `intrinsic.Similarity` and `intrinsic.Analogies`; coverage, with `data` alone, has those of `vectors.Coverage`.
    Raises: VectorsError, DataError, ConfigError.
    """
    from yeonma import intrinsic
    from yeonma.data import wordsim
    from yeonma.data.sources import is_name
    from yeonma.vectors import Vectors

    if split is not None and not (data and is_name(data)):
        raise ConfigError(
            f"Only a data set of the catalog has splits, so {split!r} cannot be read of {data or 'nothing'}: a file is "
            "read whole. Leave out --split, or give the file that holds it."
        )
    vectors = Vectors.load(path)
    if not (similarity or analogies or nearest or data):
        similarity, analogies = intrinsic.likely_sets(vectors)
    pairs = [wordsim.read_pairs(source) for source in similarity]
    questions = [wordsim.read_questions(source) for source in analogies]
    near = {word: intrinsic.nearest(vectors, word) for word in nearest}  # first: a word may have no vector
    return {
        "words": len(vectors.words),
        "dim": vectors.dim,
        "similarity": [intrinsic.similarity(vectors, each)._asdict() for each in pairs],
        "analogies": [intrinsic.analogies(vectors, each, progress)._asdict() for each in questions],
        "nearest": near,
        **({"coverage": _coverage(vectors, data, split or "train", progress)} if data else {}),
    }


def _coverage(vectors: Vectors, data: str, split: str, progress: Progress) -> dict[str, Any]:
    """Which words of a data set the vectors know."""
    from yeonma import intrinsic
    from yeonma.data import entry, load_split, read_texts
    from yeonma.data.sources import is_name
    from yeonma.text import make_tokenizer

    named = is_name(data)
    rows = load_split(data, split, task=entry(data).task, labelled=False) if named else ()
    texts = (text for row in rows for text in row.texts) if named else read_texts(data)
    tokenizer = vectors.tokenizer or make_tokenizer("mecab")
    found = intrinsic.coverage(vectors, texts, tokenizer, progress)
    return {"data": f"{data} : {split}" if named else data, "tokenizer": tokenizer.name, **found._asdict()}


def is_vectors(path: str | Path) -> bool:
    """Whether a path is a file, or a folder with vectors.safetensors."""
    return Path(path).is_file() or (Path(path) / "vectors.safetensors").exists()


def export(
    folder: str | Path,
    output: str | Path | None = None,
    *,
    to: str = "vectors",
    format: str = "folder",
    progress: Progress = silent,
) -> Path:
    """Write the tuned word vectors of a finished run (or model folder) and return where they are.

    format  "folder" (a vectors folder), "word2vec" (text; fastText's .vec), "word2vec-binary" or "glove"
    output  left out: RUN/vectors, with the suffix .vec, .bin or .txt for a file
    All words of the starting vectors stand in them; those that training never met are as they were. Where weight decay
    or l2 moved these too, the training data are read again to know them.
    Raises: ConfigError for what cannot be exported, RunError, DataError, InputError, DiskError.
    """
    from yeonma import exporting

    if to != "vectors":
        later = " ONNX is not there yet." if to == "onnx" else nearest(to, ["vectors"])
        raise ConfigError(f"A run can be exported to 'vectors', but {to!r} came.{later}")
    if format not in exporting.FORMATS:
        raise ConfigError(f"There is no format called {format!r}.{nearest(format, exporting.FORMATS)}")
    model, run = load_model(folder), run_of(folder)
    seen = None
    if run and exporting.decays(run):
        met = dataset(run.config(), ("train",)).splits["train"]
        seen = exporting.words_met(model, [text for example in met for text in example.texts], progress)
    vectors = exporting.tuned_vectors(model, run, seen)
    if run and (start := run.config().encoder.vectors):
        try:
            vectors = exporting.with_counts(vectors, start)
        except VectorsError as error:
            progress(f"{error} Exported without counts of words; every word stands in the run itself.", 0, None, "")
    place = Path(output) if output else Path(folder) / f"vectors{exporting.FORMATS[format]}"
    exporting.write(vectors, place, format)
    return place


def run_of(folder: str | Path) -> Run | None:
    """The run in a folder; None where it holds a model alone."""
    return Run(folder) if (Path(folder) / "config.toml").exists() else None


def _examples(run: Run | None, data: str | None, split: str, model: Model) -> tuple[str, list[Example]]:
    from yeonma.data import load_split

    config = run.config() if run else None
    if config and data in (None, config.data.name):
        splits = dataset(config, ("valid", "test")).splits
        if split not in splits:
            there = f"It has: {', '.join(splits)}"
            way = "Name one of them with --split, or other data with --data"
            raise ConfigError(f"The run's data has no split {split!r}. {there}. {way}.")
        return config.data.name_of(split), list(splits[split])
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
    """A model from a run or model folder, or vectors from a vectors folder or a file of vectors.

    Raises: RunError, VectorsError.
    """
    from yeonma.vectors import Vectors

    path = Path(folder)
    if is_vectors(path):
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


__all__ = ["evaluate", "export", "finetune", "load", "load_model", "pretrain", "training"]
