"""How the rules move, in pictures: family, paths on surfaces, and a page with an animation."""

from yeonma.pictures.album import write_pictures

__all__ = ["write_pictures"]
