"""The table from errors to status and exit codes."""

from __future__ import annotations

import grpc
import pytest

from help_core import errors
from help_proto.errors import TABLE, exit_code, status_of


def _all_errors(root: type[errors.HelpError]) -> set[type[errors.HelpError]]:
    return {root}.union(*(_all_errors(child) for child in root.__subclasses__()))


def test_every_error_has_a_row() -> None:
    defined = {
        error for error in _all_errors(errors.HelpError) if error.__module__ == errors.__name__
    }
    assert defined == set(TABLE)


def test_no_error_ends_a_process_as_if_all_were_well() -> None:
    assert all(row.exit_code > 0 for row in TABLE.values())
    assert all(row.status is not grpc.StatusCode.OK for row in TABLE.values())


@pytest.mark.parametrize("kind", list(TABLE))
def test_an_error_is_documented_in_the_tree_of_its_module(kind: type[errors.HelpError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")
    assert status_of(kind("x")) is TABLE[kind].status
    assert exit_code(kind("x")) == TABLE[kind].exit_code
