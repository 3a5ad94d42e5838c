"""A program that takes adb's command line and serves folders of this machine as phones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

PROGRAM = r"""#!/bin/sh
# devices | -s SERIAL (get-state | push SOURCE TARGET | shell -T SCRIPT)
root='{root}'
if [ "$1" = devices ]; then
    echo 'List of devices attached'
    cat "$root/devices"
    exit
fi
phone="$root/$2"
if [ ! -e "$phone/plugged" ]; then
    echo "adb: device '$2' not found" >&2
    exit 1
fi
shift 2
here() {{ sed -u "s#/data/local/tmp#$phone/tmp#g"; }}
case $1 in
get-state) echo device ;;
push) cp -- "$2" "$(printf %s "$3" | here)" ;;
shell) script=$(printf %s "$3" | here)
    here | PATH="$phone/tools:$PATH" sh -c "$script" ;;
esac
"""
GETPROP = """#!/bin/sh
[ "$1" = ro.product.model ] && echo 'Folder; Phone'
"""


def make_adb(root: Path, serials: Sequence[str]) -> Path:
    """The program; a phone is plugged while ``root/SERIAL/plugged`` exists."""
    for serial in serials:
        tools = root / serial / "tools"
        tools.mkdir(parents=True)
        (root / serial / "tmp").mkdir()
        (root / serial / "plugged").touch()
        (tools / "getprop").write_text(GETPROP)
        (tools / "getprop").chmod(0o700)
    lines = [f"{serial}\tdevice\n" for serial in serials]
    (root / "devices").write_text("".join([*lines, "locked\tunauthorized\n"]))
    program = root / "adb"
    program.write_text(PROGRAM.format(root=root))
    program.chmod(0o700)
    return program
