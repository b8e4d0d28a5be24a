"""Float32 products: fast within, and put back; close to the slow ones."""

import pytest
import torch

from yeonma import precision


def test_the_setting_of_the_process_is_put_back_after_an_error():
    before = torch.get_float32_matmul_precision()
    with pytest.raises(ZeroDivisionError), precision.fast_float32():
        assert torch.get_float32_matmul_precision() == ("medium" if precision._stays_float32() else before)
        1 / 0  # noqa: B018
    assert torch.get_float32_matmul_precision() == before


def test_a_product_stays_float32():
    a, b = torch.randn(64, 300, dtype=torch.float64), torch.randn(300, 64, dtype=torch.float64)
    with precision.fast_float32():
        found = a.float() @ b.float()
    assert (found.double() - a @ b).abs().max() < 1e-3 * (a.abs() @ b.abs()).mean() / 10


def test_where_it_would_not_stay_float32_nothing_is_changed(monkeypatch):
    monkeypatch.setattr(precision, "_stays_float32", lambda: False)
    before = torch.get_float32_matmul_precision()
    with precision.fast_float32():
        assert torch.get_float32_matmul_precision() == before
