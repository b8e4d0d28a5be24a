"""What a run was made with: versions, machine, command."""

from __future__ import annotations

import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from yeonma import __version__


def environment() -> dict[str, Any]:
    """What env.json says."""
    from importlib.metadata import PackageNotFoundError, version

    def installed(name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    packages = (
        "torch", "numpy", "numba", "polars", "tokenizers", "transformers", "safetensors", "python-mecab-ko",
        "kiwipiepy",
    )  # fmt: skip
    return {
        "yeonma": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "packages": {name: installed(name) for name in packages},
        "command": sys.argv,
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def processor() -> str:
    """The model of the processor, on which times and last bits depend."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor() or platform.machine()
