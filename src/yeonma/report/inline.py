"""A chart as files, and as a part of the page: in its ink, in the language it shows, with ids that are its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from yeonma.pictures.style import FAINT, INK, Look, hangul_font, svg, write_figure
from yeonma.report.canvas import FROM_NAME, FROM_PAGE, RULE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[[Look], "Figure"]
INKS = {INK: "currentColor", FAINT: "var(--faint)", RULE: "var(--line)"}

SAID = re.compile(r">[^<]+<")
DROPPED = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->|<defs>\s*<style.*?</style>\s*</defs>", re.S)
TEXT = re.compile(rf'<g id="{FROM_PAGE}([^"]*)">\s*<text ([^>]*)>([^<]*)</text>')
NAME = re.compile(rf'<g id="{FROM_NAME}([^"]*)">')
USED = re.compile(r'(?:"url\(#|href="#)([^")]+)')
ID = re.compile(r' id="([^"]*)"')
STYLE = re.compile(r' style="([^"]*)"')
FONT = re.compile(r"font-family: [^;]*; ?")
LEVEL = re.compile(r' transform="rotate\(-0 [^"]*"')
FINE = re.compile(r'( (?:transform|x|y|width|height|stroke-width)="[^"]*")')


def inline(draw: Draw, name: str) -> str:
    """A chart as a figure of the page.

    name  of the chart, unlike all others of the page: it begins the ids
    """
    text = svg(draw, Look(("en", "ko"), hangul_font(), page=True))
    text = LEVEL.sub("", DROPPED.sub("", text[text.index("<svg") :]))
    text = SAID.sub(lambda said: said[0].replace('"', "&quot;"), text)  # what follows looks for attributes
    text = TEXT.sub(_in_both, text)
    text = NAME.sub(lambda named: f"<g><title>{escape(unquote(named[1]))}</title>", text)
    text = STYLE.sub(lambda style: f' style="{_style(style[1])}"', text)
    text = FINE.sub(lambda numbers: re.sub(r"(\.\d)\d+", r"\1", numbers[1]), text)
    return f'<figure class="chart">{_framed(_own_ids(text, name))}</figure>'


def files(draw: Draw, folder: Path, name: str) -> list[Path]:
    """Write a chart as folder/name.svg and .png, in both languages.

    Raises: DiskError.
    """
    return write_figure(draw, folder, name)


def _in_both(text: re.Match[str]) -> str:
    korean, style, english = escape(unquote(text[1])), text[2], text[3]
    return f'<g><text lang="en" {style}>{english}</text><text lang="ko" {style}>{korean}</text>'


def _style(style: str) -> str:
    """The page's font and ink in place of the chart's."""
    style = FONT.sub("", style)
    for ink, said in INKS.items():
        style = style.replace(ink, said)
    return style.replace(": ", ":").replace("; ", ";")


def _own_ids(text: str, name: str) -> str:
    """Ids that nothing points to are left out; the others begin with the chart's name."""
    own = re.sub(r"[^\w-]", "-", name)
    used = set(USED.findall(text))
    text = ID.sub(lambda found: f' id="{own}-{found[1]}"' if found[1] in used else "", text)
    return USED.sub(lambda found: found[0][: -len(found[1])] + f"{own}-{found[1]}", text).replace("xlink:href", "href")


def _framed(text: str) -> str:
    """The svg element as a page needs it, named for those who listen."""
    box = re.search(r'viewBox="[^"]*"', text)
    named = re.search(r"<title>([^<]*)</title>", text)
    inner = text[text.index(">") + 1 :]
    said = named[1] if named else ""
    return (
        f'<svg {box[0] if box else ""} width="100%" role="img" aria-label="{said}" '
        f'style="stroke-linejoin:round">{inner.strip()}'
    )
