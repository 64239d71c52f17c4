"""Orders from the desk: as `skypact release apply`, `consult` and `warning release` give them."""

import re
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from skypact.desk.orders import PolicyChange, PolicyProposal
from skypact.errors import InputError, LinkError, SkypactError
from skypact.serving.consult_orders import consult, events_of
from skypact.serving.consult_words import Act
from skypact.serving.operating import CANCEL_WARNING, RELEASE_WARNING
from skypact.serving.orders import apply, difference, order_about, propose_text
from skypact.serving.policy_in_force import EDITED, load_signed, not_applied
from skypact.settings import Settings
from skypact.sharing.node_folder import load_node
from skypact.sharing.policy_file import SignedPolicy, policy_hash

_NO_NODE = "the node has not put a policy in force yet; wait until it is ready"


class DeskOrders:
    """On a nation's folder, whose node runs."""

    def __init__(self, folder: Path, settings: Settings, *, exercise: bool) -> None:
        self._folder, self._settings, self._exercise = folder, settings, exercise

    def text(self) -> str:
        """Of the policy in force. Raises InputError."""
        return self._in_force().text

    def propose(self, text: str) -> PolicyProposal:
        """Check a policy and say what it would change. Raises InputError."""
        found = difference(self._folder, text)
        if found is None:
            raise InputError(EDITED, "is in force as it is", "change something")
        changes = tuple(
            PolicyChange(partner=one.partner, more=one.more, less=one.less, other=one.other)
            for one in found
        )
        return PolicyProposal(
            text=text, hash=policy_hash(text), replaces=self._in_force().hash, changes=changes
        )

    def with_level(self, partner: str, level: str, openness: str, use: tuple[str, ...]) -> str:
        """The text in force with another level for one partner; empty: as it is. InputError."""
        if partner not in load_node(self._folder).partners:
            raise InputError("partner", f"{partner} is none", "name one of /api/v1/partners")
        values = {"level": f'"{level}"'} if level else {}
        if openness:
            values["openness"] = f'"{openness}"'
        if use:
            values["use"] = "[" + ", ".join(f'"{one}"' for one in use) + "]"
        text = self.text()
        for key, value in values.items():
            text = with_key(text, partner, key, value)
        return text

    async def apply(self, proposal: PolicyProposal, who: str, key: Ed25519PrivateKey | None) -> str:
        """Put it in force, signed, under a name. Raises InputError: changed meanwhile; LinkError.

        `key`: of that user; None: the nation's. `release.toml` is written too, so that it stays
        what is in force.
        """
        edited = not_applied(self._folder, self._in_force())
        if edited:
            raise InputError(EDITED, "was edited by somebody and not applied", edited)
        proposed = propose_text(self._folder, proposal.text, who, key)
        if proposed.signed is None or proposed.signed.replaces != proposal.replaces:
            raise InputError(EDITED, "was changed meanwhile", "look at the difference again")
        answer = await apply(proposed, self._settings, exercise=self._exercise)
        if not answer.done:
            raise LinkError(answer.said)
        path = self._folder / EDITED
        part = path.with_suffix(".part")
        part.write_text(proposal.text, "utf-8")
        part.replace(path)
        return answer.said

    async def events(self, event: str = "") -> tuple[dict[str, Any], ...]:
        """One event, or all in short. Raises InputError, LinkError."""
        return await events_of(self._folder, self._settings, exercise=self._exercise, event=event)

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
        """Something about an event, in a person's name. Raises SkypactError."""
        act = Act(do=do, event=event, flight=flight, to=to, text=text)
        return await consult(
            self._folder, act, who, self._settings, exercise=self._exercise, key=key
        )

    async def of_warning(
        self,
        do: Literal["release", "cancel"],
        event: int,
        who: str,
        key: Ed25519PrivateKey | None,
    ) -> str:
        """Release an alert that waits, or cancel one in force. Raises SkypactError."""
        what = {"release": RELEASE_WARNING, "cancel": CANCEL_WARNING}[do]
        answer = await order_about(
            *(self._folder, what, str(event), who, self._settings),
            exercise=self._exercise,
            key=key,
        )
        if not answer.done:
            raise SkypactError(answer.said)
        return answer.said

    def _in_force(self) -> SignedPolicy:
        signed = load_signed(load_node(self._folder))
        if signed is None:
            raise InputError(EDITED, "is not in force", _NO_NODE)
        return signed


def with_key(text: str, partner: str, key: str, value: str) -> str:
    """A policy's text with one key of a partner's own table set; all else stays as it stands."""
    lines = text.splitlines()
    head = re.compile(rf'\[partner\.(?:{re.escape(partner)}|"{re.escape(partner)}")\]')
    begin = next((k for k, line in enumerate(lines) if head.match(line.strip())), None)
    if begin is None:
        return "\n".join([*lines, "", f"[partner.{partner}]", f"{key} = {value}", ""])
    end = next(
        (k for k in range(begin + 1, len(lines)) if lines[k].lstrip().startswith("[")), len(lines)
    )
    stated = re.compile(rf"\s*{key}\s*=")
    for k in range(begin + 1, end):
        if stated.match(lines[k]):
            _, hash_mark, remark = lines[k].partition("#")
            lines[k] = f"{key} = {value}" + (f"  #{remark}" if hash_mark else "")
            break
    else:
        lines.insert(begin + 1, f"{key} = {value}")
    return "\n".join(lines) + "\n"
