"""What a run was made with: versions, machine, command."""

from __future__ import annotations

import os
import platform
import sys
import time
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

    packages = ("torch", "numpy", "numba", "polars", "tokenizers", "safetensors", "python-mecab-ko", "kiwipiepy")
    return {
        "yeonma": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "packages": {name: installed(name) for name in packages},
        "command": sys.argv,
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
