"""Draws the pictures of docs/optimizers.md into docs/pictures/: python docs/pictures.py."""

from __future__ import annotations

from pathlib import Path

from yeonma.pictures.album import figures
from yeonma.pictures.style import write_figure
from yeonma.pictures.tuning import tune_all

FOLDER = Path(__file__).parent / "pictures"
SHOWN = ("family", "ravine", "deck-and-torch", "momentum-and-nag")


def draw(folder: Path = FOLDER) -> list[Path]:
    """Write the pictures that the pages show, as SVG."""
    drawn = figures(tune_all())
    return [path for name in SHOWN for path in write_figure(drawn[name], folder, name, kinds=("svg",))]


if __name__ == "__main__":
    for path in draw():
        print(f"wrote {path}: {path.stat().st_size:,} bytes")
