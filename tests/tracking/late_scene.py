"""Arrivals of a small live scene, and their picture by a slow, obvious twin of the live one."""

import math

import msgspec
import numpy as np

from evaluate.scene import START_NS, Scene, coasting, local_state, looks_like, noisy, site
from evaluate.tracklets import biased
from skypact.model import Arrival, ClockMark, Openness, Plots
from skypact.sharing.tracklets import TrackletMaker
from skypact.tracking import Picture

S = 1_000_000_000
# Two that turn, so that their scans overlap, and one that looks at the same instants as the second.
RADARS = (
    site("KR1", 36.6, 127.5, 2.0),
    site("JP1", 38.0, 138.4, 1.5),
    site("US1", 35.7, 135.2, 1.5),
)
PLACES = [(39.3, 128.6), (39.9, 129.6), (38.4, 130.9)]


def starts(objects, up_m_s=3300.0):
    return [local_state(*place, 250e3, (850.0, -150.0, up_m_s)) for place in PLACES[:objects]]


def arrivals_of(
    seconds, objects=2, *, seed=0, clutter=0.3, mark_every_s=1.0, split=True, radars=RADARS
):
    """Timely arrivals and clock marks in order of time, as `receive` takes them."""
    random = np.random.default_rng(seed)
    scans = {}
    for number, start in enumerate(starts(objects)):
        for r, radar in enumerate(radars):
            looks = np.arange(0.0, seconds - radar.period_s, radar.period_s)
            # The first sees each object at its own moment of the turn, the others all at once.
            times = START_NS + ((looks + (0.37 + 0.55 * number if r == 0 else 0.25)) * S).astype(
                int
            )
            of_radar = np.full(len(times), r, np.int32)
            states = coasting(start, times)
            seen = looks_like(radars, of_radar, states)
            scene = Scene(radars, times, of_radar, states, seen, np.zeros(0, int))
            plots = noisy(scene, random)
            for k in range(len(times)):
                scans.setdefault((r, k), []).append(plots.at(np.array([k])))
    for parts in scans.values():
        for _ in range(random.poisson(clutter)):
            ghost = parts[0]._replace(
                range_m=random.uniform(3e5, 1e6, 1), azimuth_rad=random.uniform(0, 2 * math.pi, 1)
            )
            parts.append(ghost)
    sequence = [0] * len(radars)
    out = []
    for (r, _), parts in sorted(scans.items(), key=lambda item: item[1][0].time_ns[0]):
        plots = Plots(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        count = len(plots.time_ns)
        cut = (
            int(random.integers(1, count))
            if split and count > 1 and random.random() < 0.5
            else count
        )
        for rows in (np.arange(cut), np.arange(cut, count)):
            if len(rows):
                sequence[r] += 1
                out.append(arrival(plots.at(rows), sequence[r], radars))
    marks = START_NS + (np.arange(0.25, seconds, mark_every_s) * S).astype(int)
    out += [ClockMark(time_ns=int(t), received_ns=int(t)) for t in marks]
    return sorted(out, key=lambda a: a.received_ns)


def arrival(plots, sequence, radars=RADARS, *, epoch=1, received_ns=None):
    radar = radars[int(plots.radar[0])] if len(plots.radar) else radars[0]
    if received_ns is None:
        received_ns = int(plots.time_ns.max()) if len(plots.time_ns) else START_NS
    return Arrival(
        nation=radar.nation,
        radar=radar.id,
        epoch=epoch,
        sequence=sequence,
        received_ns=received_ns,
        plots=plots,
    )


def received(one, time_ns):
    return msgspec.structs.replace(one, received_ns=int(time_ns))


def timely(accepted, radars=RADARS):
    """Scan by scan and mark by mark into a `Picture`, in order."""
    scans, marks = {}, set()
    for one in accepted:
        if isinstance(one, ClockMark):
            marks.add(one.time_ns)
            continue
        r = int(one.plots.radar[0])
        rows = scans.setdefault((r, one.epoch, int(one.plots.scan[0])), [])
        for k in range(len(one.plots.time_ns)):
            rows.append((int(one.plots.time_ns[k]), one.sequence, k, one.plots.at(np.array([k]))))
    items = [((t, 0), None) for t in marks]
    for (r, epoch, scan), rows in scans.items():
        rows.sort(key=lambda row: row[:3])
        plots = Plots(*(np.concatenate(c) for c in zip(*(row[3] for row in rows), strict=True)))
        name = radars[r].nation, radars[r].id
        items.append(((rows[0][0], 1, name, scan, epoch), plots))
    picture = Picture(radars)
    for key, plots in sorted(items, key=lambda item: item[0]):
        if plots is None:
            picture.advance(key[0])
        else:
            picture.observe(plots)
    return picture


def raw(picture):
    """The bytes of a picture's arrays, without what is not in use, and of its ended tracks."""
    tracks = picture.checkpoint().tracks
    out = {name: getattr(tracks, name).tobytes() for name in ("number", "value", "mu", "by_radar")}
    used = tracks.mu > 0.0
    out |= {"x": tracks.x[used].tobytes(), "p": tracks.p[used].tobytes()}
    kept = tracks.number[:, 7]
    out["first"] = b"".join(f[:k].tobytes() for f, k in zip(tracks.first, kept, strict=True))
    seen = (tracks.seen_mu > 0.0) & (tracks.number[:, 13] > 0)[:, None]
    out |= {"seen_x": tracks.seen_x[seen].tobytes(), "seen_p": tracks.seen_p[seen].tobytes()}
    out["seen_mu"] = tracks.seen_mu[tracks.number[:, 13] > 0].tobytes()
    out |= {n: getattr(tracks, n).tobytes() for n in ("counter", "waiting", "waiting_plot")}
    out["ended"] = [
        (t.id, t.time_ns, t.plots, t.state.tobytes(), t.covariance.tobytes())
        for t in picture._ended
    ]
    out["time_ns"] = picture.time_ns
    return out


# A table of one's own radar and a partner's whose plots come, and partners' radars whose tracklets
# come: states are longer by 8 for each with offsets, in the order in which the fold meets them.
TABLE = (biased(site("KR1", 36.6, 127.5, 2.0)), site("US1", 35.7, 135.2, 1.5))
PARTNERS = (
    biased(site("JP1", 38.0, 138.4, 0.5)),
    site("JP2", 35.5, 134.0, 1.5),
    biased(site("AU1", 37.3, 137.0, 1.5)),
)
FROM_S = {"JP2": 3.0, "AU1": 6.0}  # these are heard of later
# What was before is not in the scene; the partners' own pictures know it, so that their tracklets
# hold several plots.
LEAD_S = 14.0
BEGIN_NS = START_NS + round(LEAD_S * S)


def mixed(seconds, objects=2, *, seed=0, mark_every_s=1.0):
    """Timely arrivals of plots, tracklets and clock marks in order of time, from `BEGIN_NS` on.

    What JP sends is counted by its link, each message with what was ready by then; what AU sends by
    the label of its radar, batch by batch and some in parts.
    """
    every = arrivals_of(
        LEAD_S + seconds, objects, seed=seed, radars=(*TABLE, *PARTNERS), mark_every_s=mark_every_s
    )
    out, by_nation = [], {"JP": [], "AU": []}
    for one in every:
        own = isinstance(one, ClockMark) or one.radar in ("KR1", "US1")
        if own and one.received_ns >= BEGIN_NS + S:
            out.append(one)
    for radar in PARTNERS:
        parts = [a.plots for a in every if not isinstance(a, ClockMark) and a.radar == radar.id]
        plots = Plots(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        made = tracklets_of(radar, plots._replace(radar=plots.radar * 0))
        begin = BEGIN_NS + FROM_S.get(radar.id, 0.0) * S
        by_nation[radar.nation] += [one for one in made if one.first_ns >= begin]
    random = np.random.default_rng(seed)
    for nation, tracklets in by_nation.items():
        out += messages(nation, tracklets, random)
    return sorted(out, key=lambda a: a.received_ns)


def tracklets_of(radar, plots):
    maker = TrackletMaker((radar,), partner="KR", secret=b"s", openness=Openness.FULL)
    Picture((radar,)).observe(plots, on_followed=maker.take)
    return maker.ready(no_more=True)


def messages(nation, tracklets, random):
    groups = {}
    for one in tracklets:
        name = one.last_ns // (S // 2) if nation == "JP" else (one.radar, one.batch)
        groups.setdefault(name, []).append(one)
    parts = []
    for members in groups.values():
        cut = len(members)
        if nation == "AU" and cut > 1 and random.random() < 0.5:
            cut = int(random.integers(1, cut))
        parts += [part for part in (members[:cut], members[cut:]) if part]
    parts.sort(key=lambda part: (max(t.last_ns for t in part), part[0].radar))
    return [
        Arrival(
            nation=nation,
            radar="link" if nation == "JP" else part[0].radar,
            epoch=1,
            sequence=number,
            received_ns=max(t.last_ns for t in part),
            tracklets=tuple(part),
        )
        for number, part in enumerate(parts, 1)
    ]


def timely_mixed(accepted, table=TABLE):
    """Scan by scan, batch by batch and mark by mark into a `Picture`, in order: the slow twin."""
    scans, batches, items = {}, {}, []
    for one in accepted:
        if isinstance(one, ClockMark):
            items.append(((one.time_ns, 0), None))
        elif one.tracklets:
            for tracklet in one.tracklets:
                name = tracklet.nation, tracklet.radar, 1, tracklet.batch, one.epoch
                batches.setdefault(name, []).append(tracklet)
        else:
            name = one.nation, one.radar, 0, int(one.plots.scan[0]), one.epoch
            rows = scans.setdefault(name, [])
            for k in range(len(one.plots.time_ns)):
                row = one.plots.at(np.array([k]))
                rows.append((int(row.time_ns[0]), one.sequence, k, row))
    for name, rows in scans.items():
        rows.sort(key=lambda row: row[:3])
        plots = Plots(*(np.concatenate(c) for c in zip(*(row[3] for row in rows), strict=True)))
        items.append(((rows[0][0], 1, *name), plots))
    for name, members in batches.items():
        items.append(((min(t.time_ns for t in members), 1, *name), members))
    picture = Picture(table)
    for key, what in sorted(items, key=lambda item: item[0]):
        if what is None:
            picture.advance(key[0])
        elif isinstance(what, Plots):
            picture.observe(what)
        else:
            assert picture.observe_tracklets(what) == ()
    return picture
