"""Figures of nodes: what they share, and when links, disks, clocks and partners fail."""

import statistics
from collections.abc import Iterator
from typing import Any

from evaluate.figures import Figure


def wire(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of messages altered, forged, replayed and misdirected."""
    what = f"{detail['messages']:,} messages altered, forged, replayed, misdirected"
    accepted, changed = len(detail["accepted"]), detail["changed"]
    yield Figure(f"{what}: accepted", f"{accepted}", "0", accepted == 0)
    unexplained = detail["unexplained"]
    yield Figure(f"{what}: refused without reason", f"{unexplained}", "0", unexplained == 0)
    yield Figure(f"{what}: changes of the chains' state", f"{changed}", "0", changed == 0)
    kept = detail["kept_bytes"] / 1024
    yield Figure(f"{what}: peak of memory", f"{kept:.0f} KiB", "under 1 MiB", kept < 1024)
    yield Figure("to refuse one, on average", f"{detail['us_each']:.0f} µs", "stated", None)


def shared(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of the shared picture beside all plots at one place."""
    said = "the very bits" if detail["identical"] else "other bits"
    yield Figure("level plots: as all plots at one place", said, "identical", detail["identical"])
    rmse = detail["rmse_m"]
    for name, ratio in detail["ratio"].items():
        if name == "one place":
            continue
        met = ratio <= 1.02 if name == "full tracklets" else None
        what = f"{name}: RMSE {rmse[name]:.1f} m / {rmse['one place']:.1f} m at one place"
        yield Figure(what, f"{ratio:.3f}", "stated" if met is None else "≤ 1.02", met)


def hostile(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of a partner that lies."""
    for name, case in detail["cases"].items():
        same = case["identical"]
        said = "identical" if same else "other"
        yield Figure(f"{name}: pictures {case['against']}", said, "identical", same)
    swarm = detail["swarm"]
    what = f"{swarm['ghosts']:,} ghosts a second for {swarm['seconds']} s"
    yield Figure(f"{what}: peak of memory", f"{swarm['grown_mib']:.0f} MiB", "stated", None)
    kept = swarm["own_track_kept"]
    yield Figure(f"{what}: own flight still one track", str(kept).lower(), "true", kept)


def flood(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of a partner that sends more than anyone can take."""
    alone, flooded = detail["alone_ms"], detail["flooded_ms"]
    what = f"one partner floods by {detail['rate_hz']:,.0f} messages a second"
    yield Figure(
        f"{what}: another's scans, p50 / p99 / not come, without it {alone['p50']:.1f} / "
        f"{alone['p99']:.1f} ms / {alone['missing']:.0f}",
        f"{flooded['p50']:.1f} / {flooded['p99']:.1f} ms / {flooded['missing']:.0f}",
        "p99 at most doubled, 0",
        flooded["p99"] <= 2.0 * alone["p99"] and not flooded["missing"],
    )
    yield Figure(f"{what}: accepted of it", str(detail["accepted_of_flood"]), "0",
                 not detail["accepted_of_flood"])  # fmt: skip
    yield Figure(f"{what}: memory grew by", f"{detail['grown_mib']:.0f} MiB", "bounded", None)


def link(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of links that fail."""
    for row in detail["cases"]:
        faults = [row[name] for name in ("lost", "doubled", "reordered")]
        name = f"{row['topology']}, {row['case']}"
        yield Figure(
            f"{name}: lost / doubled / reordered of {row['messages']:,}",
            " / ".join(map(str, faults)),
            "0 / 0 / 0",
            not any(faults),
        )
        if "cut" in row["case"] or "hole" in row["case"]:
            times = row["times_real_time"]
            long = row["waited"] > 10 * detail["rate_hz"]
            yield Figure(
                f"{name}: {row['waited']:,} that waited, taken in after",
                f"{row['caught_up_s']:.1f} s: {times:.0f} × real time",
                "≥ 10 × real time" if long else "stated",
                times >= 10 if long else None,
            )


def killed(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of a node, its server or both killed."""
    of = f"{len(detail['kills'])} kills of node, server, both, {detail['plots']:,} plots"
    for what, name in (
        ("acknowledged and lost", "acknowledged_lost"),
        ("pictures other than that of a twin never killed, bits or ids", "pictures_other"),
        ("verdicts other than the twin's", "verdicts_other"),
        ("plots that the partner has not", "partner_lost"),
        ("... and that it has twice", "partner_doubled"),
    ):
        yield Figure(f"{of}: {what}", str(detail[name]), "0", not detail[name])
    path = detail["partner_path"]
    faults = " / ".join(str(path[name]) for name in ("lost", "doubled", "reordered"))
    yield Figure(f"{of}: messages lost / doubled / reordered", faults, "0 / 0 / 0",
                 not any(path.values()))  # fmt: skip
    ready = sorted(row["ready_s"] for row in detail["kills"] if row["ready_s"] is not None)
    if ready:
        folding = sorted(row["folding_s"] for row in detail["kills"] if row["folding_s"])
        yield Figure(
            f"{of}: from the process's start until ready, median / worst (of it folding)",
            f"{statistics.median(ready):.1f} / {ready[-1]:.1f} s "
            f"({statistics.median(folding):.2f} / {folding[-1]:.2f} s)",
            "< 3 s",
            ready[-1] < 3.0,
        )


def stages_killed(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of stages as processes of their own, killed."""
    of = f"{len(detail['kills'])} kills of node, feeds, warnings, record, {detail['plots']:,} plots"
    for what, name in (
        ("acknowledged and lost", "acknowledged_lost"),
        ("... and in the journal twice", "acknowledged_doubled"),
        ("pictures other than that of one process never killed, bits or ids", "pictures_other"),
        ("verdicts other than its", "verdicts_other"),
        ("alerts twice in the journal", "alerts_doubled"),
        ("... in it and never published", "alerts_unpublished"),
        ("... published and not in it", "published_unjournalled"),
    ):
        yield Figure(f"{of}: {what}", str(detail[name]), "0", not detail[name])
    apart, together = detail["said_apart"], detail["said_together"]
    yield Figure(
        "the first alert, never killed: apart / in one process",
        f"{apart} / {together}",
        "the same",
        apart == together,
    )
    ready = sorted(row["ready_s"] for row in detail["kills"])
    if ready:
        yield Figure(
            f"{of}: from the process's start until ready, median / worst",
            f"{statistics.median(ready):.1f} / {ready[-1]:.1f} s",
            "stated",
            None,
        )


def cut(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of nodes cut off from each other."""
    for row in detail["cuts"]:
        name = (
            f"{row['topology']}, {row['how']} of {row['length_s']:g} s, {row['messages_s']:.0f} "
            f"messages a second, {row['waited']:,} waited"
        )
        path = row["path"]
        faults = " / ".join(str(path[key]) for key in ("lost", "doubled", "reordered"))
        yield Figure(f"{name}: lost / doubled / reordered", faults, "0 / 0 / 0",
                     not any(path.values()) and row["caught_up"])  # fmt: skip
        both = row["identical"], row["as_known_then"]
        said = " / ".join("yes" if one else "NO" for one in both)
        said += f" ({row['rebuilds']} rebuilds)"
        yield Figure(f"{name}: bits as never cut / as known then", said, "yes / yes", all(both))
        times = row["times_real_time"]
        asked = row["how"] in ("cut", "black hole") and row["length_s"] >= 20
        yield Figure(
            f"{name}: taken in after",
            f"{row['caught_up_s']:.1f} s: {times:.1f} × real time, "
            f"{row['caught_up_messages_s']:,.0f} messages a second",
            "≥ 10 × real time" if asked else "stated",
            times >= 10 if asked else None,
        )


def beset(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of a full disk and a clock that steps."""
    disk = detail["disk"]
    well = disk["named"] and disk["picture_goes_on"] and disk["well"] and disk["replay_identical"]
    yield Figure(
        "disk full: named, picture goes on, acknowledged meanwhile; well after there is room",
        f"{disk['acknowledged_meanwhile']} acknowledged; {disk['well_again_s']:.1f} s",
        "0; by itself",
        well and not disk["acknowledged_meanwhile"],
    )
    for row in detail["clock"]:
        refused = sum(n for what, n in row["outcomes"].items() if "accepted" not in what)
        yield Figure(
            f"machine's clock put by {row['step_s']:+,.0f} s and back: named; own refused, "
            "partner's not taken",
            f"{'yes' if row['named'] and row['over'] else 'NO'}; {refused}, "
            f"{row['of_korea'][1] - row['of_korea'][0]}",
            "yes; 0, 0",
            row["named"] and row["over"] and not refused and row["confirmed"] > 0,
        )


def hours(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of memory over hours."""
    first, last, most = detail["settled_mib"]
    hours, kept_h = detail["hours"], detail["kept_h"]
    rate = hours * 3600 / detail["took_s"]
    yield Figure(
        f"{hours:g} hours, {detail['plots']:,} plots at {rate:.0f} × real time, "
        f"late.kept_s {kept_h:g} h: memory in the first quarter once that is full, and in the last",
        f"{first:.0f}, {last:.0f} MiB (most {most:.0f})",
        "flat: at most 5 % more",
        last <= 1.05 * first,
    )
