"""Every error a user can meet, drawn once.

YeonmaError                 a sentence for the user; `exit_code` is what the command line returns
├── InputError         2    bad input or usage
│   ├── ConfigError         a setting that does not exist or does not fit
│   ├── DataError           a row or file of data; carries file and line
│   ├── VectorsError        a file of word vectors; carries file and line
│   ├── RunError            a run folder that is missing, broken or of another shape
│   │   └── RunInUse            one that another process works on
│   └── MissingExtra        an optional package that is not installed
├── Diverged           3    a loss or gradient that is not finite
├── OutOfMemory        4
├── DiskError          5    no space, or a file that could not be written
└── Interrupted      130    stopped by Ctrl-C or SIGTERM after saving
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class YeonmaError(Exception):
    """What must hold, what came, and what to do next, in words."""

    exit_code = 1


class InputError(YeonmaError):
    """Something the user gave is wrong."""

    exit_code = 2


class ConfigError(InputError):
    """A setting does not exist or does not fit."""


class LocatedError(InputError):
    """An error in a file: the message begins with `file:line:` where a line is known."""

    def __init__(self, message: str, file: Path | str | None = None, line: int | None = None) -> None:
        place = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(place + message)
        self.file, self.line, self.message = file, line, message


class DataError(LocatedError):
    """A row or a file of data is wrong."""


class VectorsError(LocatedError):
    """A file of word vectors is wrong."""


class RunError(InputError):
    """A run folder is missing, broken or of another shape."""


class RunInUse(RunError):
    """Another process works on a run folder."""


class MissingExtra(InputError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}. Install it with: pip install 'yeonma[{extra}]'")


class Diverged(YeonmaError):
    """The loss or the gradient is not finite."""

    exit_code = 3


class OutOfMemory(YeonmaError):
    """The machine has not enough memory for what was asked."""

    exit_code = 4


class DiskError(YeonmaError):
    """A file could not be written."""

    exit_code = 5


class Interrupted(YeonmaError):
    """Stopped by the user after saving."""

    exit_code = 130


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'adam'?` if a known name is close, and the list of all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{hint} Known: {', '.join(names)}."
