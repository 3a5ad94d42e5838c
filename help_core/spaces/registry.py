"""Search spaces by name: the built-in ones, and those that installed packages add.

A package adds a space with an entry point in the group ``help_fleet.spaces`` that names a
callable without arguments which returns a ``SearchSpace``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points

from help_core.errors import BadArchitecture, BadInput, NotFound
from help_core.spaces.base import Architecture, GeneSpace, SearchSpace
from help_core.spaces.fbnet import FBNet
from help_core.spaces.fbnet.layers import IMAGENET
from help_core.spaces.hat import TASKS, Hat
from help_core.spaces.nasbench201 import NasBench201
from help_core.spaces.ofa import OFAMobileNetV3
from help_core.spaces.own.stored import StoredModels

ENTRY_POINT_GROUP = "help_fleet.spaces"

BUILT_IN: Mapping[str, Callable[[], SearchSpace]] = {
    "nasbench201": NasBench201,
    "nasbench201-cifar10": lambda: NasBench201("nasbench201-cifar10", classes=10),
    "nasbench201-imagenet16": lambda: NasBench201(
        "nasbench201-imagenet16", classes=120, resolution=16
    ),
    "fbnet": FBNet,
    "fbnet-imagenet": lambda: FBNet("fbnet-imagenet", IMAGENET),
    "ofa": OFAMobileNetV3,
    "ofa-w1.2": lambda: OFAMobileNetV3("ofa-w1.2", width=1.2),
    "hat": Hat,
    "hat-beam4": lambda: Hat("hat-beam4", beam=4),
    "hat-iwslt14": lambda: Hat("hat-iwslt14", task=TASKS["iwslt14.de-en"]),
    "hat-wmt14-enfr": lambda: Hat("hat-wmt14-enfr", task=TASKS["wmt14.en-fr"]),
    "hat-wmt19": lambda: Hat("hat-wmt19", task=TASKS["wmt19.en-de"]),
    "own": StoredModels,
}


def space_names() -> tuple[str, ...]:
    """The names of all search spaces, built-in and installed."""
    installed = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
    return tuple(sorted(installed | set(BUILT_IN)))


def get_space(name: str) -> SearchSpace:
    """The search space of that name; raises ``NotFound`` with the names that exist."""
    if name in BUILT_IN:
        return BUILT_IN[name]()
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        space: SearchSpace = point.load()()
        return space
    raise NotFound(f"unknown search space {name[:80]!r}; known: {', '.join(space_names())}")


def get_gene_space(name: str) -> GeneSpace:
    """A space that predictors can work on; raises ``NotFound`` or ``BadInput``."""
    space = get_space(name)
    if not isinstance(space, GeneSpace):
        raise BadInput(
            f"search space {name!r} has no genotypes, so nothing can be predicted in it;"
            " measure its architectures with 'help-coord collect'"
        )
    return space


def parse_architecture(text: str) -> Architecture:
    """The architecture of a full canonical string, ``space:text``."""
    name, colon, _ = text.partition(":")
    if not colon:
        raise BadArchitecture(
            f"architecture {text[:80]!r} names no search space; write it as SPACE:{text[:40]}"
        )
    return get_space(name).parse(text)
