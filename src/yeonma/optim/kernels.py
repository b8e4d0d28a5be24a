"""One pass over memory for a step: numba kernels made from the source of the rules.

A kernel is a small Python file in the cache folder, named by the hash of its own text: a changed rule gives another
text, so another file, and the machine code that numba keeps beside a file can never be stale.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from yeonma.errors import DiskError
from yeonma.files import cache_folder, write_text
from yeonma.optim.registry import Form
from yeonma.optim.settings import Settings
from yeonma.optim.split import Split, split

# A multiply-add may be fused; nothing else of fast maths: a NaN or infinite gradient must be seen in the weights.
TEXT = '''\
"""One step of `{name}` for float32 or float64 weights, in place; made from the rule's source."""

from math import sqrt

from numba import njit


@njit(cache=True, nogil=True, error_model="numpy", fastmath={{"contract"}})
def kernel(_c, _weight, _grad{slots}):
    _shrink, _l2 = _c[0], _c[1]
{constants}
    for _i in range(_weight.size):
        _w = _weight[_i]
        g = _grad[_i] + _l2 * _w
{body}
'''

SHARE = 1 << 19  # elements worth a thread of their own
LOCK = threading.Lock()


def text(form: Form, parts: Split) -> str:
    """The Python file of a form's kernel. Its own names begin with an underscore, so that the rule's are free."""
    constants = [f"    _c{i} = _c[{i + 2}]  # {what}" for i, what in enumerate(parts.constants)]
    body = [
        *(f"_s_{name} = _{name}[_i]" for name in form.elements),
        *parts.body,
        *(f"_new_{name} = {value}" for name, value in parts.new.items()),
        f"_weight[_i] = _shrink * _w + ({parts.delta})",
        *(f"_{name}[_i] = _new_{name}" for name in parts.new),
    ]
    return TEXT.format(
        name=form.function.__name__,
        slots="".join(f", _{name}" for name in form.elements),
        constants="\n".join(constants),
        body="\n".join(f"        {line}" for line in body),
    )


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
        if not path.is_file() or path.read_text(encoding="utf-8") != source:
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


@cache
def load(form: Form, dtype: str) -> Callable[..., None]:
    """The kernel of a form, its machine code for the dtype ("float32", "float64") read from the disk or compiled."""
    parts = split(form)
    assert parts is not None
    path = place(form.function.__name__, text(form, parts))
    nothing = [np.empty(size, dtype) for size in (2 + len(parts.constants), 0, 0, *(0 for _ in form.elements))]
    kernel: Callable[..., None] = imported(path).kernel
    try:
        kernel(*nothing)
    except Exception:  # machine code cut short by a crash can fail in any way: compile it again
        for old in path.parent.glob(f"__pycache__/{path.stem}.*"):
            old.unlink()
        kernel = imported(path).kernel
        kernel(*nothing)
    return kernel


def takes(form: Form, weight: Tensor, grad: Tensor, state: Mapping[str, Tensor]) -> bool:
    """Whether a kernel can make this step: plain contiguous float32 or float64 tensors on the CPU.

    YEONMA_KERNELS=off turns the kernels off.
    """
    tensors = [weight, grad, *(state[name] for name in form.elements)]
    return (
        os.environ.get("YEONMA_KERNELS") != "off"
        and type(weight.data) is Tensor
        and weight.dtype in (torch.float32, torch.float64)
        and all(x.device.type == "cpu" and x.dtype == weight.dtype and x.is_contiguous() for x in tensors)
        and split(form) is not None
    )


def step(form: Form, weight: Tensor, grad: Tensor, state: Mapping[str, Tensor], t: float, settings: Settings) -> None:
    """Make step `t` (from 1) in place on tensors that the kernel `takes`: weights, state and scalar slots."""
    parts = split(form)
    assert parts is not None
    start = form.State(**{name: state[name].item() if name in form.scalars else None for name in form.slots})
    constants, scalars = parts.prelude(None, start, t, settings.lr, **settings.hyper)
    with LOCK:
        kernel = load(form, str(weight.dtype).removeprefix("torch."))
    arrays = [x.detach().numpy().reshape(-1) for x in (weight, grad, *(state[name] for name in form.elements))]
    c = np.array([settings.shrink, settings.l2, *constants], arrays[0].dtype)
    share_out(kernel, c, arrays)
    for name, value in zip(form.scalars, scalars, strict=True):
        state[name].fill_(value)
    for x in (weight, *(state[name] for name in form.elements)):
        torch.autograd.graph.increment_version(x)  # autograd cannot see what is written through numpy


def share_out(kernel: Callable[..., None], c: np.ndarray, arrays: Sequence[np.ndarray]) -> None:
    """Run the kernel over all elements, on at most torch.get_num_threads() threads.

    Plain threads, because the kernel holds no lock of Python's: a second OpenMP runtime beside torch's would fight with
    it for the cores, and numba's own pool aborts the process when two threads call it.
    """
    n = arrays[0].size
    threads = min(torch.get_num_threads(), n // SHARE)
    if threads < 2:
        kernel(c, *arrays)
        return
    edges = [n * k // threads // 64 * 64 for k in range(threads)] + [n]
    spans = [slice(a, b) for a, b in pairwise(edges)]
    others = [threading.Thread(target=kernel, args=(c, *(x[span] for x in arrays))) for span in spans[1:]]
    for thread in others:
        thread.start()
    kernel(c, *(x[spans[0]] for x in arrays))
    for thread in others:
        thread.join()
