"""What is known of a device survives the wire."""

from __future__ import annotations

import math

import pytest

from help_core.errors import BadInput
from help_core.records import Calibration, CoveragePoint, Embedding, Neighbour, PredictedPoint
from help_proto.convert_insight import (
    from_calibration,
    from_embedding,
    to_calibration,
    to_embedding,
)
from help_proto.v1 import fleet_service_pb2 as pb

EMBEDDING = Embedding(
    "box",
    "nasbench201",
    ("nasbench201:a", "nasbench201:b"),
    (4.0, 16.0),
    (0.5, 2.0),
    (Neighbour("other", "fleet", 3.5, (0.6, None)), Neighbour("pixel3", "training", 9.0, (1, 1))),
)
POINT = PredictedPoint("nasbench201:c", 10.0, 11.0, 9.0, 13.0)


def test_an_embedding_comes_back_with_its_gaps() -> None:
    sent = pb.Embedding.FromString(to_embedding(EMBEDDING).SerializeToString())
    assert from_embedding(sent) == EMBEDDING


@pytest.mark.parametrize(("spearman", "error"), [(0.0, 0.0), (None, None), (-0.5, 12.5)])
def test_a_calibration_comes_back_and_zero_is_not_absence(
    spearman: float | None, error: float | None
) -> None:
    held = (CoveragePoint(0.9, 1.0),)
    calibration = Calibration("box", "hat", "transfer", 10, (POINT,), held, spearman, error)
    sent = pb.Calibration.FromString(to_calibration(calibration).SerializeToString())
    assert from_calibration(sent) == calibration


def test_rows_that_do_not_fit_are_refused() -> None:
    message = to_embedding(EMBEDDING)
    del message.relative[0]
    with pytest.raises(BadInput, match="one figure"):
        from_embedding(message)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_a_latency_that_is_none_is_refused(value: float) -> None:
    message = to_calibration(Calibration("box", "hat", "transfer", 10, (POINT,), (), None, None))
    message.points[0].low_ms = value
    with pytest.raises(BadInput, match="low_ms"):
        from_calibration(message)
