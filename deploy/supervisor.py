"""The shell script that keeps an agent running on a board without systemd."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.layout import Layout
from deploy.shell import command, quote
from deploy.units import NOT_RESTARTED

LOG_BYTES = 5_000_000
"""At a start of the agent a log longer than this becomes agent.log.1."""
LONGEST_PAUSE_S = 60


def supervisor(layout: Layout, arguments: Sequence[str]) -> str:
    """Restarts the agent when it ends, after 1 s, 2 s, 4 s … 60 s; ends with it at SIGTERM."""
    final = "|".join(map(str, (0, *NOT_RESTARTED)))
    return f"""#!/bin/sh
# Written by help-coord deploy: keeps one agent running where there is no systemd.
cd {quote(layout.agent)} || exit 1
echo $$ >pid
child=
end() {{
    trap '' TERM INT
    if [ -n "$child" ] && kill -TERM "$child" 2>/dev/null; then wait "$child"; fi
    rm -f pid
    exit "$1"
}}
trap 'end 0' TERM INT
trap '' HUP
pause=1
while :; do
    if [ -f agent.log ] && [ "$(wc -c <agent.log)" -gt {LOG_BYTES} ]; then
        mv -f agent.log agent.log.1
    fi
    began=$(date +%s)
    {command(*layout.program, *arguments)} </dev/null >>agent.log 2>&1 &
    child=$!
    code=0
    wait "$child" || code=$?
    child=
    case $code in {final}) end "$code" ;; esac
    if [ $(($(date +%s) - began)) -gt {LONGEST_PAUSE_S} ]; then pause=1; fi
    echo "help-agent ended with code $code; started again in $pause s" >>agent.log
    sleep "$pause" &
    child=$!
    wait "$child"
    child=
    pause=$((pause * 2))
    if [ "$pause" -gt {LONGEST_PAUSE_S} ]; then pause={LONGEST_PAUSE_S}; fi
done
"""
