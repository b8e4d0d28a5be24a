"""The pictures of a page: each is drawn into it, and may be written as files too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from yeonma.records import Progress, silent
from yeonma.report.inline import Draw, files, inline


class Pictures(dict[str, Draw]):
    """What draws each picture, by the name its files get."""

    def show(self, name: str, draw: Draw | None) -> str:
        """Add a picture and return it for the page; nothing where there is none."""
        if draw is None:
            return ""
        number = sum(known.partition("~")[0] == name for known in self)
        own = f"{name}~{number + 1}" if number else name
        self[own] = draw
        return inline(draw, own.replace("~", "-"))

    def row(self, shown: Sequence[str]) -> str:
        """Pictures side by side where there is room."""
        return f"<div class=charts>{''.join(shown)}</div>" if any(shown) else ""

    def write(self, folder: Path, progress: Progress = silent) -> list[Path]:
        """Write every picture as SVG and PNG.

        Raises: DiskError.
        """
        written: list[Path] = []
        for done, (name, draw) in enumerate(self.items(), start=1):
            written += files(draw, folder, name.replace("~", "-"))
            progress("pictures", done, len(self), "pictures")
        return written
