"""The fleet from Python: ``Fleet`` for scripts and notebooks, ``AsyncFleet`` for asyncio.

from coordinator.fleet import Fleet

with Fleet.connect("127.0.0.1:50051") as fleet:
    answer = fleet.adapt("raspi4", max_latency_ms=(20.0,))
    predicted = fleet.predict("raspi4", architectures)   # numpy arrays in ms
"""

from coordinator.fleet.aio import AsyncFleet
from coordinator.fleet.options import AdaptOptions
from coordinator.fleet.sync import Fleet
from coordinator.fleet.values import Latencies, Predictions

__all__ = ["AdaptOptions", "AsyncFleet", "Fleet", "Latencies", "Predictions"]
