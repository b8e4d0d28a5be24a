"""What a user may call a setting of an optimizer, and which values fit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from yeonma.errors import ConfigError, nearest
from yeonma.optim.registry import Form

COMMON = {"lr": 0.0, "weight_decay": 0.0, "l2": 0.0}

# The deck's symbols and other spellings. RMSProp's `alpha` is torch's name of the deck's γ, so there `alpha` is not lr.
ALIASES = {
    "learning_rate": ("lr",),
    "alpha": ("lr",),
    "eta": ("lr",),
    "η": ("lr",),
    "m": ("momentum",),
    "gamma": ("alpha", "rho"),
    "γ": ("alpha", "rho"),
    "β1": ("beta1",),
    "β2": ("beta2",),
    "epsilon": ("eps",),
    "ε": ("eps",),
    "psi": ("momentum_decay",),
    "ψ": ("momentum_decay",),
}

SHARES = ("momentum", "alpha", "rho", "beta1", "beta2")
NOT_NEGATIVE = ("lr", "eps", "lr_decay", "momentum_decay", "weight_decay", "l2")


def aliases(form: Form) -> Mapping[str, str]:
    """Other name → the setting it stands for, of those that this form has."""
    own = {*COMMON, *form.hyper}
    return {other: name for other, names in ALIASES.items() if other not in own for name in names if name in own}


def resolve(form: Form, given: Mapping[str, Any]) -> dict[str, float]:
    """The given settings under their own names, checked.

    Raises: ConfigError for an unknown name (naming the nearest), a name given twice, or a value that does not fit.
    """
    own, other = {*COMMON, *form.hyper}, aliases(form)
    settings: dict[str, float] = {}
    for spelled, value in unfold(given):
        name = other.get(spelled, spelled)
        if name not in own:
            rule = form.function.__name__.removesuffix("_torch")
            raise ConfigError(f"{rule} has no setting {spelled!r}.{nearest(spelled, own)}")
        if name in settings:
            raise ConfigError(f"{name} was given twice, once as {spelled!r}. Leave one of them out.")
        settings[name] = checked(name, value)
    return settings


def checked(name: str, value: Any) -> float:
    """The value as a finite float within the range of the setting.

    Raises: ConfigError.
    """
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    fits = 0 <= number < 1 if name in SHARES else number >= 0 if name in NOT_NEGATIVE else True
    if not (math.isfinite(number) and fits):
        wanted = "at least 0 and below 1" if name in SHARES else "at least 0" if name in NOT_NEGATIVE else "finite"
        raise ConfigError(f"{name} must be a number, {wanted}; got {value!r}.")
    return number


def unfold(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The settings one by one: torch's `betas` pair as beta1 and beta2.

    Raises: ConfigError when `betas` is not a pair.
    """
    for name, value in given.items():
        if name != "betas":
            yield name, value
        elif isinstance(value, tuple | list) and len(value) == 2:
            yield from zip(("beta1", "beta2"), value, strict=True)
        else:
            raise ConfigError(f"betas must be a pair (beta1, beta2); got {value!r}.")


def fold(settings: Mapping[str, float]) -> dict[str, Any]:
    """The settings as a parameter group holds them: with torch's `betas`, so that its schedulers find them."""
    if "beta1" not in settings:
        return dict(settings)
    rest = {name: value for name, value in settings.items() if name not in ("beta1", "beta2")}
    return {**rest, "betas": (settings["beta1"], settings["beta2"])}


class Settings(NamedTuple):
    """What a step reads of a parameter group.

    shrink  what the weights are multiplied with: 1 − lr · weight_decay
    l2      how much of the weights is added to the gradient
    hyper   the form's own hyper-parameters
    """

    lr: float
    shrink: float
    l2: float
    hyper: Mapping[str, float]


def settings_of(form: Form, group: Mapping[str, Any]) -> Settings:
    """The settings in a parameter group, as its schedulers have left them."""
    hyper = {name: group[name] for name in form.hyper if name in group}
    if "betas" in group:
        hyper["beta1"], hyper["beta2"] = group["betas"]
    return Settings(group["lr"], 1 - group["lr"] * group["weight_decay"], group["l2"], hyper)
