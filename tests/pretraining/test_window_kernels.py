"""The kernels of skip-gram and CBOW: steps are gradients of costs, and the parts hold their formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid

from yeonma.pretraining.cbow import cbow
from yeonma.pretraining.kernels import below, damping, pool_size, sigmoid, subsample, table
from yeonma.pretraining.skipgram import skipgram

RATE = 1e-4
WORDS, NOISE = 20, 3000
TEXTS = [[0, 1], [0, 1, 0], [0, 1, 2, 2, 1], [*range(20), 3, 0, 7]]


def tables(rows: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Behind the output rows of the words stand those of words that are only drawn, all alike."""
    inputs, outputs = table(rows, dim), table(WORDS + NOISE, dim)
    rng = np.random.default_rng(0)
    inputs[:, :dim] = rng.normal(size=(rows, dim)) / dim**0.5
    outputs[: WORDS + 1, :dim] = rng.normal(size=(WORDS + 1, dim)) / dim**0.5
    outputs[WORDS:] = outputs[WORDS]
    return inputs, outputs


def step(kernel, tokens, inputs, outputs, negative, parts=None):
    """One text with a reach of one word to each side."""
    ends = np.arange(WORDS + 1)
    own = [] if kernel is cbow else [ends[:-1], ends] if parts is None else [*parts]
    noise = np.arange(WORDS, WORDS + NOISE, dtype=np.int32)
    settings = np.ones(WORDS, np.float32), noise, *own, inputs, outputs, 1, negative, RATE, RATE
    kernel(np.array(tokens, np.int32), np.array([0, len(tokens)]), *settings, np.array([12345], np.uint64))


def gradients(cost, inputs, outputs, dim):
    """−∂cost/∂ of both tables, in float64, by automatic differentiation; row `WORDS` stands for all drawn words."""
    kept = inputs[:, :dim], outputs[: WORDS + 1, :dim]
    leaves = [torch.tensor(rows.astype(float), requires_grad=True) for rows in kept]
    cost(*leaves).backward()
    return [-leaf.grad.numpy() for leaf in leaves]


def around(tokens, place):
    return [*tokens[max(0, place - 1) : place], *tokens[place + 1 : place + 2]]


def tolerance(expected, negative):
    """The table of σ is right to 0.002: a row meets four words and what is drawn for them."""
    return 0.01 * (1 + abs(expected).max()) + 4 * 0.002 * negative


def moved(kernel, tokens, dim, negative, rows=WORDS, parts=None):
    inputs, outputs = tables(rows, dim)
    before = inputs.copy(), outputs.copy()
    step(kernel, tokens, inputs, outputs, negative, parts)
    assert not inputs[:, dim:].any()
    assert not outputs[:, dim:].any()
    into, out = (inputs - before[0])[:, :dim] / RATE, (outputs - before[1])[:, :dim] / RATE
    return before, [into, np.concatenate([out[:WORDS], out[WORDS:].sum(0, keepdims=True)])]


@pytest.mark.parametrize("tokens", TEXTS)
@pytest.mark.parametrize("negative", [1, 5, 6, 14])
@pytest.mark.parametrize("dim", [1, 16, 100])
def test_a_step_of_skipgram_is_the_gradient(tokens, negative, dim):
    def cost(x, o):
        total = 0
        for place, word in enumerate(tokens):
            for other in around(tokens, place):
                total = total - logsigmoid(x[word] @ o[other]) - negative * logsigmoid(-x[word] @ o[WORDS])
        return total

    before, after = moved(skipgram, tokens, dim, negative)
    for found, expected in zip(after, gradients(cost, *before, dim), strict=True):
        assert found == pytest.approx(expected, abs=tolerance(expected, negative))


@pytest.mark.parametrize("tokens", TEXTS)
@pytest.mark.parametrize("negative", [1, 5, 14])
@pytest.mark.parametrize("dim", [1, 16, 100])
def test_a_step_of_cbow_is_the_gradient(tokens, negative, dim):
    def cost(x, o):
        total = 0
        for place, word in enumerate(tokens):
            others = x[around(tokens, place)]
            h = others.sum(0) - others.mean(0).detach() * (len(others) - 1)  # the mean; each has all of its gradient
            total = total - logsigmoid(h @ o[word]) - negative * logsigmoid(-h @ o[WORDS])
        return total

    before, after = moved(cbow, tokens, dim, negative)
    for found, expected in zip(after, gradients(cost, *before, dim), strict=True):
        assert found == pytest.approx(expected, abs=tolerance(expected, negative))


def test_a_step_with_subwords_gives_every_part_the_gradient_of_the_mean():
    parts, ends = np.array([0, 4, 5, 1, 2, 4, 3, 5, 5]), np.array([0, 3, 4, 6, 9])
    tokens, dim, negative = [0, 1, 2, 2, 3], 20, 5
    owners = [parts[ends[word] : ends[word + 1]] for word in range(4)]

    def cost(x, o):
        # the mean's value with k times its gradient for each part: all of what the mean learns goes to each
        words = [(m := x[own].mean(0)).detach() + (m - m.detach()) * len(own) for own in owners]
        total = 0
        for place, word in enumerate(tokens):
            for other in around(tokens, place):
                total = total - logsigmoid(words[word] @ o[other]) - negative * logsigmoid(-words[word] @ o[WORDS])
        return total

    before, after = moved(skipgram, tokens, dim, negative, 6, (parts, ends))
    for found, expected in zip(after, gradients(cost, *before, dim), strict=True):
        assert found == pytest.approx(expected, abs=tolerance(expected, negative))


@pytest.mark.parametrize("kernel", [skipgram, cbow])
def test_the_rate_falls_from_text_to_text(kernel):
    """Of two equal texts of other words the second has half the rate."""
    inputs, outputs = table(5, 1), table(5, 1)
    inputs[:4, 0] = outputs[:4, 0] = 1
    own = [np.arange(5), np.arange(6)] if kernel is skipgram else []
    settings = np.ones(5, np.float32), np.array([4], np.int32), *own, inputs, outputs, 1, 1, 1e-2, 0.0
    kernel(np.array([0, 1, 2, 3], np.int32), np.array([0, 2, 4]), *settings, np.array([1], np.uint64))
    gained = inputs[:4, 0] - 1
    assert gained[2:] == pytest.approx(gained[:2] / 2, rel=0.02)


def test_the_reach_is_uniform():
    """Only a reach of two of three lets the first word learn anything from the third."""
    met = 0
    state = np.array([1], np.uint64)
    tokens, bounds, ends = np.array([0, 1, 2], np.int32), np.array([0, 3]), np.arange(5)
    for _ in range(3000):
        inputs, outputs = table(4, 1), table(4, 1)
        outputs[2] = 1
        keep, drawn = np.ones(4, np.float32), np.array([3], np.int32)
        skipgram(tokens, bounds, keep, drawn, ends[:-1], ends, inputs, outputs, 3, 1, 0.1, 0.1, state)
        met += inputs[0, 0] > 0
    assert met / 3000 == pytest.approx(2 / 3, abs=0.03)


def test_more_words_are_drawn_than_asked_for_a_pair_and_weigh_less():
    assert [pool_size(negative, 4, 50_000) for negative in (1, 3, 5, 6, 100)] == [6, 12, 24, 24, 402]
    assert [pool_size(negative, 4, 10) for negative in (1, 3, 5, 6, 100)] == [6, 6, 12, 12, 204]


def test_tokens_are_kept_as_often_as_asked():
    text, kept = np.repeat([0, 1, 2], 100_000).astype(np.int32), np.empty(300_000, np.int32)
    n = subsample(text, np.array([0.1, 0.5, 1], np.float32), kept, np.array([1], np.uint64))
    assert np.bincount(kept[:n]) / 100_000 == pytest.approx([0.1, 0.5, 1], abs=5e-3)
    assert np.bincount(kept[:n])[2] == 100_000


def test_random_numbers_below_a_limit_are_uniform():
    state = np.array([1], np.uint64)
    drawn = np.array([below(7, state) for _ in range(70_000)])
    assert np.bincount(drawn) / 10_000 == pytest.approx(np.ones(7), abs=0.05)


def test_sigmoid_table():
    z = np.linspace(-20, 20, 999, dtype=np.float32)
    assert [sigmoid(value) for value in z] == pytest.approx(1 / (1 + np.exp(-z)), abs=2.1e-3)


@pytest.mark.parametrize("dim", [1, 16, 100, 1024])
def test_rows_of_a_table_begin_cache_lines(dim):
    rows = table(5, dim)
    assert rows.shape == (5, -(-dim // 16) * 16)
    assert all(row.ctypes.data % 64 == 0 for row in rows)


def test_many_copies_of_a_word_in_a_text_count_as_two():
    assert [damping(np.array([3] * 8 + [1, 1, 2]), place) for place in (0, 8, 10)] == [0.25, 1, 1]


@pytest.mark.parametrize("kernel", [skipgram, cbow])
def test_a_text_of_one_word_does_not_diverge(kernel):
    inputs, outputs = table(1, 16), table(1, 16)
    inputs[:] = 0.03
    own = [np.arange(1), np.arange(2)] if kernel is skipgram else []
    settings = np.ones(1, np.float32), np.array([0], np.int32), *own, inputs, outputs, 5, 5, 0.05, 0.0
    kernel(np.zeros(200_000, np.int32), np.arange(0, 200_001, 10_000), *settings, np.array([1], np.uint64))
    assert np.abs(inputs).max() < 10
    assert np.abs(outputs).max() < 10


def test_wide_windows_over_long_texts_do_not_diverge():
    """At the usual rate, with words as frequent as they are in a language."""
    draw, words = np.random.default_rng(0), 400
    shares = 1 / np.arange(1, words + 1)
    tokens = draw.choice(words, 120_000, p=shares / shares.sum()).astype(np.int32)
    negatives = np.repeat(np.arange(words, dtype=np.int32), np.ceil(1000 * shares**0.75).astype(int))
    for window in (50, 100):
        inputs, outputs = tables(words, 32)
        settings = np.ones(words, np.float32), negatives, np.arange(words), np.arange(words + 1)
        rates = inputs, outputs, window, 5, 0.025, 0.0
        skipgram(tokens, np.arange(0, 120_001, 10_000), *settings, *rates, np.array([1], np.uint64))
        assert np.abs(inputs).max() < 10, window


def test_an_edited_kernels_file_makes_all_machine_code_anew():
    from yeonma.pretraining import kernels

    for made in (skipgram, cbow, kernels.draw):
        assert kernels._STAMP in made._cache._cache_file._source_stamp
