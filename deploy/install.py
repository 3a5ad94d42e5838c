"""Installs or upgrades the agent of one board, and goes back if the new one does not report."""

from __future__ import annotations

import time
from dataclasses import dataclass

from deploy import scripts
from deploy.facts import NEEDED_KB
from deploy.inventory import Target
from deploy.outcome import Outcome, Result
from deploy.plan import Action, Present, Wanted, mark_of, plan
from deploy.registrar import Registrar
from deploy.scripts import Installing
from deploy.text import last_line
from deploy.visit import INSTALL_S, STOP_S, Say, Visit, visiting
from deploy.wheels import Release, WheelHouse
from help_core.errors import BadInput, DeployFailed, NotFound

DEPENDENCIES = ("auto", "board", "here")
"""Whence a board has what the agent depends on: its own internet, or wheels from here."""
LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Order:
    """What is put on every board, and how."""

    release: Release
    registrar: Registrar
    wheels: WheelHouse
    dependencies: str = "auto"
    report_timeout_s: float = 90.0
    only_upgrade: bool = False


class _NotReporting(Exception):
    """The agent that was started is not heard by the coordinator."""


def install(target: Target, order: Order, say: Say) -> Outcome:
    """Brings one board to the wanted state; raises errors that left it as it was."""
    with visiting(target) as visit:
        return _Installation(visit, order, say).run()


class _Installation:
    def __init__(self, visit: Visit, order: Order, say: Say) -> None:
        self._visit = visit
        self._order = order
        self._say = say
        self._release = order.release.id
        mark = mark_of(self._release, visit.service)
        self._wanted = Wanted(self._release, mark, order.registrar.address)

    def run(self) -> Outcome:
        registrar, target = self._order.registrar, self._visit.target
        present = self._visit.look(self._release)
        if self._order.only_upgrade and not present.installed:
            raise NotFound("no agent was deployed there; leave out 'upgrade' to install it")
        known = bool(present.agent_id) and registrar.is_enrolled(present.agent_id)
        actions = plan(present, self._wanted, is_enrolled=known)
        if actions:
            with self._visit.staging() as staging:
                lost = self._carry_out(actions, staging)
            if lost:
                return self._outcome(Result.ROLLED_BACK, present.release, lost)
        labelled = bool(target.labels) and registrar.set_labels(target.device, target.labels)
        return self._outcome(
            _result(actions, present, self._release), self._release, "labels set" * labelled
        )

    def _carry_out(self, actions: tuple[Action, ...], staging: str) -> str:
        """What went wrong if it went back to what was before, else nothing."""
        if Action.BRING in actions:
            self._bring(staging)
        if Action.ENROL in actions:
            self._enrol(staging)
        return self._switch(staging) if Action.SWITCH in actions else ""

    def _bring(self, staging: str) -> None:
        facts, release, order = self._visit.facts, self._order.release, self._order
        if facts.free_kb < NEEDED_KB:
            raise BadInput(
                f"{facts.free_kb // 1000} MB are free in {facts.home}, and the agent needs"
                f" {NEEDED_KB // 1000} MB; make room"
            )
        self._say("bringing the agent")
        pip = order.wheels.pip()
        for path in filter(None, (pip, release.wheel, release.constraints)):
            self._visit.put(path, f"{staging}/{path.name}")
        if order.dependencies != "here":
            try:
                self._make(staging, pip.name, offline=False)
                return
            except DeployFailed as error:
                if order.dependencies == "board":
                    raise
                self._say(f"no packages from the board's own index ({error})")
        self._bring_wheels(staging)

    def _bring_wheels(self, staging: str) -> None:
        self._say("downloading its dependencies here")
        wheels = self._order.wheels.dependencies(self._order.release, self._visit.facts)
        size = sum(path.stat().st_size for path in wheels)
        self._say(f"uploading {len(wheels)} wheels, {size / 1e6:.0f} MB")
        for path in wheels:
            self._visit.put(path, f"{staging}/{path.name}")
        pip = next(path for path in wheels if path.name.startswith("pip-"))
        self._make(staging, pip.name, offline=True)

    def _make(self, staging: str, pip: str, *, offline: bool) -> None:
        self._say("installing from " + ("wheels" if offline else "the board's index"))
        release = self._order.release
        what = Installing(
            python=self._visit.facts.python,
            release=self._release,
            staging=staging,
            pip_wheel=pip,
            requirement=release.requirement(staging),
            pinned=release.constraints is not None,
            offline=offline,
        )
        script = scripts.make_release(self._visit.layout, what)
        self._visit.do("install the agent", script, INSTALL_S)

    def _enrol(self, staging: str) -> None:
        self._say("enrolling")
        registrar, visit = self._order.registrar, self._visit
        token, fingerprint = registrar.enrolment(f"deploy {visit.target.device}"[:64])
        visit.put(token.encode(), f"{staging}/token", private=True)
        script = scripts.enrol(
            visit.layout, visit.service, self._release, staging, registrar.address, fingerprint
        )
        visit.do("enrol", script, 2 * STOP_S)

    def _switch(self, staging: str) -> str:
        visit = self._visit
        visit.put(visit.service.content().encode(), f"{staging}/service")
        self._say("starting")
        visit.do("stop the agent", scripts.stop(visit.service), STOP_S)
        try:
            # Only now: until it was stopped, the agent before could still be heard.
            before = self._order.registrar.last_seen_unix_s(visit.target.device)
            script = scripts.switch(visit.layout, visit.service, self._release, staging)
            visit.do("start the agent", script, STOP_S)
            self._await_report(before)
        except (DeployFailed, _NotReporting) as error:
            return self._go_back(str(error))
        visit.do(
            "record it", scripts.record(visit.layout, visit.service, self._wanted.mark), STOP_S
        )
        return ""

    def _go_back(self, why: str) -> str:
        """Rolls back and returns what happened; raises ``DeployFailed`` if nothing was before."""
        self._say(f"rolling back: {why}")
        visit = self._visit
        visit.do("stop the agent", scripts.stop(visit.service), STOP_S)
        before = self._order.registrar.last_seen_unix_s(visit.target.device)
        good = visit.do("roll back", scripts.roll_back(visit.layout, visit.service), 2 * STOP_S)
        if not good.strip():
            raise DeployFailed(why)
        try:
            self._await_report(before)
        except (DeployFailed, _NotReporting):
            return f"{why}; the release before was started again and does not report either"
        return f"{why}; the release before runs and reports again"

    def _await_report(self, before_unix_s: float) -> None:
        registrar, visit = self._order.registrar, self._visit
        end = time.monotonic() + self._order.report_timeout_s
        while registrar.last_seen_unix_s(visit.target.device) <= before_unix_s:
            if time.monotonic() > end:
                limit = f"{self._order.report_timeout_s:g} s"
                raise _NotReporting(f"it did not report within {limit}{self._last_words()}")
            if self._state() not in ("active", "activating", "reloading"):
                raise _NotReporting(f"the agent ended at once{self._last_words()}")
            time.sleep(LOOK_EVERY_S)

    def _state(self) -> str:
        return self._visit.do("ask for its state", scripts.state(self._visit.service)).strip()

    def _last_words(self) -> str:
        line = last_line(self._visit.log(5))
        return f" ({line})" if line else ""

    def _outcome(self, result: Result, release: str, note: str = "") -> Outcome:
        target = self._visit.target
        login, kind = str(target.login), self._visit.service.kind
        return Outcome(target.name, target.device, login, result, release, kind, note)


def _result(actions: tuple[Action, ...], present: Present, release: str) -> Result:
    if not actions:
        return Result.UNCHANGED
    if not present.installed:
        return Result.INSTALLED
    return Result.STARTED if present.release == release else Result.UPGRADED
