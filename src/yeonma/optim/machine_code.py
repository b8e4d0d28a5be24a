"""Machine code that numba keeps on disk, stale also when another file that went into it changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])


def stamp(file: str) -> str:
    """The hash of what stands in a file."""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def stamped(compiled: F, stamp: str) -> F:
    """The same compiled function; numba itself looks at its own file alone, now at the stamp of the other one too."""
    with suppress(AttributeError):
        kept = compiled._cache._cache_file  # type: ignore[attr-defined]
        kept._source_stamp = (kept._source_stamp, stamp)
    return compiled
