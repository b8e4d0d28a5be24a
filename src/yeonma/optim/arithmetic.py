"""The two functions a rule's body may call: a root that takes anything, and a bias correction that keeps its digits."""

from __future__ import annotations

from math import expm1, log
from typing import Any

import numpy as np


def sqrt(x: Any) -> Any:
    """√x of a number, an array or a tensor."""
    return x.sqrt() if hasattr(x, "sqrt") else np.sqrt(x)


def unbias(beta: float, t: float) -> float:
    """1 − βᵗ in double precision, as −expm1(t · log β): nothing is cancelled away where βᵗ is near 1."""
    return -expm1(t * log(beta)) if beta else 1.0
