"""What leaves a node: the release policy in force, and a way to each partner under it.

Partners and policy change while it runs, always between two messages: who releases holds `lock`.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
import structlog

from skypact.errors import SkypactError
from skypact.model import Arrival, Consultation, EntryKind, Flight, Launch, Radar, Track
from skypact.record.journal import Journal
from skypact.serving.policy_in_force import (
    EDITED,
    InForce,
    action_of,
    in_force,
    not_applied,
    parsed,
    require_signed,
    save_signed,
    under_present_key,
)
from skypact.serving.release_pictures import ReleasePictures, is_present
from skypact.serving.release_way import ReleaseWay, Statement
from skypact.serving.releases import ALL, Releases, folded_again
from skypact.settings import Settings
from skypact.sharing.chain import OutgoingChain
from skypact.sharing.node_folder import NodeFolder
from skypact.sharing.outgoing import Outgoing, Sent
from skypact.sharing.policy import Policy
from skypact.sharing.policy_file import SignedPolicy

S = 1_000_000_000
CHAINS = "chains.msgpack"
Write = Callable[[EntryKind, str, int, msgspec.Struct], "asyncio.Future[int]"]
"""Into the journal: kind, about whom, when, what."""
FlightOf = Callable[[Track, Launch | None], Awaitable[Flight | None]]
"""What a track means; None: that cannot be told now."""
Send = Callable[[str, Iterator[Sent], int, int], Awaitable[None]]
"""To a partner, messages: after so many own arrivals, and which of the last one's parts it is."""
NO_PART = -1


class _Chains(msgspec.Struct, array_like=True):
    """Where the chains to the partners stood, and whether that was at a clean stop."""

    clean: bool
    of: dict[str, bytes]
    epoch_ns: int = 0
    """Of the node's start, or of the policy since: each later than the one before."""
    stated: dict[str, list[Statement]] = {}
    """What each partner was told and is still to be withdrawn."""


class Releasing:
    """The ways to all partners. `begin`, then `take` and the rest.

    `left`: so many own arrivals have been looked at. `notice`: what an operator should know.
    """

    def __init__(
        self,
        folder: NodeFolder,
        radars: tuple[Radar, ...],
        settings: Settings,
        *,
        exercise: bool,
        clock: Callable[[], int],
        write: Write,
        send: Send,
    ) -> None:
        self.folder, self._radars, self._settings = folder, radars, settings
        self._exercise, self._clock = exercise, clock
        self._write, self._send = write, send
        self.own_radars = [radar.id for radar in radars if radar.nation == folder.nation]
        self.log: Any = structlog.get_logger().bind(node=folder.nation)
        self.in_force = in_force(folder, self.own_radars, settings.release, clock())
        self.releases = self._no_ways()
        self.lock = asyncio.Lock()
        self.left = self.epoch_ns = 0
        self.notice = ""
        self._since: list[Arrival] | None = None  # left while another policy is made ready

    @property
    def ways(self) -> dict[str, ReleaseWay]:
        """To each partner."""
        return self.releases.ways

    def begin(self) -> bool:
        """Number what goes to each partner; whether the node was stopped cleanly before."""
        self._note_policy("release policy at start", self.in_force.signed)
        path = self.folder.store / CHAINS
        saved = msgspec.msgpack.decode(path.read_bytes(), type=_Chains) if path.exists() else None
        clean = saved is not None and saved.clean
        now_ns = self._clock()
        # It rises where the clock was put back, too: sources whose epoch falls are refused.
        self.epoch_ns = max(now_ns, saved.epoch_ns + S if saved else 0)
        for partner in self.folder.partners:
            before = saved.of.get(partner) if saved else None
            chain = OutgoingChain.begin(before, now_ns, clean=clean)
            self._join(self.releases, partner, chain, self.in_force.policy)
            if saved is not None:
                self.ways[partner].take_over(saved.stated.get(partner, ()), now_ns)
        self.save_chains(clean=False)
        return clean

    def save_chains(self, *, clean: bool) -> None:
        """Keep the numbers for the next start."""
        chains = {name: way.outgoing.chain.save() for name, way in self.ways.items()}
        path = self.folder.store / CHAINS
        part = path.with_suffix(".part")
        stated = {name: way.stated for name, way in self.ways.items()}
        part.write_bytes(msgspec.msgpack.encode(_Chains(clean, chains, self.epoch_ns, stated)))
        part.replace(path)

    async def take(self, arrival: Arrival, number: int) -> None:
        """Send what is released of own plots; `number`: of the arrival. The lock is held."""
        self.left = number
        if self._since is not None:
            self._since.append(arrival)
        for partner, part, sent in self.releases.take(arrival):
            await self._send(partner, iter((sent,)), number, part)

    async def ready(self, now_ns: int, *, no_more: bool = False) -> None:
        """Send what was gathered meanwhile."""
        async with self.lock:
            for way in self.ways.values():
                sent = way.ready(now_ns, no_more=no_more)
                await self._send(way.partner, sent, self.left, NO_PART)

    async def state_flights(self, flight_of: FlightOf) -> None:
        """Say to partners what flights their release pictures show, and take back what is over."""
        ways = list(self.ways.values())
        tracks = await self.releases.tracks(self._clock())
        for way in ways:
            await self._state(way, partial(way.withdraw, tracks))
            for due in way.due(tracks):
                flight = await flight_of(due.track, way.launch_of(due))
                if flight is not None:
                    await self._state(way, partial(way.state, due, flight))

    async def _state(self, way: ReleaseWay, say: Callable[[int], Iterator[Sent]]) -> None:
        """Statements to a partner; what they are of is kept, to be withdrawn also after a kill."""
        async with self.lock:
            if self.ways.get(way.partner) is not way:
                return
            before = way.stated_numbers
            messages = list(say(self._clock()))
            if way.stated_numbers - before:
                self.save_chains(clean=False)
            await self._send(way.partner, iter(messages), self.left, NO_PART)
            if before - way.stated_numbers:
                self.save_chains(clean=False)

    async def say(self, partner: str, said: Consultation) -> None:
        """What is said about an event, to a partner; whether it may go is decided before."""
        async with self.lock:
            way = self.ways.get(partner)
            if way is not None:
                sent = way.outgoing.message(said, self._clock())
                await self._send(partner, iter((sent,)), self.left, NO_PART)

    async def apply(
        self,
        signed: SignedPolicy,
        journal: Journal,
        taken: Callable[[], int],
        followed: Callable[[], Sequence[Track]],
    ) -> None:
        """Put a policy in force, between two messages.

        `taken`: own arrivals that were accepted; `followed`: tracks of own plots.

        Release pictures are made anew from the plots that it releases. What the old one had decided
        goes before, and what was stated under it is withdrawn. Raises SkypactError: nothing is
        changed then.
        """
        place = f"{EDITED} by {signed.who}"
        require_signed(signed, self.folder, place)
        if self._since is not None:
            raise SkypactError("another change is being made; wait until it is done")
        if signed.replaces != self.in_force.hash:
            raise SkypactError("the policy was changed meanwhile; look at the difference again")
        policy = parsed(signed.text, place, self.folder, self.own_radars)
        self._since = []
        try:
            since_ns = self._replayed_since_ns(followed())
            new = await self._made_ready(signed, policy, journal, taken, since_ns)
            async with self.lock:
                for arrival in self._since:
                    _ = list(new.take(arrival, dict.fromkeys(new.ways, ALL)))
                save_signed(self.folder, signed)
                for way in self.ways.values():
                    await self._send(way.partner, way.end(self._clock()), self.left, NO_PART)
                self.in_force = InForce(signed, policy)
                self._follow_partners(new, policy)
                self.releases = new
                written = self._note_policy("release policy in force", signed)
                self.save_chains(clean=False)
            await written
        finally:
            self._since = None
        self.look()
        self.log.warning("release policy in force", by=signed.who, hash=signed.hash)

    async def _made_ready(
        self,
        signed: SignedPolicy,
        policy: Policy,
        journal: Journal,
        taken: Callable[[], int],
        since_ns: int,
    ) -> Releases:
        """Ways under another policy, beside the present ones, with the last plots in them."""
        of = self._settings.node
        async with self.lock:
            asked = self._note_policy("release policy asked for", signed)
            waiting, self._since = taken() - self.left, []
        try:
            number = await asyncio.wait_for(asked, of.order_s)
        except TimeoutError:
            raise SkypactError("the journal takes no entries; see the node's health") from None
        self.epoch_ns = max(self._clock(), self.epoch_ns + S)
        new = self._no_ways()
        for name, way in self.ways.items():
            self._join(new, name, way.outgoing.chain, policy)
        await folded_again(
            *(journal, new),
            from_ns=since_ns,
            before=number,
            skip_last=waiting,
            most=of.policy_replay_arrivals,
        )
        return new

    def _replayed_since_ns(self, followed: Sequence[Track]) -> int:
        """From when on own plots are folded for another policy: flights in the air are whole."""
        of, now_ns = self._settings.node, self._clock()
        since_ns = now_ns - round(of.policy_replay_s * S)
        earliest_ns = now_ns - round(of.policy_replay_flight_s * S)
        first_ns = [track.first_plot_ns - S for track in followed if is_present(track)]
        return min(since_ns, *(max(at_ns, earliest_ns) for at_ns in (since_ns, *first_ns)))

    def _note_policy(self, what: str, signed: SignedPolicy) -> "asyncio.Future[int]":
        """Into the journal."""
        action = action_of(what, signed)
        return self._write(EntryKind.OPERATOR_ACTION, signed.who, self._clock(), action)

    def look(self) -> None:
        """Say it once where `release.toml` was edited and is not in force."""
        notice = not_applied(self.folder.folder, self.in_force.signed)
        if notice and notice != self.notice:
            self.log.warning("release policy", notice=notice)
        self.notice = notice

    async def partners_changed(self, folder: NodeFolder) -> None:
        """Cards came, went or were changed: from now on these are the partners, and our keys."""
        async with self.lock:
            self.folder = folder
            policy = parsed(self.in_force.signed.text, EDITED, folder, self.own_radars)
            signed = under_present_key(folder, self.in_force.signed)
            self.in_force = self.in_force._replace(policy=policy, signed=signed)
            for gone in set(self.ways) - set(folder.partners):
                self.releases.leave(gone)
                self.log.warning("partner removed", partner=gone)
            for name in folder.partners:
                if name in self.ways:
                    self._take_keys(name, self.ways[name].outgoing)
                    continue
                chain = OutgoingChain.begin(None, self._clock(), clean=False)
                self._join(self.releases, name, chain, policy)
                self.log.warning("partner added", partner=name)
            self.save_chains(clean=False)

    def _follow_partners(self, new: Releases, policy: Policy) -> None:
        """Ways that were made ready to whoever are partners by now, by what their cards say."""
        for name, made in list(new.ways.items()):
            way = self.ways.get(name)
            if way is None or way.outgoing.chain is not made.outgoing.chain:
                new.leave(name)
        for name, way in self.ways.items():
            if name in new.ways:
                self._take_keys(name, new.ways[name].outgoing)
            else:
                self._join(new, name, way.outgoing.chain, policy)

    def _take_keys(self, partner: str, outgoing: Outgoing) -> None:
        """Sign and seal with what own keys and the partner's card are by now."""
        outgoing.seal_for(self.folder.partners[partner].sealing_key)
        outgoing.sign_with(self.folder.keys.signing)

    def _no_ways(self) -> Releases:
        return Releases(ReleasePictures(self._radars, self._settings), {})

    def _join(self, to: Releases, partner: str, chain: OutgoingChain, policy: Policy) -> None:
        """A way to a partner under a policy, by what its card says now."""
        signing = self.folder.keys.signing
        outgoing = Outgoing(
            self.folder.nation,
            partner,
            chain,
            signing,
            exercise=self._exercise,
            # Also where nobody carries it (NATS trap 9).
            sealing_key=self.folder.partners[partner].sealing_key,
        )
        to.ways[partner] = ReleaseWay(
            policy,
            self._radars,
            outgoing,
            to.pictures,
            secret=hashlib.sha256(signing.private_bytes_raw() + b"hidden").digest(),
            epoch=self.epoch_ns // S,
            settings=self._settings,
        )
