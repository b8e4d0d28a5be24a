"""Colours that people tell apart, fonts that are there or not, files that are whole or not there."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as xml

import numpy as np
import pytest

from yeonma.errors import DiskError
from yeonma.optim.rules import rules
from yeonma.pictures import style
from yeonma.pictures.style import COLOURS, DARK, PAPER, SERIES, Look, colour, marker, write_figure

# Machado, Oliveira & Fernandes 2009, severity 1: linear RGB as seen with a kind of cone missing.
EYES = {
    "usual": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(code, eye):
    """CIE L*a*b* of a colour (sRGB, D65)."""
    rgb = np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(eye) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ seen
    f = [np.cbrt(t) if t > 0.008856 else 7.787 * t + 16 / 116 for t in xyz / (0.95047, 1, 1.08883)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("colours", [COLOURS, SERIES])
@pytest.mark.parametrize("eye", EYES)
def test_colours_are_told_apart(eye, colours):
    """A difference of 2 is just seen side by side; of 20, across a picture."""
    seen = [lab(code, EYES[eye]) for code in colours]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 20


def luminance(code):
    rgb = np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("paper", [PAPER, DARK])
@pytest.mark.parametrize("code", SERIES)
def test_lines_of_data_stand_out_from_light_and_dark_paper(code, paper):
    """The contrast of WCAG 2.2."""
    low, high = sorted([luminance(code), luminance(paper)])
    assert (high + 0.05) / (low + 0.05) >= 3


def test_every_rule_has_a_colour_and_a_mark_of_its_own():
    assert len({colour(name) for name in rules()}) == len({marker(name) for name in rules()}) == len(rules())


def test_a_tenth_rule_is_drawn_too(newcomer):
    assert colour(newcomer.name) in COLOURS


def figure(look, seen=None):
    from matplotlib.figure import Figure

    if seen is not None:
        seen.append(look.languages)
    drawn = Figure(figsize=(2, 1))
    drawn.text(0, 0.5, " ".join(look.languages) + (" 연마" if "ko" in look.languages else ""))
    return drawn


def test_an_svg_keeps_text_as_text(tmp_path):
    (path,) = write_figure(figure, tmp_path, "small", kinds=("svg",))
    texts = [node.text for node in xml.parse(path).iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["en ko 연마"]


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    one, other = (write_figure(figure, tmp_path / name, "small", kinds=("svg",))[0].read_bytes() for name in "ab")
    assert one == other


@pytest.mark.parametrize("installed", [True, False])
def test_without_a_font_for_hangul_a_png_speaks_english_alone(tmp_path, monkeypatch, installed):
    if not installed:
        monkeypatch.setattr(style, "hangul_font", lambda: None)
    elif style.hangul_font() is None:
        pytest.skip("no font with Korean letters is installed")
    seen = []
    written = write_figure(lambda look: figure(look, seen), tmp_path, "small")
    assert seen == [("en", "ko"), ("en", "ko") if installed else ("en",)]
    assert [path.name for path in written] == ["small.svg", "small.png"]
    assert "연마" in written[0].read_text(encoding="utf-8")
    assert written[1].read_bytes().startswith(b"\x89PNG\r\n")


def test_nothing_is_left_of_a_figure_that_fails(tmp_path):
    def broken(look: Look):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_figure(broken, tmp_path, "broken")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(DiskError, match="could not be written"):
        write_figure(figure, tmp_path / "taken", "small")
    assert (tmp_path / "taken").read_text() == "mine"
