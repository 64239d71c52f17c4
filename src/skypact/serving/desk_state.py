"""How a node is, as its desk shows it: links, what leaves, what came, what was refused."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from skypact.model import DeskState, Level, PartnerState, RefusedMessage, StandingAlert, Statement
from skypact.serving.folded import Folded
from skypact.serving.refusals import refusals_told
from skypact.serving.releasing import Releasing
from skypact.sharing.entry import Entry, Refused
from skypact.sharing.link import Link, LinkState
from skypact.sharing.policy import Policy, Rule, level_of_radar

_REFUSED_SHOWN = 20


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


def desk_state(node: OfNode, came_ns: Mapping[str, int]) -> DeskState:
    """All of it; numbers, pictures and times of the feed are left to who feeds the desk."""
    health, signed = node.health(), node.releasing.in_force.signed
    now_ns = node.clock()
    return DeskState(
        nation=node.nation,
        exercise=node.exercise,
        epoch=0,
        since_ns=0,
        time_ns=now_ns,
        ready=health["ready"],
        faults=tuple(health["faults"]),
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
        statements=tuple(
            Statement(partner, said) for (partner, _, _), said in node.folded.statements.items()
        ),
        alerts=tuple(node.alerts),
    )


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
