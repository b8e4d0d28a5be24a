"""In which numbers a training step computes. Weights, optimizer state and scores stay in float32."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
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
