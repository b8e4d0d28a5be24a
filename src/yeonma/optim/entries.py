"""What a step is made of: weights, their gradients and their states."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import compress
from typing import Any, NamedTuple

import torch
from torch import Tensor

from yeonma.optim.registry import Form


class Entries(NamedTuple):
    """Weights, and in the same order their gradients and states.

    Three lists, not a tuple for each: so many short-lived tuples wake Python's garbage collector every few steps.
    """

    weights: list[Tensor]
    grads: list[Tensor]
    states: list[Any]  # dict[str, Tensor]; before the first step None

    def where(self, chosen: Iterable[Any]) -> Entries:
        """Those for which `chosen` says so."""
        chosen = list(chosen)
        if all(chosen):
            return self
        return Entries(
            list(compress(self.weights, chosen)),
            list(compress(self.grads, chosen)),
            list(compress(self.states, chosen)),
        )


def clocks(form: Form) -> dict[str, torch.dtype]:
    """The slots that hold one number for a whole tensor, with their dtypes: the steps made, then the form's scalars."""
    return {"step": torch.float32, **dict.fromkeys(form.scalars, torch.float64)}


def alike(form: Form, entries: Entries) -> Iterator[tuple[float, Entries]]:
    """The number (from 1) of the coming step, and the entries of a dtype and device that make it from equal clocks."""
    readings = [[state[name].item() for state in entries.states] for name in clocks(form)]
    moments = list(zip(*readings, [(w.dtype, w.device) for w in entries.weights], strict=True))
    for moment in dict.fromkeys(moments):
        yield moment[0] + 1, entries.where(other == moment for other in moments)


def fill(tensors: list[Tensor], value: float) -> None:
    """Write a number into tensors of one element, all in one call."""
    torch._foreach_copy_(tensors, [torch.tensor(value, dtype=tensors[0].dtype)] * len(tensors))
