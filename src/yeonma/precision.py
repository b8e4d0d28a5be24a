"""In which numbers a training step computes. Weights, optimizer state and scores stay in float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

import torch


def native_bf16(device: str) -> bool:
    """Whether the processor multiplies bfloat16 itself; where it does not, bfloat16 is slower than float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    known = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(known and known())


def autocast(precision: str, device: str = "cpu") -> AbstractContextManager[Any]:
    """`auto` is bfloat16 for matrix products where the processor has it, else float32."""
    wanted = precision == "bf16" or (precision == "auto" and native_bf16(device))
    return torch.autocast(device, torch.bfloat16) if wanted else nullcontext()


@contextmanager
def fast_float32() -> Iterator[None]:
    """Float32 products of the CPU by oneDNN, up to 1.6 times as fast as by MKL where the processor is not Intel's.

    They stay float32 (differences below 5e-5 of a result), but on processors with AMX, which would compute in bfloat16,
    and on GPUs, which would too: nothing is changed there. The setting is the whole process's, so it is put back.
    """
    before = torch.get_float32_matmul_precision()
    if _stays_float32():
        torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@cache
def _stays_float32() -> bool:
    """Whether "medium" changes the library alone; no where torch cannot tell."""
    has_amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    return not (torch.cuda.is_available() or has_amx())
