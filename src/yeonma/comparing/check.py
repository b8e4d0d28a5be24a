"""Whether cells can be compared by the rules of a plan: seen before it is written, since no cell leaves a study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from yeonma import plugins
from yeonma.comparing.grid import kind_of
from yeonma.comparing.spaces import parse
from yeonma.comparing.study import Plan, Study
from yeonma.config import Config
from yeonma.encoders import pretrained
from yeonma.errors import ConfigError, VectorsError

SHARES = (1e-9, 0.381966, 1 - 1e-9)
"""Where a space is tried before anything runs; its ends are never drawn; no whole number lies at the second."""
RULED = ("seed", "train.examples", "train.epochs", "train.cpu_seconds", "train.evaluations", "train.patience")
"""Settings that follow from the rules."""
SHARED = ("task", "train.metric")
"""Settings without which the scores of two cells are not of one kind; so are those of the data, but for READING."""
READING = ("data.max_length", "data.stride")
WITHOUT_BUDGET = ("wide-deep",)
"""Encoders that train several parts for epochs of their own."""


def check(plan: Plan) -> None:
    """See that every cell's settings fit, under the rules.

    Raises: ConfigError, naming the cell.
    """
    for key in plan.rules.spaces:
        _must_be_free(key, "search")
    trial = Study("", plan)
    for cell, own in plan.cells.items():
        try:
            _must_fit(own, plan)
            for params in _samples(plan.rules.spaces):
                config = trial.settings(cell, trial.first_seed, params)
                _must_make_a_step(config, plan)
            _must_be_there(config)
        except (ConfigError, VectorsError) as error:
            raise ConfigError(f"The cell {cell}: {error}") from error


def _samples(spaces: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Values of all searched settings: each in turn at its ends or choices and between, the others in the middle."""
    known = {key: parse(key, text) for key, text in spaces.items()}
    middle = {key: space.at(0.5) for key, space in known.items()}
    yield middle
    for key, space in known.items():
        yield from ({**middle, key: each} for each in space.choices or map(space.at, SHARES))


def _must_be_there(config: Config) -> None:
    """See that there is what the cell starts from and ends on, as far as names say; contents are not read.

    Raises: ConfigError, VectorsError.
    """
    encoder = config.encoder
    for path in filter(None, (config.data.test, encoder.vectors)):
        if not Path(path).exists():
            raise ConfigError(f"{path}: there is no such file or folder. Paths begin at the current one, {Path.cwd()}.")
    if encoder.path is not None:
        pretrained.place(encoder.path)
    if encoder.tokenizer is not None:
        plugins.load("tokenizer", encoder.tokenizer)


def _must_fit(cell: Mapping[str, Any], plan: Plan) -> None:
    """See that a cell sets only what cells may differ in."""
    for key in cell:
        _must_be_free(key, "grid")
        if key in plan.rules.spaces:
            raise ConfigError(f"{key} is tuned in every cell: leave it out of the grid, or tune nothing (--tune 0).")
    if (kind := cell.get("encoder.kind") or kind_of(plan.base)) in WITHOUT_BUDGET:
        raise ConfigError(f"{kind!r} trains its parts for epochs of their own and keeps no budget. Leave it out.")


def _must_make_a_step(config: Config, plan: Plan) -> None:
    """See that the budget is enough for a step; one of gradient descent sees all examples."""
    train, all_of_them = config.train, int(plan.data["train"])
    needed = all_of_them if train.optimizer == "gd" else min(train.batch_size, all_of_them)
    if train.examples and train.examples < needed and not train.batch_tokens:
        raise ConfigError(
            f"A step of {train.optimizer} sees {needed:,} examples, and the budget is {train.examples:,}. Give more "
            "with --budget-examples, or leave it out."
        )


def _must_be_free(key: str, where: str) -> None:
    """See that cells or trials may differ in a setting.

    where  what asks for it: "grid" or "search"
    Raises: ConfigError.
    """
    if key in RULED:
        why = "the rules set it for every run: see --seeds, --budget-examples, --budget-seconds and --evaluations"
    elif key in SHARED or (key.startswith("data.") and key not in READING):
        why = "it must be the same for all, or their scores cannot be compared; make a study for each value"
    else:
        return
    raise ConfigError(f"{key} cannot stand in the {where}: {why}.")
