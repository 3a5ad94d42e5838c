"""status, logs and remove of one board."""

from __future__ import annotations

from deploy import scripts
from deploy.inventory import Target
from deploy.outcome import Outcome, Result
from deploy.registrar import Registrar
from deploy.visit import STOP_S, Visit, visiting


def status(target: Target) -> Outcome:
    """What runs on the board."""
    with visiting(target) as visit:
        present = visit.look()
        if not (present.installed or present.current):
            return _outcome(visit, Result.ABSENT)
        result = Result.RUNNING if present.is_active else Result.STOPPED
        note = "" if present.is_active else present.state
        return _outcome(visit, result, present.current, note)


def logs(target: Target, lines: int) -> Outcome:
    """The newest lines of the agent's log."""
    with visiting(target) as visit:
        text = visit.do("read the log", scripts.logs(visit.service, lines))
        return _outcome(visit, Result.SHOWN, log=text)


def remove(target: Target, registrar: Registrar) -> Outcome:
    """Stops the agent, which delivers what it measured, deletes it and ends its certificate.

    What it measured stays in the coordinator's store.
    """
    with visiting(target) as visit:
        present = visit.look()
        there = bool(present.installed or present.current or present.agent_id)
        visit.do("remove the agent", scripts.remove(visit.layout, visit.service), 2 * STOP_S)
        if present.agent_id and registrar.is_enrolled(present.agent_id):
            registrar.revoke(present.agent_id)
        result = Result.REMOVED if there else Result.ABSENT
        return _outcome(visit, result, present.release)


def _outcome(
    visit: Visit, result: Result, release: str = "", note: str = "", log: str = ""
) -> Outcome:
    target = visit.target
    login, kind = str(target.login), visit.service.kind
    return Outcome(target.name, target.device, login, result, release, kind, note, log=log)
