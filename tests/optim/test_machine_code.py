"""Machine code on disk goes with every file that went into it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from yeonma import optim
from yeonma.encoders import ngram_kernels
from yeonma.optim import machine_code, prefetch, row_kernels, row_steps
from yeonma.optim.split import split


def test_a_stamp_is_the_hash_of_the_file(tmp_path):
    file = tmp_path / "a.py"
    file.write_text("one")
    before = machine_code.stamp(str(file))
    file.write_text("two")
    assert machine_code.stamp(str(file)) != before
    assert hashlib.sha256(Path(prefetch.__file__).read_bytes()).hexdigest() == prefetch.STAMP


N_GRAMS = ngram_kernels.own, ngram_kernels.slots, ngram_kernels.count, ngram_kernels.renumber
ROWS = row_kernels.scale, row_kernels.couple, row_kernels.sink_inside, row_kernels.sink_outside


@pytest.mark.parametrize("kernel", [*N_GRAMS, *ROWS])
def test_an_edited_prefetch_makes_machine_code_anew(kernel):
    assert prefetch.STAMP in kernel._cache._cache_file._source_stamp


def test_an_edited_prefetch_makes_another_file_of_a_step_on_rows():
    form = optim.get("adam").form("torch")
    assert prefetch.STAMP in row_steps.text(form, split(form))
