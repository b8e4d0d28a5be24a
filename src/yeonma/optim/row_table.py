"""RowTable: an nn.Embedding of which only the rows of a batch cost anything, exact under each of the nine rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self
from weakref import ref

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from yeonma.errors import ConfigError, nearest
from yeonma.optim.lazy import LazyRows
from yeonma.optim.memory import zeros
from yeonma.optim.own_clock import OwnClockRows
from yeonma.optim.registry import Form, Rule
from yeonma.optim.settings import Settings

ROW_CLOCKS: Mapping[str, type[LazyRows]] = {"global": LazyRows, "row": OwnClockRows}
AS_IT_STANDS: ContextVar[bool] = ContextVar("as_it_stands", default=False)


@contextmanager
def unflushed() -> Iterator[None]:
    """State dicts taken inside hold rows as they stand, asleep: what is loaded from them goes on bit for bit.

    Load the model before its optimizer, or inside too: elsewhere a weight that comes in finds every row awake.

    Outside, `state_dict()` of a model and of an optimizer hold what a dense optimizer would hold: flushed copies.
    """
    token = AS_IT_STANDS.set(True)
    try:
        yield
    finally:
        AS_IT_STANDS.reset(token)


class RowParameter(nn.Parameter):
    """The weight of a RowTable. Our optimizers attach `rows` to it when they are built."""

    rows: LazyRows | None = None
    row_clock: str = "global"

    def attach(self, owner: object, rule: Rule, form: Form, settings: Settings) -> LazyRows:
        """Be trained by another optimizer from now on; what slept under the one before is brought to the present."""
        if self.rows is not None:
            self.rows.flush()
        self.rows = ROW_CLOCKS[self.row_clock](self, rule, form, settings)
        self.rows.owner = ref(owner)
        return self.rows

    def __deepcopy__(self, memo: dict[int, Any]) -> RowParameter:
        copy = _row_parameter(current(self).clone(), self.requires_grad, self.row_clock)
        memo[id(self)] = copy
        return copy

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _row_parameter, (current(self), self.requires_grad, self.row_clock)


def _row_parameter(data: Tensor, requires_grad: bool, row_clock: str) -> RowParameter:
    parameter = RowParameter(data, requires_grad)
    parameter.row_clock = row_clock
    return parameter


def lazy_rows(weight: object) -> LazyRows | None:
    """The rows of a RowTable's weight that an optimizer of ours trains; None for every other weight."""
    return weight.rows if isinstance(weight, RowParameter) else None


def current(weight: Tensor) -> Tensor:
    """A weight as it stands at the present: of a RowTable a flushed copy where rows sleep, else the weight itself."""
    rows = lazy_rows(weight)
    return weight.detach() if rows is None else rows.current()


class _Lookup(torch.autograd.Function):
    """Look rows up; the gradient is sparse over rows, and a row met twice stands in it once."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor, rows: Tensor, inverse: Tensor, padding: int | None) -> Tensor:
        ctx.save_for_backward(rows, inverse)
        ctx.shape, ctx.padding = weight.shape, padding
        return F.embedding(ids, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        rows, inverse = ctx.saved_tensors
        values = torch.ops.aten.embedding_dense_backward(grads[0], inverse, len(rows), -1, False)
        if ctx.padding is not None:
            values[rows == ctx.padding] = 0
        gradient = torch.sparse_coo_tensor(
            rows.clone().unsqueeze(0), values, ctx.shape, is_coalesced=True, check_invariants=False
        )
        return gradient, None, None, None, None


class RowTable(nn.Embedding):
    """A drop-in for nn.Embedding: with an optimizer of yeonma.optim a step costs what the touched rows cost.

    The result is what the dense optimizer would have given: a row that slept is brought to the present before it is
    read (`yeonma.optim.sleep`). With any other optimizer it is an ordinary nn.Embedding with dense gradients.

    - Build the optimizer, then train: it finds the table through its weight. The gradient is sparse over rows, so clip
      with `yeonma.optim.clip_grad_norm_`; torch's raises.
    - In evaluation (`torch.no_grad()`) rows are read as of now, and nothing changes. `table.weight` and `state_dict()`
      are as of now too; `parameters()` gives the weight as it stands: call `flush()` first to read that, as averaging
      weights (torch's AveragedModel) does.
    - One weight, one table: tied to another layer it gets a dense gradient, which the optimizer refuses.
    - DistributedDataParallel reduces the rows alone (gloo); there gradients are sparse with any optimizer.

    Arguments are those of nn.Embedding, and row_clock: "global" (exact), or "row": rows count their own steps and do
    nothing asleep, another algorithm (`own_clock`). Raises: ConfigError for `max_norm` and `scale_grad_by_freq`.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        *,
        row_clock: str = "global",
        **rest: Any,
    ) -> None:
        if row_clock not in ROW_CLOCKS:
            raise ConfigError(f'row_clock is "global" or "row"; got {row_clock!r}.{nearest(row_clock, ROW_CLOCKS)}')
        if max_norm is not None or scale_grad_by_freq:
            raise ConfigError(
                "A RowTable takes no max_norm and no scale_grad_by_freq: they are steps of their own. "
                "Use an nn.Embedding for them."
            )
        given = rest.pop("_weight", None)
        shape, dtype = (num_embeddings, embedding_dim), rest.get("dtype") or torch.get_default_dtype()
        memory = zeros(shape, dtype, torch.empty(0, device=rest.get("device")).device) if given is None else given
        super().__init__(num_embeddings, embedding_dim, padding_idx, _weight=memory, **rest)
        if given is None:
            self.reset_parameters()
        self.sparse = True  # what DistributedDataParallel asks; without an optimizer of ours gradients are dense
        weight = self._parameters["weight"]
        assert weight is not None
        self.row_clock = row_clock
        self.weight = weight

    def register_parameter(self, name: str, param: nn.Parameter | None) -> None:
        """As every module; a weight of its own becomes one whose rows may sleep."""
        if name == "weight" and type(param) is nn.Parameter and "row_clock" in self.__dict__:
            param.__class__ = RowParameter  # the same object, so that a weight that is tied stays tied, and is refused
            param.__dict__["row_clock"] = self.row_clock
        super().register_parameter(name, param)

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name)
        if name == "weight" and (rows := lazy_rows(value)) is not None:
            rows.flush()  # whoever takes the weight reads it, or writes to it
        return value

    def forward(self, ids: Tensor) -> Tensor:
        """Ids of any shape → rows (…, dim)."""
        weight = self._parameters["weight"]
        assert weight is not None
        rows = lazy_rows(weight)
        if rows is None:
            return F.embedding(ids, weight, self.padding_idx, sparse=_reduced())
        if not (weight.requires_grad and torch.is_grad_enabled()):
            return self._read(ids, weight, rows)
        touched, inverse = self._touched(ids)
        if rows.sleep.moves():
            rows.wake(touched)
        found: Tensor = _Lookup.apply(weight, ids, touched, inverse, self.padding_idx)  # type: ignore[no-untyped-call]
        return found

    def _read(self, ids: Tensor, weight: Tensor, rows: LazyRows) -> Tensor:
        if not rows.sleep.moves():
            return F.embedding(ids, weight)
        touched, inverse = self._touched(ids)
        return F.embedding(inverse, rows.peek(touched))

    def _touched(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """The distinct ids, ascending, and which of them stands at each place."""
        if ids.dtype not in (torch.int64, torch.int32):
            raise TypeError(f"Ids must be int64 or int32, as nn.Embedding takes them; got {ids.dtype}.")
        touched, inverse = torch.unique(ids, return_inverse=True)
        if len(touched) and (int(touched[0]) < 0 or int(touched[-1]) >= self.num_embeddings):
            raise IndexError(
                f"Ids must be from 0 to {self.num_embeddings - 1}; got {int(touched[0])} to {int(touched[-1])}."
            )
        return touched, inverse

    def flush(self) -> Self:
        """Bring every row to the present, in place; changes no mathematics, only rounding."""
        weight = self._parameters["weight"]
        if isinstance(weight, RowParameter) and weight.rows is not None:
            weight.rows.flush()
            if weight.rows.owner() is None:  # its optimizer is gone
                weight.rows = None
        return self

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        if keep_vars and not AS_IT_STANDS.get():
            self.flush()
        super()._save_to_state_dict(destination, prefix, keep_vars)
        weight = self._parameters["weight"]
        if weight is not None and not AS_IT_STANDS.get() and not keep_vars:
            destination[prefix + "weight"] = current(weight)

    def _load_from_state_dict(self, *arguments: Any, **rest: Any) -> None:
        if not AS_IT_STANDS.get():
            self.flush()  # what slept must not move the weight that comes in
        super()._load_from_state_dict(*arguments, **rest)


def _reduced() -> bool:
    """Whether DistributedDataParallel may be there: it was told to expect gradients that are sparse."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()
