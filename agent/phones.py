"""``help-agent run --board android``: one process on the host, many phones.

Each phone is a board with a worker of its own, so that a slow or unplugged one holds up no
other. Identity, spool and delivery are shared, and lie on the host: a phone holds nothing that
could be lost with it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.assembly import AgentOptions, Served, serve_boards, users_models
from agent.boards.android.bench import AndroidBench
from agent.boards.android.binaries import Binaries
from agent.boards.android.board import AndroidBoard
from agent.boards.android.capture import capture
from agent.boards.android.facts import big_cores, parse_cores, read_properties
from agent.boards.android.link import FOLDER, AdbLink, LinkLost, PhoneLink, attached_phones
from agent.boards.android.power import StayAwake
from agent.measure.batch import PROCESSES
from agent.measure.loop import Plan
from agent.state import default_state_dir, open_state_dir
from help_core.errors import BadInput, Unreachable
from help_core.records import Device, Settings, check_name

log = logging.getLogger(__name__)

RUNTIME = "onnxruntime"
NAME_CHARS = 64


@dataclass(frozen=True, slots=True)
class PhoneOptions:
    """What a person says about the phones."""

    adb: str
    serials: Sequence[str]
    binaries: Binaries
    cores: str
    stay_awake: bool
    processes: int = PROCESSES


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone that is served, and the device that it is."""

    device: Device
    board: AndroidBoard
    stay_awake: StayAwake


def run_phones(phones: PhoneOptions, agent: AgentOptions) -> None:
    """Serves phones until a signal; leaves nothing on them and their settings as found."""
    if agent.settings.runtime != RUNTIME:
        raise BadInput(f"phones are measured with {RUNTIME}; leave out --runtime")
    folder = agent.state_dir or default_state_dir("phones")
    agent_id = open_state_dir(folder)
    # Agents of two hosts may share a phone: each has a folder of its own there.
    remote = f"{FOLDER}-{hashlib.sha256(agent_id.encode()).hexdigest()[:12]}"
    serials = choose_serials(phones.serials, attached_phones(phones.adb))
    found = [
        open_phone(AdbLink(phones.adb, serial, remote), phones, agent, folder, len(serials))
        for serial in serials
    ]
    names = [phone.device.name for phone in found]
    if len(set(names)) < len(names):
        raise BadInput(f"two phones have one name: {', '.join(sorted(names))}")
    for phone in found:
        phone.board.add_space(users_models(folder, agent))
    served = [Served(phone.device, phone.board, phone.board.ready) for phone in found]
    with _left_as_found(found, turn_on=phones.stay_awake):
        serve_boards(served, agent, folder, agent_id)


def choose_serials(wanted: Sequence[str], attached: Mapping[str, str]) -> list[str]:
    """The phones to serve: those that are named, or all that are ready.

    Raises ``Unreachable`` if a named one is not ready, or none is there.
    """
    ready = [serial for serial, state in attached.items() if state == "device"]
    seen = ", ".join(f"{serial} ({state})" for serial, state in attached.items()) or "none"
    way = "plug it in, allow USB debugging on its screen, and look at 'adb devices'"
    for serial in wanted:
        if serial not in ready:
            raise Unreachable(f"phone {serial[:80]!r} is not ready; adb sees {seen}; {way}")
    if not wanted and not ready:
        raise Unreachable(f"no phone is ready; adb sees {seen}; {way}")
    return list(dict.fromkeys(wanted)) or ready


def open_phone(
    link: PhoneLink, phones: PhoneOptions, agent: AgentOptions, folder: Path, count: int
) -> Phone:
    """Looks at a phone and makes it a board; raises ``Unreachable`` or ``BadInput``."""
    settings = agent.settings
    stay_awake = StayAwake(link, folder / "phones")
    try:
        # A run that crashed may have left the phone awake.
        stay_awake.restore()
        properties, system = read_properties(link), capture(link)
        phones.binaries.check(properties["ro.product.cpu.abi"])
        cores = parse_cores(phones.cores) if phones.cores else big_cores(system, settings.threads)
        if len(cores) < settings.threads:
            raise BadInput(
                f"{settings.threads} threads on {len(cores)} core(s) of phone {link.serial}:"
                " name more --cores or fewer --threads"
            )
        bench = AndroidBench(link, phones.binaries, cores, Plan())
        board = AndroidBoard(link, bench, cores, processes=phones.processes)
    except LinkLost as error:
        raise Unreachable(f"phone {link.serial} went away: {error}") from None
    if agent.device and count > 1:
        raise BadInput(f"--device names one device and {count} phones are ready; use --serial")
    name = agent.device or phone_name(properties["ro.product.model"], link.serial, settings)
    device = Device(check_name("device", name), board.describe(), settings)
    return Phone(device, board, stay_awake)


def phone_name(model: str, serial: str, settings: Settings) -> str:
    """``Pixel-9-4A111FDJ``, with what differs from the usual settings: ``…-t4-b8``."""
    usual = Settings()
    ending = ""
    if settings.threads != usual.threads:
        ending += f"-t{settings.threads}"
    if settings.batch_size != usual.batch_size:
        ending += f"-b{settings.batch_size}"
    if settings.precision != usual.precision:
        ending += f"-{settings.precision}"
    if settings.provider != usual.provider:
        ending += f"-{settings.provider.removesuffix('ExecutionProvider').lower()}"
    text = f"{model or 'phone'}-{serial}"
    name = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in text)
    return (name.strip("._-") or "phone")[: NAME_CHARS - len(ending)] + ending


@contextmanager
def _left_as_found(phones: Sequence[Phone], *, turn_on: bool) -> Iterator[None]:
    try:
        for phone in phones if turn_on else ():
            try:
                phone.stay_awake.turn_on()
            except LinkLost as error:
                raise Unreachable(f"{phone.device.name} went away: {error}") from None
        yield
    finally:
        for phone in phones:
            phone.stay_awake.restore()
            if not phone.board.clean_up():
                log.warning("%s is away: the end of the next run cleans it up", phone.device.name)
