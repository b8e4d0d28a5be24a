"""Pre-training: plain text in, word vectors out."""

from yeonma.pretraining.corpus import Corpus
from yeonma.pretraining.encoding import encode
from yeonma.pretraining.make import pretrain
from yeonma.pretraining.method import Method, make_method
from yeonma.pretraining.sources import texts

__all__ = ["Corpus", "Method", "encode", "make_method", "pretrain", "texts"]
