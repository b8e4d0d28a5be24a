"""Learning-rate schedules: pure functions of the step, warm-up included."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from yeonma.errors import ConfigError, nearest

# progress in [0, 1) after the warm-up → what the learning rate is multiplied with
SCHEDULES: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {
        "constant": lambda progress: 1.0,
        "linear": lambda progress: 1.0 - progress,
        "cosine": lambda progress: 0.5 * (1.0 + math.cos(math.pi * progress)),
    }
)


def multiplier(schedule: str, step: int, total: int, warmup: int = 0) -> float:
    """What the learning rate is multiplied with at `step`, counted from 0; fits torch's LambdaLR. Always above 0.

    In the warm-up (step + 1) / (warmup + 1): the first step moves already. Then `schedule` falls from 1 at step
    `warmup` towards 0 at step `total`, which is one after the last, so that the last step moves too. Steps beyond the
    last keep its value.
    Raises: ConfigError for an unknown schedule, step < 0, total < 1 or warmup outside 0 … total.
    """
    if schedule not in SCHEDULES:
        raise ConfigError(f"There is no schedule called {schedule!r}.{nearest(str(schedule), SCHEDULES)}")
    if step < 0 or total < 1 or not 0 <= warmup <= total:
        raise ConfigError(
            "A schedule needs step ≥ 0, total ≥ 1 and 0 ≤ warmup ≤ total; "
            f"got step {step}, total {total}, warmup {warmup}."
        )
    step = min(step, total - 1)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return SCHEDULES[schedule]((step - warmup) / (total - warmup))


def warmup_steps(ratio: float, total: int) -> int:
    """The steps of warm-up that `warmup_ratio` of `total` steps are, rounded; 0 … total.

    Raises: ConfigError for a ratio outside [0, 1].
    """
    if not 0 <= ratio <= 1:
        raise ConfigError(f"warmup_ratio must be a share, 0 to 1; got {ratio!r}.")
    return round(ratio * total)
