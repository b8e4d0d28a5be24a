"""Several optimizers as one: for weights that follow different rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

from torch.optim import Optimizer


class Several(Optimizer):
    """Their groups one after another, and one state for all; a weight belongs to one of them.

    The groups are those of the parts themselves: a learning rate that is set here is set there.
    """

    def __init__(self, parts: Sequence[Optimizer]) -> None:
        self.parts = [*parts]
        super().__init__([*self._groups()], {})

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """A step of each part on the weights that have a gradient; returns what `closure` returned."""
        loss = None if closure is None else closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        """torch's; the weights are numbered through all parts."""
        state: dict[int, Any] = {}
        groups: list[dict[str, Any]] = []
        first = 0
        for part in self.parts:
            saved = part.state_dict()
            state |= {first + number: slots for number, slots in saved["state"].items()}
            groups += [{**g, "params": [first + number for number in g["params"]]} for g in saved["param_groups"]]
            first += sum(len(group["params"]) for group in part.param_groups)
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what `state_dict` gave.

        Raises: what the parts raise for a state of others.
        """
        rest = [*state_dict["param_groups"]]
        for part in self.parts:
            own, rest = rest[: len(part.param_groups)], rest[len(part.param_groups) :]
            numbers = {*chain.from_iterable(group["params"] for group in own)}
            state = {number: slots for number, slots in state_dict["state"].items() if number in numbers}
            part.load_state_dict({"state": state, "param_groups": own})
        self.param_groups = [*self._groups()]

    def _groups(self) -> Iterator[dict[str, Any]]:
        return chain.from_iterable(part.param_groups for part in self.parts)
