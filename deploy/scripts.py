"""The scripts of a deployment, as text. Each can be run again after it was cut off."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.layout import Layout, program_in
from deploy.services import Service
from deploy.shell import command, quote, script

STAGING_PREFIX = ".help-deploy."
ILLEGAL_INSTRUCTION = 132
"""Exit code of a program that SIGILL ended."""


@dataclass(frozen=True, slots=True)
class Installing:
    """What a virtual environment is made of. Paths are the board's."""

    python: str
    release: str
    staging: str
    pip_wheel: str
    requirement: str
    pinned: bool
    offline: bool


def make_staging(home: str) -> str:
    """Prints a new folder of the login user's own, on the disk of its home."""
    return script("umask 077", command("mktemp", "-d", f"{home}/{STAGING_PREFIX}XXXXXXXX"))


def drop_staging(staging: str) -> str:
    """Deletes that folder."""
    return script(command("rm", "-rf", staging))


def look(layout: Layout, service: Service, release: str) -> str:
    """Prints what ``plan.parse_present`` reads."""
    state, tls = layout.state, f"{layout.state}/tls/coordinator"
    return script(
        'say() { printf \'%s\\t%s\\n\' "$1" "$2"; }',
        f'say current "$(basename "$(readlink {quote(layout.current)} || true)")"',
        f'say installed "$(head -n 1 {quote(layout.installed)} 2>/dev/null || true)"',
        f"wanted={quote(release)}",
        f'if [ -n "$wanted" ] && [ -e {quote(layout.releases)}/"$wanted"/.complete ]; then',
        "  say complete yes",
        "fi",
        f"if [ -s {quote(state + '/tls/identity.pem')} ]; then",
        f'  say enrolled_at "$(head -n 1 {quote(tls)} 2>/dev/null || true)"',
        "fi",
        f'say agent_id "$(head -n 1 {quote(state + "/agent-id")} 2>/dev/null || true)"',
        f"if [ -e {quote(service.path)} ]; then",
        *service.state(),
        'else echo absent; fi | { read -r word || true; say state "$word"; }',
    )


def make_release(layout: Layout, what: Installing) -> str:
    """Makes the virtual environment and tries it; ``.complete`` comes last."""
    folder = layout.release(what.release)
    python = f"{folder}/bin/python"
    # Debian's Python comes without ensurepip, so pip is brought along and run from its wheel.
    pip = (python, f"{what.staging}/{what.pip_wheel}/pip", "--disable-pip-version-check")
    source = (
        ("--no-index", "--find-links", what.staging)
        if what.offline
        else ("--retries", "1", "--timeout", "15", "--prefer-binary")
    )
    pins = ("-c", f"{what.staging}/constraints.txt") if what.pinned else ()
    return script(
        command("mkdir", "-p", layout.releases),
        command("rm", "-rf", folder),
        command(what.python, "-m", "venv", "--without-pip", folder),
        command(*pip, "install", "--quiet", *source, *pins, what.requirement),
        "code=0",
        f"{command(python, '-c', 'import onnxruntime')} || code=$?",
        f'if [ "$code" = {ILLEGAL_INSTRUCTION} ]; then',
        "  echo 'onnxruntime uses instructions that this processor does not have;"
        " it needs an older onnxruntime or a newer board' >&2",
        "fi",
        '[ "$code" = 0 ] || exit "$code"',
        f"{command(*program_in(folder), '--help')} >/dev/null",
        command("touch", f"{folder}/.complete"),
    )


def enrol(
    layout: Layout, service: Service, release: str, staging: str, address: str, fingerprint: str
) -> str:
    """Enrols with the token in the staging folder, which is gone afterwards."""
    token = f"{staging}/token"
    return script(
        *service.prepare(),
        command("mkdir", "-p", layout.agent),
        command("mkdir", "-p", "-m", "700", layout.state),
        f"HELP_TOKEN=$(cat {quote(token)})",
        "export HELP_TOKEN",
        command("rm", "-f", token),
        command(
            *program_in(layout.release(release)),
            *("enroll", "--coordinator", address, "--ca-fingerprint", fingerprint),
            *("--device", layout.device, "--state-dir", layout.state),
        )
        + " >/dev/null",
        *service.own_state(),
    )


def stop(service: Service) -> str:
    """Stops what runs, if anything does."""
    return script(*service.stop())


def switch(layout: Layout, service: Service, release: str, staging: str) -> str:
    """Points at the release, puts the service's file in place and starts it."""
    return script(
        *service.prepare(),
        *_point_at(layout, quote(f"../../releases/{release}")),
        *_replace(service.path, f"{staging}/service"),
        *service.own_state(),
        *service.start(),
    )


def record(layout: Layout, service: Service, mark: str) -> str:
    """Remembers the deployment as one that works: what a later failure goes back to."""
    return script(
        *_replace(f"{layout.agent}/service.good", service.path),
        f"echo {quote(mark)} >{quote(layout.installed + '.new')}",
        command("mv", "-f", f"{layout.installed}.new", layout.installed),
        *_prune(layout),
    )


def roll_back(layout: Layout, service: Service) -> str:
    """Goes back to what last worked and prints its release; else stops, and prints nothing."""
    return script(
        *service.stop(),
        f"if [ -s {quote(layout.installed)} ]; then",
        f"  read -r good _ <{quote(layout.installed)}",
        *_point_at(layout, '"../../releases/$good"'),
        *_replace(service.path, f"{layout.agent}/service.good"),
        *service.start(),
        '  echo "$good"',
        "else",
        *service.remove(),
        command("rm", "-f", service.path, layout.current),
        "fi",
        *_prune(layout),
    )


def remove(layout: Layout, service: Service) -> str:
    """Leaves nothing of the agent, and nothing at all after the last one."""
    return script(
        *service.remove(),
        command("rm", "-f", service.path),
        command("rm", "-rf", layout.agent),
        *_prune(layout),
        f"rmdir {quote(layout.agents)} {quote(layout.releases)} {quote(layout.base)}"
        " 2>/dev/null || true",
    )


def state(service: Service) -> str:
    """Prints the service's state."""
    return script(*service.state())


def logs(service: Service, lines: int) -> str:
    """Prints the newest lines of the agent's log."""
    return script(*service.logs(lines))


def _point_at(layout: Layout, quoted: str) -> list[str]:
    """Replaces the link at once, so that it always points somewhere."""
    new = f"{layout.current}.new"
    return [f"ln -sfn {quoted} {quote(new)}", command("mv", "-fT", new, layout.current)]


def _replace(path: str, source: str) -> list[str]:
    folder = path.rpartition("/")[0]
    return [
        command("mkdir", "-p", folder),
        command("cp", source, f"{path}.new"),
        command("chmod", "644", f"{path}.new"),
        command("mv", "-f", f"{path}.new", path),
    ]


def _prune(layout: Layout) -> list[str]:
    """Deletes releases that no agent runs or would go back to."""
    return [
        f"for folder in {quote(layout.releases)}/*; do",
        '  [ -d "$folder" ] || continue',
        '  name=$(basename "$folder"); used=',
        f"  for agent in {quote(layout.agents)}/*; do",
        '    if [ "$(basename "$(readlink "$agent/current" || true)")" = "$name" ]',
        "    then used=yes; fi",
        '    if grep -qF "$name " "$agent/installed" 2>/dev/null; then used=yes; fi',
        "  done",
        '  [ -n "$used" ] || rm -rf "$folder"',
        "done",
    ]
