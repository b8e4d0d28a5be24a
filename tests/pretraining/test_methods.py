"""What every registered method of word vectors keeps: it learns, repeats itself, goes on after a kill, and refuses."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from yeonma import plugins
from yeonma.errors import ConfigError
from yeonma.pretraining import Corpus, Method, encode
from yeonma.pretraining.method import make_method
from yeonma.pretraining.work import STATE, Work
from yeonma.text.tokenizers import Whitespace

METHODS = [
    name for name in plugins.BUILT_IN["pretrain"] if Method in getattr(plugins.load("pretrain", name), "__mro__", ())
]
CASES = [(name, {}) for name in METHODS] + [("word2vec", {"model": "cbow"}), ("fasttext", {"units": "jamo"})]
GROUPS = (["사과", "배", "포도", "딸기", "수박"], ["기차", "버스", "택시", "비행기", "배편"])


class Killed(Exception):
    """The process is gone."""


def planted(texts: int = 1000, length: int = 8) -> Corpus:
    """Texts whose words come from one of two groups, now and then from the other."""
    rng = np.random.default_rng(0)
    both = [word for group in GROUPS for word in group]
    pools = [group * 9 + both for group in GROUPS]
    return encode((" ".join(rng.choice(pools[number % 2], length)) for number in range(texts)), Whitespace())


def method(name: str, settings: dict, **more) -> Method:
    """A quick one: of the settings that are wished, those that the method has."""
    wished = {"dim": 8, "epochs": 20, "seed": 1, "sample": 0.0} | settings | more
    known = {each.name for each in fields(plugins.load("pretrain", name))}
    return make_method(name, **{key: value for key, value in wished.items() if key in known})


def work(folder, every=float("inf")) -> Work:
    folder.mkdir(exist_ok=True)
    return Work(folder, every=every)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_words_that_stand_together_become_neighbours(name, settings, tmp_path):
    corpus = planted()
    vectors = method(name, settings).train(corpus, work(tmp_path / "w"))
    centred = vectors.matrix - vectors.matrix.mean(0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    first = [vectors.index[word] for word in GROUPS[0]]
    second = [vectors.index[word] for word in GROUPS[1]]
    within = np.mean([unit[g] @ unit[g].T for g in (first, second)])
    assert within > np.mean(unit[first] @ unit[second].T) + 0.2
    assert list(vectors.words) == corpus.words
    assert vectors.counts.tolist() == corpus.counts.tolist()
    assert vectors.matrix.shape == (len(corpus.words), 8)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(name, settings, tmp_path):
    one, two, other = (
        method(name, settings, epochs=2, seed=seed).train(planted(200), work(tmp_path / str(number))).matrix
        for number, seed in enumerate((7, 7, 8))
    )
    assert one.tobytes() == two.tobytes()
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_killed_and_resumed_it_gives_the_same_bits(name, settings, tmp_path):
    corpus, maker = planted(200), method(name, settings, epochs=6)
    whole = maker.train(corpus, work(tmp_path / "whole"))
    told = []

    def dies(stage: str, done: int, total: int | None, unit: str) -> None:
        told.append((stage, done, total))
        if stage == "train" and total is not None and done * 2 >= total:
            raise Killed

    with pytest.raises(Killed):
        maker.train(corpus, work(tmp_path / "broken", every=0.0), dies)
    if len([stage for stage, *_ in told if stage == "train"]) > 1:
        assert (tmp_path / "broken" / STATE).exists()
    resumed = maker.train(corpus, work(tmp_path / "broken"))
    assert resumed.matrix.tobytes() == whole.matrix.tobytes()


@pytest.mark.parametrize("name", METHODS)
def test_an_unknown_setting_names_the_nearest(name):
    with pytest.raises(ConfigError, match=r"no setting 'dimm'\. Did you mean 'dim'\?"):
        make_method(name, dimm=10)


@pytest.mark.parametrize("name", METHODS)
def test_a_setting_out_of_range_is_refused(name):
    with pytest.raises(ConfigError, match="'dim'.*must be a whole number from 1 to"):
        make_method(name, dim=0)
