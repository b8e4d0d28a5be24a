"""One pass over memory for a step: one call of a rule's kernel for all tensors that make the same step."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter, is_, itemgetter
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import increment_version
from torch.nn import Parameter

from yeonma.optim.entries import Entries, clocks
from yeonma.optim.kernel_files import LOCK, clockwork, load
from yeonma.optim.registry import Form
from yeonma.optim.settings import Settings
from yeonma.optim.split import split

# The dtypes that kernels take, each with an array that tells a kernel which one it is.
LIKE: dict[torch.dtype, np.ndarray] = {torch.float32: np.empty(0, np.float32), torch.float64: np.empty(0, np.float64)}
DTYPE, IS_CPU = attrgetter("dtype"), attrgetter("is_cpu")
SHARE = 1 << 19  # elements worth a thread of their own


def takes(form: Form, weight: Tensor, grad: Tensor, state: Mapping[str, Tensor]) -> bool:
    """Whether a kernel can make this step: plain contiguous float32 or float64 tensors of one size on the CPU.

    YEONMA_KERNELS=off turns the kernels off; a weight that a kernel has taken already stays with it.
    """
    if os.environ.get("YEONMA_KERNELS") == "off" or split(form) is None:
        return False
    dtype, size = weight.dtype, weight.numel()
    tensors = (weight, grad, *(state[name] for name in form.elements))
    return dtype in LIKE and _are_plain(tensors, [dtype] * len(tensors), [size] * len(tensors))


def _ticks(form: Form, state: Mapping[str, Tensor]) -> bool:
    expected = clocks(form)
    return _are_plain([state[name] for name in expected], [*expected.values()], [1] * len(expected))


def _are_plain(xs: Sequence[Tensor], dtypes: Sequence[torch.dtype], sizes: Sequence[int]) -> bool:
    """Whether nothing but their addresses must be known of tensors.

    One question to all of them after the other, by `map`: asked tensor by tensor it takes three times as long.
    """
    return (
        [*map(DTYPE, xs)] == dtypes
        and [*map(Tensor.numel, xs)] == sizes
        and all(map(IS_CPU, xs))
        and all(map(Tensor.is_contiguous, xs))
        and not any(map(Tensor.is_neg, xs))
        and all(kind is Tensor or issubclass(kind, Parameter) for kind in {*map(type, xs)})  # no other wrapper
    )


class Streams:
    """The memory that a kernel reads and writes for the weights of a group, known from one step to the next.

    A weight and its state are checked when they are new, and again when one of their tensors is another object or, the
    clocks apart, stands at another address. Gradients, usually new, are checked at every step.

    table    (weights, 3 + slots + clocks) int64, as a kernel reads it: size, then addresses of all streams and clocks
    numbers  the sizes together
    """

    def __init__(self) -> None:
        self.table, self.numbers = np.zeros((0, 3), np.int64), 0
        self._memory: Any = None
        self._kernels: dict[torch.dtype, Callable[..., None]] = {}
        self._dtypes: list[torch.dtype] = []
        self._sizes: list[int] = []
        self._tensors: list[Tensor] = []  # weights and all that states hold
        self._arrays: list[Tensor] = []  # those of them that have the weights' sizes
        self._addresses: list[int] = []
        self._readings: list[tuple[np.ndarray, np.ndarray]] = []  # addresses of clocks, and where to read them to

    def take(self, form: Form, entries: Entries) -> tuple[Entries, Entries]:
        """Be the streams of those entries that a kernel takes; returns them, and the others."""
        taken, others = entries, Entries([], [], [])
        if not self._knows(form, entries):
            fits = [takes(form, *entry) and _ticks(form, entry[2]) for entry in zip(*entries, strict=True)]
            taken, others = entries.where(fits), entries.where(not fit for fit in fits)
            if taken.weights:
                self._learn(form, taken)
        if taken.weights:
            self.table[:, 1] = list(map(Tensor.data_ptr, taken.grads))
        return taken, others

    def _knows(self, form: Form, entries: Entries) -> bool:
        return (
            len(entries.weights) == len(self._sizes)
            and all(map(is_, chain(entries.weights, _kept(form, entries)), self._tensors))
            and [*map(Tensor.data_ptr, self._arrays)] == self._addresses
            and _are_plain(entries.grads, self._dtypes, self._sizes)
        )

    def _learn(self, form: Form, entries: Entries) -> None:
        with LOCK:
            self._memory = clockwork()
        n, states = len(entries.weights), entries.states
        self._dtypes = [weight.dtype for weight in entries.weights]
        self._sizes = [weight.numel() for weight in entries.weights]
        self.numbers = sum(self._sizes)
        self._tensors = [*entries.weights, *_kept(form, entries)]
        self._arrays = [*entries.weights, *[state[name] for name in form.elements for state in states]]
        self._addresses = [x.data_ptr() for x in self._arrays]
        ticking = {name: np.array([state[name].data_ptr() for state in states]) for name in clocks(form)}
        streams = np.reshape(self._addresses, (-1, n))
        self.table = np.array([self._sizes, self._sizes, *streams, *ticking.values()]).T.copy()
        self._readings = [(ticking[name], np.empty(n, LIKE[dtype].dtype)) for name, dtype in clocks(form).items()]

    def kernel(self, form: Form, dtype: torch.dtype) -> Callable[..., None]:
        """The form's kernel for weights of a dtype, looked up once."""
        if dtype not in self._kernels:
            with LOCK:
                self._kernels[dtype] = load(form, LIKE[dtype].dtype)
        return self._kernels[dtype]

    def moments(self) -> Iterator[tuple[tuple[Any, ...], slice | list[int]]]:
        """Where weights stand, as (dtype, steps made, *scalar slots), and the rows of those that stand there."""
        equal = [self._memory.read(at, numbers) for at, numbers in self._readings]
        if all(equal) and len(set(self._dtypes)) == 1:
            yield (self._dtypes[0], *[numbers[0].item() for _, numbers in self._readings]), slice(None)
            return
        moments = list(zip(self._dtypes, *[numbers.tolist() for _, numbers in self._readings], strict=True))
        for moment in dict.fromkeys(moments):
            yield moment, [row for row, other in enumerate(moments) if other == moment]


def _kept(form: Form, entries: Entries) -> Iterator[Tensor]:
    """All tensors of the states, state by state."""
    names = (*clocks(form), *form.elements)
    found = map(itemgetter(*names), entries.states)
    return chain.from_iterable(found) if len(names) > 1 else found


def step_all(form: Form, entries: Entries, settings: Settings, streams: Streams) -> Entries:
    """Make a step in place on those entries that a kernel takes; returns the others.

    One call of the kernel for all weights of one dtype that stand at the same step. `streams` is what the step before
    left, or a new one. Changes weights and states.
    """
    taken, others = streams.take(form, entries)
    if not taken.weights:
        return others
    increment_version(taken.weights)  # autograd cannot see what a kernel writes
    parts = split(form)
    assert parts is not None
    for (dtype, made, *scalars), rows in streams.moments():
        state = form.State(**dict.fromkeys(form.elements), **dict(zip(form.scalars, scalars, strict=True)))
        constants, after = parts.prelude(None, state, made + 1, settings.lr, **settings.hyper)
        kernel, like, table = streams.kernel(form, dtype), LIKE[dtype], streams.table[rows]
        numbers = (settings.shrink, settings.l2, *constants, made + 1, *after)
        share_out(kernel, streams.numbers, like, table, *numbers)
    return others


def share_out(
    kernel: Callable[..., None], numbers: int, like: np.ndarray, table: np.ndarray, *constants: float
) -> None:
    """Run the kernel over all tensors of the table laid end to end, on at most torch.get_num_threads() threads.

    Plain threads, because the kernel holds no lock of Python's: a second OpenMP runtime beside torch's would fight with
    it for the cores, and numba's own pool aborts the process when two threads call it.
    """
    shares = min(torch.get_num_threads(), numbers // SHARE)
    if shares < 2:
        kernel(like, table, 0, 1, *constants)
        return
    helpers = [
        threading.Thread(target=kernel, args=(like, table, share, shares, *constants)) for share in range(1, shares)
    ]
    for thread in helpers:
        thread.start()
    kernel(like, table, 0, shares, *constants)
    for thread in helpers:
        thread.join()
