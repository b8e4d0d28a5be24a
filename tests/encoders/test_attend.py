"""Two texts apart and together again, and the formulas of soft alignment, written once more token by token."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from yeonma.encoders.attend import Alignment, Comparison, TwoTexts, highest

PARTS = st.lists(st.lists(st.sampled_from([-1, 0, 1]), min_size=4, max_size=4), min_size=1, max_size=5)


@given(PARTS)
def test_texts_taken_apart_come_together(parts):
    part = torch.tensor(parts, dtype=torch.int8)
    x = torch.rand(*part.shape, 3) + 1
    texts = TwoTexts(part)
    apart = texts.apart(x)
    for number, (text, mask) in enumerate(zip(apart, texts.masks, strict=True)):
        for row in range(len(part)):
            assert torch.equal(text[row][mask[row]], x[row][part[row] == number])
        assert not text[~mask].any()
        assert torch.equal(mask, mask.long().cummin(1).values.bool())  # padding stands behind
    assert torch.equal(texts.together(apart), x * (part >= 0).unsqueeze(2))


def by_hand(align, h, others):
    """The formula for one token and a list of tokens."""
    a = torch.zeros_like(h)
    if len(others):
        weights = torch.exp(others @ h / math.sqrt(len(h)))
        a = (weights / weights.sum()) @ others
    return torch.relu(align.project.weight @ torch.cat((h, a, h - a, h * a)) + align.project.bias)


@pytest.mark.parametrize("sizes", [(3, 2), (1, 4), (0, 2), (2, 0), (0, 0)])
def test_alignment_agrees_with_the_formula(sizes):
    torch.manual_seed(0)
    align = Alignment(5, 4)
    part = torch.tensor([[0] * sizes[0] + [1] * sizes[1] + [-1] * (6 - sum(sizes)), [0, 0, 0, 0, 1, 1]])
    x = torch.randn(2, 6, 5)
    texts = TwoTexts(part)
    found = texts.together(align(texts.apart(x), texts.masks))
    for t in range(sum(sizes)):
        expected = by_hand(align, x[0, t], x[0][part[0] == 1 - part[0, t]])
        assert torch.allclose(found[0, t], expected, atol=1e-6)


def test_a_text_without_a_partner_has_finite_gradients():
    align, part = Alignment(5, 4), torch.tensor([[0, 0, -1], [-1, -1, -1]])
    x = torch.randn(2, 3, 5, requires_grad=True)
    texts = TwoTexts(part)
    align(texts.apart(x), texts.masks)[0].sum().backward()
    assert torch.isfinite(x.grad).all() and x.grad[0, :2].any() and not x.grad[1].any()


def test_highest_reads_real_tokens_only():
    x = torch.tensor([[[-3.0], [-2.0], [9.0]], [[7.0], [8.0], [9.0]]])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    assert highest(x, mask).tolist() == [[-2.0], [0.0]]


def test_comparison_agrees_with_the_formula():
    compare, u, v = Comparison(3, 2), torch.randn(4, 3), torch.randn(4, 3)
    seen = torch.cat((u, v, torch.maximum(u, v) - torch.minimum(u, v), u * v), dim=1)
    assert torch.allclose(compare(u, v), torch.relu(seen @ compare.project.weight.T + compare.project.bias))
