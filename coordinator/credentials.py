"""What a user shows a coordinator, and how the user came to trust it.

``help-coord login`` keeps the authority's certificate and the token of each coordinator in
one private file; flags and the environment come before it.
"""

from __future__ import annotations

import dataclasses
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
import platformdirs

from help_core.errors import BadInput, HelpError, Unauthenticated
from help_proto.private_files import read_private, write_private
from help_proto.trust import fetch_trusted, is_loopback

LOOK_EVERY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Login:
    """What is kept of one coordinator."""

    ca_pem: str
    """The authorities to trust: two while the coordinator's is replaced."""
    token: str
    looked_unix_s: float = 0.0
    """When the coordinator was last asked which those are."""
    identity_pem: str = ""
    """Key and client certificate, if the user has one instead of a token."""
    connects_to: str = ""
    """HOST:PORT where callers with a certificate connect."""


def default_logins() -> Path:
    """The file of logins in the user's configuration folder."""
    return Path(platformdirs.user_config_dir("help-fleet")) / "logins.json"


def read_logins(path: Path) -> dict[str, Login]:
    """Logins by HOST:PORT; none if there is no file. Raises ``BadInput``."""
    if not path.exists():
        return {}
    try:
        found = json.loads(read_private(path))
        return {
            address: Login(
                str(one["ca_pem"]),
                str(one["token"]),
                float(one.get("looked_unix_s", 0.0)),
                str(one.get("identity_pem", "")),
                str(one.get("connects_to", "")),
            )
            for address, one in found.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(f"{path} is damaged; delete it and run 'help-coord login' again") from None


def keep_login(path: Path, address: str, login: Login) -> None:
    """Adds or replaces the login of one coordinator."""
    logins = {**read_logins(path), address: login}
    content = {name: dataclasses.asdict(one) for name, one in sorted(logins.items())}
    write_private(path, json.dumps(content, indent=2).encode() + b"\n")


def look_again(logins: Path, address: str, channel: grpc.Channel, now_unix_s: float) -> None:
    """Once a day, keeps which authorities a kept login's coordinator trusts now.

    So a user who calls while its authority is replaced goes on afterwards. What fails is tried
    again with the next command.
    """
    kept = read_logins(logins).get(address)
    if kept is None or now_unix_s - kept.looked_unix_s < LOOK_EVERY_S:
        return
    with suppress(HelpError):
        trusted = fetch_trusted(channel, address)[0].decode("ascii") or kept.ca_pem
        looked = dataclasses.replace(kept, ca_pem=trusted, looked_unix_s=now_unix_s)
        keep_login(logins, address, looked)


def find_login(address: str, logins: Path, ca: Path | None, token: str) -> Login | None:
    """How to speak to that coordinator; ``None`` is in the clear, on loopback alone.

    Raises ``Unauthenticated`` beyond loopback if it is not known whom to trust.
    """
    saved = read_logins(logins).get(address)
    ca_pem = _read_ca(ca) if ca is not None else saved.ca_pem if saved else ""
    if saved is not None and not token:
        return dataclasses.replace(saved, ca_pem=ca_pem)
    if ca_pem:
        return Login(ca_pem, token)
    if is_loopback(address):
        return None
    raise Unauthenticated(
        f"nothing is known of {address}; run: help-coord login --coordinator {address}"
        " --ca-fingerprint FINGERPRINT"
    )


def channel_credentials(login: Login) -> grpc.ChannelCredentials:
    """TLS that trusts the login's authority alone, and shows its certificate or its token."""
    roots = login.ca_pem.encode()
    if login.identity_pem:
        return grpc.ssl_channel_credentials(roots, *split_identity(login.identity_pem))
    tls = grpc.ssl_channel_credentials(root_certificates=roots)
    if not login.token:
        return tls
    return grpc.composite_channel_credentials(tls, grpc.access_token_call_credentials(login.token))


def split_identity(pem: str) -> tuple[bytes, bytes]:
    """Key and certificate of a user's file; raises ``BadInput``."""
    key, begin, certificate = pem.partition("-----BEGIN CERTIFICATE-----")
    if "PRIVATE KEY-----" not in key or not certificate:
        raise BadInput(
            "this is no file of 'help-coord token create --certificate': it must hold a key and"
            " then a certificate, in PEM"
        )
    return key.encode(), (begin + certificate).encode()


def _read_ca(path: Path) -> str:
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"--ca {path}: cannot be read ({error})") from None
    if "BEGIN CERTIFICATE" not in text:
        raise BadInput(f"--ca {path} holds no certificate in PEM")
    return text
