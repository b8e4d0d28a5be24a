"""Encoders that give the scores of labels themselves: their task, and a head that passes the scores on."""

from __future__ import annotations

import torch

from yeonma import plugins
from yeonma.config import Config
from yeonma.encoders.ngram import must_be_whole
from yeonma.errors import ConfigError
from yeonma.model import Model
from yeonma.records import Dataset
from yeonma.tasks.single import Single


def task_of(config: Config, dataset: Dataset) -> Single:
    """The task, with a head that has no layer of its own and no dropout.

    Raises: ConfigError for a task without labels, or a setting that has no meaning here.
    """
    name, kind = config.encoder.kind, plugins.load("task", config.task)
    if not issubclass(kind, Single) or dataset.scale:
        what = "numbers" if issubclass(kind, Single) else f"the task {config.task!r}"
        raise ConfigError(
            f'The encoder "{name}" learns labels of one text or two (tasks "single" and "pair"); {what} came. '
            'Choose encoder.kind = "bilstm-attention", or another.'
        )
    if config.head.hidden:
        raise ConfigError(f"head.hidden: the encoder {name!r} gives the scores itself. Leave it out.")
    if config.train.batch_tokens:
        raise ConfigError(f"train.batch_tokens: the encoder {name!r} reads n-grams by documents. Leave it out.")
    must_be_whole(config.data.stride)
    numbers = {"scale": None, "threshold": dataset.threshold}
    task: Single = kind(dataset.labels, **numbers, **{**config.head.model_dump(), "dropout": 0.0})
    return task


@torch.no_grad()
def pass_on(model: Model) -> None:
    """Make the head give the scores as they are; one score z as −z/2 and z/2, whose softmax is the sigmoid of z."""
    weight, bias = model.head.parameters()
    weight.copy_(torch.tensor([[-0.5], [0.5]]) if weight.shape[1] == 1 else torch.eye(len(weight)))
    bias.zero_()
