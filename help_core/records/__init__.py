"""Values that agents and the coordinator exchange and keep; each checks itself when made."""

from help_core.records.answer import (
    Answer,
    CloudPoint,
    LimitOutcome,
    MeasuredPoint,
    Pick,
    PickOnDevice,
    Progress,
)
from help_core.records.collection import CollectionOrder, CollectionStatus
from help_core.records.device import (
    Board,
    Device,
    DeviceStatus,
    Settings,
    check_labels,
    check_name,
)
from help_core.records.insight import (
    Calibration,
    CoveragePoint,
    Embedding,
    Neighbour,
    PredictedPoint,
)
from help_core.records.job import Job, JobState, LeasedJob, LeaseRef, Purpose
from help_core.records.measurement import (
    ColdFigures,
    Failure,
    FailureClass,
    Measurement,
    Reading,
    Report,
    Summary,
    Verdict,
)
from help_core.records.model import StoredModel
from help_core.records.orders import (
    AccuracyRow,
    AdaptOrder,
    Limits,
    Objective,
    TableOrigin,
    TableRow,
)
from help_core.records.run import AdaptRun, RunState, check_run_id

__all__ = [
    "AccuracyRow",
    "AdaptOrder",
    "AdaptRun",
    "Answer",
    "Board",
    "Calibration",
    "CloudPoint",
    "ColdFigures",
    "CollectionOrder",
    "CollectionStatus",
    "CoveragePoint",
    "Device",
    "DeviceStatus",
    "Embedding",
    "Failure",
    "FailureClass",
    "Job",
    "JobState",
    "LeaseRef",
    "LeasedJob",
    "LimitOutcome",
    "Limits",
    "MeasuredPoint",
    "Measurement",
    "Neighbour",
    "Objective",
    "Pick",
    "PickOnDevice",
    "PredictedPoint",
    "Progress",
    "Purpose",
    "Reading",
    "Report",
    "RunState",
    "Settings",
    "StoredModel",
    "Summary",
    "TableOrigin",
    "TableRow",
    "Verdict",
    "check_labels",
    "check_name",
    "check_run_id",
]
