"""Tensors side by side under one name, so that a rule written for one tensor runs on all with few calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


class Bundle:
    """A list of tensors of one dtype with the arithmetic of one tensor.

    An operation is one `torch._foreach_` call for the whole list: on a GPU, one launch for many tensors. The other
    operand is a number, or a bundle of the same shapes.
    """

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self.tensors = list(tensors)

    def _by(self, call: Callable[..., Any], *operands: Bundle | float) -> Bundle:
        return Bundle(call(self.tensors, *(x.tensors if isinstance(x, Bundle) else x for x in operands)))

    def __add__(self, other: Bundle | float) -> Bundle:
        return self._by(torch._foreach_add, other)

    def __sub__(self, other: Bundle | float) -> Bundle:
        return self._by(torch._foreach_sub, other)

    def __mul__(self, other: Bundle | float) -> Bundle:
        return self._by(torch._foreach_mul, other)

    def __truediv__(self, other: Bundle | float) -> Bundle:
        return self._by(torch._foreach_div, other)

    def __pow__(self, other: Bundle | float) -> Bundle:
        return self._by(torch._foreach_pow, other)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: float) -> Bundle:
        return -self + other

    def __rtruediv__(self, other: float) -> Bundle:
        return self._by(torch._foreach_reciprocal) * other

    def __neg__(self) -> Bundle:
        return self._by(torch._foreach_neg)

    def __abs__(self) -> Bundle:
        return self._by(torch._foreach_abs)

    def sqrt(self) -> Bundle:
        """√ of each tensor."""
        return self._by(torch._foreach_sqrt)

    @property
    def dtype(self) -> torch.dtype:
        """That of the tensors."""
        return self.tensors[0].dtype

    def to(self, dtype: torch.dtype) -> Bundle:
        """The tensors in a dtype; themselves where it is theirs already."""
        return Bundle([x.to(dtype) for x in self.tensors])

    def copy_(self, other: Bundle) -> None:
        """Overwrite the tensors."""
        torch._foreach_copy_(self.tensors, other.tensors)
