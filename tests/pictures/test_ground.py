"""The ground covers the picture, its bands lie between their heights, and few points are enough."""

import numpy as np
import pytest

from yeonma.optim.surfaces import SURFACES
from yeonma.pictures.ground import BANDS, bands, shades, simplified

surfaces = pytest.mark.parametrize("surface", SURFACES.values(), ids=lambda s: s.name)


def area(ring):
    x, y = ring.T
    return (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2


@surfaces
def test_the_bands_cover_the_picture(surface):
    left, right, low, high = surface.box
    covered = sum(area(ring) for rings in bands(surface, 1000) for ring in rings)
    assert covered == pytest.approx((right - left) * (high - low), rel=0.01)
    assert len(bands(surface, 1000)) == BANDS


@surfaces
def test_deeper_bands_are_lower(surface):
    heights = [np.median(np.concatenate([surface.value(*ring.T) for ring in rings])) for rings in bands(surface, 1000)]
    assert heights == sorted(heights)


def test_a_simplified_line_stays_within_its_tolerance():
    angle = np.linspace(0, 2 * np.pi, 400)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    fewer = simplified(circle, 0.01)
    assert 10 < len(fewer) < 60
    np.testing.assert_allclose(fewer[0], fewer[-1], atol=1e-12)
    middles = (fewer[1:] + fewer[:-1]) / 2
    assert (1 - np.hypot(*middles.T) <= 0.01 + 1e-12).all()


def test_shades_go_from_deep_to_light():
    light = [sum(int(shade[i : i + 2], 16) for i in (1, 3, 5)) for shade in shades(5)]
    assert light == sorted(light)
