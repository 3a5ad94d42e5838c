import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from help_core.arrays import FloatArray
from help_core.errors import BadInput
from help_core.search import best_within, latency_levels, pareto_front
from help_core.search.front import round_up

NAN = float("nan")


@st.composite
def clouds(draw: st.DrawFn) -> tuple[FloatArray, FloatArray]:
    """Few distinct values, so that ties are common; some unknown."""
    pairs = draw(
        st.lists(
            st.tuples(
                st.sampled_from([1.0, 1.5, 2.0, 3.0, 7.0, 20.0, NAN]),
                st.sampled_from([1.0, 50.0, 60.0, 70.0, 70.5, 71.0, NAN]),
            ),
            max_size=30,
        )
    )
    table = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def test_front_goes_from_fast_to_accurate() -> None:
    latency = np.array([5.0, 1.0, 3.0, 2.0, 4.0])
    accuracy = np.array([73.0, 60.0, 70.0, 65.0, 69.0])
    assert pareto_front(latency, accuracy).tolist() == [1, 3, 2, 0]


def test_front_keeps_one_of_equals_and_none_that_is_unknown() -> None:
    latency = np.array([2.0, 2.0, 2.0, 3.0, 1.0, NAN, np.inf])
    accuracy = np.array([60.0, 70.0, 70.0, 70.0, NAN, 99.0, 99.0])
    assert pareto_front(latency, accuracy).tolist() == [1]


@given(clouds())
def test_front_is_what_nothing_beats(cloud: tuple[FloatArray, FloatArray]) -> None:
    latency, accuracy = cloud
    front = pareto_front(latency, accuracy)
    assert (np.diff(latency[front]) > 0).all()
    assert (np.diff(accuracy[front]) > 0).all()
    for i in np.flatnonzero(np.isfinite(latency) & np.isfinite(accuracy)):
        as_good = (latency[front] <= latency[i]) & (accuracy[front] >= accuracy[i])
        assert as_good.any()
    assert np.isfinite(latency[front]).all()
    assert np.isfinite(accuracy[front]).all()


def test_front_refuses_vectors_of_different_length() -> None:
    with pytest.raises(BadInput, match="same length"):
        pareto_front(np.ones(3), np.ones(4))


def test_best_within_orders_by_accuracy_then_latency_and_keeps_the_limit() -> None:
    upper = np.array([10.0, 9.0, 8.0, 11.0, NAN, 7.0])
    accuracy = np.array([70.0, 71.0, 71.0, 75.0, 76.0, NAN])
    assert best_within(upper, accuracy, 10.0, 2).tolist() == [2, 1]
    assert best_within(upper, accuracy, 10.0, 9).tolist() == [2, 1, 0]


def test_best_within_is_empty_where_nothing_meets_the_limit() -> None:
    assert best_within(np.array([10.0]), np.array([70.0]), 9.9, 3).size == 0


def test_best_within_refuses_to_choose_none() -> None:
    with pytest.raises(BadInput, match="at least one"):
        best_within(np.ones(1), np.ones(1), 1.0, 0)


def test_levels_lie_just_after_the_jumps() -> None:
    latency = np.array([2.0, 10.1, 10.7, 19.9, 20.3, 41.0, 79.0])
    accuracy = np.array([20.0, 65.0, 68.0, 68.2, 71.0, 71.2, 73.0])
    assert latency_levels(latency, accuracy, 3) == (11.0, 21.0, 79.0)


def test_one_level_reaches_the_best_accuracy() -> None:
    assert latency_levels(np.array([1.0, 3.21]), np.array([70.0, 71.0]), 1) == (3.3,)


def test_levels_too_close_for_two_digits_get_more() -> None:
    latency = np.array([10.11, 10.21, 10.31])
    levels = latency_levels(latency, np.array([70.0, 71.0, 72.0]), 3)
    assert levels == (10.2, 10.3, 10.4)


def test_no_levels_where_nothing_is_known() -> None:
    assert latency_levels(np.array([NAN, 1.0]), np.array([70.0, NAN]), 4) == ()


def test_levels_refuse_a_count_of_none() -> None:
    with pytest.raises(BadInput, match="at least one"):
        latency_levels(np.ones(1), np.ones(1), 0)


@given(clouds(), st.integers(1, 6))
def test_each_level_gains_accuracy_and_the_last_reaches_the_best(
    cloud: tuple[FloatArray, FloatArray], count: int
) -> None:
    latency, accuracy = cloud
    levels = latency_levels(latency, accuracy, count)
    known = np.isfinite(latency) & np.isfinite(accuracy)
    assert len(levels) <= count
    assert bool(levels) == bool(known.any())
    reached = [accuracy[best_within(latency, accuracy, level, 1)[0]] for level in levels]
    assert (np.diff(reached) > 0).all()
    if levels:
        assert reached[-1] == accuracy[known].max()


@given(st.floats(1e-4, 1e6), st.integers(2, 6))
def test_rounding_up_never_falls_below_and_stays_close(value: float, digits: int) -> None:
    rounded = round_up(value, digits)
    assert value <= rounded <= value * (1 + 1.01 * 10.0 ** (1 - digits))
    assert round_up(rounded, digits) == rounded
