"""Fine-tuning as an objective of the loop: examples under a task's head."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from yeonma import batches, groups, plugins, probes
from yeonma.batches import Prepared
from yeonma.config import Config, TrainConfig
from yeonma.errors import ConfigError, InputError
from yeonma.model import Model, build
from yeonma.precision import autocast
from yeonma.records import Dataset, Event, Progress, silent
from yeonma.run import Run
from yeonma.scoring import evaluate, metric_of
from yeonma.train import Descent, descend, full_batch


@dataclass(kw_only=True)
class Training(Descent):
    """Fine-tuning: examples under a task's head."""

    config: Config
    model: Model
    train: Prepared
    valid: Prepared
    dataset: Dataset

    def plan(self, epoch: int) -> list[np.ndarray]:
        """As `batches.plan` cuts them."""
        return batches.plan(self.train, *_cut(self.config.train), self.config.seed, epoch)

    def passes(self, examples: np.ndarray) -> list[np.ndarray]:
        """No more tokens at once than the encoder takes, where an example of more stands alone."""
        return batches.split(self.train, examples, self.model.encoder.pass_tokens)

    def loss(self, examples: np.ndarray) -> Tensor:
        """The task's."""
        batch = batches.collate(self.model.encoder, self.train, self.train.rows_of(examples))
        with autocast(self.config.train.precision):
            out = self.model(batch)
        return self.model.task.loss(out, batch)

    def scores(self) -> Mapping[str, Any]:
        """Those of the validation examples."""
        return evaluate(self.model, self.dataset.splits["valid"], self.valid)[0]

    def inputs(self) -> str:
        """A hash of the vocabulary, and of the tokens, labels, lengths and targets of the examples."""
        key = hashlib.sha256(
            "\n".join([*self.model.encoder.words(), "", *self.model.task.labels]).encode("utf-8", "surrogatepass")
        )
        for rows in (self.train, self.valid):
            for window in rows.windows:
                key.update(window.ids.tobytes())
            key.update(rows.lengths.tobytes())
            for _, column in sorted(rows.targets.items()):
                for values in [column.numpy()] if isinstance(column, Tensor) else column:
                    key.update(values.tobytes())
        return key.hexdigest()

    def begin(self, run: Run, progress: Progress) -> None:
        """Record what the encoder knows, the groups, the embeddings, and where the path begins."""
        truncated = {"train": self.train.truncated, "valid": self.valid.truncated}
        limit = {"max_length": self.config.data.max_length}
        run.save_encoder_facts({**self.model.encoder.coverage(), "truncated": {**truncated, **limit}})
        _tell_groups(self, run, progress)
        run.save_embeddings("before", self.model.encoder.embeddings().weight, self.model.encoder.words())
        self.watch(run, scored=True)

    def watch(self, run: Run, scored: bool) -> None:
        """Record a point of the weights' path, and after scoring the vectors of some texts."""
        states = probes.states(self.model, self.valid) if scored else {}
        run.save_probe(self.state.step, {**self.point(), **states})

    def finish(self, run: Run) -> None:
        """Write model/ and the tuned embeddings."""
        self.model.eval().save_pretrained(run.model_folder)
        run.save_embeddings("after", self.model.encoder.embeddings().weight, self.model.encoder.words())


def prepare(config: Config, dataset: Dataset, progress: Progress = silent) -> Training:
    """Build the model, tokenize, and set the optimizer up. The same seed gives the same start.

    Raises: ConfigError, InputError, DataError.
    """
    settings = config.train
    if settings.threads:
        torch.set_num_threads(settings.threads)
    if not dataset.splits["train"] or not dataset.splits["valid"]:
        raise InputError("Training needs at least one training and one validation example. Give more rows.")
    torch.manual_seed(config.seed)
    model = build(config, dataset, progress)
    parts = groups.make_groups(model, config)
    groups.freeze(parts, settings.epochs)  # what no epoch trains
    metric = metric_of(settings.metric, dataset, model.task)
    rows = {split: model.prepare(dataset.splits[split], progress) for split in ("train", "valid")}
    if getattr(model.encoder.settings, "cache", False):
        rows["train"] = _kept(model, parts, rows["train"], settings.precision, progress)
    optimizer = groups.make_optimizer(parts, settings)
    per_epoch = 1 if full_batch(settings) else batches.steps_per_epoch(rows["train"], *_cut(settings))
    return Training(
        config=config,
        model=model,
        groups=parts,
        optimizer=optimizer,
        metric=metric,
        steps_per_epoch=per_epoch,
        steps=per_epoch * settings.epochs,
        train=rows["train"],
        valid=rows["valid"],
        dataset=dataset,
    )


def _kept(model: Model, parts: Sequence[groups.Group], rows: Prepared, precision: str, progress: Progress) -> Prepared:
    """The rows with the output of the layers that no epoch trains: dropout is off there, and embeddings stay.

    Raises: ConfigError when no layer is frozen.
    """
    frozen = sum(part.first_epoch is None for part in parts)
    if not frozen:
        raise ConfigError(
            'encoder.cache keeps what frozen layers compute: freeze some with encoder.freeze = "lower:K".'
        )
    with autocast(precision):
        return replace(rows, windows=model.encoder.remember(rows.windows, frozen - 1, progress))


def _cut(settings: TrainConfig) -> tuple[int, int | None, bool]:
    return settings.batch_size, settings.batch_tokens, settings.bucket


def train(
    config: Config,
    run: Run,
    dataset: Dataset,
    *,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
) -> Iterator[Event]:
    """Fine-tune as `descend` does; an encoder may have an objective of its own, that brings its own way to make steps.

    Raises: what `prepare` and `descend` raise.
    """
    yield from descend(objective(config, dataset, progress), run, resume=resume, stop=stop, progress=progress)


def objective(config: Config, dataset: Dataset, progress: Progress = silent) -> Descent:
    """What the loop is given: `prepare`'s, or the encoder's own where it has one."""
    kind = config.encoder.kind
    begin = plugins.load("objective", kind) if kind in plugins.names("objective") else prepare
    begun: Descent = begin(config, dataset, progress)
    return begun


def _tell_groups(t: Training, run: Run, progress: Progress) -> None:
    """Record what is trained and how; on the screen only where that is not all in one way."""
    run.save_groups(groups.record(t.groups))
    for line in groups.lines(t.groups, t.config):
        run.note(line)
        if len({(group.rate, group.first_epoch) for group in t.groups}) > 1:
            progress(line, 0, None, "")
