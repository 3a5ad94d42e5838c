"""The two ways of HELP, and the plain meta-learners it was compared with, as settings.

``AS_PUBLISHED`` repeats the published code (Lee et al., NeurIPS 2021), defects included, so
that its figures can be checked. ``CORRECTED`` is the default. They differ in

===================  ==============================  ======================================
setting              as published                    corrected
===================  ==============================  ======================================
``labels``           ``range``: scaled by the        ``log``: logarithms; the offset of the
                     minimum and maximum of about    device is fitted on the support, so
                     720 latencies of the target     nothing else of the target is known
``shared_support``   10 references and 10 other      one set of measurements is embedding
                     architectures: 20               and support: 10
``kl_of``            the KL of the last task stands  the mean of the KL of each task
                     for all
``score_of``         ranks from the last             everything from the mean of the samples
                     Monte-Carlo sample
``trim_share``       a tenth of the pool dropped     nothing but gaps is dropped
                     at either end, before training
``mixing``           none                            tasks move along differences of devices
``kl_weight``        0.1, so that z says nothing     1e-5, of the size of the data's part
``z_samples``        10                              0: the mean of z
``step_size``        0.001, kept low by 1e-4         0.01 and 1e-3, lowered along a cosine
===================  ==============================  ======================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from help_core.errors import BadInput

Labels: TypeAlias = Literal["range", "log"]
KlOf: TypeAlias = Literal["last-task", "each-task"]
ScoreOf: TypeAlias = Literal["last-sample", "mean"]


@dataclass(frozen=True, slots=True)
class HelpSettings:
    """Everything that decides how a HELP predictor is built, meta-trained and adapted."""

    mode: str
    labels: Labels
    shared_support: bool
    kl_of: KlOf
    score_of: ScoreOf
    trim_share: float
    mixing: float = 0.0
    """How far a task may leave its training device, see ``episodes.EpisodeSampler``."""
    uses_embedding: bool = True
    """Condition on the hardware embedding."""
    uses_modulator: bool = True
    """Modulate the head by z, drawn from the hardware embedding."""
    learns_step_sizes: bool = True
    """One learned step size per parameter (Meta-SGD), or ``step_size`` for all (MAML)."""
    second_order: bool = True
    hidden: int = 100
    modulator_hidden: int = 10
    references: int = 10
    support_size: int = 10
    query_size: int = 200
    tasks_per_episode: int = 8
    episodes: int = 2000
    updates: int = 2
    """Gradient steps of the inner loop, in meta-training and in adaptation."""
    step_size: float = 1e-3
    meta_step_size: float = 1e-4
    meta_step_decay: bool = False
    """Lower the meta step size to zero along half a cosine."""
    kl_weight: float = 0.1
    z_scale: float = 0.01
    z_samples: int = 10
    """Draws of z that a prediction is the mean of; 0 takes the mean of z instead."""
    pool: int = 900
    """Architectures per device that meta-training may know, the first of the table."""

    def __post_init__(self) -> None:
        for name in ("hidden", "references", "query_size", "tasks_per_episode", "pool"):
            if getattr(self, name) < 1:
                raise BadInput(
                    f"HELP setting {name} is {getattr(self, name)}; it must be 1 or more"
                )
        if self.support_size < 2:
            raise BadInput(f"HELP setting support_size is {self.support_size}; give 2 or more")
        if not 0 <= self.trim_share < 0.5:
            raise BadInput(f"HELP setting trim_share is {self.trim_share}; give 0 to below 0.5")
        if self.mixing and self.labels != "log":
            raise BadInput("HELP setting mixing needs log labels; set it to 0")
        if self.uses_modulator and not self.uses_embedding:
            raise BadInput("HELP's modulator reads the hardware embedding; switch both off")


AS_PUBLISHED = HelpSettings(
    mode="as-published",
    labels="range",
    shared_support=False,
    kl_of="last-task",
    score_of="last-sample",
    trim_share=0.1,
)

CORRECTED = HelpSettings(
    mode="corrected",
    labels="log",
    shared_support=True,
    kl_of="each-task",
    score_of="mean",
    trim_share=0.0,
    mixing=0.5,
    step_size=1e-2,
    meta_step_size=1e-3,
    meta_step_decay=True,
    kl_weight=1e-5,
    z_samples=0,
)

MAML = replace(
    AS_PUBLISHED,
    mode="maml",
    uses_embedding=False,
    uses_modulator=False,
    learns_step_sizes=False,
    support_size=20,
)
"""Finn, Abbeel & Levine (ICML 2017), as HELP's Table 2 compares it.

There are no references, so all of the twenty measurements that HELP takes are support, in
meta-training too.
"""

META_SGD = replace(MAML, mode="meta-sgd", learns_step_sizes=True)
"""Li, Zhou, Chen & Li (2017), as HELP's Table 2 compares it."""
