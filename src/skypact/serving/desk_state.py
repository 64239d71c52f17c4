"""How a node is, as its desk shows it: links, what leaves, what came, what was refused."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from skypact.model import (
    AreaWarning,
    Assessment,
    Consultation,
    DeskState,
    Heartbeat,
    Level,
    PartnerState,
    RefusedMessage,
    StandingAlert,
    Statement,
)
from skypact.serving.folded import Folded
from skypact.serving.refusals import refusals_told
from skypact.serving.releasing import Releasing
from skypact.settings import Settings
from skypact.sharing.entry import Content, Entry, Refused
from skypact.sharing.link import Link, LinkState
from skypact.sharing.policy import Policy, Rule, level_of_radar

_REFUSED_SHOWN = 20
_OVER_SHOWN = 60
"""So many statements that were taken back are told of, the newest."""


class OfNode(Protocol):
    """What is asked of a node."""

    @property
    def nation(self) -> str:
        """Whose it is."""
        ...

    exercise: bool
    releasing: Releasing
    folded: Folded
    link: Link
    counts: Counter[tuple[str, ...]]
    settings: Settings

    @property
    def entry(self) -> Entry:
        """What checks partners' messages."""
        ...

    @property
    def alerts(self) -> Sequence[StandingAlert]:
        """Those that persons may release or cancel."""
        ...

    def clock(self) -> int:
        """UTC since 1970, ns."""
        ...

    def health(self) -> dict[str, Any]:
        """As `/health` says it."""
        ...


def told_ns(content: Content, received_ns: int) -> int:
    """As of when a message tells what is seen; 0: people said something, or something is over.

    What is stated again, as after a restart, is as of then.
    """
    if isinstance(content, Assessment | AreaWarning):
        return 0 if content.withdrawn else min(content.as_of_ns, received_ns)
    return 0 if isinstance(content, Consultation | Heartbeat) else received_ns


def desk_state(node: OfNode, came_ns: Mapping[str, int]) -> DeskState:
    """All of it; numbers, pictures and times of the feed are left to who feeds the desk."""
    health, signed = node.health(), node.releasing.in_force.signed
    now_ns = node.clock()
    lag = health["lag"]
    behind_s = lag["behind_s"]
    return DeskState(
        nation=node.nation,
        exercise=node.exercise,
        epoch=0,
        since_ns=0,
        time_ns=now_ns,
        ready=health["ready"],
        faults=tuple(health["faults"]),
        late_s=lag["late_s"],
        behind_s=behind_s if behind_s > node.settings.node.greatest_lag_s else 0.0,
        notices=(*filter(None, [node.releasing.notice]), *refusals_told(node.entry, now_ns)),
        policy_hash=signed.hash,
        policy_by=signed.who,
        policy_since_ns=signed.when_ns,
        journal_last=health["journal"]["last"],
        journal_waiting=health["journal"]["waiting"],
        numbers={},
        came_ns=dict(came_ns),
        pictures=(),
        partners=tuple(_partner(node, state, now_ns) for state in node.link.states()),
        statements=tuple(statements_of(node.folded)),
        alerts=tuple(node.alerts),
    )


def statements_of(folded: Folded) -> Iterator[Statement]:
    """What holds, and of what was taken back the newest, as it was before."""
    holds = folded.statements
    for (nation, _, _), said in holds.items():
        yield Statement(nation, said)
    over = {key: said for key, said in folded.stated_last.items() if key not in holds}
    newest = sorted(over, key=lambda key: over[key].as_of_ns)[-_OVER_SHOWN:]
    yield from (Statement(key[0], over[key], is_over=True) for key in newest)


def _partner(node: OfNode, state: LinkState, now_ns: int) -> PartnerState:
    name, policy = state.partner, node.releasing.in_force.policy
    known = name in node.entry.partners
    of = policy.partners.get(name)
    return PartnerState(
        nation=name,
        up=state.up,
        since_ns=state.since_ns,
        delay_s=state.delay_s,
        round_trip_s=state.round_trip_s,
        backlog_batches=state.backlog_batches,
        backlog_bytes=state.backlog_bytes,
        waiting_messages=state.waiting_messages,
        alarms=state.alarms,
        left_out=name in node.folded.left_out,
        level=_level(policy, name, node.releasing.own_radars, now_ns, node.exercise).name.lower(),
        openness=str(of.otherwise.openness) if of else "",
        use=tuple(map(str, of.otherwise.use)) if of else (),
        rules=tuple(_said(rule) for rule in of.rules) if of else (),
        sent=node.counts["sent", name],
        shed=node.counts["shed", f"to {name}"] + state.live_dropped,
        received=node.entry.counts(name) if known else {},
        refused=tuple(map(_refused, node.entry.refusals(name)[-_REFUSED_SHOWN:] if known else ())),
    )


def _level(policy: Policy, partner: str, radars: list[str], now_ns: int, exercise: bool) -> Level:
    levels = [level_of_radar(policy, partner, r, now_ns, exercise=exercise) for r in radars]
    return max(levels, default=Level.NOTHING)


def _said(rule: Rule) -> str:
    return f"{rule.name}: {rule.level.name.lower()}"


def _refused(one: Refused) -> RefusedMessage:
    return RefusedMessage(one.received_ns, str(one.cause), one.place, one.reason, one.remedy)
