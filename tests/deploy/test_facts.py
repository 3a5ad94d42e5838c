"""What a board says of itself, and which boards are refused."""

from __future__ import annotations

import subprocess

import pytest

from deploy.facts import Facts, ask, parse
from deploy.inventory import Login, Target
from deploy.services import choose_service
from deploy.wheels import platform_options
from help_core.errors import BadInput, DeployFailed

TARGET = Target("pi", Login("h"), "pi")
PI = "machine\taarch64\nhome\t/home/pi\nuid\t1000\nsudo\tyes\nsystemd\tyes\nuser_systemd\t\n"
PI += "free_kb\t9000000\npython\t3.11|64|/usr/bin/python3|glibc 2.36\n"


def test_this_machine_answers_for_itself() -> None:
    done = subprocess.run(["sh", "-s"], input=ask(TARGET).encode(), capture_output=True, check=True)
    found = parse(done.stdout.decode(), TARGET)
    assert found.python_version >= (3, 11)
    assert found.home.startswith("/")


def test_a_pi_gets_systemd_and_wheels_for_its_glibc_and_older() -> None:
    found = parse(PI, TARGET)
    assert choose_service(TARGET, found).kind == "system"
    options = platform_options(found)
    assert "--platform=manylinux_2_36_aarch64" in options
    assert "--platform=manylinux_2_37_aarch64" not in options
    assert "--python-version=3.11" in options


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("aarch64", "armv7l", "64-bit system"),
        ("3.11|64", "3.11|32", "32-bit programs"),
        ("glibc 2.36", "glibc 2.27", "glibc 2.28"),
        ("glibc 2.36", "", "no glibc"),
        ("3.11|64", "3.9|64", "Python 3.9"),
        ("python\t3.11|64|/usr/bin/python3|glibc 2.36", "python\t", "no usable"),
    ],
)
def test_a_board_that_no_agent_runs_on_is_refused_with_the_way_out(
    before: str, after: str, words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        parse(PI.replace(before, after), TARGET)


def test_an_old_python_first_does_not_hide_a_newer_one() -> None:
    old = PI.replace("python\t", "python\t3.8|64|/usr/bin/python3|glibc 2.36\npython\t")
    assert parse(old, TARGET).python_version == (3, 11)


def test_output_of_something_else_is_an_error() -> None:
    with pytest.raises(DeployFailed, match="machine"):
        parse("Welcome!\n", TARGET)


@pytest.mark.parametrize(
    ("root", "sudo", "systemd", "user", "kind"),
    [
        (True, False, True, False, "system"),
        (False, True, True, True, "system"),
        (False, False, True, True, "user"),
        (True, True, False, False, "process"),
    ],
)
def test_the_first_service_that_works_is_chosen(
    root: bool, sudo: bool, systemd: bool, user: bool, kind: str
) -> None:
    found = Facts("x86_64", "/h", root, sudo, systemd, user, "p", (3, 11), (2, 36), 1)
    assert choose_service(TARGET, found).kind == kind


def test_a_service_that_the_board_does_not_have_is_refused() -> None:
    found = Facts("x86_64", "/h", False, False, True, False, "p", (3, 11), (2, 36), 1)
    for kind in ("system", "user"):
        target = Target("pi", Login("h"), "pi", service=kind)
        with pytest.raises(BadInput, match=kind):
            choose_service(target, found)
