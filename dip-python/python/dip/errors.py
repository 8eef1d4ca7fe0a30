"""The exceptions of dip. Their texts are the sentences that the dip command prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Sequence

if TYPE_CHECKING:
    from ._native import SiteFault


class DipError(Exception):
    """Any error of dip."""


class SiteError(DipError):
    """The site files are wrong; all that is wrong, at once."""

    def __init__(self, message: str, faults: Sequence[SiteFault] = ()) -> None:
        super().__init__(message)
        #: What is wrong, in the order of files and lines.
        self.faults = list(faults)


class PlanError(DipError):
    """There is no plan for the site; all the reasons, at once."""

    def __init__(self, message: str, reasons: Sequence[str] = ()) -> None:
        super().__init__(message)
        #: The reasons, one text each.
        self.reasons = list(reasons)


class ConnectError(DipError):
    """The services of the site cannot be used: a secret is missing, an address is wrong. All the reasons, at once."""

    def __init__(self, message: str, reasons: Sequence[str] = ()) -> None:
        super().__init__(message)
        #: The reasons, one text each.
        self.reasons = list(reasons)


class NoSuchStep(DipError, LookupError):
    """No step of a plan fits the words; the text names the nearest."""


class RunError(DipError):
    """A run could not go on, and its steps are not to blame: its journal cannot be written, for example.

    A step that fails is no exception. The report tells it.
    """


class ProviderError(DipError):
    """What a provider raises that could not do what it was asked; raise one of its subclasses.

    ``advice`` says what to do about it. ``retry_after`` says in how many seconds to try again; without it, what is busy or
    unreachable is tried again with growing pauses, and all else is not.
    """

    #: The kind of the failure, as reports and journals tell it.
    kind: ClassVar[str] = "unexpected"

    def __init__(self, message: str = "", *, advice: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.advice = advice
        self.retry_after = retry_after


class Busy(ProviderError):
    """The server is there and asks to come back later."""

    kind = "busy"


class Conflict(ProviderError):
    """Somebody else holds what would be changed; it was left alone."""

    kind = "conflict"


class Denied(ProviderError):
    """Wrong credentials, or not allowed."""

    kind = "denied"


class Invalid(ProviderError):
    """The request itself is wrong; asking again cannot help."""

    kind = "invalid"


class NotFound(ProviderError):
    """What was asked about does not exist."""

    kind = "not_found"


class Unexpected(ProviderError):
    """The server answered something that its protocol does not allow."""


class Unreachable(ProviderError):
    """No answer."""

    kind = "unreachable"


class Unsupported(ProviderError):
    """The server does not offer this."""

    kind = "unsupported"
