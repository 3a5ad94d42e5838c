"""What both command lines share: one clear line per error, exit codes, JSON alone on stdout."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

import numpy as np
from rich.console import Console
from rich.logging import RichHandler

from help_core.errors import BadInput, HelpError
from help_proto.errors import exit_code

EXIT_CODES_HELP = (
    "Exit codes: 0 done · 2 bad input · 3 unknown name · 4 coordinator not reachable ·"
    " 5 address in use · 6 store or spool unusable · 7 conflict · 8 no architecture meets the"
    " limit · 9 measurement failed · 10 timed out · 11 incompatible versions ·"
    " 12 not authenticated · 13 not allowed · 14 too many requests ·"
    " 15 deploying failed · 130 interrupted."
)


def run_cli(app: Callable[[], Any], program: str) -> NoReturn:
    """Runs a typer application; an error of ours becomes one line and its exit code."""
    try:
        app()
    except HelpError as error:
        print(f"{program}: {error}", file=sys.stderr)
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe went away; stdout must not be flushed again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if os.environ.get("HELP_DEBUG"):
            raise
        print(
            f"{program}: internal error, please report it: {type(error).__name__}: {error}"
            " (HELP_DEBUG=1 shows where)",
            file=sys.stderr,
        )
        sys.exit(1)
    sys.exit(0)


def log_to_stderr(*, verbose: bool, form: str = "text") -> None:
    """Log lines on stderr, so that stdout holds data alone.

    ``form`` is "text" for a person or "json" for a machine: an object a line; raises
    ``BadInput`` for another.
    """
    handler: logging.Handler
    if form == "json":
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
    elif form == "text" and sys.stderr.isatty():
        handler = RichHandler(console=Console(stderr=True), show_path=False, markup=False)
        handler.setFormatter(logging.Formatter("%(message)s", datefmt="%H:%M:%S"))
    elif form == "text":
        # A file or a journal: no columns, no wrapping, one line each.
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    else:
        raise BadInput(f"--log-format {form!r} is unknown; use text or json")
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, handlers=[handler], force=True
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)


class JsonLines(logging.Formatter):
    """A log record as one line of JSON; what a caller passes as ``extra`` is kept."""

    _USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        """See the class."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in self._USUAL}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def print_json(value: object) -> None:
    """Writes records, or lists of them, to stdout as JSON; a missing number is ``null``."""
    print(json.dumps(_plain(value), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
