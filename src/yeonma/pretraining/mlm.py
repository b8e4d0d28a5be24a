"""Masked language modelling: plain text in, a folder with a transformer encoder out, that AutoModel and we load."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from yeonma.config import read_toml
from yeonma.errors import ConfigError, InputError, Interrupted, RunError
from yeonma.pretraining.mlm_config import MLMConfig, check, configure
from yeonma.pretraining.sources import corpus_files
from yeonma.records import Evaluated, Event, Finished, Progress, silent
from yeonma.run import Run
from yeonma.watch import watched

RUN = "training"
"""The run folder inside of the encoder's: settings, events, checkpoints. It may be removed when all is done."""


def pretrain_mlm(
    paths: Sequence[str | Path] = (),
    output: str | Path | None = None,
    *,
    column: str | None = None,
    resume: bool = False,
    overrides: Mapping[str, Any] | None = None,
    given: Sequence[str] = (),
    on_event: Callable[[Event], None] = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
    **choices: Any,
) -> Path:
    """Train an encoder to tell masked words of the texts of files, folders and globs; returns its folder, `output`.

    choices    single settings by name (`mlm_config.CHOICES`): encoder, tokenizer, vocab_size, layers, width, heads,
               max_length, epochs, steps, batch_size, optimizer, learning_rate, schedule, precision, threads, seed, …
    overrides  a tree of settings               given  settings as "key=value"; both go over the choices
    resume     continue the run in `output`, bit for bit; settings must be left out or equal
    stop       asked before every step; when it says True the run is saved and Interrupted is raised

    Raises: ConfigError, DataError; RunError when `output` is taken; Interrupted; Diverged; OutOfMemory; DiskError.
    """
    if output is None:
        raise ConfigError("Masked language modelling needs a folder to write to: -o DIR.")
    chosen = {"column": column, **choices}
    new = bool(paths) or bool(overrides) or bool(given) or any(value is not None for value in chosen.values())
    if not resume:
        corpus_files(paths)
    files = [str(Path(path).absolute()) for path in paths]
    config = configure(files, chosen, overrides, tuple(given)) if new or not resume else None
    for event in training(config, Path(output), resume=resume, stop=stop, progress=progress):
        on_event(event)
        if isinstance(event, Finished) and event.reason == "interrupted":
            raise Interrupted(f"Saved at step {event.step}. Continue with: yeonma pretrain mlm --resume -o {output}")
    return Path(output)


def training(
    config: MLMConfig | None,
    output: Path,
    *,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
) -> Iterator[Event]:
    """Train in `output` and yield the events; `config` may be None when an old run is resumed.

    A new run whose input turns out to be wrong leaves no folder behind. Raises: as `pretrain_mlm`.
    """
    run = _resumed(config, output) if resume else _begun(config, output)
    settings = settings_of(run)
    advice = "Lower train.batch_size, corpus.max_length or shape.vocab_size."
    events = _masked(run, settings, output, resume, stop, progress)
    try:
        yield from watched(run, events, new=not resume, advice=advice)
    except InputError:
        with suppress(OSError):  # where the run was discarded and nothing else is in it
            output.rmdir()
        raise


def settings_of(run: Run) -> MLMConfig:
    """The resolved settings of a run."""
    return check(read_toml(run.folder / "config.toml"))


def result(output: Path) -> dict[str, Any]:
    """How a finished run ended, and the held-out scores of the weights that were kept."""
    *before, end = Run(output / RUN).events()
    assert isinstance(end, Finished), "a finished run ends so"
    kept = [event for event in before if isinstance(event, Evaluated) and event.step == end.best_step]
    facts = {"step": end.step, "reason": end.reason, "best_step": end.best_step, "seconds": round(end.seconds, 2)}
    return {**facts, "held_out": dict(kept[-1].scores)}


def tokens_at(output: Path, step: int) -> tuple[int, int]:
    """Tokens that a run has read after a step, and those that it reads in all."""
    facts = Run(output / RUN).read("coverage.json")
    a_step = facts["blocks"]["train"] * facts["max_length"] / facts["steps_per_epoch"]
    return round(step * a_step), round(facts["steps"] * a_step)


def _begun(config: MLMConfig | None, output: Path) -> Run:
    if config is None:
        raise ConfigError("A new run needs a corpus.")
    run = Run(output / RUN)
    run.must_be_free()
    if output.exists() and (not output.is_dir() or any(path.name != RUN for path in output.iterdir())):
        raise RunError(f"{output} exists and is not an empty folder. Choose another one with -o.")
    settings: Any = config
    return Run.create(run.folder, settings)


def _resumed(config: MLMConfig | None, output: Path) -> Run:
    if not (output / RUN / "config.toml").is_file():
        raise RunError(f"{output} holds no run of masked language modelling to resume: {RUN}/config.toml is missing.")
    run = Run(output / RUN)
    if config not in (None, settings_of(run)):
        raise ConfigError(f"{output} was begun with other settings. Resume it with --resume -o {output} alone.")
    run.lock()
    return run


def _masked(
    run: Run, config: MLMConfig, output: Path, resume: bool, stop: Callable[[], bool], progress: Progress
) -> Iterator[Event]:
    from yeonma.pretraining.mlm_objective import prepare
    from yeonma.train import descend

    run.note("resumed" if resume else "began")
    yield from descend(prepare(config, run, output, progress), run, resume=resume, stop=stop, progress=progress)
