"""What a row does while it sleeps: the steps of a rule without a gradient, many at once.

A row that was last current after step s is needed as it stands after step `now`. The k = now − s steps between had no
gradient for it, and what a rule does then is simpler than the rule:

    still    W ← c W          each slot ← f · slot        GD, SGD, Adagrad, RMSProp, AdaDelta
    coupled  [W, v] ← M [W, v]                            Momentum, NAG
    root     W ← c W − m Σ a f(b √v), m ← f₁ m, v ← f₂ v  Adam, Nadam        f(y) = 1/√(y² + ε) or 1/(y + ε)

The numbers c, f, M, a, b are not written down again: they are read off the rule's own function by calling it without a
gradient on states of 0 and 1 (`record`, once a step, in double precision). Decoupled decay is in all three; coupled
decay (`l2`) gives a sleeping row the gradient l2 · W, which still and coupled rows can take and a root cannot.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from math import inf, log, sqrt
from typing import Any, ClassVar, NamedTuple

import numpy as np

from yeonma.errors import ConfigError
from yeonma.optim.quadrature import Floats, Ints, fill
from yeonma.optim.registry import Form
from yeonma.optim.settings import Settings

NOTHING = 1e-30  # a factor below this is 0: no weight of any precision sees it, and subnormal numbers are slow


class Wake(NamedTuple):
    """What waking does to U rows; None: nothing of that kind.

    scale   (U,) on the weight            fade   slot → (U,) on the slot
    couple  (U, 4) [a, b, c, d]: W ← a W + b v, v ← c W + d v
    root    the sum over the steps slept
    """

    scale: Floats | None
    fade: Mapping[str, Floats]
    couple: Floats | None = None
    root: Root | None = None


class Root(NamedTuple):
    """W ← scale W − m Σᵢ weights[i] f(nodes[i] √v); row r reads i from first[r] to first[r] + counts[r], times tail[r].

    inside   f(y) = 1/√(y² + eps), else 1/(y + eps)
    """

    first: Ints
    counts: Ints
    tail: Floats
    nodes: Floats
    weights: Floats
    eps: float
    inside: bool


class Sleep(ABC):
    """The steps taken so far, as a sleeping row sees them.

    `history` is (steps + 1, columns) float64: line n − base is what step n did; `base` is the step at which every row
    was awake. `exact` asks for sums to the last digit of double precision instead of single.
    """

    columns: ClassVar[int]
    takes_l2: ClassVar[bool] = False

    def __init__(self, form: Form, exact: bool = False) -> None:
        self.form, self.exact = form, exact
        self.restart(0)

    def restart(self, base: int, history: Floats | None = None) -> None:
        """Forget the steps up to `base`: no row slept through them. Or take up a history that was saved."""
        self.base = base
        self.steps = 0 if history is None else len(history) - 1
        self._lines = np.zeros((64, self.columns)) if history is None else np.array(history, np.float64)

    @property
    def history(self) -> Floats:
        """(steps + 1, columns), what must be saved."""
        return self._lines[: self.steps + 1]

    def _next_line(self) -> Floats:
        if self.steps + 1 >= len(self._lines):
            self._lines = np.concatenate([self._lines, np.zeros_like(self._lines)])
        self.steps += 1
        line: Floats = self._lines[self.steps]
        return line

    def check(self, settings: Settings) -> None:
        """Refuse settings under which no sum over the steps slept exists.

        Raises: ConfigError.
        """
        if settings.l2 and not self.takes_l2:
            raise ConfigError(
                f"l2 is not exact on a RowTable under {self.form.function.__name__}: the gradient l2 · W of a "
                "sleeping row goes through a square, and its steps have no sum. Use weight_decay (decoupled), or an "
                'nn.Embedding in place of the RowTable (in a config: encoder.rows = "dense").'
            )
        if settings.shrink - settings.lr * settings.l2 <= 0:
            raise ConfigError(
                "On a RowTable lr · (weight_decay + l2) must be below 1, or the weights turn over; "
                f"got {1 - settings.shrink + settings.lr * settings.l2:.3g}."
            )

    def goes_on(self, settings: Settings) -> bool:
        """Whether rows may sleep on through a step with these settings; else they are all woken before it."""
        return True

    def coast(self, g: float, t: int, settings: Settings, scalars: Mapping[str, float], **slots: float) -> Any:
        """The rule itself on one number: (delta, new state)."""
        state = self.form.State(**slots, **scalars)
        return self.form.function(g, state, t, settings.lr, **settings.hyper)

    @abstractmethod
    def moves(self) -> bool:
        """Whether any weight that slept may stand elsewhere than where it was left."""

    @abstractmethod
    def record(self, t: int, settings: Settings, scalars: Mapping[str, float]) -> None:
        """Step `t` has been taken; `scalars` are the scalar slots before it."""

    @abstractmethod
    def wake(self, starts: Ints) -> Wake:
        """What brings rows that were current after the steps `starts` (U,) to the last step."""


class Still(Sleep):
    """The weight stays or shrinks, and every slot fades by a factor of its own.

    Columns: the logarithms of the weight's factor and of each slot's, added up over the steps.
    """

    takes_l2 = True

    def __init__(self, form: Form, exact: bool = False) -> None:
        self.columns = 1 + len(form.elements)  # type: ignore[misc]
        self.takes_l2 = not form.slots  # type: ignore[misc]
        super().__init__(form, exact)

    def moves(self) -> bool:
        """Only under decay."""
        return bool(self._lines[self.steps, 0] != 0)

    def record(self, t: int, settings: Settings, scalars: Mapping[str, float]) -> None:
        """Read every factor off one call of the rule."""
        delta, new = self.coast(settings.l2, t, settings, scalars, **dict.fromkeys(self.form.elements, 1.0))
        factors = [settings.shrink + (delta if settings.l2 else 0.0), *(getattr(new, x) for x in self.form.elements)]
        line = self._next_line()
        line[:] = self._lines[self.steps - 1] + np.array([_log(factor) for factor in factors])

    def wake(self, starts: Ints) -> Wake:
        """The factors of the steps slept."""
        factors = np.exp(self._lines[self.steps] - self._lines[starts - self.base])
        factors[factors < NOTHING] = 0.0
        fade = {slot: factors[:, k] for k, slot in enumerate(self.form.elements, start=1)}
        changed = {slot: factor for slot, factor in fade.items() if (factor != 1).any()}
        return Wake(factors[:, 0] if self.moves() else None, changed)


class Coupled(Sleep):
    """One slot v and the weight turn into each other, by one 2 × 2 matrix a step for all weights.

    A sleep is the product of its matrices. A product is carried along until it has become a multiple of (1, ρ), the
    direction that weight and velocity keep once v is used up; then it goes on as one factor.
    Columns: log σ (that factor, added up), ρ, the product begun here (4), the step up to which it goes, and how far the
    smaller eigenvalues have fallen behind the larger (logarithms, added up).
    """

    columns = 8
    takes_l2 = True
    SIGMA, RHO, PRODUCT, UNTIL, BEHIND = 0, 1, slice(2, 6), 6, 7
    SLOWEST = 0.9995
    USED_UP = -log(1e-18)

    def restart(self, base: int, history: Floats | None = None) -> None:
        """As every sleep, with a product that begins at the base."""
        super().restart(base, history)
        if history is None:
            self._begin(self._lines[0], base)

    def _begin(self, line: Floats, t: int) -> None:
        line[self.PRODUCT] = (1.0, 0.0, 0.0, 1.0)
        line[self.UNTIL] = t

    def moves(self) -> bool:
        """Always: a velocity carries on."""
        return True

    def check(self, settings: Settings) -> None:
        """As every sleep; and a velocity must be used up faster than the weight decays."""
        super().check(settings)
        if not self._ratio(settings) < self.SLOWEST:
            raise ConfigError(
                f"On a RowTable {self.form.function.__name__} needs a decay that is slow beside its velocity: with "
                f"momentum {settings.hyper['momentum']:g} lr · weight_decay must stay below 1 − momentum, and lr · l2 "
                f"below about (1 − momentum)² / 4; got {1 - settings.shrink:.3g} and {settings.lr * settings.l2:.3g}. "
                f"Momentum itself may be {self.SLOWEST} at most."
            )

    def _matrix(self, settings: Settings) -> tuple[float, float, float, float]:
        (slot,) = self.form.elements
        by_weight, (v_by_weight,) = self.coast(settings.l2, 1, settings, {}, **{slot: 0.0})
        by_slot, (v_by_slot,) = self.coast(0.0, 1, settings, {}, **{slot: 1.0})
        return settings.shrink + by_weight, by_slot, v_by_weight, v_by_slot

    def _ratio(self, settings: Settings) -> float:
        """The smaller eigenvalue of a step over the larger; inf where there is none or the velocity has it."""
        a, b, c, d = self._matrix(settings)
        half, apart = (a + d) / 2, ((a - d) / 2) ** 2 + b * c
        if apart < 0 or a <= d:
            return inf
        return abs(half - sqrt(apart)) / (half + sqrt(apart))

    def record(self, t: int, settings: Settings, scalars: Mapping[str, float]) -> None:
        """Carry the products on by the matrix of the step."""
        a, b, c, d = self._matrix(settings)
        line, before = self._next_line(), self._lines[self.steps - 1]
        sigma = a + b * before[self.RHO]
        line[self.SIGMA] = before[self.SIGMA] + _log(sigma)
        line[self.RHO] = (c + d * before[self.RHO]) / sigma
        line[self.BEHIND] = before[self.BEHIND] - _log(self._ratio(settings))
        self._begin(line, t)
        carried = self._lines[: self.steps]
        carried = carried[carried[:, self.BEHIND].searchsorted(before[self.BEHIND] - self.USED_UP, side="right") :]
        p, q, r, s = carried[:, self.PRODUCT].T.copy()
        carried[:, self.PRODUCT] = np.stack([a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s], 1)
        carried[:, self.UNTIL] = t

    def wake(self, starts: Ints) -> Wake:
        """The product of the steps slept: as carried, or its remains along (1, ρ)."""
        lines, now = self._lines[starts - self.base], self._lines[self.steps]
        couple = lines[:, self.PRODUCT].copy()
        until = lines[:, self.UNTIL].astype(np.int64)
        old = until < self.base + self.steps
        since = np.exp(now[self.SIGMA] - self._lines[until[old] - self.base, self.SIGMA])
        couple[old, :2] *= since[:, None]
        couple[old, 2:] = couple[old, :2] * now[self.RHO]
        couple[np.abs(couple) < NOTHING] = 0.0
        return Wake(None, {}, couple)


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
        line[self.LOGS] = self._lines[self.steps - 1, self.LOGS] + np.array([_log(factor) for factor in factors])

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


def _log(factor: float) -> float:
    """The log of a factor; of 0 one that is below NOTHING, and no lower, so that sums of it keep their digits."""
    return log(factor) if factor > 0 else -80.0


# (rule, form) → what its rows do asleep. A rule that is not named here has no lazy rows: RowTable refuses it.
SLEEPS: Mapping[tuple[str, str], type[Sleep]] = {
    **{(rule, form): Still for rule in ("gd", "sgd", "adagrad", "rmsprop", "adadelta") for form in ("deck", "torch")},
    **{(rule, form): Coupled for rule in ("momentum", "nag") for form in ("deck", "torch")},
    **{(rule, "deck"): RootedInside for rule in ("adam", "nadam")},
    **{(rule, "torch"): RootedOutside for rule in ("adam", "nadam")},
}
