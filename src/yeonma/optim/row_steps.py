"""The step of a rule on the touched rows of a table: a kernel made from the rule's source, as for whole tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from torch import Tensor
from torch.autograd.graph import increment_version

from yeonma.optim.kernel_files import LOCK, compiled, element
from yeonma.optim.prefetch import STAMP
from yeonma.optim.registry import Form
from yeonma.optim.settings import Settings
from yeonma.optim.split import Split, split

TEXT = '''\
"""One step of `{name}` on the rows `_rows` of a table, in place; made from the rule's source."""

from math import sqrt

from numba import njit

from yeonma.optim.prefetch import ahead as _ahead  # {stamp}

_range = range


@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})
def kernel(_c, _rows, _values, _table{slots}):
    _shrink, _l2 = _c[0], _c[1]
{constants}
    for _k in _range(_rows.size):
{rows}
        for _i in _range(_weight.size):
            _w = _weight[_i]
            g = _grad[_i] + _l2 * _w
{body}
'''


def text(form: Form, parts: Split) -> str:
    """The Python file of a form's kernel over rows."""
    tables = {"_weight": "_table", **{f"_all_{name}": f"_table_{name}" for name in form.elements}}
    rows = [
        *(f"_ahead({table}, _rows, _k)" for table in tables.values()),
        "_grad = _values[_k]",
        *(f"{row} = {table}[_rows[_k]]" for row, table in tables.items()),
    ]
    return TEXT.format(
        stamp=STAMP,
        name=form.function.__name__,
        slots="".join(f", _table_{name}" for name in form.elements),
        constants="\n".join(f"    _c{i} = _c[{i + 2}]  # {what}" for i, what in enumerate(parts.constants)),
        rows="\n".join(f"        {line}" for line in rows),
        body="\n".join(f"            {line}" for line in element(form, parts)),
    )


@cache
def load(form: Form, dtype: np.dtype) -> Callable[..., None]:
    """The kernel of a form over rows of float32 or float64."""
    parts = split(form)
    assert parts is not None
    table = np.zeros((0, 0), dtype)
    nothing = np.zeros(2 + len(parts.constants), dtype), np.zeros(0, np.int64), *[table] * (2 + len(form.elements))
    return compiled(f"{form.function.__name__}_rows", text(form, parts), nothing)


def step(
    form: Form, weight: Tensor, rows: Tensor, values: Tensor, state: Mapping[str, Tensor], t: int, settings: Settings
) -> None:
    """Make step `t` on rows (U,) of the weight (V, d) with gradients `values` (U, d): weight, slots, scalar slots."""
    parts = split(form)
    assert parts is not None
    start = form.State(**{name: state[name].item() if name in form.scalars else None for name in form.slots})
    constants, scalars = parts.prelude(None, start, t, settings.lr, **settings.hyper)
    gradient = values.numpy()
    c = np.array([settings.shrink, settings.l2, *constants], gradient.dtype)
    with LOCK:
        kernel = load(form, gradient.dtype)
    kernel(c, rows.numpy(), gradient, weight.detach().numpy(), *[state[name].numpy() for name in form.elements])
    for name, value in zip(form.scalars, scalars, strict=True):
        state[name].fill_(value)
    increment_version(weight)
