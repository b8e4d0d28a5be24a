"""The same rule functions run on torch tensors: every dtype, device and layout that the kernels do not take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from yeonma.optim.registry import Form
from yeonma.optim.settings import Settings

BLOCK = 1 << 15  # elements that stay in the cache while a rule's temporaries come and go


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype of the state and of the arithmetic: float32 for half precisions, else the weight's own."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def blocks(tensors: Sequence[Tensor]) -> Iterator[Sequence[Tensor]]:
    """Views of the same elements of each tensor: pieces of large contiguous CPU tensors, others whole."""
    plain = all(type(x.data) is Tensor and x.device.type == "cpu" and x.is_contiguous() for x in tensors)
    return zip(*(torch.split(x.view(-1), BLOCK) for x in tensors), strict=True) if plain else iter([tensors])


@torch.no_grad()
def step(form: Form, weight: Tensor, grad: Tensor, state: Mapping[str, Tensor], t: float, settings: Settings) -> None:
    """Make step `t` in place; arguments as in `kernels.step`. Half-precision weights are computed in float32."""
    dtype = compute_dtype(weight.dtype)
    scalars = {name: state[name].item() for name in form.scalars}
    for w, g, *slots in blocks([weight, grad, *(state[name] for name in form.elements)]):
        wide, slope = w.to(dtype), g.to(dtype)
        slope = slope + settings.l2 * wide if settings.l2 else slope
        old = dict(zip(form.elements, slots, strict=True))
        delta, new = form.function(slope, form.State(**old, **scalars), t, settings.lr, **settings.hyper)
        w.copy_(wide * settings.shrink + delta)
        for name, slot in old.items():
            slot.copy_(getattr(new, name))
    for name in form.scalars:
        state[name].fill_(getattr(new, name))
