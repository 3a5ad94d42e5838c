"""What the fields of a form ask for."""

from __future__ import annotations

import uuid

import numpy as np

from coordinator.parse import parse_count
from coordinator.usecases.collect import Wanted
from help_core.errors import BadInput
from help_core.records import AdaptOrder, CollectionOrder, Limits, Objective
from help_core.records.orders import DEFAULT_SAMPLES, MEDIAN
from help_core.spaces import get_gene_space, get_space
from help_core.spaces.base import sample_genes

Form = dict[str, str]
MAX_SAMPLED = 15_625
OBJECTIVES = tuple(one.value for one in Objective)


def adapt_order(form: Form) -> AdaptOrder:
    """What to adapt; raises ``BadInput`` or ``NotFound``."""
    candidates = _candidates(form)
    return AdaptOrder(
        device=form.get("device", "").strip(),
        more_devices=tuple(words(form, "more_devices")),
        space=form.get("space", ""),
        predictor=form.get("predictor", ""),
        samples=whole(form, "samples", DEFAULT_SAMPLES),
        max_latency_ms=numbers(form, "max_latency_ms", "a latency limit"),
        percentile=number(form.get("percentile", "").strip() or str(MEDIAN), "the percentile"),
        limits=Limits(
            max_parameters=parse_count(form.get("max_params", "").strip()),
            max_multiply_adds=parse_count(form.get("max_flops", "").strip()),
            max_memory_mib=_limit(form, "max_memory_mib", "the limit on memory"),
            max_energy_mj=_limit(form, "max_energy_mj", "the limit on energy"),
        ),
        min_accuracy_percent=numbers(form, "min_accuracy", "a least accuracy"),
        whole_front="whole_front" in form,
        objective=_objective(form.get("objective", "")),
        accuracy_source=form.get("accuracy", ""),
        candidates=candidates,
        candidates_name="typed in the form" if candidates else "",
        generator=form.get("generator", ""),
        top=whole(form, "top", 1),
        verify="verify" in form,
        winner_measurements=whole(form, "measurements", 0),
        seed=whole(form, "seed", 0),
        fresh="fresh" in form,
    )


def _limit(form: Form, name: str, what: str) -> float | None:
    text = form.get(name, "").strip()
    return number(text, what) if text else None


def _objective(text: str) -> Objective:
    try:
        return Objective(text) if text else Objective.DEFAULT
    except ValueError:
        raise BadInput(f"unknown objective {text[:40]!r}; known: {', '.join(OBJECTIVES)}") from None


def _candidates(form: Form) -> tuple[str, ...]:
    """The architectures to choose from, each once and as the space writes them."""
    names = form.get("candidates", "").split()
    if not names:
        return ()
    space = get_space(form.get("space", ""))
    return tuple(dict.fromkeys(str(space.parse(name)) for name in names))


def collect_order(form: Form) -> Wanted:
    """What to collect; raises ``BadInput`` or ``NotFound``."""
    space_name, sample = form.get("space", ""), whole(form, "sample", 0)
    if sample > MAX_SAMPLED:
        raise BadInput(f"draw at most {MAX_SAMPLED} architectures at once")
    names = form.get("architectures", "").split()
    if sample:
        space = get_gene_space(space_name)
        genes = sample_genes(space, sample, np.random.default_rng(whole(form, "seed", 0)))
        names += [str(one) for one in space.from_genes(genes)]
    labels = [pair.partition("=") for pair in words(form, "labels")]
    if any(not middle for _, middle, _ in labels):
        raise BadInput("a label is written NAME=VALUE")
    name = form.get("name", "").strip() or f"collection-{uuid.uuid4().hex[:8]}"
    hours = form.get("deadline_h", "").strip()
    return Wanted(
        order=CollectionOrder(
            name,
            whole(form, "priority", 0),
            number(hours, "the deadline") * 3600 if hours else None,
        ),
        devices=words(form, "device"),
        labels={key: value for key, _, value in labels},
        architectures=names,
    )


def words(form: Form, name: str) -> list[str]:
    """What is written between commas or spaces."""
    return form.get(name, "").replace(",", " ").split()


def numbers(form: Form, name: str, what: str) -> tuple[float, ...]:
    """Numbers between commas or spaces; raises ``BadInput``."""
    return tuple(number(word, what) for word in words(form, name))


def whole(form: Form, name: str, default: int) -> int:
    """A whole number of a form; raises ``BadInput``."""
    text = form.get(name, "").strip()
    try:
        value = int(text) if text else default
    except ValueError:
        raise BadInput(f"{name} {text[:40]!r} is no whole number") from None
    if abs(value) >= 2**31:
        raise BadInput(f"{name} {text[:40]!r} is too large")
    if value < 0 and name != "priority":
        raise BadInput(f"{name} {value} is below 0")
    return value


def number(text: str, what: str) -> float:
    """A number of a form; raises ``BadInput``."""
    try:
        return float(text)
    except ValueError:
        raise BadInput(f"{what} {text[:40]!r} is no number") from None
