"""The values that tuning tries: one search space for all cells, quasi-random first, then where the good ones were."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yeonma.config import set_value
from yeonma.errors import ConfigError, nearest

RATE = "train.learning_rate"
KNOWN = {
    RATE: "log:1e-5..10",
    "train.embedding_lr": "log:1e-5..10",
    "train.head_lr": "log:1e-5..10",
    "train.layer_decay": "0.5..1",
    "train.weight_decay": "log:1e-6..0.1",
    "train.warmup_ratio": "0..0.3",
    "head.dropout": "0..0.6",
    "encoder.dropout": "0..0.6",
    "train.batch_size": "16,32,64,128",
}
"""Spaces that are used where none is written."""


@dataclass(frozen=True)
class Space:
    """The values of one setting: from low to high, on a logarithmic or a plain scale, or one of some choices."""

    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[Any, ...] = ()

    def at(self, share: float) -> Any:
        """The value that lies so far (0 … 1) through the space."""
        if self.choices:
            return self.choices[min(int(share * len(self.choices)), len(self.choices) - 1)]
        if self.log:
            value = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
            return min(max(value, self.low), self.high)
        return self.low + share * (self.high - self.low)

    def distribution(self) -> Any:
        """The same for Optuna."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        if self.choices:
            return CategoricalDistribution(self.choices)
        return FloatDistribution(self.low, self.high, log=self.log)

    def __str__(self) -> str:
        if self.choices:
            return " or ".join(map(str, self.choices))
        return f"{self.low:g} … {self.high:g}, {'log-uniform' if self.log else 'uniform'}"


def parse(key: str, text: str) -> Space:
    """`0..0.5` uniform, `log:1e-5..1` log-uniform, or choices `16,32,64`.

    Raises: ConfigError.
    """
    scale, colon, bounds = text.rpartition(":")
    if ".." not in bounds:
        return Space(choices=tuple(value(each) for each in text.split(",")))
    try:
        low, high = (float(each) for each in bounds.split(".."))
    except ValueError:
        low = high = math.nan
    if not low < high or scale not in ("", "log") or (colon and low <= 0) or math.isinf(high):
        raise ConfigError(
            f"{key}: a search space is LOW..HIGH, log:LOW..HIGH (above 0) or values with commas. It got {text!r}."
        )
    return Space(low, high, bool(colon))


def value(text: str) -> Any:
    """A value as `--set` reads it."""
    tree: dict[str, Any] = {}
    set_value(tree, f"value={text.strip()}")
    return tree["value"]


def asked(also: Sequence[str], rate: str | None) -> dict[str, str]:
    """The learning rate's space and those of `--tune-also KEY` or `KEY=SPACE`, as text by key.

    Raises: ConfigError where no space is known for a key.
    """
    found = {RATE: rate or KNOWN[RATE]}
    for one in also:
        key, _, text = one.partition("=")
        if not text and key not in KNOWN:
            raise ConfigError(
                f"No search space is known for {key!r}: write one, --tune-also {key}=LOW..HIGH.{nearest(key, KNOWN)}"
            )
        found[key] = text or KNOWN[key]
    for key, text in found.items():
        parse(key, text)
    return found


def suggest(
    spaces: Mapping[str, str], number: int, trials: int, history: Sequence[tuple[Mapping[str, Any], float]], seed: int
) -> dict[str, Any]:
    """The values of trial `number`, a pure function of the trials before it, whoever runs them.

    The first half of the trials is the same for all cells, a scrambled Halton sequence (Owen 2017, arXiv 1706.02808).
    Each later one is what Optuna's TPE sampler (Bergstra et al. 2011) makes of all earlier ones.
    history  (values, score) of trials 0 … number − 1; −∞ for one that diverged
    """
    known = {key: parse(key, text) for key, text in spaces.items()}
    if number < free(trials):
        from scipy.stats.qmc import Halton

        shares = Halton(len(known), rng=seed).random(trials)[number].tolist()
        return {key: space.at(share) for (key, space), share in zip(known.items(), shares, strict=True)}
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed + number, n_startup_trials=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    shapes = {key: space.distribution() for key, space in known.items()}
    for params, score in history:
        study.add_trial(optuna.trial.create_trial(params=dict(params), distributions=shapes, value=score))
    return dict(study.ask(shapes).params)


def free(trials: int) -> int:
    """How many trials wait for no other: the first half."""
    return math.ceil(trials / 2)
