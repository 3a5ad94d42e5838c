"""One connection to one board: its facts, its service, and scripts that must succeed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy import facts, scripts
from deploy.inventory import Target
from deploy.plan import Present, parse_present
from deploy.services import choose_service
from deploy.ssh import Board
from deploy.text import last_line
from help_core.errors import DeployFailed, HelpError

SHORT_S = 60.0
STOP_S = 120.0
INSTALL_S = 1800.0
"""A Raspberry Pi with a slow card unpacks for minutes."""

Say = Callable[[str], None]


class Visit:
    """A board that was asked what it is."""

    def __init__(self, board: Board, target: Target) -> None:
        self._board = board
        self.target = target
        self.facts = facts.parse(board.run(facts.ask(target), SHORT_S).out, target)
        self.service = choose_service(target, self.facts)
        self.layout = self.service.layout
        self._as_root = self.service.as_root and not self.facts.is_root

    def do(self, what: str, script: str, timeout_s: float = SHORT_S) -> str:
        """Runs a script and returns its output; raises ``DeployFailed`` if it fails."""
        done = self._board.run(script, timeout_s, as_root=self._as_root)
        if done.code != 0:
            reason = last_line(done.err) or last_line(done.out) or f"exit code {done.code}"
            raise DeployFailed(f"could not {what}: {reason}")
        return done.out

    def look(self, release: str = "") -> Present:
        """What is installed there."""
        return parse_present(
            self.do("look what is there", scripts.look(self.layout, self.service, release))
        )

    def log(self, lines: int) -> str:
        """The agent's newest log lines, or nothing if there is no log."""
        try:
            return self.do("read the log", scripts.logs(self.service, lines))
        except HelpError:
            return ""

    @contextmanager
    def staging(self) -> Iterator[str]:
        """A folder of the login user's own, deleted afterwards as far as the board answers."""
        home = self.facts.home
        path = self._board.run(scripts.make_staging(home), SHORT_S).out.strip()
        if not path.startswith(f"{home}/{scripts.STAGING_PREFIX}") or "\n" in path:
            raise DeployFailed(f"the board made no temporary folder in {home}; is its disk full?")
        try:
            yield path
        finally:
            self._board.run(scripts.drop_staging(path), SHORT_S)

    def put(self, content: bytes | Path, path: str, *, private: bool = False) -> None:
        """Writes a file as the login user."""
        self._board.put(content, path, private=private)


@contextmanager
def visiting(target: Target) -> Iterator[Visit]:
    """Connects; see ``Board`` for what it raises."""
    with Board(target) as board:
        yield Visit(board, target)
