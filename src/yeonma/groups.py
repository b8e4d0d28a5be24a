"""What is trained, at which rate and from which epoch on: a group of weights for the head and one for each layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from yeonma import optim
from yeonma.config import Config, TrainConfig
from yeonma.errors import ConfigError
from yeonma.model import Model
from yeonma.optim.settings import resolve


@dataclass(frozen=True)
class Group:
    """Weights that share a learning rate and begin to be trained together.

    rate         the learning rate that the schedule multiplies
    first_epoch  the epoch, counted from 0, in which their training begins; None: they stay as they are in this run
    """

    name: str
    weights: tuple[nn.Parameter, ...]
    rate: float
    first_epoch: int | None


def make_groups(model: Model, config: Config) -> list[Group]:
    """The head, then the encoder's layers from the top down to the embeddings.

    Raises: ConfigError when `encoder.freeze` names more layers than there are, or a setting of the rule does not fit.
    """
    layers = [tuple(layer.parameters()) for layer in model.encoder.layers()]
    names = ["embeddings", *(f"layer {number}" for number in range(1, len(layers)))]
    *rates, head_rate = learning_rates(config.train, len(layers), model.encoder.pace)
    begins = [e if e is None or e < config.train.epochs else None for e in first_epochs(config, len(layers))]
    encoder = [Group(*row) for row in zip(names, layers, rates, begins, strict=True)]
    return [Group("head", tuple(model.head.parameters()), head_rate, 0), *reversed(encoder)]


def learning_rates(settings: TrainConfig, layers: int, pace: float = 1.0) -> list[float]:
    """The rates of the layers from the bottom up, then the head's.

    ηₖ = learning_rate · layer_decayᵏ for the k-th layer below the head, k = 0 for the head itself: the discriminative
    fine-tuning of Howard & Ruder 2018 (arXiv 1801.06146), one factor from layer to layer as in Clark et al. 2020
    (arXiv 2003.10555). Where no learning rate is given it is the rule's default times `pace`. `embedding_lr` and
    `head_lr` replace the first and the last of them, and no other.
    """
    form = optim.get(settings.optimizer).form(settings.form)
    given = {} if settings.learning_rate is None else {"lr": settings.learning_rate}
    rate = resolve(form, {**given, **settings.optimizer_args}).get("lr", form.lr * pace)
    rates = [rate * settings.layer_decay ** (layers - number) for number in range(layers)]
    rates[0] = settings.embedding_lr or rates[0]
    return [*rates, settings.head_lr or rate]


def first_epochs(config: Config, layers: int) -> list[int | None]:
    """For each layer from the bottom up the epoch, counted from 0, in which its training begins; None: never.

    "gradual" is gradual unfreezing (Howard & Ruder 2018): epoch 0 trains the head alone, every epoch after it one layer
    more, the top one first. It depends on nothing but the epoch, so a resumed run freezes what the first one froze.
    Raises: ConfigError when "lower:K" names more layers than there are.
    """
    what = config.encoder.freeze
    if what == "gradual":
        return [layers - number for number in range(layers)]
    if not what.startswith("lower:"):
        frozen = {"none": 0, "embeddings": 1, "all": layers}[what]
    elif (frozen := 1 + int(what.removeprefix("lower:"))) > layers:
        raise ConfigError(
            f"encoder.freeze: {what!r} freezes more layers than {config.encoder.kind} has above its embeddings: "
            f'{layers - 1}. Lower K, or write "embeddings" or "all".'
        )
    return [None if number < frozen else 0 for number in range(layers)]


def make_optimizer(all_groups: Sequence[Group], settings: TrainConfig) -> torch.optim.Optimizer:
    """The chosen rule with a named parameter group for each group that is trained in this run, the head's first.

    Raises: ConfigError for a setting the rule does not have.
    """
    rows = [{"params": [*g.weights], "lr": g.rate, "name": g.name} for g in all_groups if g.first_epoch is not None]
    arguments = {"form": settings.form, "weight_decay": settings.weight_decay, **settings.optimizer_args}
    return optim.make(settings.optimizer, rows, **arguments)


def freeze(all_groups: Sequence[Group], epoch: int) -> None:
    """Stop the gradient of the groups whose training has not begun in `epoch`, counted from 0; let it reach the others.

    A weight that was frozen from the start has no gradient at all, so no optimizer moves it, by weight decay or
    momentum neither.
    """
    for group in all_groups:
        for weight in group.weights:
            weight.requires_grad_(group.first_epoch is not None and group.first_epoch <= epoch)


def record(all_groups: Sequence[Group]) -> list[dict[str, Any]]:
    """The groups as the run folder keeps them: name, weights (how many numbers), learning_rate, and first_epoch.

    `first_epoch` is counted from 1 as people do; null: frozen throughout.
    """
    return [
        {
            "name": group.name,
            "weights": sum(weight.numel() for weight in group.weights),
            "learning_rate": group.rate,
            "first_epoch": None if group.first_epoch is None else group.first_epoch + 1,
        }
        for group in all_groups
    ]


def lines(all_groups: Sequence[Group], config: Config) -> list[str]:
    """The groups as lines for people."""
    shown = [
        f"{row['name']:<10} {row['weights']:>13,} weights  "
        + ("frozen" if row["first_epoch"] is None else f"rate {row['learning_rate']:.3g}")
        + (f", from epoch {row['first_epoch']} on" if (row["first_epoch"] or 1) > 1 else "")
        for row in record(all_groups)
    ]
    epochs = config.train.epochs
    if config.encoder.freeze == "gradual" and epochs < len(all_groups):
        shown.append(
            f"train.epochs = {epochs} does not reach the embeddings: gradual unfreezing trains everything with "
            f"{len(all_groups)} or more"
        )
    return shown
