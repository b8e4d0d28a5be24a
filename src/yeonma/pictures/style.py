"""How the pictures look: colours, fonts, and how a figure becomes files."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yeonma.files import staged_file, write_text
from yeonma.optim.registry import rules
from yeonma.pictures.words import Both

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Told apart in print and under the three common colour blindnesses (a test measures it); like rules have like hues.
COLOURS = ("#b1b1b1", "#0a0a0a", "#402ce6", "#31a8f5", "#f79400", "#c23f00", "#700f00", "#077654", "#983e9d")
MARKERS = "osD^vPphX"
# For lines of data: each stands out from white and from dark paper by 3 to 1 (WCAG 2.2, 1.4.11), told apart as well.
SERIES = ("#2873e1", "#ff555f", "#147828", "#a09100", "#8719ff", "#c878a0", "#aa415f", "#9b87d7", "#8c5091")
DARK = "#14181d"  # the paper of pages in the dark
INK, FAINT, PAPER = "#1f2933", "#66727f", "#ffffff"

# Usual fonts with Hangul, the calmest first; the first that is installed is taken.
HANGUL = (
    "Pretendard", "Noto Sans KR", "Noto Sans CJK KR", "Noto Sans CJK JP", "Source Han Sans KR", "NanumBarunGothic",
    "NanumGothic", "NanumSquare", "Apple SD Gothic Neo", "AppleGothic", "Malgun Gothic", "UnDotum", "Baekmuk Dotum",
)  # fmt: skip
SYMBOLS = "DejaVu Sans"  # comes with matplotlib and has every letter of the formulas
WEB = (
    "Pretendard, 'Noto Sans KR', 'NanumBarunGothic', 'Malgun Gothic', 'Apple SD Gothic Neo', 'DejaVu Sans', sans-serif"
)

WEB_SYMBOLS = "'DejaVu Sans', Verdana, sans-serif"


@dataclass(frozen=True)
class Look:
    """Which languages a figure speaks, and with which font.

    page  whether it stands in a page that shows one language at a time, on paper of its own
    """

    languages: tuple[str, ...] = ("en", "ko")
    hangul: str | None = None
    page: bool = False

    def lines(self, both: Both) -> list[str]:
        """The phrase in each language."""
        return [getattr(both, language) for language in self.languages]


def colour(rule: str) -> str:
    """A rule's colour, by its place in the register."""
    return COLOURS[list(rules()).index(rule) % len(COLOURS)]


def marker(rule: str) -> str:
    """A rule's mark, in matplotlib's letters."""
    return MARKERS[list(rules()).index(rule) % len(MARKERS)]


@cache
def hangul_font() -> str | None:
    """An installed font with Korean letters, or None."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in HANGUL if name in installed), None)


@contextmanager
def _settings(hangul: str | None) -> Iterator[None]:
    """Matplotlib's settings while a figure is drawn and written."""
    import matplotlib

    wanted: Any = {
        "font.family": [hangul, SYMBOLS] if hangul else [SYMBOLS],
        "font.size": 9.5, "text.color": INK, "axes.edgecolor": "#c3ccd5", "axes.labelcolor": FAINT,
        "xtick.color": FAINT, "ytick.color": FAINT, "axes.linewidth": 0.8, "figure.facecolor": PAPER,
        "savefig.facecolor": PAPER, "svg.fonttype": "none", "svg.hashsalt": "yeonma", "figure.dpi": 100,
    }  # fmt: skip
    log = logging.getLogger("matplotlib.font_manager")
    before = log.level
    log.setLevel(logging.ERROR)  # which weight of a font stands in for another is no news to anybody
    try:
        with matplotlib.rc_context(wanted), warnings.catch_warnings():
            # An SVG's letters are text: whoever shows it brings the font. And names of data may hold any letter.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            yield
    finally:
        log.setLevel(before)


def write_figure(
    draw: Callable[[Look], Figure], folder: Path, name: str, kinds: Sequence[str] = ("svg", "png")
) -> list[Path]:
    """Draw a figure and write it as folder/name.svg and .png, each whole.

    An SVG keeps text as text, in both languages. A PNG speaks English alone where no font has Korean letters.
    Raises: DiskError.
    """
    written = [folder / f"{name}.{kind}" for kind in kinds]
    for kind, path in zip(kinds, written, strict=True):
        font = hangul_font()
        look = Look(("en", "ko") if font or kind == "svg" else ("en",), font)
        if kind == "svg":
            write_text(path, svg(draw, look))
        else:
            with _settings(font):
                content = _rendered(draw(look), kind)
            with staged_file(path) as stage:
                stage.write_bytes(content)
    return written


def svg(draw: Callable[[Look], Figure], look: Look) -> str:
    """A figure as the text of an SVG file."""
    with _settings(look.hangul):
        return _lean(_rendered(draw(look), "svg").decode())


def _rendered(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()


NUMBERS = re.compile(r"(\.\d)\d+|(?<=\d) ?\n(?=[A-Z])")
MARKS = re.compile(r'(<g clip-path="[^"]*")>((?:\s*<use [^>]*?( style="[^"]*")/>)+)')
FONTS = re.compile(r"('[\w ]+', )*'DejaVu Sans'(, sans-serif)?")


def _lean(svg: str) -> str:
    """The same picture in fewer bytes: tenths of a point, the style of marks once; and fonts that others have too."""
    svg = re.sub(r' d="[^"]*"', lambda path: NUMBERS.sub(r"\1", path[0]), svg)
    svg = MARKS.sub(lambda marks: f"{marks[1]}{marks[3]}>{marks[2].replace(marks[3], '')}", svg)
    svg = re.sub(r'(<use [^>]*)x="(-?\d+\.\d)\d*" y="(-?\d+\.\d)\d*"', r'\1x="\2" y="\3"', svg)
    svg = FONTS.sub(lambda named: WEB if named[1] else WEB_SYMBOLS, svg)
    return re.sub(r"\n +", "\n", svg)
