"""A hint to the processor, for compiled loops: the memory at an address will be wanted soon.

Touched rows stand anywhere in a table, and no processor guesses where the next one is. Asking for it two rows ahead
halves the time of a loop over rows (measured: 3.6 ms to 1.7 ms for 3,830 rows of 200 in three tables of 500,000).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from yeonma.optim.machine_code import stamp

LINE, READ, INTO_L2, DATA = 64, 0, 1, 1
AHEAD = 2  # rows
STAMP = stamp(__file__)
"""What machine code that `ahead` went into is kept under: it is stale when this file changes."""


@intrinsic  # type: ignore[untyped-decorator]
def _fetch(typing: Any, address: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        hints = [number(hint) for hint in (READ, INTO_L2, DATA)]
        builder.call(function, [builder.inttoptr(values[0], pointer), *hints])
        return context.get_dummy_value()

    return types.void(types.uint64), code


@njit(nogil=True, inline="always")  # type: ignore[untyped-decorator]
def ahead(table: Any, rows: Any, i: int) -> None:
    """Ask for the row of `table` that comes up soon after the i-th of `rows`."""
    if i + AHEAD < rows.size:
        address = table.ctypes.data + rows[i + AHEAD] * table.strides[0]
        for k in range(0, table.strides[0], LINE):
            _fetch(np.uint64(address + k))
