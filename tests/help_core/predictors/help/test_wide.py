from __future__ import annotations

import pytest
import torch

from help_core.predictors.help.wide import is_wide, wide_products


def test_the_precision_of_products_is_restored_after_an_error() -> None:
    before = torch.get_float32_matmul_precision()
    with wide_products():
        assert (torch.get_float32_matmul_precision() == "medium") == is_wide()
    with pytest.raises(KeyError), wide_products():
        raise KeyError
    assert torch.get_float32_matmul_precision() == before


def test_wide_products_stay_in_single_precision() -> None:
    generator = torch.Generator().manual_seed(0)
    left = torch.rand(8, 210, 200, generator=generator)
    right = torch.rand(8, 200, 200, generator=generator)
    exact = torch.bmm(left.double(), right.double())
    with wide_products():
        product = torch.bmm(left, right)
    error = ((product - exact) / exact).abs().max()
    # The factors of bfloat16 would be off by up to 2**-9 each.
    assert float(error) < 2**-18
