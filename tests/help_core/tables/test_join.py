from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from help_core.errors import BadTable
from help_core.spaces.nasbench201 import NasBench201
from help_core.tables.join import join_tables
from help_core.tables.latency import LatencyTable

SPACE = NasBench201()
A, B, C = SPACE.reference_architectures()[:3]
FIRST = LatencyTable(SPACE.name, (A, B), ("pi",), np.array([[1.0], [2.0]]))
SECOND = LatencyTable(SPACE.name, (C, A), ("gpu",), np.array([[0.3], [0.1]]))


def test_architectures_of_both_stand_in_the_order_of_the_first() -> None:
    joined = join_tables(FIRST, SECOND)
    assert joined.architectures == (A, B, C)
    assert joined.devices == ("pi", "gpu")
    expected = [[1.0, 0.1], [2.0, np.nan], [np.nan, 0.3]]
    np.testing.assert_array_equal(joined.latency_ms, expected)


def test_one_name_for_two_devices_is_refused() -> None:
    with pytest.raises(BadTable, match="'pi' is in both tables"):
        join_tables(FIRST, replace(SECOND, devices=("pi",)))


def test_tables_of_two_spaces_are_refused() -> None:
    with pytest.raises(BadTable, match="nasbench201 and one of fbnet"):
        join_tables(FIRST, replace(SECOND, space="fbnet"))
