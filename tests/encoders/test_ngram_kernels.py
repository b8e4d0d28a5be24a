"""Kernels of n-grams and what they are made of: machine code goes with it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from yeonma.encoders import ngram_kernels
from yeonma.optim import prefetch


def test_an_edited_prefetch_makes_all_machine_code_anew():
    assert hashlib.sha256(Path(prefetch.__file__).read_bytes()).hexdigest() == prefetch.STAMP
    for made in (ngram_kernels.own, ngram_kernels.slots, ngram_kernels.count, ngram_kernels.renumber):
        assert prefetch.STAMP in made._cache._cache_file._source_stamp
