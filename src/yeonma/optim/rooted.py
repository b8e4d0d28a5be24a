"""Rows that a fading mean moves on through the root of a fading mean square while they sleep: Adam, Nadam."""

from __future__ import annotations

from collections.abc import Mapping
from math import log, sqrt
from typing import ClassVar

import numpy as np

from yeonma.errors import ConfigError
from yeonma.optim.memory import Floats, Ints
from yeonma.optim.settings import Settings
from yeonma.optim.sleep import NOTHING, Root, Sleep, Wake, logarithm


class Rooted(Sleep):
    """The mean m moves the weight on while it fades, through the root of the fading mean square v.

    At step n a row asleep since s moves by −aₙ Π β₁ m f(uₙ Π √β₂ · √v), the products over the steps s + 1 … n − 1: a
    sum of k terms for every element, which a quadrature of a few nodes gives for all elements at once (`quadrature`).
    Terms fall as Π β₁/√β₂; those below `tail` of the first are left out, so the nodes of a longer sleep are final.
    Columns: a, u, β₁, √β₂, 1 − lr · weight_decay, ε, and the logarithms of the middle three added up over the steps.
    """

    columns = 9
    inside: ClassVar[bool]
    EPS, LOGS = 5, slice(6, 9)
    ROOM = 1 << 14  # entries that the lists of nodes grow by

    def restart(self, base: int, history: Floats | None = None) -> None:
        """As every sleep, with no quadratures yet."""
        super().restart(base, history)
        self._book = np.zeros((len(self._lines), 3), np.int64)  # of a step: where its nodes stand, how many, for whom
        self._nodes, self._weights = np.empty(self.ROOM), np.empty(self.ROOM)
        self._used, self._calls = 0, 0

    def moves(self) -> bool:
        """Always: the mean carries on."""
        return True

    def check(self, settings: Settings) -> None:
        """As every sleep; and the sum must exist."""
        super().check(settings)
        beta1, beta2 = settings.hyper["beta1"], settings.hyper["beta2"]
        if beta1 >= sqrt(beta2):
            raise ConfigError(
                f"On a RowTable {self.form.function.__name__} needs beta1 < √beta2, so that the steps a row sleeps "
                f"through have a sum; got beta1 {beta1:g} and √beta2 {sqrt(beta2):.4g}. Raise beta2, or use "
                'an nn.Embedding (in a config: encoder.rows = "dense").'
            )

    def goes_on(self, settings: Settings) -> bool:
        """A sum has one ε."""
        return self.steps == 0 or bool(self._lines[self.steps, self.EPS] == settings.hyper["eps"])

    def record(self, t: int, settings: Settings, scalars: Mapping[str, float]) -> None:
        """Read the factors off two calls of the rule: with ε 1 and v 0, where f is 1, and with ε 0."""
        one = settings._replace(lr=1.0, hyper={**settings.hyper, "eps": 1.0})
        moved, new = self.coast(0.0, t, one, scalars, m=1.0, v=0.0)  # −a f(0), and f(0) is 1 in both forms: ε is 1
        bare = settings._replace(lr=1.0, hyper={**settings.hyper, "eps": 0.0})
        rooted, faded = self.coast(0.0, t, bare, scalars, m=1.0, v=1.0)  # −a / u
        beta1, root = float(new.m), sqrt(faded.v)
        line, factors = self._next_line(), (beta1, root, settings.shrink)
        line[:6] = -settings.lr * moved, moved / rooted if moved else 1.0, *factors, settings.hyper["eps"]
        line[self.LOGS] = self._lines[self.steps - 1, self.LOGS] + np.array([logarithm(factor) for factor in factors])

    def wake(self, starts: Ints) -> Wake:
        """The quadratures and the factors of the steps slept."""
        offsets, now = starts - self.base, self.steps
        slept = np.flatnonzero(starts)  # a row that never had a gradient has no mean that could move it
        ends = self._ends(offsets)
        first, count = np.zeros((2, len(starts)), np.int64)
        first[slept], count[slept] = self._nodes_of(offsets[slept], ends[slept])
        logs = self._lines[:, self.LOGS]
        fades = np.exp((logs[now, :2] - logs[offsets, :2]) * [1.0, 2.0])
        fades[fades < NOTHING] = 0.0
        scale = np.exp(logs[now, 2] - logs[offsets, 2])
        tail = np.exp(logs[now, 2] - logs[np.minimum(ends, now), 2])
        root = Root(first, count, tail, self._nodes, self._weights, self._lines[now, self.EPS], self.inside)
        return Wake(scale, {"m": fades[:, 0], "v": fades[:, 1]}, root=root)

    def _ends(self, offsets: Ints) -> Ints:
        """The last step of each sum, steps + 1 where it is still to come: Π β₁/√β₂ is down to the tail there."""
        beta1, root = self.history[:, self.LOGS].T[:2]
        fallen = root - beta1
        ends: Ints = fallen.searchsorted(fallen[offsets] - log(1e-17 if self.exact else 1e-8))
        return ends

    def _nodes_of(self, offsets: Ints, ends: Ints) -> tuple[Ints, Ints]:
        """Where the nodes of each start stand in the lists, and how many; those of unfinished sleeps are made anew."""
        if len(self._book) < len(self._lines):
            self._book = np.concatenate([self._book, np.zeros((len(self._lines) - len(self._book), 3), np.int64)])
        self._calls += 1
        whole = ends <= self.steps
        self._used = self._fill(offsets[whole], ends[whole], self._used, stamp=-1)
        # The others stand behind the final ones and hold for this call alone.
        self._fill(offsets[~whole], np.full(len(offsets) - whole.sum(), self.steps), self._used, stamp=self._calls)
        return self._book[offsets, 0], self._book[offsets, 1]

    def _fill(self, offsets: Ints, ends: Ints, used: int, stamp: int) -> int:
        from yeonma.optim.quadrature import fill

        tolerance, done = 2e-15 if self.exact else 6e-8, 0
        while True:
            lists = self._book, self._nodes, self._weights
            done, used = fill(self._lines, offsets, ends, *lists, done, used, tolerance, stamp)
            if done == len(offsets):
                return used
            room = np.empty(max(self.ROOM, len(self._nodes), int((ends - offsets).max())))
            self._nodes = np.concatenate([self._nodes, room])
            self._weights = np.concatenate([self._weights, room])


class RootedInside(Rooted):
    """ε inside the root: the deck form."""

    inside = True


class RootedOutside(Rooted):
    """ε beside the root: torch's form."""

    inside = False
