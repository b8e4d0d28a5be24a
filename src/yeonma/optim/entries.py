"""What a step is made of: weights, their gradients and their states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from yeonma.optim.registry import Form

Entry = tuple[Tensor, Tensor, Mapping[str, Tensor]]  # a weight, its gradient, its state


def clocks(form: Form) -> dict[str, torch.dtype]:
    """The slots that hold one number for a whole tensor, with their dtypes: the steps made, then the form's scalars."""
    return {"step": torch.float32, **dict.fromkeys(form.scalars, torch.float64)}


def alike(form: Form, entries: Sequence[Entry]) -> Iterator[tuple[float, list[Entry]]]:
    """The number (from 1) of the coming step, and the entries of a dtype and device that make it from equal clocks."""
    groups: dict[tuple[Any, ...], list[Entry]] = {}
    for entry in entries:
        weight, _, state = entry
        moment = *[state[name].item() for name in clocks(form)], weight.dtype, weight.device
        groups.setdefault(moment, []).append(entry)
    for (made, *_), together in groups.items():
        yield made + 1, together


def fill(tensors: list[Tensor], value: float) -> None:
    """Write a number into tensors of one element, all in one call."""
    torch._foreach_copy_(tensors, [torch.tensor(value, dtype=tensors[0].dtype)] * len(tensors))
