"""What the desk may order of its node; whoever starts the desk says how."""

from typing import Any, Literal, Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class PolicyChange(msgspec.Struct, frozen=True, kw_only=True):
    """What another policy would change for a partner, in sentences."""

    partner: str
    more: tuple[str, ...]
    less: tuple[str, ...]
    other: tuple[str, ...]


class PolicyProposal(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that was checked. `replaces`: hash of the one in force then."""

    text: str
    hash: str
    replaces: str
    changes: tuple[PolicyChange, ...]


class Orders(Protocol):
    """The release policy and how it is changed; shared events; alerts that persons release."""

    async def events(self, event: str = "") -> tuple[dict[str, Any], ...]:
        """One event by any of its names, or all in short. Raises InputError: none; LinkError."""
        ...

    async def say(
        self,
        do: str,
        who: str,
        key: Ed25519PrivateKey | None,
        *,
        event: str = "",
        flight: int | None = None,
        to: tuple[str, ...] = (),
        text: str = "",
    ) -> str:
        """Acknowledge, comment, propose or confirm, as `skypact consult` does; what was done.

        Raises InputError: users are entered, and this is not the user's key; SkypactError: the
        node refuses it, and why; LinkError.
        """
        ...

    async def of_warning(
        self,
        do: Literal["release", "cancel"],
        event: int,
        who: str,
        key: Ed25519PrivateKey | None,
    ) -> str:
        """Release an alert that waits, or cancel one in force; what was done. Raises as `say`."""
        ...

    def text(self) -> str:
        """Of the policy in force. Raises InputError."""
        ...

    def propose(self, text: str) -> PolicyProposal:
        """Check a policy and say what it would change. Raises InputError."""
        ...

    def with_level(self, partner: str, level: str, openness: str, use: tuple[str, ...]) -> str:
        """The text in force with another level for one partner; empty: as it is. InputError."""
        ...

    async def apply(self, proposal: PolicyProposal, who: str, key: Ed25519PrivateKey | None) -> str:
        """Put it in force under a name, signed with that user's key; what was done. SkypactError.

        `key` None: with the nation's, as long as nobody is entered as a user.
        """
        ...
