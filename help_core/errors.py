"""Every error that this project raises on purpose.

    HelpError
    ├── BadInput              what the caller gave cannot be used
    │   ├── BadArchitecture   an architecture string or genotype that its space refuses
    │   ├── BadTable          a latency or accuracy table, with file, row and column
    │   └── BadCheckpoint     a predictor artefact that is damaged or of another space
    ├── NotFound              a name that nobody registered (device, space, predictor, job)
    ├── Conflict              the request contradicts what is stored (a name that is taken)
    │   └── StaleLease        a result or release for a lease that passed to somebody else
    ├── NothingMeets          no architecture meets the limit
    ├── MeasurementFailed     a device could not measure; carries the class of the failure
    ├── DeployFailed          a board refused a step, or its new agent did not report
    ├── Unreachable           nobody answers at the address
    ├── AddressInUse          the address to listen on is taken
    ├── TimedOut              the answer did not come in time
    ├── Unauthenticated       the other side does not know, or no longer trusts, who this is
    ├── Forbidden             who this is may not do that
    ├── RateLimited           too much was asked in too short a time
    ├── StoreError            the store cannot be read or written
    ├── Incompatible          the two sides speak different versions
    └── Cancelled             a person or a signal stopped the work

A message is one line that names the input, the problem and the way out. How each error
becomes a gRPC status and an exit code is the one table in ``help_proto.errors``.
"""

from __future__ import annotations


class HelpError(Exception):
    """Root of all errors raised on purpose. ``str(error)`` is one line for a person."""


class BadInput(HelpError):
    """What the caller gave cannot be used."""


class BadArchitecture(BadInput):
    """An architecture that its search space refuses; the message names the offending part."""


class BadTable(BadInput):
    """A table that cannot be used; the message names the file, the row and the column."""


class BadCheckpoint(BadInput):
    """A predictor artefact that is damaged, or made for another search space."""


class NotFound(HelpError):
    """A name that nobody registered; the message lists the names that exist."""


class Conflict(HelpError):
    """The request contradicts what is stored."""


class StaleLease(Conflict):
    """The lease has passed to another agent, so its holder may not act on it."""


class NothingMeets(HelpError):
    """No architecture meets the limit; the message gives the lowest limit that one meets."""


class MeasurementFailed(HelpError):
    """A device could not measure. A failed measurement is never a number."""


class DeployFailed(HelpError):
    """A board refused a step of deploying, or the agent that was put there did not report."""


class Unreachable(HelpError):
    """Nobody answers at the address."""


class AddressInUse(HelpError):
    """The address to listen on is taken by another process."""


class TimedOut(HelpError):
    """The answer did not come in time."""


class Unauthenticated(HelpError):
    """No credentials, or credentials that are wrong, expired, revoked or of another authority."""


class Forbidden(HelpError):
    """The credentials are good, but not for this."""


class RateLimited(HelpError):
    """A peer asked for more than its share; waiting mends it."""


class StoreError(HelpError):
    """The store cannot be read or written."""


class Incompatible(HelpError):
    """The two sides speak different versions of the protocol."""


class Cancelled(HelpError):
    """A person or a signal stopped the work."""
