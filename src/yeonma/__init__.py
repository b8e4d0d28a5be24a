"""Yeonma (연마) hones a pretrained embedding for one job."""

__version__ = "0.1.0"
