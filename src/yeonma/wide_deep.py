"""Fine-tuning of n-grams and a network as one objective of the loop: first the one, then the other, then their sum."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yeonma import config as configs
from yeonma import finetuning, groups, linear, plain_head, probes
from yeonma.config import Config, EncoderConfig
from yeonma.encoders.static import StaticEncoder
from yeonma.encoders.wide_deep import NETWORKS, WideDeep, by_label, deviation, mixed
from yeonma.errors import ConfigError
from yeonma.finetuning import Training
from yeonma.linear import Linear
from yeonma.model import Model
from yeonma.optim.several import Several
from yeonma.records import Dataset, Progress, silent
from yeonma.run import Run
from yeonma.train import Descent, Made

SHARES = tuple(number / 10 for number in range(11))  # of the network, one of which validation chooses


@dataclass(kw_only=True)
class WideThenDeep(Descent):
    """Epochs of linear n-grams, then epochs of a network; each by its own objective, which shares its weights with us.

    An epoch of either has the same number of steps. What is scored, and chosen by its score, is the sum: in the epochs
    of the n-grams these alone, and after that with the share of the network that is best on validation just then.
    """

    config: Config
    model: Model
    encoder: WideDeep  # the model's
    wide: Linear
    deep: Training

    def part(self) -> tuple[Descent, int]:
        """Whose step comes next, and the steps made before its first one."""
        return (self.wide, 0) if self.state.step < self.wide.steps else (self.deep, self.wide.steps)

    def plan(self, epoch: int) -> list[np.ndarray]:
        """The part's own."""
        before = self.wide.steps // self.steps_per_epoch
        return self.wide.plan(epoch) if epoch < before else self.deep.plan(epoch - before)

    def loss(self, examples: np.ndarray) -> Tensor:
        """The part's own."""
        return self.part()[0].loss(examples)

    def advance(self, stop: Callable[[], bool] = lambda: False) -> Made | None:
        """A step of the part that comes next."""
        part, before = self.part()
        part.state.step = self.state.step - before
        made = part.advance(stop)
        self.state.step += made is not None
        return made

    def scores(self) -> Mapping[str, Any]:
        """Those of the sum on the validation examples; with them each part's alone, and the network's share."""
        wide = by_label(torch.from_numpy(self.wide.encoder.logits(self.wide.valid)))
        if self.state.step <= self.wide.steps:
            self.state.stale = -1  # patience is for the network: there is none before its first step
            self.encoder.set_mix(deviation(wide), 1.0, 0.0)
            return {**self._scored(wide), "share": 0.0}
        deep = torch.stack(self.deep.model.read(self.deep.valid))
        self._mix(wide, deep)
        share = {"share": round(float(self.encoder.mix[2]), 6)}
        alone = {"wide": self._scored(wide)[self.metric], "deep": self._scored(deep)[self.metric]}
        return {**self._scored(mixed(wide, deep, self.encoder.mix)), **share, **alone}

    def _mix(self, wide: Tensor, deep: Tensor) -> None:
        """Set the deviations, and the share whose scores are best: of equal ones that with the lower log loss."""
        golds = torch.tensor([self.wide.aim.target(e.gold) for e in self.wide.dataset.splits["valid"]])
        given = self.encoder.settings.share

        def worth(share: float) -> tuple[float, float]:
            self.encoder.set_mix(deviation(wide), deviation(deep), share)
            scores = mixed(wide, deep, self.encoder.mix)
            return self._scored(scores)[self.metric], -float(F.cross_entropy(scores, golds))

        best = max(SHARES, key=worth) if given is None else given
        self.encoder.set_mix(deviation(wide), deviation(deep), best)

    def _scored(self, scores: Tensor) -> Mapping[str, Any]:
        return self.wide.scored(scores.numpy(), self.deep.valid.truncated)

    def inputs(self) -> str:
        """A hash of both parts'."""
        return hashlib.sha256(f"{self.wide.inputs()} {self.deep.inputs()}".encode()).hexdigest()

    def begin(self, run: Run, progress: Progress) -> None:
        """Record what the network's words and the n-grams are, what is trained, and where the path begins."""
        truncated = {"train": self.deep.train.truncated, "valid": self.deep.valid.truncated}
        limit = {"max_length": self.config.data.max_length}
        run.save_encoder_facts({**self.encoder.coverage(), "truncated": {**truncated, **limit}})
        run.save_groups(groups.record(self.groups))
        for line in groups.lines(self.groups, self.config):
            run.note(line)
        run.save_embeddings("before", self.encoder.embeddings().weight, self.encoder.words())
        self.watch(run, scored=False)

    def watch(self, run: Run, scored: bool) -> None:
        """Record a point of the weights' path; after scoring the network's vectors of some texts, and a line."""
        states = probes.states(self.deep.model, self.deep.valid) if scored else {}
        run.save_probe(self.state.step, {**self.point(), **states})
        if scored:
            wide, deep, share = self.encoder.mix.tolist()
            run.note(f"step {self.state.step}: deviations {wide:.4g} and {deep:.4g}, share of the network {share:.3g}")

    def finish(self, run: Run) -> None:
        """Write model/ and the tuned embeddings, and say what the sum is."""
        self.encoder.settle()
        run.note(f"the model of step {self.state.best_step}: share of the network {self.encoder.settings.share:.3g}")
        self.model.eval().save_pretrained(run.model_folder)
        run.save_embeddings("after", self.encoder.embeddings().weight, self.encoder.words())


def prepare(config: Config, dataset: Dataset, progress: Progress = silent) -> WideThenDeep:
    """Prepare both parts, and put them together.

    Raises: ConfigError for a task without labels, or a setting that has no meaning here; what the parts raise.
    """
    task = plain_head.task_of(config, dataset)
    if config.encoder.path is not None:
        raise ConfigError(
            f"encoder.path is for a pretrained encoder, and 'wide-deep' has none; it got {config.encoder.path!r}. "
            "Name static vectors in encoder.vectors."
        )
    if config.train.examples or config.train.cpu_seconds:
        what = "examples" if config.train.examples else "cpu_seconds"
        raise ConfigError(
            f"train.{what}: 'wide-deep' trains two parts, each for epochs of its own. Give train.epochs and "
            "encoder.wide_epochs."
        )
    settings = WideDeep.Settings(**(config.encoder.model_extra or {}))
    deep = finetuning.prepare(_deep(config, settings), dataset, progress)
    # As many stretches an epoch as the network has batches: so both have epochs of one length.
    stretch = math.ceil(len(dataset.splits["train"]) / deep.steps_per_epoch)
    wide = linear.prepare(_wide(config, settings, stretch), dataset, progress)
    encoder = _together(settings, wide, deep)
    model = Model(encoder, task, max_length=config.data.max_length, precision=config.train.precision)
    plain_head.pass_on(model)
    trained = [replace(group, name="n-grams") for group in wide.groups if group.first_epoch is not None]
    return WideThenDeep(
        config=config,
        model=model,
        encoder=encoder,
        groups=[*deep.groups, *trained],
        optimizer=Several([deep.optimizer, wide.optimizer]),
        metric=deep.metric,
        steps_per_epoch=deep.steps_per_epoch,
        steps=wide.steps + deep.steps,
        wide=wide,
        deep=deep,
    )


def _together(settings: Any, wide: Linear, deep: Training) -> WideDeep:
    """The encoder made of both: the last layer of the network's head gives its scores."""
    network, (*_, scores) = deep.model.encoder, deep.model.head.modules()
    assert isinstance(network, StaticEncoder)
    assert isinstance(scores, nn.Linear)
    return WideDeep(settings, wide.encoder, network, scores)


def _deep(config: Config, settings: Any) -> Config:
    """The run of the network alone."""
    own = getattr(settings, NETWORKS[settings.deep][0]).model_dump()
    shared = {name: getattr(config.encoder, name) for name in EncoderConfig.model_fields}
    return config.model_copy(update={"encoder": EncoderConfig(**{**shared, "kind": settings.deep}, **own)})


def _wide(config: Config, settings: Any, stretch: int) -> Config:
    """The run of the n-grams alone, with their own defaults."""
    rate = {} if settings.wide_learning_rate is None else {"learning_rate": settings.wide_learning_rate}
    also = config.train.model_dump(include={"class_weights", "metric", "threads", "precision"}, exclude_none=True)
    tree = {
        **config.model_dump(include={"task", "seed", "data"}, exclude_none=True),
        "encoder": {"kind": "ngram", **settings.ngram.model_dump()},
        "train": {**also, **rate, "epochs": settings.wide_epochs, "batch_size": stretch},
    }
    return configs.resolve(tree)
