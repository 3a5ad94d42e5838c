"""The canonical string of a HAT network and HAT's own YAML files.

``e512_f3072.2048.…_h8.4.…+d640_f1024.…_h8.…_x4.…_a1.…``: encoder size, feed-forward sizes and
heads of its six layers; decoder size, then per decoder layer the feed-forward size, the heads
of self-attention (``h``) and of encoder-decoder attention (``x``), and to how many encoder
layers it attends (``a``; HAT's -1, 1, 2 are 1, 2, 3 here). The depth is the number of entries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from help_core.errors import BadArchitecture
from help_core.spaces.hat.task import (
    EMBED_DIMS,
    ENCODER_LAYERS,
    MAX_DECODER_LAYERS,
    SPANS,
    HatTask,
)

MAX_TEXT_CHARS = 400
_NUMBER = re.compile(r"0|[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class Part:
    """One field of the string: its letter, what it is called, its choices and its length."""

    letter: str
    name: str
    choices: tuple[int, ...]
    shortest: int
    longest: int


def parts_of(task: HatTask) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """The fields of the encoder's and of the decoder's half, in order."""
    encoder, decoder = (ENCODER_LAYERS, ENCODER_LAYERS), (1, MAX_DECODER_LAYERS)
    return (
        (
            Part("e", "encoder embedding size", EMBED_DIMS, 1, 1),
            Part("f", "encoder feed-forward sizes", task.ffn_dims, *encoder),
            Part("h", "encoder heads", task.heads, *encoder),
        ),
        (
            Part("d", "decoder embedding size", EMBED_DIMS, 1, 1),
            Part("f", "decoder feed-forward sizes", task.ffn_dims, *decoder),
            Part("h", "decoder self-attention heads", task.heads, *decoder),
            Part("x", "encoder-decoder attention heads", task.heads, *decoder),
            Part("a", "encoder layers attended to", SPANS, *decoder),
        ),
    )


def format_network(halves: Sequence[Sequence[Sequence[int]]], task: HatTask) -> str:
    """The string of the values of each field of each half."""
    return "+".join(
        "_".join(
            part.letter + ".".join(map(str, values))
            for part, values in zip(parts, half, strict=True)
        )
        for parts, half in zip(parts_of(task), halves, strict=True)
    )


def parse_network(text: str, task: HatTask) -> list[list[int]]:
    """The values of the eight fields; raises ``BadArchitecture`` with the offending part."""
    if len(text) > MAX_TEXT_CHARS:
        raise BadArchitecture(f"HAT network {text[:60]!r}… is longer than {MAX_TEXT_CHARS} letters")
    halves = text.split("+")
    if len(halves) != 2:
        raise BadArchitecture(
            f"HAT network {text[:120]!r} must be an encoder and a decoder joined by one '+'"
        )
    fields: list[list[int]] = []
    for half, parts in zip(halves, parts_of(task), strict=True):
        pieces = half.split("_")
        if len(pieces) != len(parts):
            form = "_".join(f"{part.letter}…" for part in parts)
            raise BadArchitecture(f"{half[:120]!r} has {len(pieces)} parts; write it {form}")
        fields += [_parse_field(p, part) for p, part in zip(pieces, parts, strict=True)]
    _check_depth(fields)
    return fields


def _parse_field(text: str, part: Part) -> list[int]:
    if not text.startswith(part.letter):
        raise BadArchitecture(f"{part.name}: {text[:60]!r} must begin with {part.letter!r}")
    entries = text[len(part.letter) :].split(".")
    for entry in entries:
        if not _NUMBER.fullmatch(entry):
            raise BadArchitecture(f"{part.name} {text[:60]!r}: {entry[:20]!r} is not a number")
    return check_values([int(entry) for entry in entries], part)


def check_values(values: list[int], part: Part) -> list[int]:
    """The values of a field if there are as many as it may have and each is a choice of it."""
    if not part.shortest <= len(values) <= part.longest:
        allowed = str(part.longest) if part.shortest == part.longest else f"1 to {part.longest}"
        raise BadArchitecture(f"{part.name}: has {len(values)} entries, it needs {allowed}")
    for value in values:
        if value not in part.choices:
            raise BadArchitecture(
                f"{part.name}: {value} is not one of {', '.join(map(str, part.choices))}"
            )
    return values


def _check_depth(fields: list[list[int]]) -> None:
    depths = [len(values) for values in fields[4:]]
    if len(set(depths)) != 1:
        raise BadArchitecture(
            "the decoder's f, h, x and a must have as many entries as it has layers, "
            f"not {', '.join(map(str, depths))}"
        )


_KEYS = (
    "encoder-embed-dim",
    "encoder-ffn-embed-dim-all",
    "encoder-self-attention-heads-all",
    "decoder-embed-dim",
    "decoder-ffn-embed-dim-all",
    "decoder-self-attention-heads-all",
    "decoder-ende-attention-heads-all",
    "decoder-arbitrary-ende-attn-all",
)
"""HAT's names of the eight fields, each followed by ``-subtransformer``."""
_DEPTHS = ("encoder-layer-num", "decoder-layer-num")
_SUFFIX = "-subtransformer"
_YAML_LINE = re.compile(r"([a-z-]+):\s*(-?[0-9]{1,6}|\[[-0-9, ]{0,200}\])\s*(?:#.*)?")


def read_config(text: str, task: HatTask) -> list[list[int]]:
    """The eight fields of a file as HAT writes them, ``key-subtransformer: 512`` or ``[8, 4]``.

    HAT's files are flat lists of such lines, so no YAML library is needed. Other keys, which
    set the training, are ignored. Raises ``BadArchitecture`` with the offending key.
    """
    found = _config_values(text)
    depths = {key[:7]: found.get(key, []) for key in _DEPTHS}
    if any(len(depth) != 1 for depth in depths.values()):
        wanted = " and ".join(key + _SUFFIX for key in _DEPTHS)
        raise BadArchitecture(f"the configuration needs one number for {wanted}")
    fields: list[list[int]] = []
    for key, part in zip(_KEYS, [p for half in parts_of(task) for p in half], strict=True):
        if key not in found:
            raise BadArchitecture(f"the configuration has no {key}{_SUFFIX}")
        depth = 1 if part.longest == 1 else depths[key[:7]][0]
        fields.append(check_values(_config_field(key, found[key], depth), part))
    _check_depth(fields)
    return fields


def _config_values(text: str) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = {}
    for line in text[:20_000].splitlines():
        key = line.partition(":")[0].strip()
        if key.removesuffix(_SUFFIX) not in (*_KEYS, *_DEPTHS) or not key.endswith(_SUFFIX):
            continue
        match = _YAML_LINE.fullmatch(line.strip())
        if match is None:
            raise BadArchitecture(f"{line[:80]!r} must be 'key: 512' or 'key: [512, 640]'")
        entries = re.findall(r"[^\s,\[\]]+", match[2])
        if not all(re.fullmatch(r"-?[0-9]{1,6}", entry) for entry in entries):
            raise BadArchitecture(f"{line[:80]!r} holds something that is not a whole number")
        found[key.removesuffix(_SUFFIX)] = [int(entry) for entry in entries]
    return found


def _config_field(key: str, values: list[int], depth: int) -> list[int]:
    if len(values) < depth:
        raise BadArchitecture(f"{key}{_SUFFIX} has {len(values)} entries for {depth} layers")
    # HAT's samples list all six layers of the SuperTransformer whatever the depth is.
    values = values[: max(depth, 0)]
    if key != "decoder-arbitrary-ende-attn-all":
        return values
    spans = {-1: 1, 1: 2, 2: 3}
    for value in values:
        if value not in spans:
            raise BadArchitecture(f"{key}{_SUFFIX}: {value} is not one of -1, 1, 2")
    return [spans[value] for value in values]


def format_config(fields: Sequence[Sequence[int]]) -> dict[str, int | list[int]]:
    """The eight fields by the keys of HAT's files, which ``read_config`` reads back."""
    spans = {1: -1, 2: 1, 3: 2}
    written = dict(zip(_KEYS, fields, strict=True))
    depths = {key: len(written[f"{key[:7]}-ffn-embed-dim-all"]) for key in _DEPTHS}
    lines: dict[str, int | list[int]] = {}
    for key in ("encoder-embed-dim", "decoder-embed-dim"):
        lines[key + _SUFFIX] = written[key][0]
    for key in ("encoder-ffn-embed-dim-all", "decoder-ffn-embed-dim-all"):
        lines[key + _SUFFIX] = list(written[key])
    lines |= {key + _SUFFIX: depth for key, depth in depths.items()}
    for key in _KEYS:
        if "heads" in key:
            lines[key + _SUFFIX] = list(written[key])
    key = "decoder-arbitrary-ende-attn-all"
    lines[key + _SUFFIX] = [spans[value] for value in written[key]]
    return lines
