"""The rows of one table under one optimizer: when each was last current, and how it is brought to the present."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from weakref import ref

import numpy as np
import torch
from torch import Tensor

from yeonma.errors import ConfigError
from yeonma.optim import kernels, torch_ops
from yeonma.optim.coupled import Coupled
from yeonma.optim.memory import Ints, zeros
from yeonma.optim.registry import Form, Rule
from yeonma.optim.rooted import RootedInside, RootedOutside
from yeonma.optim.settings import Settings
from yeonma.optim.sleep import Sleep
from yeonma.optim.still import Still
from yeonma.records import Progress, silent

ASLEEP = frozenset({"last", "history"})  # what is saved of rows that go on sleeping
CHUNK = 1 << 14  # rows that are woken or copied at a time
LONGEST = 1 << 16  # steps after which all rows are woken once, so that what is remembered of the steps stays small
MANY = 1 << 18  # rows of which waking all is worth a progress bar
SHOWN: ContextVar[Progress] = ContextVar("shown", default=silent)

# (rule, form) → what its rows do asleep. A rule that is not named here has no lazy rows: RowTable refuses it.
SLEEPS: Mapping[tuple[str, str], type[Sleep]] = {
    **{(rule, form): Still for rule in ("gd", "sgd", "adagrad", "rmsprop", "adadelta") for form in ("deck", "torch")},
    **{(rule, form): Coupled for rule in ("momentum", "nag") for form in ("deck", "torch")},
    **{(rule, "deck"): RootedInside for rule in ("adam", "nadam")},
    **{(rule, "torch"): RootedOutside for rule in ("adam", "nadam")},
}


@contextmanager
def shown(progress: Progress) -> Iterator[None]:
    """Whatever wakes or copies all rows of a big table inside says so to `progress(what, done, total, unit)`."""
    token = SHOWN.set(progress)
    try:
        yield
    finally:
        SHOWN.reset(token)


class LazyRows:
    """The clock of a table's rows, and the steps they slept through.

    weight  (V, d), the parameter           state  the optimizer's own for it: "step", and a slot like the weight each
    owner   gives the optimizer
    last    (V,) int64 on the CPU: the step after which a row was last brought to the present
    sleep   what the steps since then do to it (`sleep.Sleep`)
    """

    def __init__(self, weight: Tensor, rule: Rule, form: Form, settings: Settings) -> None:
        if (rule.name, form.name) not in SLEEPS:
            raise ConfigError(
                f"A RowTable cannot be trained by {rule.title}: what a row does while it sleeps is not known. "
                "Name it in yeonma.optim.lazy.SLEEPS, or use an nn.Embedding in place of the RowTable."
            )
        self._start(weight, form, SLEEPS[rule.name, form.name](form))
        self.sleep.check(settings)

    def _start(self, weight: Tensor, form: Form, sleep: Sleep) -> None:
        self._weight, self.form, self.sleep = ref(weight), form, sleep  # the weight owns its rows, not they it
        self.state: dict[str, Tensor] = {}
        self.owner: Callable[[], object] = lambda: None
        self._lock = Lock()
        self.last = torch.zeros(len(weight), dtype=torch.int64)

    @property
    def weight(self) -> Tensor:
        """The parameter."""
        weight = self._weight()
        assert weight is not None
        return weight

    @property
    def now(self) -> int:
        """The steps taken."""
        return self.sleep.base + self.sleep.steps

    @property
    def slots(self) -> dict[str, Tensor]:
        """The slots that hold one number for each weight."""
        return {name: self.state[name] for name in self.form.elements}

    def begin(self) -> dict[str, Tensor]:
        """The state before the first step."""
        self.sleep.exact = self.weight.dtype == torch.float64
        dtype = torch_ops.compute_dtype(self.weight.dtype)
        slots = {name: zeros(self.weight.shape, dtype, self.weight.device) for name in self.form.elements}
        scalars = {name: torch.tensor(self.form.slots[name], dtype=torch.float64) for name in self.form.scalars}
        return {"step": torch.zeros((), dtype=torch.float32), **slots, **scalars}

    def asleep(self) -> bool:
        """Whether any row is not at the present."""
        return bool((self.last < self.now).any())

    @torch.no_grad()
    def wake(self, rows: Tensor) -> None:
        """Bring distinct rows (U,) int64 to the present, in place: weight and slots."""
        last = self.last.numpy()
        for part in torch.split(rows.cpu(), CHUNK):
            late = self._late(last[part.numpy()])
            if len(late):
                asleep = part.numpy()[late]
                self._wake(self.weight.detach(), self.slots, asleep, last[asleep])
                last[asleep] = self.now

    def _late(self, starts: Ints) -> Ints:
        """Where those of the rows stand that are not at the present."""
        return np.flatnonzero(starts != self.now)

    def _wake(self, weight: Tensor, slots: Mapping[str, Tensor], rows: Ints, starts: Ints) -> None:
        if self._takes(weight, slots):
            from yeonma.optim.row_kernels import wake
        else:
            from yeonma.optim.row_ops import wake
        with self._lock:  # several threads may read a table
            wake(weight, slots, torch.from_numpy(rows).to(weight.device), self.sleep.wake(starts))

    def _takes(self, weight: Tensor, slots: Mapping[str, Tensor]) -> bool:
        return kernels.takes(self.form, weight, weight, slots)

    @torch.no_grad()
    def peek(self, rows: Tensor) -> Tensor:
        """Copies (U, d) of rows (U,) int64 as they stand at the present; nothing is changed."""
        copies, starts = self.weight.detach()[rows], self.last[rows.cpu()].numpy()
        late = self._late(starts)
        if len(late) and self.sleep.moves():
            slots = {name: slot[rows] for name, slot in self.slots.items()}
            self._wake(copies, slots, late, starts[late])
        return copies

    def check(self, grad: Tensor, settings: Settings) -> None:
        """Refuse a step that cannot be made.

        Raises: ConfigError for settings that have no exact sleep, and for a dense gradient.
        """
        self.sleep.check(settings)
        if not grad.is_sparse:
            raise ConfigError(
                "The weight of a RowTable got a dense gradient: it is used outside of its table, for example tied to "
                "an output layer, and then no row ever sleeps. Use an nn.Embedding for weights that are tied "
                '(in a config: encoder.rows = "dense").'
            )

    @torch.no_grad()
    def step(self, settings: Settings) -> None:
        """Take one step with the weight's gradient: touched rows by the rule, all others by what they do asleep."""
        assert self.weight.grad is not None
        grad = coalesced(self.weight.grad)
        self.advance(grad._indices()[0], grad._values().to(self.weight.dtype), settings)

    def advance(self, rows: Tensor, values: Tensor, settings: Settings) -> None:
        """Take one step with the gradients `values` (U, d) of distinct rows (U,)."""
        if self.sleep.steps >= LONGEST or not self.sleep.goes_on(settings):
            self.flush()
        self.wake(rows)
        before = {name: self.state[name].item() for name in self.form.scalars}
        self._apply(rows, values, self.state, self.now + 1, settings)
        self.sleep.record(self.now + 1, settings, before)
        self.state["step"].fill_(self.now)
        self.last.numpy()[rows.cpu().numpy()] = self.now

    def _apply(self, rows: Tensor, values: Tensor, state: Mapping[str, Tensor], t: int, settings: Settings) -> None:
        if self._takes(self.weight, self.slots):
            from yeonma.optim.row_steps import step
        else:
            from yeonma.optim.row_ops import step
        step(self.form, self.weight, rows, values.contiguous(), state, t, settings)

    def flush(self) -> None:
        """Bring every row to the present, in place."""
        if self.asleep():
            for rows in self._spans("bringing rows to the present"):
                self.wake(torch.arange(rows.start, rows.stop))
        self.sleep.restart(self.now)

    def current(self) -> Tensor:
        """The weight (V, d) as it stands at the present: itself when every row is awake, else a copy."""
        weight = self.weight.detach()
        if not (self.asleep() and self.sleep.moves()):
            return weight
        whole = torch.empty_like(weight)
        for rows in self._spans("copying rows as of now"):
            whole[rows] = self.peek(torch.arange(rows.start, rows.stop, device=weight.device))
        return whole

    def current_slots(self) -> dict[str, Tensor]:
        """The slots as they stand at the present: themselves when every row is awake, else copies."""
        if not self.asleep():
            return self.slots
        whole = {name: slot.clone() for name, slot in self.slots.items()}
        for rows in self._spans("copying slots as of now"):
            starts = self.last[rows].numpy()
            late = self._late(starts)
            parts = {name: slot[rows] for name, slot in whole.items()}  # views: what is woken is woken in `whole`
            self._wake(self.weight.detach()[rows].clone(), parts, late, starts[late])
        return whole

    def _spans(self, what: str) -> Iterator[slice]:
        rows, progress = len(self.weight), SHOWN.get()
        for start in range(0, rows, CHUNK):
            end = min(start + CHUNK, rows)
            yield slice(start, end)
            if rows >= MANY:
                progress(what, end, rows, "rows")

    def clocks(self) -> dict[str, Tensor]:
        """What a copy that is as of now needs beside the slots."""
        return {}

    def saved(self, as_it_stands: bool) -> dict[str, Tensor]:
        """What an optimizer's state dict holds of the rows: the slots as of now, or what the rows sleep on by."""
        if not as_it_stands:
            return self.current_slots()
        return {"last": self.last, "history": torch.from_numpy(np.array(self.sleep.history))}

    def take_up(self, state: dict[str, Tensor], saved: Mapping[str, Tensor]) -> None:
        """Go on from an optimizer's state: every row awake, or asleep as it was saved."""
        self.state, now = state, int(state["step"].item()) if state else 0
        self.sleep.exact = self.weight.dtype == torch.float64
        if "last" in saved and "history" not in saved:
            raise ConfigError('These rows counted their own steps: load them into a RowTable with row_clock="row".')
        if "last" in saved:
            history = saved["history"].cpu().double().numpy()
            self.sleep.restart(now - (len(history) - 1), history)
            self.last = saved["last"].to("cpu", torch.int64, copy=True)
        else:
            self.sleep.restart(now)
            self.last.fill_(now)


def coalesced(grad: Tensor) -> Tensor:
    """A gradient that is sparse over rows, each row in it once and in ascending order; itself where that is so."""
    rows = grad._indices()[0]
    return grad if bool((rows[1:] > rows[:-1]).all()) else grad.coalesce()
