"""How a node is, for `/health` and `/metrics`."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Protocol

from skypact.model import JournalState
from skypact.offline.text import iso_utc
from skypact.record.journal import Journal
from skypact.sensing.feeds import Feeds
from skypact.serving.apart import Apart
from skypact.serving.clock import NodeClock
from skypact.serving.consulting import Consulting
from skypact.serving.folded import Folded
from skypact.serving.lag import Lag, late_s, late_told
from skypact.serving.recording import Recording
from skypact.serving.refusals import put_aside_told, refusals_told
from skypact.serving.releasing import Releasing
from skypact.serving.shedding import Shedding, shed_counts
from skypact.serving.warner import Warner
from skypact.settings import Settings
from skypact.sharing.link import Link
from skypact.sharing.nats_server import NatsServer
from skypact.sharing.node_folder import NodeFolder

S = 1_000_000_000
Counts = dict[str, dict[tuple[str, ...], float]]


class OfNode(Protocol):
    """What is asked of a node."""

    nation: str
    exercise: bool
    folder: NodeFolder
    clock: NodeClock
    journal: Journal
    server: NatsServer
    link: Link
    feeds: Feeds
    folded: Folded
    releasing: Releasing
    recording: Recording
    consulting: Consulting
    shedding: Shedding
    settings: Settings
    lag: Lag
    warner: Warner | None
    apart: Apart
    counts: Counter[tuple[str, ...]]


def health_of(node: OfNode, ready: bool, bad_settings: Iterable[str]) -> dict[str, Any]:
    """Whether all is well, and what is not, each with what to do. Times are ISO 8601, UTC."""
    faults = [node.clock.fault] if node.clock.fault else []
    journal = node.journal.health
    if journal.state is not JournalState.WELL:
        faults.append(f"journal: {journal.reason}; {journal.remedy}")
    if not node.server.state.up:
        faults.append(f"server: {node.server.state.fault}")
    faults += bad_settings
    links = {}
    for state in node.link.states():
        links[state.partner] = {
            "up": state.up,
            "since": iso_utc(state.since_ns, 0),
            "backlog_batches": state.backlog_batches,
            "delay_s": state.delay_s,
            "alarms": list(state.alarms),
        }
        faults += [f"link to {state.partner}: {alarm}" for alarm in state.alarms]
    told = (node.recording.fault, node.consulting.fault)
    faults += [*node.apart.faults, *node.shedding.faults, *filter(None, told)]
    if node.link.faults:
        faults.append(
            f"a fault in the node: {node.link.faults} messages of partners were not taken in; "
            "see its log, and report it"
        )
    faults += [
        *put_aside_told(node.folded.entry, node.clock()),
        *(node.warner.faults.values() if node.warner else ()),
    ]
    now_ns, of = node.clock(), node.settings.node
    late = late_s(node.folded.shared.lateness.late_now_ns(now_ns), of)
    behind_s = node.lag.behind_s
    lag_told = late_told(late, behind_s, of)
    return {
        "nation": node.nation,
        "ready": ready,
        "exercise": node.exercise,
        "faults": faults,
        "lag": {"late_s": late, "behind_s": round(behind_s, 3), "told": lag_told},
        "notices": [
            *filter(None, [node.releasing.notice]),
            *refusals_told(node.folded.entry, node.clock()),
            *(node.warner.notices if node.warner else node.apart.notices),
        ],
        "release_policy": {
            "hash": node.releasing.in_force.signed.hash,
            "by": node.releasing.in_force.signed.who,
            "since": iso_utc(node.releasing.in_force.signed.when_ns, 0),
        },
        "warnings": _warnings(node.warner),
        "left_out": sorted(node.folded.left_out),
        "links": links,
        "journal": {"last": node.journal.last_number, "waiting": journal.waiting},
    }


def _warnings(warner: Warner | None) -> dict[str, Any]:
    """As of when it last decided, and of how many flights the ways down wait to be carried."""
    if warner is None:
        return {"decided": None, "uncarried": 0}
    at_ns = warner.decided_ns
    decided = None if at_ns is None else iso_utc(at_ns, 3)
    return {"decided": decided, "uncarried": len(warner.uncarried)}


def metrics_of(node: OfNode) -> Counts:
    """All counts."""
    partner: dict[tuple[str, ...], float] = {
        (name, outcome): float(count)
        for name in node.folder.partners
        for outcome, count in node.folded.entry.counts(name).items()
    }
    links = node.link.states()
    return {
        "skypact_arrivals_total": {
            (name, verdict): float(count)
            for name, picture in node.folded.pictures.items()
            for verdict, count in picture.counts.items()
        },
        "skypact_feed_total": {key: float(n) for key, n in node.feeds.counts.items()},
        "skypact_partner_messages_total": partner,
        "skypact_sent_total": {
            (name[1],): float(n) for name, n in node.counts.items() if name[0] == "sent"
        },
        "skypact_shed_total": {
            (name[1],): float(n) for name, n in node.counts.items() if name[0] == "shed"
        }
        | shed_counts(links),
        "skypact_link_up": {(state.partner,): float(state.up) for state in links},
        "skypact_link_backlog_bytes": {
            (state.partner,): float(state.backlog_bytes) for state in links
        },
        "skypact_link_delay_seconds": {
            (state.partner,): state.delay_s for state in links if state.delay_s is not None
        },
        "skypact_late_seconds": {
            name: late_ns / S
            for name, late_ns in node.folded.shared.lateness.late_now_ns(node.clock()).items()
        },
        "skypact_behind_seconds": {(): node.lag.behind_s},
        "skypact_journal_waiting_bytes": {(): float(node.journal.health.waiting_bytes)},
        "skypact_journal_last": {(): float(node.journal.last_number)},
        **(node.warner.metrics() if node.warner else {}),
        **node.apart.metrics(),
    }
