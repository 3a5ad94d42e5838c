"""A board over ssh: scripts on the standard input of a shell, files over sftp."""

from __future__ import annotations

import getpass
import logging
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import paramiko
from paramiko.ssh_exception import (
    AuthenticationException,
    BadHostKeyException,
    PasswordRequiredException,
    SSHException,
)

from deploy.inventory import Login, Target
from deploy.known_hosts import KnownKey, files_to_ask, known_keys
from deploy.text import one_line
from help_core.errors import (
    BadInput,
    DeployFailed,
    HelpError,
    TimedOut,
    Unauthenticated,
    Unreachable,
)

CONNECT_S = 15.0
KEEPALIVE_S = 10
QUIET_S = 0.5
"""How long output may still come after a command's exit code."""
MAX_OUTPUT_BYTES = 4 * 2**20
PLAIN_SHELL = "exec sh -s"
ROOT_SHELL = "exec sudo -n sh -s"


@dataclass(frozen=True, slots=True)
class Said:
    """What a script left behind."""

    code: int
    out: str
    err: str


class Board:
    """An open connection to a board; use as a context manager."""

    def __init__(self, target: Target) -> None:
        """Connects through the jump hosts.

        Raises ``Unreachable``, ``Unauthenticated`` (a host key that is unknown or has changed,
        a login that is refused) and ``BadInput``.
        """
        self._stack = ExitStack()
        self.login = target.login
        files = files_to_ask(target.known_hosts)
        sock: paramiko.Channel | None = None
        try:
            for hop, wanted in pairwise((*target.jump, target.login)):
                sock = _through(self._open(target, hop, files, sock), hop, wanted)
            self._client = self._open(target, target.login, files, sock)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _open(
        self, target: Target, login: Login, files: Sequence[Path], sock: paramiko.Channel | None
    ) -> paramiko.SSHClient:
        client = paramiko.SSHClient()
        self._stack.callback(client.close)
        _connect(client, target, login, known_keys(files, login.host, login.port), files, sock)
        transport = client.get_transport()
        if transport is not None:
            transport.set_keepalive(KEEPALIVE_S)
        return client

    def run(self, script: str, timeout_s: float, *, as_root: bool = False) -> Said:
        """Runs a script to its end; its code may be any. Raises ``TimedOut``, ``Unreachable``."""
        with self._errors(), ExitStack() as stack:
            transport = self._client.get_transport()
            if transport is None:
                raise SSHException("the connection is closed")
            channel = transport.open_session(timeout=CONNECT_S)
            stack.callback(channel.close)
            channel.exec_command(ROOT_SHELL if as_root else PLAIN_SHELL)
            channel.settimeout(timeout_s)
            channel.sendall(script.encode())
            channel.shutdown_write()
            return _collect(channel, timeout_s, self.login)

    def put(self, content: bytes | Path, path: str, *, private: bool = False) -> None:
        """Writes a file as the login user."""
        with self._errors(), self._client.open_sftp() as sftp:
            sftp.get_channel().settimeout(10 * CONNECT_S)  # type: ignore[union-attr]
            with sftp.open(path, "wb") as file:
                file.chmod(0o600 if private else 0o644)
                file.set_pipelined(True)
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    with content.open("rb") as source:
                        while block := source.read(2**20):
                            file.write(block)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise TimedOut(f"{self.login}: the board stopped answering") from None
        except (SSHException, EOFError) as error:
            reason = one_line(str(error)) or type(error).__name__
            raise Unreachable(f"{self.login}: the connection broke ({reason}); try again") from None
        except OSError as error:
            reason = error.strerror or one_line(str(error))
            raise DeployFailed(f"{self.login}: a file could not be written ({reason})") from None


def _through(client: paramiko.SSHClient, hop: Login, wanted: Login) -> paramiko.Channel:
    transport = client.get_transport()
    try:
        if transport is None:
            raise SSHException("the connection is closed")
        return transport.open_channel(
            "direct-tcpip", (wanted.host, wanted.port), ("127.0.0.1", 0), timeout=CONNECT_S
        )
    except SSHException as error:
        raise Unreachable(
            f"jump host {hop} does not reach {wanted} ({one_line(str(error))})"
        ) from None


def _connect(
    client: paramiko.SSHClient,
    target: Target,
    login: Login,
    known: Sequence[KnownKey],
    files: Sequence[Path],
    sock: paramiko.Channel | None,
) -> None:
    # What paramiko logs of failed handshakes is in the error already.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    name = login.host if login.port == 22 else f"[{login.host}]:{login.port}"
    refused = [one.key for one in known if one.revoked]
    for one in known:
        if one.key not in refused:
            client.get_host_keys().add(name, one.key.get_name(), one.key)
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    if target.identity and not Path(target.identity).is_file():
        raise BadInput(f"--identity {target.identity}: there is no such file")
    try:
        client.connect(
            login.host,
            login.port,
            login.user or getpass.getuser(),
            key_filename=target.identity or None,
            look_for_keys=not target.identity,
            allow_agent=not target.identity or "SSH_AUTH_SOCK" in os.environ,
            timeout=CONNECT_S,
            banner_timeout=CONNECT_S,
            auth_timeout=CONNECT_S,
            sock=sock,
        )
    except BadHostKeyException as error:
        raise _changed(login, known, error.key) from None
    except PasswordRequiredException:
        raise Unauthenticated(
            f"{login}: the key {target.identity or 'in ~/.ssh'} has a passphrase;"
            " add it to ssh-agent first: ssh-add"
        ) from None
    except AuthenticationException as error:
        raise Unauthenticated(
            f"{login} refused the login ({one_line(str(error))}); put your public key there"
            " (ssh-copy-id) or name another with --identity"
        ) from None
    except SSHException as error:
        raise _of_handshake(target, login, files, error) from None
    except (OSError, EOFError) as error:
        raise _unreachable(login, error) from None
    except ValueError as error:
        raise BadInput(
            f"--identity {target.identity}: is no private key ({one_line(str(error))})"
        ) from None


def _of_handshake(
    target: Target, login: Login, files: Sequence[Path], error: SSHException
) -> HelpError:
    if target.identity and "private key" in str(error):
        return BadInput(f"--identity {target.identity}: is no private key that can be read")
    if "not found in known_hosts" in str(error):
        asked = " or ".join(map(str, files)) or "a known_hosts file (there is none)"
        return Unauthenticated(
            f"the host key of {login} is not in {asked}; connect once with"
            f" 'ssh -p {login.port} {login.host}' and compare the fingerprint,"
            " or name a file with --known-hosts"
        )
    return _unreachable(login, error)


def _unreachable(login: Login, error: Exception) -> Unreachable:
    strerror = getattr(error, "strerror", None)
    if isinstance(error, socket.gaierror):
        reason = "its name is not known"
    elif isinstance(error, TimeoutError):
        reason = f"nothing within {CONNECT_S:g} s"
    else:
        reason = one_line(str(strerror or error)) or type(error).__name__
    return Unreachable(f"no ssh at {login} ({reason}); check address, port and power")


def _changed(login: Login, known: Sequence[KnownKey], key: paramiko.PKey) -> Unauthenticated:
    lines = [one for one in known if one.key.get_name() == key.get_name()] or list(known)
    where = " and ".join(dict.fromkeys(map(str, lines)))
    return Unauthenticated(
        f"the host key of {login} has changed: {where} holds another {key.get_name()} key than"
        f" the one shown ({key.fingerprint}); either somebody is in between or the board was"
        " set up anew: if you know that it was, delete that line; nothing was sent"
    )


def _collect(channel: paramiko.Channel, timeout_s: float, login: Login) -> Said:
    out, err = bytearray(), bytearray()
    end = time.monotonic() + timeout_s
    quiet_since = time.monotonic()
    while True:
        moved = False
        while channel.recv_ready() or channel.recv_stderr_ready():
            moved = True
            if channel.recv_ready():
                out += channel.recv(2**16)
            if channel.recv_stderr_ready():
                err += channel.recv_stderr(2**16)
            # A board that floods is cut short, at the end of what is kept.
            del out[MAX_OUTPUT_BYTES:], err[:-MAX_OUTPUT_BYTES]
        now = time.monotonic()
        quiet_since = now if moved else quiet_since
        if channel.exit_status_ready() and (channel.eof_received or now - quiet_since > QUIET_S):
            if not (channel.recv_ready() or channel.recv_stderr_ready()):
                break
        elif now > end:
            raise TimedOut(f"{login}: a step took longer than {timeout_s:g} s")
        elif not channel.get_transport().is_active():
            raise EOFError
        if not moved:
            time.sleep(0.02)
    code = channel.recv_exit_status()
    return Said(code, out.decode(errors="replace"), err.decode(errors="replace"))
