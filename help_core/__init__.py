"""The science of HELP fleet: search spaces, ONNX builders, predictors, search, evaluation.

Nothing here knows gRPC, SQL, a command line or the time of day.
"""

__version__ = "0.1.0"
