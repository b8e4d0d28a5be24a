"""Arrays: the types of them that loops over rows take, and zeros that cost nothing until they are written to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def zeros(shape: Sequence[int], dtype: torch.dtype, device: torch.device | None = None) -> Tensor:
    """A tensor of zeros. On the CPU through numpy, which asks the system for large pages.

    Rows of a large table stand far apart, and finding their pages costs as much as reading them: measured, waking rows
    is twice as fast as in memory that torch allocates. Pages nobody wrote to take no memory.
    """
    place = torch.get_default_device() if device is None else device
    if place.type != "cpu" or dtype == torch.bfloat16:
        return torch.zeros(*shape, dtype=dtype, device=place)
    return torch.from_numpy(np.zeros(tuple(shape), str(dtype).removeprefix("torch.")))
