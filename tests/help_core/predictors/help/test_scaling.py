"""Labels and hardware embeddings."""

from __future__ import annotations

import numpy as np
import pytest

from help_core.predictors.help.scaling import (
    Scale,
    embedding_center,
    kept_rows,
    log_embedding,
    range_embedding,
    range_labels,
)


def test_range_labels_lie_where_the_published_code_puts_them() -> None:
    labels = range_labels(np.array([2.0, 6.0, 10.0, 14.0]), 2.0, 10.0)
    np.testing.assert_allclose(labels, [0.05, 0.5, 0.95, 1.4])


def test_range_embedding_spans_zero_to_one() -> None:
    np.testing.assert_allclose(range_embedding(np.array([[3.0, 1.0, 2.0]])), [[1, 0, 0.5]])


def test_log_embedding_does_not_show_the_scale_of_the_device() -> None:
    center = embedding_center(np.array([[1.0, 2.0, 4.0], [3.0, 3.0, 9.0]]))
    latency = np.array([5.0, 7.0, 30.0])
    np.testing.assert_allclose(
        log_embedding(latency, center), log_embedding(latency * 1000, center), atol=1e-12
    )


def test_log_embedding_of_the_average_device_is_zero() -> None:
    devices = np.array([[1.0, 2.0, 4.0], [1.0, 8.0, 4.0]])
    average = np.exp(np.log(devices).mean(axis=0))
    np.testing.assert_allclose(log_embedding(average, embedding_center(devices)), 0, atol=1e-12)


def test_reference_that_was_not_measured_says_nothing() -> None:
    center = np.array([0.1, -0.4, 0.3])
    some = log_embedding(np.array([5.0, np.nan, 30.0]), center)
    assert some[1] == 0
    assert some[0] == pytest.approx(-some[2])
    np.testing.assert_array_equal(log_embedding(np.full(3, np.nan), center), 0)


def test_kept_rows_drop_gaps_and_both_ends() -> None:
    latency = np.array([9.0, np.nan, 1, 2, 3, 4, 5, 6, 7, 8, 0.5])
    assert sorted(kept_rows(latency, np.arange(11), 0.1)) == [0 + 2, 3, 4, 5, 6, 7, 8, 9]
    assert len(kept_rows(latency, np.arange(11), 0.0)) == 10


@pytest.mark.parametrize("labels", ["log", "range"])
def test_scale_of_a_support_goes_there_and_back(labels: str) -> None:
    latency = np.array([3.0, 8.0, 21.0])
    scale = Scale.of_support(latency, labels)  # type: ignore[arg-type]
    np.testing.assert_allclose(scale.to_ms(scale.to_labels(latency)), latency)


def test_range_labels_never_become_latencies_of_zero_or_less() -> None:
    scale = Scale.of_support(np.array([2.0, 4.0]), "range")
    assert scale.to_ms(np.array([-5.0]))[0] == pytest.approx(0.02)
