"""The rules of a study: what is equal for all cells. They are fixed when it begins, and said in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from yeonma import stats
from yeonma.comparing.spaces import free, parse
from yeonma.errors import ConfigError

TRIALS, SEEDS, EVALUATIONS = 16, 5, 10  # where none are asked for
TOO_FEW = 2.0  # standard deviations of a pair's difference: what is smaller than this is not seen


@dataclass(frozen=True)
class Rules:
    """What is equal for all cells.

    trials                 tuning runs of a cell; 0: each cell runs at its own settings
    seeds                  final runs of a cell
    examples, cpu_seconds  the budget of every run; one of them is given
    evaluations            how often a run is scored on validation data
    spaces                 searched settings: dotted key → the text of a Space
    """

    trials: int = TRIALS
    seeds: int = SEEDS
    examples: int | None = None
    cpu_seconds: float | None = None
    evaluations: int = EVALUATIONS
    spaces: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.examples is None) == (self.cpu_seconds is None):
            raise ConfigError("A study has one budget: examples or seconds of the processor.")
        budget = self.examples if self.cpu_seconds is None else self.cpu_seconds
        if not 0 < (budget or 0) < math.inf or self.trials < 0 or self.seeds < 1 or self.evaluations < 1:
            raise ConfigError(
                "A study needs a budget above 0, 0 or more trials and at least one seed and one evaluation. It got "
                f"{budget}, {self.trials}, {self.seeds} and {self.evaluations}."
            )

    def lines(self, cells: int, first_seed: int) -> list[str]:
        """The rules in words."""
        seeds = f"{first_seed + 1} … {first_seed + self.seeds}" if self.seeds > 1 else f"{first_seed + 1}"
        return [
            f"Budget: every run of every cell gets {self._budget()}. No run is cut short, none is pruned.",
            *self._tuning(first_seed),
            f"Final runs: {self.seeds} for each cell, with seeds {seeds}, the same for all cells; tuning used none of "
            "them.",
            f"A run is scored on validation data {self.evaluations} times at equal distances, at most once a step; its "
            "best weights count.",
            "The test split is read once for each final run, at its end, and never in tuning. The best cell is named "
            "by validation scores.",
            "A run that diverges or runs out of memory is counted as that; it is neither repeated nor left out.",
            self.sight(cells),
        ]

    def _budget(self) -> str:
        if self.examples:
            return (
                f"{self.examples:,} training examples, in whole steps: what is left over is less than one. A step of "
                "gradient descent sees all examples, and counts them"
            )
        return f"{self.cpu_seconds:g} CPU seconds of training steps, all threads added up; the last step may overshoot"

    def _tuning(self, seed: int) -> list[str]:
        if not self.trials:
            return ["Tuning: none. Every cell runs at the settings it was given."]
        spaces = "; ".join(f"{key}: {parse(key, text)}" for key, text in self.spaces.items())
        return [
            f"Tuning: {self.trials} trials for each cell with seed {seed}, the highest validation score wins. Trials "
            f"1 … {free(self.trials)} are the same quasi-random points for all cells, the others follow from those "
            "before them (Optuna, TPE).",
            f"Search space, the same for all cells: {spaces}",
        ]

    def effect(self, cells: int) -> float:
        """The smallest true difference to the best cell that is likely shown, in deviations of a pair's difference."""
        return stats.detectable(self.seeds, cells - 1) if cells > 1 else math.nan

    def too_few(self, cells: int) -> bool:
        """Whether only large differences will be shown."""
        return self.effect(cells) > TOO_FEW

    def sight(self, cells: int) -> str:
        """Which difference to the best cell so many seeds can show."""
        if cells < 2:
            return "There is one cell: nothing is compared."
        against = f"{cells - 1} comparison{'s' if cells > 2 else ''} with the best cell"
        if math.isinf(self.effect(cells)):
            return f"TOO FEW SEEDS: with one seed no difference can be shown, for {against}. Give two or more."
        said = (
            f"{self.seeds} seeds and {against}: a true difference is shown with a chance of 80 % if it is at least "
            f"{self.effect(cells):.1f} standard deviations of a pair's difference."
        )
        return f"TOO FEW SEEDS to see small differences. {said}" if self.too_few(cells) else said
