"""The lower and the upper part of a transformer, as modules that share its weights, and what its layers read."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn


class Given(nn.Module):
    """Stands where the embeddings stood: hands on the states that come as `inputs_embeds`."""

    def forward(self, *inputs: Any, inputs_embeds: Tensor | None = None, **others: Any) -> Tensor:
        """(B, T, width), unchanged."""
        states: Tensor = next(x for x in inputs if x is not None) if inputs_embeds is None else inputs_embeds
        return states


def upper(model: nn.Module, layers: nn.ModuleList, count: int) -> nn.Module:
    """The model without its embeddings and its first `count` layers; it reads their output as `inputs_embeds`."""
    table = model.get_input_embeddings()  # type: ignore[operator]
    below = next(child for child in model.children() if any(module is table for module in child.modules()))
    changed = {id(layers): nn.ModuleList(layers[count:]), id(below): Given()}
    projection = getattr(model, "embeddings_project", None)  # ELECTRA's, part of what was computed
    if projection is not None:
        changed[id(projection)] = nn.Identity()
    return _with(model, changed)


def lower(model: nn.Module, layers: nn.ModuleList, count: int) -> nn.Module:
    """The model with one layer more than `count`, so that its hidden state number `count` is no normed last one."""
    return _with(model, {id(layers): nn.ModuleList(layers[: count + 1])})


def states(model: nn.Module, layers: Iterable[nn.Module], **inputs: Tensor) -> list[Tensor]:
    """What each layer reads, then the last hidden state: one more than layers, each (B, T, width).

    Not by `output_hidden_states`, whose hooks stay for good: a layer that two models share would be recorded twice.
    """
    read: list[Tensor] = []

    def keep(_layer: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        read.append(given[0] if given else named["hidden_states"])

    hooks = [layer.register_forward_pre_hook(keep, with_kwargs=True) for layer in layers]
    try:
        last: Tensor = model(**inputs).last_hidden_state
    finally:
        for hook in hooks:
            hook.remove()
    return [*(each[:, : last.shape[1]] for each in read), last]  # some pad a row for their layers: Longformer


def _with(module: nn.Module, changed: dict[int, nn.Module]) -> nn.Module:
    """A copy with other modules in the place of some; all else, weights too, is the same object."""
    if id(module) in changed:
        return changed[id(module)]
    if not any(id(inside) in changed for inside in module.modules()):
        return module
    twin = copy.copy(module)
    twin._modules = {name: child and _with(child, changed) for name, child in module._modules.items()}
    return twin
