"""The authority's folder, its files and what they refuse."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from cryptography import x509

from coordinator.security.authority import (
    SERVER_LIFETIME,
    create_authority,
    open_authority,
)
from coordinator.security.certificates import hosts_of
from coordinator.security.listeners import agents_address, check_listen
from help_core.errors import BadInput, NotFound, StoreError

HOSTS = ["coord.lab", "127.0.0.1", "::1"]


def test_keys_are_their_owner_s_alone(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    create_authority(folder, HOSTS, time.time())
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("ca.key", "server.pem"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    (folder / "ca.key").chmod(0o644)
    with pytest.raises(BadInput, match="chmod 600"):
        open_authority(folder)


def test_again_changes_the_names_and_keeps_the_authority(tmp_path: Path) -> None:
    first = create_authority(tmp_path, HOSTS, time.time())
    second = create_authority(tmp_path, ["other.lab"], time.time())
    assert second.fingerprint == first.fingerprint == open_authority(tmp_path).fingerprint
    assert hosts_of(second.server_certificate()) == ("other.lab",)


def test_the_server_s_certificate_is_renewed_in_its_last_third(tmp_path: Path) -> None:
    now = time.time()
    authority = create_authority(tmp_path, HOSTS, now)
    year = SERVER_LIFETIME.total_seconds()
    same = authority.server_pair(now + 0.6 * year)
    assert authority.server_pair(now) == same
    renewed = authority.server_pair(now + 0.7 * year)
    assert renewed != same
    certificate = x509.load_pem_x509_certificate(renewed.chain_pem)
    assert hosts_of(certificate) == ("coord.lab", "127.0.0.1", "::1")
    assert certificate.not_valid_after_utc.timestamp() > now + 1.6 * year


@pytest.mark.parametrize("host", ["", "a b", "*.lab", "x/../y", "$(id)", "a..b", "é.lab", "h:1"])
def test_a_host_that_is_none_is_named(tmp_path: Path, host: str) -> None:
    with pytest.raises(BadInput, match="--host"):
        create_authority(tmp_path, [host], time.time())


def test_a_missing_or_damaged_authority_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="tls init"):
        open_authority(tmp_path)
    create_authority(tmp_path / "a", HOSTS, time.time())
    create_authority(tmp_path / "b", HOSTS, time.time())
    (tmp_path / "b" / "ca.key").write_bytes((tmp_path / "a" / "ca.key").read_bytes())
    with pytest.raises(StoreError, match="does not belong"):
        open_authority(tmp_path / "b")
    (tmp_path / "a" / "ca.pem").write_text("garbage")
    with pytest.raises(StoreError, match="damaged"):
        open_authority(tmp_path / "a")


@pytest.mark.parametrize("address", ["0.0.0.0:1", "10.0.0.1:1", "[::]:1", "lab.example:1"])
def test_beyond_loopback_nothing_listens_without_tls(address: str) -> None:
    with pytest.raises(BadInput, match="needs TLS"):
        check_listen(address, tls=False)
    assert check_listen(address, tls=True) == address


@pytest.mark.parametrize("address", ["127.0.0.1:1", "[::1]:1", "localhost:1", "127.9.9.9:1"])
def test_loopback_needs_nothing(address: str) -> None:
    assert check_listen(address, tls=False) == address


def test_agents_have_the_port_above() -> None:
    assert agents_address("0.0.0.0:50051") == "0.0.0.0:50052"
    assert agents_address("[::]:0") == "[::]:0"
