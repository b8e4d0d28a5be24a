"""Data: files of rows become examples, named data sets are found or fetched, and the data doctor looks both over."""

from __future__ import annotations

from yeonma.data.catalog import Entry, catalog, entry
from yeonma.data.check import check
from yeonma.data.checkup import Checkup, Finding
from yeonma.data.datasets import load, load_split, read_texts
from yeonma.data.fetch import fetch, find
from yeonma.data.lines import Encoding
from yeonma.data.places import present
from yeonma.data.readers import rows, scan
from yeonma.data.row import Row

__all__ = [
    "Checkup",
    "Encoding",
    "Entry",
    "Finding",
    "Row",
    "catalog",
    "check",
    "entry",
    "fetch",
    "find",
    "load",
    "load_split",
    "present",
    "read_texts",
    "rows",
    "scan",
]
