"""Accuracy sources by name, by file, and by a user's Python function.

``shipped``               the model that ships for the space
``FILE.csv``              a table ``architecture,accuracy`` in percent; ``FILE.csv:COLUMN`` names
                          another column
``FILE.pth``              once-for-all's ``acc_predictor.pth`` (space ``ofa``)
``FILE.safetensors``      a model that ``benchmarks/accuracy_ofa.py`` trained (space ``ofa``)
``module:function``       a function that takes the space's name and a list of canonical strings
                          and returns as many percentages (``None`` or NaN where unknown)
``synflow``, ``naswot``   proxies that rank and have no unit; see ``proxies``
any other name            an entry point of the group ``help_fleet.accuracy`` that an installed
                          package has: a callable that takes the space and returns a source

A file and a function are the user's, read and run in the process that asks: a name that came
over the network goes to ``named_accuracy``, which knows installed sources alone.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np

from help_core.accuracy.base import AccuracySource
from help_core.accuracy.model import load_shipped_accuracy
from help_core.accuracy.ofa_model import load_ofa_accuracy
from help_core.accuracy.once_for_all import load_once_for_all_predictor
from help_core.accuracy.table import read_accuracy_csv
from help_core.arrays import FloatArray, IntArray
from help_core.errors import BadInput, NotFound
from help_core.spaces.base import GeneSpace

ENTRY_POINT_GROUP = "help_fleet.accuracy"
SHIPPED = "shipped"
PROXIES = ("synflow", "naswot")

Function = Callable[[str, Sequence[str]], Sequence[float | None]]
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*")


def accuracy_names() -> tuple[str, ...]:
    """The names that ``get_accuracy`` knows, files and functions aside."""
    installed = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
    return (SHIPPED, *PROXIES, *sorted(installed))


def get_accuracy(text: str, space: GeneSpace) -> AccuracySource:
    """The accuracy source that ``text`` names, for one space.

    Raises ``NotFound`` for an unknown name or a space that nothing ships for, ``BadInput``,
    ``BadTable`` or ``BadCheckpoint`` for a file or function that cannot be used.
    """
    if text in accuracy_names():
        return named_accuracy(text, space)
    for suffix, read in _FILES.items():
        if suffix in text:
            return read(text, space)
    if _FUNCTION.fullmatch(text):
        return FunctionAccuracy(text, space, _function(text))
    raise NotFound(
        f"unknown accuracy source {text[:80]!r}; known: {', '.join(accuracy_names())},"
        f" a file ({', '.join(_FILES)}) or module:function"
    )


def named_accuracy(name: str, space: GeneSpace) -> AccuracySource:
    """The source of one of ``accuracy_names``: no file and no function, so also of a name that
    came over the network.

    Raises ``NotFound`` for another name, or a space that nothing ships for.
    """
    if name == SHIPPED:
        return _shipped(space)
    if name in PROXIES:
        from help_core.accuracy.proxies import Proxy

        return Proxy(name, space)
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        source: AccuracySource = point.load()(space)
        return source
    raise NotFound(f"unknown accuracy source {name[:80]!r}; known: {', '.join(accuracy_names())}")


def _shipped(space: GeneSpace) -> AccuracySource:
    source = load_shipped_accuracy(space.name)
    if source is None:
        raise NotFound(
            f"no accuracy model ships for {space.name}; give a table (FILE.csv), module:function,"
            f" or a proxy ({', '.join(PROXIES)}), or search by parameters and FLOPs"
        )
    return source


def _table(text: str, space: GeneSpace) -> AccuracySource:
    path, colon, column = text.rpartition(":")
    if colon and path.endswith(".csv"):
        return read_accuracy_csv(Path(path), space, column)
    return read_accuracy_csv(Path(text), space)


def _once_for_all(text: str, space: GeneSpace) -> AccuracySource:
    _need_ofa(text, space)
    return load_once_for_all_predictor(Path(text))


def _trained(text: str, space: GeneSpace) -> AccuracySource:
    _need_ofa(text, space)
    path = Path(text)
    return load_ofa_accuracy(path, path.with_suffix(".json"))


def _need_ofa(text: str, space: GeneSpace) -> None:
    if space.name != "ofa":
        raise BadInput(f"{text}: holds accuracies of the space ofa, not of {space.name}")


_FILES: Mapping[str, Callable[[str, GeneSpace], AccuracySource]] = {
    ".csv": _table,
    ".pth": _once_for_all,
    ".safetensors": _trained,
}


@dataclass(frozen=True, slots=True)
class FunctionAccuracy:
    """A user's function as an accuracy source."""

    name: str
    space: GeneSpace
    function: Function

    def accuracy_percent(self, genes: IntArray) -> FloatArray:
        """What the function returns ``[n]`` for ``[n, genes]``; raises ``BadInput``."""
        names = [str(one) for one in self.space.from_genes(genes)]
        try:
            values = list(self.function(self.space.name, names))
            result = np.array([np.nan if v is None else float(v) for v in values], dtype=np.float64)
        except Exception as error:
            raise BadInput(
                f"accuracy function {self.name}: {type(error).__name__}: {error}"
            ) from error
        if len(result) != len(names):
            raise BadInput(
                f"accuracy function {self.name} returned {len(result)} values for"
                f" {len(names)} architectures; return one each, None where unknown"
            )
        known = result[np.isfinite(result)]
        if np.isinf(result).any() or ((known < 0) | (known > 100)).any():
            raise BadInput(
                f"accuracy function {self.name} returned a value outside 0-100; return percent"
            )
        return result


def _function(text: str) -> Function:
    module, _, name = text.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        raise NotFound(
            f"accuracy function {text}: no module {error.name!r}; is it on PYTHONPATH?"
        ) from None
    except AttributeError:
        raise NotFound(f"accuracy function {text}: module {module} has no {name}") from None
    except Exception as error:
        raise BadInput(f"accuracy function {text}: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise BadInput(f"accuracy function {text} is not callable")
    function: Function = found
    return function
