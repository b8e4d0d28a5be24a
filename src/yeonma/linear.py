"""Fine-tuning of linear n-grams as an objective of the loop: its steps are made by a kernel, one document each."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from yeonma import groups, optim, plain_head, probes
from yeonma.config import Config
from yeonma.encoders.ngram import Ngram
from yeonma.encoders.ngram_features import Features
from yeonma.encoders.ngram_steps import Lesson
from yeonma.errors import ConfigError, InputError
from yeonma.groups import Group
from yeonma.model import Model, start_of
from yeonma.optim.optimizer import start
from yeonma.optim.settings import settings_of
from yeonma.records import Batch, Dataset, Example, Progress, silent
from yeonma.run import Run
from yeonma.scoring import metric_of
from yeonma.tasks.classes import Classes
from yeonma.tasks.single import Single
from yeonma.train import Descent, Made, finite, full_batch, micro_batches, set_rates, update


@dataclass(kw_only=True)
class Linear(Descent):
    """Linear n-grams under the head of a task with labels.

    A step of the loop is a stretch of `train.batch_size` documents; inside it the weights move after each of them. Only
    the rows of a document's n-grams are moved: exact for rules that leave a weight without gradient where it is.
    """

    config: Config
    model: Model
    encoder: Ngram  # the model's
    aim: Classes  # the task's
    lesson: Lesson
    valid: Features
    dataset: Dataset

    def plan(self, epoch: int) -> list[np.ndarray]:
        """All documents in random order, in stretches."""
        size, count = self.config.train.batch_size, len(self.lesson.data)
        order = np.random.default_rng([self.config.seed, epoch]).permutation(count)
        return [order[i : i + size] for i in range(0, count, size)]

    def advance(self, stop: Callable[[], bool] = lambda: False) -> Made | None:
        """A stretch of documents by the kernel; for gradient descent, which has one step an epoch, as every model."""
        if full_batch(self.config.train):
            return update(self, stop)
        if stop():
            return None
        (documents,), rate = micro_batches(self), set_rates(self)
        weight, group = self.encoder.table.weight, self.optimizer.param_groups[0]
        form = optim.get(group["rule"]).form(group["form"])
        state = self.optimizer.state[weight] = self.optimizer.state.get(weight) or start(form, weight)
        most = self.config.train.max_grad_norm
        loss, squares = self.lesson.step(form, weight, state, documents, settings_of(form, group), most)
        made = finite(self, Made(loss, len(documents), rate, math.sqrt(squares / len(documents))))
        self.state.step += 1
        return made

    def loss(self, examples: np.ndarray) -> Tensor:
        """The task's, by torch."""
        data, counts = self.lesson.data, np.diff(self.lesson.data.starts)[examples]
        mask = np.arange(counts.max()) < counts[:, None]
        ids = np.zeros(mask.shape, np.int64)
        ids[mask] = np.concatenate([data.ids[data.starts[i] : data.starts[i + 1]] for i in examples])
        targets = {"label": torch.from_numpy(self.lesson.golds[examples])}
        part = torch.full(mask.shape, -1, dtype=torch.int8)
        inputs = {"ids": torch.from_numpy(ids)}
        batch = Batch(inputs, torch.from_numpy(mask), part, targets, torch.arange(len(examples)))
        return self.model.task.loss(self.model(batch), batch)

    def scores(self) -> Mapping[str, Any]:
        """Those of the validation examples."""
        return self.scored(self.encoder.logits(self.valid))

    def scored(self, found: np.ndarray, truncated: int = 0) -> Mapping[str, Any]:
        """The scores of the validation examples by what was found of each: its sum, or a score for each label."""
        best = found.argmax(1) if found.shape[1] > 1 else (found[:, 0] > 0).astype(int)
        labels, examples = self.aim.labels, self.dataset.splits["valid"]
        known = [(e.gold, labels[i]) for e, i in zip(examples, best.tolist(), strict=True) if e.gold is not None]
        scores: Mapping[str, Any] = self.aim.scores([gold for gold, _ in known], [said for _, said in known])
        return {**scores, "truncated": truncated}

    def inputs(self) -> str:
        """A hash of the n-grams, and of the features and labels of the examples."""
        return self._inputs

    @cached_property
    def _inputs(self) -> str:
        key = hashlib.sha256("\n".join(self.aim.labels).encode("utf-8", "surrogatepass"))
        arrays = self.encoder.vocabulary, *self.lesson.data, self.lesson.golds, *self.valid
        for values in arrays:
            key.update(np.ascontiguousarray(values).data)
        return key.hexdigest()

    def begin(self, run: Run, progress: Progress) -> None:
        """Record how many n-grams there are, what is trained, the named rows, and where the path begins."""
        truncated = {"train": 0, "valid": 0, "max_length": "–"}
        run.save_encoder_facts({**self.encoder.coverage(), "truncated": truncated})
        run.save_groups(groups.record(self.groups))
        for line in groups.lines(self.groups, self.config):
            run.note(line)
        self._save_rows(run, "before")
        self.watch(run, scored=True)

    def watch(self, run: Run, scored: bool) -> None:
        """Record a point of the weights' path, and after scoring the scores of some texts."""
        first = Features(self.valid.ids, self.valid.starts[: probes.TEXTS + 1])
        states = {"states.pooled": torch.from_numpy(self.encoder.logits(first))} if scored else {}
        run.save_probe(self.state.step, {**self.point(), **states})

    def finish(self, run: Run) -> None:
        """Write model/ and the tuned rows that have a name."""
        self.model.eval().save_pretrained(run.model_folder)
        self._save_rows(run, "after")

    def _save_rows(self, run: Run, when: str) -> None:
        words = self.encoder.words()
        run.save_embeddings(when, self.encoder.embeddings().weight[: len(words)], words)


def prepare(config: Config, dataset: Dataset, progress: Progress = silent) -> Linear:
    """Take the n-grams of the training texts, start from naive Bayes, and set the optimizer up.

    Raises: ConfigError for a task without labels or a setting that has no meaning here; InputError.
    """
    settings = config.train
    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.manual_seed(config.seed)
    task = _task(config, dataset)
    if not dataset.splits["train"] or not dataset.splits["valid"]:
        raise InputError("Training needs at least one training and one validation example. Give more rows.")
    metric = metric_of(settings.metric, dataset, task)
    if settings.class_weights == "balanced":
        task.weigh(dataset.splits["train"])
    model, encoder, aim, lesson = _model(config, dataset, task, progress)
    rate = settings.embedding_lr or settings.learning_rate or optim.get(settings.optimizer).form(settings.form).lr
    parts = [
        Group("head", tuple(model.head.parameters()), rate, None),
        Group("embeddings", tuple(encoder.table.parameters()), rate, 0),
    ]
    groups.freeze(parts, 0)
    per_epoch = 1 if full_batch(settings) else math.ceil(len(lesson.data) / settings.batch_size)
    return Linear(
        config=config,
        model=model,
        encoder=encoder,
        aim=aim,
        groups=parts,
        optimizer=groups.make_optimizer(parts, settings),
        metric=metric,
        steps_per_epoch=per_epoch,
        steps=per_epoch * settings.epochs,
        lesson=lesson,
        valid=encoder.read(_texts(dataset.splits["valid"])),
        dataset=dataset,
    )


def _task(config: Config, dataset: Dataset) -> Single:
    task = plain_head.task_of(config, dataset)
    if config.encoder.freeze != "none":
        raise ConfigError("encoder.freeze: the encoder 'ngram' has nothing but its n-grams to train. Leave it out.")
    if config.train.head_lr:
        raise ConfigError("train.head_lr: the encoder 'ngram' has one table, nothing else. Leave it out.")
    return task


def _model(config: Config, dataset: Dataset, task: Single, progress: Progress) -> tuple[Model, Ngram, Classes, Lesson]:
    """The model at its start, its parts, and what it learns from."""
    assert isinstance(task.aim, Classes)
    classes = task.aim.outputs
    shape = {"outputs": 1 if classes == 2 else classes, "parts": task.parts}
    settings = Ngram.Settings(**{**(config.encoder.model_extra or {}), **shape})
    Ngram.must_have_none(start_of(config))
    train = dataset.splits["train"]
    progress("reading n-grams", 0, None, "")
    encoder, data = Ngram.learn(settings, _texts(train))
    golds = np.fromiter((task.aim.index[str(e.gold)] for e in train), np.int64, len(train))
    encoder.begin(data, golds, classes)
    model = Model(encoder, task, max_length=config.data.max_length, precision=config.train.precision)
    plain_head.pass_on(model)
    weights = torch.ones(classes) if task.aim.weights is None else task.aim.weights
    return model, encoder, task.aim, Lesson(data, golds, weights.numpy().astype(np.float32))


def _texts(examples: Sequence[Example]) -> list[str]:
    return list(chain.from_iterable(example.texts for example in examples))
