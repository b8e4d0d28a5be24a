"""Pre-training: plain text in, word vectors out (stand-in while the folder moves)."""

from yeonma.pretrain import pretrain

__all__ = ["pretrain"]
