"""An optimizer's state as tensors and plain values, and back: what a checkpoint stores without a pickle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def pack_optimizer(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors by "number.slot", everything else as JSON values)."""
    state = optimizer.state_dict()
    flat = {(number, slot): value for number, slots in state["state"].items() for slot, value in slots.items()}
    tensors = {f"{number}.{slot}": value for (number, slot), value in flat.items() if isinstance(value, Tensor)}
    plain = [[number, slot, value] for (number, slot), value in flat.items() if not isinstance(value, Tensor)]
    return tensors, {"plain": plain, "groups": state["param_groups"]}


def unpack_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], rest: Mapping[str, Any]) -> None:
    """Load what `pack_optimizer` gave."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        number, slot = key.split(".", 1)
        state.setdefault(int(number), {})[slot] = value
    for number, slot, value in rest["plain"]:
        state.setdefault(number, {})[slot] = value
    optimizer.load_state_dict({"state": state, "param_groups": rest["groups"]})
