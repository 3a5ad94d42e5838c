"""What the transfer predictor wants measured."""

from __future__ import annotations

import numpy as np
import pytest

from help_core.predictors.transfer.predictor import TransferPredictor
from help_core.spaces.nasbench201 import NasBench201


@pytest.mark.parametrize("seed", range(3))
def test_cells_that_carry_nothing_are_not_wanted(seed: int) -> None:
    space = NasBench201()
    support = TransferPredictor.shipped(space).support_genes(20, np.random.default_rng(seed))
    assert space.carries(support).all()
    assert len(np.unique(support, axis=0)) == 20
