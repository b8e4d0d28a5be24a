"""The chain against the sum and the maximum over every path, written out."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from yeonma.tasks.crf import Chain, barred, log_partition, marginals, nll, path_score, viterbi

L = 3
BIO = ("O", "B-PS", "I-PS", "B-LC", "I-LC")


def chain(lengths, seed, labels=L):
    """(emissions, mask, start, step, end) of random numbers in double; NaN on padding, to be sure it is not read."""
    made = torch.Generator().manual_seed(seed)
    longest = max(1, *lengths)
    mask = torch.arange(longest) < torch.tensor(lengths)[:, None]
    emissions = 2 * torch.randn(len(lengths), longest, labels, generator=made, dtype=torch.double)
    shapes = (labels,), (labels, labels), (labels,)
    weights = [torch.randn(*shape, generator=made, dtype=torch.double) for shape in shapes]
    return emissions.masked_fill(~mask[..., None], torch.nan), mask, *weights


def paths(emissions, start, step, end):
    """{path: score} of one row (T, L), every path written out."""
    length, labels = emissions.shape
    return {
        path: start[path[0]]
        + sum(emissions[t, tag] for t, tag in enumerate(path))
        + sum(step[a, b] for a, b in pairwise(path))
        + end[path[-1]]
        for path in product(range(labels), repeat=length)
    }


LENGTHS = st.lists(st.integers(1, 5), min_size=2, max_size=4)


@settings(max_examples=15, deadline=None)
@given(LENGTHS, st.integers(0, 10**6))
def test_every_function_against_all_paths(lengths, seed):
    emissions, mask, *weights = chain(lengths, seed)
    log_z, probability = log_partition(emissions, mask, *weights), marginals(emissions, mask, *weights)
    found = viterbi(emissions, mask, *weights)
    for row, length in enumerate(lengths):
        scores = paths(emissions[row, :length], *weights)
        every = torch.stack(list(scores.values()))
        assert log_z[row].item() == pytest.approx(torch.logsumexp(every, 0).item())
        assert tuple(found[row]) == max(scores, key=scores.__getitem__)
        expected = torch.zeros(mask.shape[1], L, dtype=torch.double)
        for path, share in zip(scores, every.softmax(0), strict=True):
            expected[range(length), path] += share
        torch.testing.assert_close(probability[row], expected)


@settings(max_examples=15, deadline=None)
@given(LENGTHS, st.integers(0, 10**6))
def test_likelihoods_of_all_paths_sum_to_one(lengths, seed):
    emissions, mask, *weights = chain(lengths, seed)
    tags = torch.full(mask.shape, -100)
    for row, length in enumerate(lengths):
        tags[row, :length] = torch.randint(L, (length,), generator=torch.Generator().manual_seed(seed + row))
    score, loss = (f(emissions, tags, mask, *weights) for f in (path_score, nll))
    for row, length in enumerate(lengths):
        scores = paths(emissions[row, :length], *weights)
        gold = scores[tuple(tags[row, :length].tolist())]
        assert score[row].item() == pytest.approx(gold.item())
        total = torch.logsumexp(torch.stack(list(scores.values())), 0)
        assert loss[row].item() == pytest.approx((total - gold).item(), abs=1e-9)


def test_gradients():
    emissions, mask, *weights = chain([3, 1, 2], 7)
    tags = torch.tensor([[0, 2, 1], [1, -100, -100], [2, 2, -100]])
    inputs = [x.requires_grad_() for x in (emissions.nan_to_num(9.0), *weights)]
    assert torch.autograd.gradcheck(lambda e, *w: nll(e, tags, mask, *w), inputs)


def test_the_gradient_of_log_z_is_the_marginals_and_padding_gets_none():
    emissions, mask, *weights = chain([4, 2], 3)
    emissions.requires_grad_()
    (slope,) = torch.autograd.grad(log_partition(emissions, mask, *weights).sum(), emissions)
    torch.testing.assert_close(slope, marginals(emissions, mask, *weights).detach())
    assert (slope[1, 2:] == 0).all()


def test_a_row_without_tokens():
    emissions, mask, *weights = chain([2, 0], 5)
    tags = torch.zeros(2, 2, dtype=torch.long)
    assert nll(emissions, tags, mask, *weights)[1] == 0
    assert viterbi(emissions, mask, *weights)[1] == []
    assert (marginals(emissions, mask, *weights)[1] == 0).all()


def test_what_bio_forbids():
    start, step = barred(BIO)
    assert [tag for tag, bar in zip(BIO, start, strict=True) if bar] == ["I-PS", "I-LC"]
    kept_out = {(BIO[a], BIO[b]) for a, b in step.nonzero().tolist()}
    assert kept_out == {
        *(("O", "I-PS"), ("B-LC", "I-PS"), ("I-LC", "I-PS")),
        *(("O", "I-LC"), ("B-PS", "I-LC"), ("I-PS", "I-LC")),
    }


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 8), min_size=2, max_size=4), st.integers(0, 10**6))
def test_no_path_of_a_chain_breaks_bio(lengths, seed):
    emissions, mask, *_ = chain(lengths, seed, len(BIO))
    found = Chain(BIO).viterbi(50 * emissions.float(), mask)
    assert [len(path) for path in found] == lengths
    for path in found:
        for old, new in zip(["O", *(BIO[tag] for tag in path)], [BIO[tag] for tag in path], strict=False):
            assert not new.startswith("I-") or (old != "O" and old[2:] == new[2:])


def test_a_chain_of_zeros_without_bars_is_a_softmax_of_each_token():
    emissions, mask, *_ = chain([3, 2], 1)
    free = Chain(("a", "b", "c"))
    clean = emissions.nan_to_num(0.0).float()
    torch.testing.assert_close(free.marginals(clean, mask), clean.softmax(2) * mask[..., None])


def test_the_bars_are_neither_learnt_nor_saved():
    built = Chain(BIO)
    assert {name: tuple(x.shape) for name, x in built.state_dict().items()} == {
        "start": (5,),
        "step": (5, 5),
        "end": (5,),
    }
    assert all((x == 0).all() for x in built.parameters())


def test_half_precision_is_counted_in_float32():
    emissions, mask, *_ = chain([5, 3], 2, len(BIO))
    tags = torch.tensor([[0, 1, 2, 2, 0], [3, 4, 0, 0, 0]])
    built, low = Chain(BIO), emissions.nan_to_num(0.0).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, share = built.nll(low, tags, mask), built.marginals(low, mask)
    assert loss.dtype == share.dtype == torch.float32
    torch.testing.assert_close(loss, built.nll(low.float(), tags, mask), rtol=0, atol=0)
    assert built.bfloat16().nll(low, tags, mask).dtype == torch.float32


def test_a_chain_learns_what_follows_what():
    # The emissions say nothing: only the steps can tell that PS is followed by LC.
    tags = torch.tensor([[1, 3, 1, 3, 1, 3]] * 2)
    mask, silent = torch.ones(2, 6, dtype=torch.bool), torch.zeros(2, 6, len(BIO))
    built = Chain(BIO)
    steps = torch.optim.SGD(built.parameters(), lr=0.5)
    for _ in range(30):
        steps.zero_grad()
        built.nll(silent, tags, mask).mean().backward()
        steps.step()
    assert built.viterbi(silent, mask) == tags.tolist()
