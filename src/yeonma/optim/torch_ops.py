"""The same rule functions run on torch tensors: every dtype, device and layout that the kernels do not take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from yeonma.errors import ConfigError
from yeonma.optim.bundle import Bundle
from yeonma.optim.entries import Entries, alike, fill
from yeonma.optim.registry import Form
from yeonma.optim.settings import Settings
from yeonma.optim.split import split

BLOCK = 1 << 15  # elements that stay in the cache while a rule's temporaries come and go
BUNDLE = 1 << 24  # elements that go side by side: enough to fill a GPU, few enough for temporaries in its memory


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype of the state and of the arithmetic: float32 for half precisions, else the weight's own."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def step_all(form: Form, entries: Entries, settings: Settings) -> None:
    """Make a step of all entries, if there are any, in place: weights and states."""
    for t, together in alike(form, entries):
        _step(form, together, t, settings)
        fill([state["step"] for state in together.states], t)


def step(form: Form, weight: Tensor, grad: Tensor, state: Mapping[str, Tensor], t: float, settings: Settings) -> None:
    """Make step `t` (from 1) of one weight in place: weight, slots and scalar slots, but not a count of steps."""
    _step(form, Entries([weight], [grad], [state]), t, settings)


@torch.no_grad()
def _step(form: Form, entries: Entries, t: float, settings: Settings) -> None:
    scalars = {name: entries.states[0][name].item() for name in form.scalars}
    for weight, grad, *slots in pieces(form, entries):
        old = dict(zip(form.elements, slots, strict=True))
        new = update(form, weight, grad, form.State(**old, **scalars), t, settings)
        for name, slot in old.items():
            slot.copy_(getattr(new, name))
    for name in form.scalars:
        fill([state[name] for state in entries.states], getattr(new, name))


def update(form: Form, weight: Any, grad: Any, state: Any, t: float, settings: Settings) -> Any:
    """Change a tensor or a bundle of them in place, those of half precision through float32; returns the new state."""
    dtype = compute_dtype(weight.dtype)
    wide, slope = weight.to(dtype), grad.to(dtype)
    slope = slope + settings.l2 * wide if settings.l2 else slope
    delta, new = form.function(slope, state, t, settings.lr, **settings.hyper)
    weight.copy_((wide if settings.shrink == 1 else wide * settings.shrink) + delta)
    return new


def pieces(form: Form, entries: Entries) -> Iterator[Sequence[Any]]:
    """Weight, gradient and slots as a rule takes them: on the CPU tensor by tensor in blocks, elsewhere in bundles."""
    slots = [[state[name] for state in entries.states] for name in form.elements]
    rows = list(zip(entries.weights, entries.grads, *slots, strict=True))
    if rows[0][0].device.type == "cpu" or not is_arithmetic(form):
        return chain.from_iterable(map(blocks, rows))
    return bundles(rows)


@cache
def is_arithmetic(form: Form) -> bool:
    """Whether a rule's source says that it is made of the arithmetic that bundles have."""
    try:
        return split(form) is not None
    except ConfigError:
        return False


def blocks(tensors: Sequence[Tensor]) -> Iterator[Sequence[Tensor]]:
    """Views of the same elements of each tensor: pieces of large contiguous CPU tensors, others whole."""
    plain = all(type(x.data) is Tensor and x.device.type == "cpu" and x.is_contiguous() for x in tensors)
    return zip(*(torch.split(x.view(-1), BLOCK) for x in tensors), strict=True) if plain else iter([tensors])


def bundles(rows: Iterable[Sequence[Tensor]]) -> Iterator[Sequence[Bundle]]:
    """Rows side by side, about BUNDLE elements at a time."""
    done, groups = 0, defaultdict[int, list[Sequence[Tensor]]](list)
    for row in rows:
        groups[done // BUNDLE].append(row)
        done += row[0].numel()
    for group in groups.values():
        yield [Bundle(column) for column in zip(*group, strict=True)]
