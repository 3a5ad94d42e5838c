"""What a predictor is told of a device: its measurements, how sure they are, and of what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coordinator.store.contract import StoredMeasurement
from coordinator.usecases.quantities import Quantity, require
from help_core.predictors.base import Support
from help_core.spaces.base import GeneSpace

BUILT_HERE = "model_sha256"
"""In the fingerprint of a measured network that a space built: spaces build what has an effect."""


def support_of(
    space: GeneSpace, stored: Sequence[StoredMeasurement], quantity: Quantity
) -> Support:
    """The support set of one device; raises ``BadInput`` where it does not tell the quantity.

    An energy or a peak of memory is taken to be as uncertain as the latency beside it.
    """
    found = [one.measurement for one in stored]
    values = np.array([require(quantity, one.device, one.measurement) for one in stored])
    errors = [one.summary.error_ms / one.summary.median_ms for one in found]
    built = bool(found) and all(BUILT_HERE in one.fingerprint for one in found)
    return Support(
        space.to_genes([space.parse(one.architecture) for one in stored]),
        values,
        values * np.array(errors),
        True if built else None,
    )
