"""Comparing: a grid of settings × seeds → many runs under equal rules → a verdict."""

from __future__ import annotations

from yeonma.comparing.comparison import Comparison
from yeonma.comparing.grid import axes, cells, name_of
from yeonma.comparing.rules import Rules
from yeonma.comparing.standing import Row, Standing
from yeonma.comparing.study import Plan, Study, described

__all__ = ["Comparison", "Plan", "Row", "Rules", "Standing", "Study", "axes", "cells", "described", "name_of"]
