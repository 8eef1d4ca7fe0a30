"""What a DNS service written in Python must do."""

from __future__ import annotations

from typing import Awaitable, Protocol, Sequence, TypedDict


class HostName(TypedDict):
    """What is wanted: a name and its addresses."""

    #: The fully qualified name in lower case, without a dot at its end.
    name: str
    #: Its addresses, IPv4 and IPv6; each is to have the reverse name ``name``. Their order means nothing.
    addresses: list[str]


class HeldName(TypedDict):
    """What a service has under a name."""

    #: Its addresses; empty where it has records of other types alone.
    addresses: Sequence[object]
    #: The site whose mark it carries; ``None`` where somebody else wrote it.
    owner: str | None


class Dns(Protocol):
    """The names of one DNS service. A class with these four methods serves; it need not inherit from this one.

    The contract:

    * ``ensure`` makes the addresses of the name exactly the wanted ones, marks the name with its owner, and gives every
      address the name as its only reverse name. Twice is once, and a look-up right after sees it.
    * A name without the owner's mark, and an address whose reverse name belongs to anybody else, is ``dip.Conflict``, and
      nothing of theirs is changed. So is such a name for ``remove``; a name that is not there is fine.

    A method may be an ``async def``; each call then gets an event loop of its own. Methods are called from several threads
    at once: what they share needs a lock. One that takes longer than ``timeout`` seconds (an attribute of the object, 30
    if it has none) is taken for unreachable; the call itself cannot be ended from outside and is left to itself.

    Raise ``dip.Conflict``, ``dip.Denied``, ``dip.Busy`` and so on; any other exception is told as an unexpected answer,
    with its text and the line that raised it.
    """

    def name(self, name: str) -> HeldName | None | Awaitable[HeldName | None]:
        """The addresses and the owner of a name; ``None`` where nobody uses it."""

    def reverse(self, address: str) -> Sequence[str] | Awaitable[Sequence[str]]:
        """The reverse names of an address; empty where it has none."""

    def ensure(self, wanted: HostName, owner: str) -> None | Awaitable[None]:
        """Makes a name and its addresses known in both directions, on behalf of a site."""

    def remove(self, name: str, owner: str) -> None | Awaitable[None]:
        """Takes a name away in both directions, on behalf of a site."""
