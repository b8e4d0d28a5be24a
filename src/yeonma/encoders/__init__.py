"""Encoders: texts in, vectors out. One file each; `yeonma.plugins` knows them by name."""

from yeonma.encoders.encoder import Encoder, Settings, Start

__all__ = ["Encoder", "Settings", "Start"]
