"""Kernels as files: Python made from the source of the rules, compiled by numba.

A kernel is a small Python file in the cache folder, named by the hash of its own text: a changed rule gives another
text, so another file, and the machine code that numba keeps beside a file can never be stale.
"""

from __future__ import annotations

import atexit
import hashlib
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from yeonma.errors import DiskError
from yeonma.files import cache_folder, write_text
from yeonma.optim.entries import clocks
from yeonma.optim.registry import Form
from yeonma.optim.split import Split, split

ADDRESSES = '''\
"""Numbers by their address: read, and where a kernel follows, stepped."""

from math import sqrt

from numba import carray, njit, types
from numba.extending import intrinsic


@intrinsic
def pointer(typing, address, like):
    """The address as a pointer to numbers of the array's dtype."""

    def code(context, builder, signature, values):
        return builder.inttoptr(values[0], context.get_value_type(signature.return_type))

    return types.CPointer(like.dtype)(address, like), code


@njit(cache=True)
def read(addresses, numbers):
    """Read one number from each address into the array, which has their dtype; returns whether all are equal."""
    equal = True
    for i in range(addresses.size):
        numbers[i] = carray(pointer(addresses[i], numbers), 1)[0]
        equal &= numbers[i] == numbers[0]
    return equal
'''

# A multiply-add may be fused; nothing else of fast maths: a NaN or infinite gradient must be seen in the weights.
KERNEL = '''

from numpy import empty as _empty, float32 as _float32, float64 as _float64

_carray, _pointer, _max, _min, _range = carray, pointer, max, min, range
_clock_float32, _clock_float64 = _empty(0, _float32), _empty(0, _float64)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})
def kernel(_like, _table, _share, _shares, _shrink, _l2{arguments}, {clocks}):
    """One step of `{name}` on a share (from 0) of the elements of all tensors laid end to end; made from its source.

    _like  an array of the weights' dtype
    _table int64, a row for each weight: its size, then addresses of gradient, weight, slots and clocks
    {clocks}: what the clocks show after the step
    """
    _number = _like.dtype.type
    _shrink, _l2 = _number(_shrink), _number(_l2)
{constants}
    _all = _table[:, 0].sum()
    _first = _all * _share // _shares // 64 * 64
    _last = _all * (_share + 1) // _shares // 64 * 64 if _share + 1 < _shares else _all
    _begin = 0
    for _row in _table:
        _skip = _max(_first - _begin, 0)
        _n = _max(_min(_last - _begin, _row[0]) - _skip, 0)
        _begin += _row[0]
        if _share == 0:
{ticks}
{arrays}
        for _i in _range(_n):
            _w = _weight[_i]
            g = _grad[_i] + _l2 * _w
{body}
'''

LOCK = threading.Lock()


def text(form: Form, parts: Split) -> str:
    """The Python file of a form's kernel. Its own names begin with an underscore, so that the rule's are free."""
    constants = [f"    _c{i} = _number(_c{i})  # {what}" for i, what in enumerate(parts.constants)]
    arrays = [
        f"        {name} = _carray(_pointer(_row[{i}] + _skip * _like.itemsize, _like), _n)"
        for i, name in enumerate(("_grad", "_weight", *(f"_all_{name}" for name in form.elements)), start=1)
    ]
    shown = [f"_after_{name}" for name in clocks(form)]
    ticks = [
        f"            _carray(_pointer(_row[{i}], _clock_{str(dtype).removeprefix('torch.')}), 1)[0] = _after_{name}"
        for i, (name, dtype) in enumerate(clocks(form).items(), start=3 + len(form.elements))
    ]
    return ADDRESSES + KERNEL.format(
        name=form.function.__name__,
        arguments="".join(f", _c{i}" for i in range(len(constants))),
        constants="\n".join(constants),
        arrays="\n".join(arrays),
        clocks=", ".join(shown),
        ticks="\n".join(ticks),
        body="\n".join(f"            {line}" for line in element(form, parts)),
    )


def element(form: Form, parts: Split) -> list[str]:
    """The lines of a kernel for one element; its weight `_w`, gradient `g`, `_shrink` and `_l2` are there."""
    return [
        *(f"_s_{name} = _all_{name}[_i]" for name in form.elements),
        *parts.body,
        *(f"_new_{name} = {value}" for name, value in parts.new.items()),
        f"_weight[_i] = _shrink * _w + ({parts.delta})",
        *(f"_all_{name}[_i] = _new_{name}" for name in parts.new),
    ]


@cache
def fallback_folder() -> Path:
    """Where kernels stand for the life of the process when the cache folder cannot be written."""
    folder = Path(tempfile.mkdtemp(prefix="yeonma-kernels-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def place(name: str, source: str) -> Path:
    """Write a kernel's file unless it stands there whole already."""
    file = f"{name}-{hashlib.sha256(source.encode()).hexdigest()[:16]}.py"
    path = cache_folder() / "kernels" / file
    try:
        if not path.is_file() or path.read_bytes() != source.encode():
            write_text(path, source)
    except (OSError, DiskError):
        path = fallback_folder() / file
        path.write_text(source, encoding="utf-8")
    return path


def imported(path: Path) -> ModuleType:
    """The module in a kernel's file; its machine code names it, so it must be findable by that name."""
    name = f"yeonma_kernel_{path.stem.replace('-', '_')}"
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def working(name: str, source: str, try_out: Callable[[ModuleType], object]) -> ModuleType:
    """The module of a text, its machine code read from the disk or compiled, and tried out."""
    path = place(name, source)
    module = imported(path)
    try:
        try_out(module)
    except Exception:  # machine code cut short by a crash can fail in any way: compile it again
        for old in path.parent.glob(f"__pycache__/{path.stem}.*"):
            old.unlink()
        module = imported(path)
        try_out(module)
    return module


def compiled(name: str, source: str, nothing: Sequence[Any]) -> Callable[..., None]:
    """The function `kernel` of a text, compiled for arguments like `nothing`, with which it has nothing to do."""
    kernel: Callable[..., None] = working(name, source, lambda module: module.kernel(*nothing)).kernel
    return kernel


@cache
def load(form: Form, dtype: np.dtype) -> Callable[..., None]:
    """The kernel of a form for float32 or float64."""
    parts = split(form)
    assert parts is not None
    ticks = len(clocks(form))
    table, numbers = np.zeros((0, 3 + len(form.elements) + ticks), np.int64), [0.0] * (2 + len(parts.constants) + ticks)
    return compiled(form.function.__name__, text(form, parts), (np.zeros(0, dtype), table, 0, 1, *numbers))


@cache
def clockwork() -> ModuleType:
    """`read` of ADDRESSES, for float32 and float64."""

    def try_out(module: ModuleType) -> None:
        for dtype in (np.float32, np.float64):
            module.read(np.zeros(0, np.int64), np.zeros(0, dtype))

    return working("addresses", ADDRESSES, try_out)
