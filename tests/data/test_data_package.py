"""The package's face: exact names, and nothing heavy behind them until it is used."""

from __future__ import annotations

import json
import subprocess
import sys

import yeonma.data


def test_the_public_names_are_sorted_and_there():
    assert yeonma.data.__all__ == sorted(yeonma.data.__all__)
    assert all(hasattr(yeonma.data, name) for name in yeonma.data.__all__)


def test_imports_are_light():
    heavy = ["torch", "polars", "pyarrow", "numba", "pandas", "http.client", "yeonma.text"]
    code = f"import json, sys, yeonma.data; print(json.dumps([name for name in {heavy} if name in sys.modules]))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(shown.stdout) == []
