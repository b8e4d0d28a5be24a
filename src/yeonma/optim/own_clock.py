"""Rows that count their own steps and do nothing asleep: another algorithm than the dense one, and a cheaper one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from yeonma.errors import ConfigError
from yeonma.optim.lazy import LazyRows
from yeonma.optim.registry import Form, Rule
from yeonma.optim.settings import Settings
from yeonma.optim.sleep import Sleep, Wake


class NoSleep(Sleep):
    """Nothing happens to a row without a gradient, so every setting is allowed."""

    columns = 1

    def check(self, settings: Settings) -> None:
        """Nothing to refuse."""

    def moves(self) -> bool:
        """Never."""
        return False

    def record(self, t: int, settings: Settings, scalars: Mapping[str, float]) -> None:
        """Nothing to remember."""

    def wake(self, starts: object) -> Wake:
        """Nothing to make up for."""
        return Wake(None, {})


class OwnClockRows(LazyRows):
    """`row_clock="row"`: a row moves, decays and forgets only where it has a gradient, and t counts its own steps.

    A rare word then takes steps as large as a common one's first. This is what others call sparse or lazy Adam, with a
    clock for each row; it is not what the dense optimizer does.
    last  (V,) int64: the steps each row has made
    """

    def __init__(self, weight: Tensor, rule: Rule, form: Form, settings: Settings) -> None:
        self._start(weight, form, NoSleep(form))
        self._scalars: list[Mapping[str, float]] = [{name: form.slots[name] for name in form.scalars}]

    def asleep(self) -> bool:
        """Never: a row is always as of now."""
        return False

    def wake(self, rows: Tensor) -> None:
        """Nothing to make up for."""

    def advance(self, rows: Tensor, values: Tensor, settings: Settings) -> None:
        """Take one step: each row the one after its last."""
        for done, part in self._by_clock(rows):
            scalars = {name: torch.tensor(x, dtype=torch.float64) for name, x in self._before(done, settings).items()}
            self._apply(rows[part], values[part], {**self.state, **scalars}, done + 1, settings)
        self.state["step"] += 1
        self.last[rows.cpu()] += 1

    def _by_clock(self, rows: Tensor) -> Iterator[tuple[int, Tensor]]:
        clocks = self.last[rows.cpu()]
        for done in torch.unique(clocks).tolist():
            yield done, (clocks == done).to(rows.device)

    def _before(self, done: int, settings: Settings) -> Mapping[str, float]:
        """The scalar slots of a row that has made `done` steps: no gradient changes them."""
        while len(self._scalars) <= done:
            t, before = len(self._scalars), self._scalars[-1]
            _, new = self.sleep.coast(0.0, t, settings, before, **dict.fromkeys(self.form.elements, 1.0))
            self._scalars.append({name: getattr(new, name) for name in self.form.scalars})
        return self._scalars[done]

    def clocks(self) -> dict[str, Tensor]:
        """The steps each row has made."""
        return {"last": self.last.clone()}

    def saved(self, as_it_stands: bool) -> dict[str, Tensor]:
        """The clocks: without them the state means nothing."""
        return {"last": self.last}

    def take_up(self, state: dict[str, Tensor], saved: Mapping[str, Tensor]) -> None:
        """Go on from an optimizer's state; one that was saved without clocks has made all its steps on every row."""
        if "history" in saved:
            raise ConfigError(
                'These rows sleep by the clock of all: load them into a RowTable with row_clock="global".'
            )
        self.state = state
        self.last.fill_(int(state["step"].item()) if state else 0)
        if "last" in saved:
            self.last.copy_(saved["last"])
