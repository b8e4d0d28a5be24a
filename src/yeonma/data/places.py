"""Where the files of a named data set are looked for on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from yeonma.data.readers import SUFFIXES
from yeonma.files import cache_folder

_SUFFIXES = (".parquet", *(suffix for suffix in SUFFIXES if suffix != ".parquet"))
_FILE_NAMES = {"validation": ("validation", "valid", "dev")}
_FAMILIES = ("glue", "kobest")


def folders(name: str) -> list[Path]:
    """The folders of a data set, the first to look into first.

    `$YEONMA_DATA/<name>` (`glue/x` for glue-x, `kobest/x` for kobest-x), the cache's `data/<name>`, and for sample-x
    the program's own folder.
    """
    family, _, rest = name.partition("-")
    found = [cached(name)]
    if named := os.environ.get("YEONMA_DATA"):
        root = Path(named).expanduser()
        found.insert(0, root / family / rest if family in _FAMILIES else root / name)
    if family == "sample":
        found.append(Path(__file__).parent / "sample" / rest)
    return found


def cached(name: str) -> Path:
    """The folder that downloads of a data set are kept in."""
    return cache_folder() / "data" / name


def present(name: str, split: str) -> Path | None:
    """The file of a split (a validation file may be called valid or dev), or None if it is not on this machine."""
    part, mark, more = split.partition("_")  # validation_matched: dev_matched too
    names = [name + mark + more for name in _FILE_NAMES.get(part, (part,))]
    files = [name + suffix for suffix in _SUFFIXES for name in names]
    return next((folder / file for folder in folders(name) for file in files if (folder / file).is_file()), None)
