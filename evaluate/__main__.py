"""`python -m evaluate`: every figure of accuracy and honesty, beside what was asked for.

A study is a function that gives figures; this prints them as a table, says what is met, and writes
all detail to `out/evaluate.json`. Most studies keep their rows in `out/rows`; one that was
interrupted goes on where it stopped.
"""

import argparse
import datetime
import json
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from evaluate import (
    coverage,
    crowds,
    disagreements,
    flood,
    free_flight,
    hiding,
    hostile,
    link,
    manoeuvre,
    nodes,
    pairs,
    published,
    reentry,
    registration,
    separation,
    siblings,
    stages,
    tracklets,
    warned_nodes,
    warning_failures,
    warnings,
    white_sands,
    wire,
)
from evaluate import shared as shared_way
from skypact.sensing.scenario import load_scenario

SEED = 20261121
REPORTED_S = {
    "2017-07-04_hwasong-14": 39 * 60,
    "2017-11-29_hwasong-15": 53 * 60,
    "2022-01-30_hwasong-12": 30 * 60,
    "2022-10-04_irbm-over-japan": 22 * 60,
    "2022-11-18_hwasong-17": 4135,
    "2023-07-12_hwasong-18": 4491,
}
Step = Callable[[int], Any]


class Figure(NamedTuple):
    """One figure: what it is, its value, what was asked, and whether that is met (None: stated)."""

    what: str
    value: str
    asked: str
    met: bool | None


class Study(NamedTuple):
    """`run(count, progress)` gives detail; `figures(detail)` what of it was asked for."""

    title: str
    full: int
    quick: int
    run: Callable[[int, Step], dict[str, Any]]
    figures: Callable[[dict[str, Any]], Iterator[Figure]]


def _free_flight(detail: dict[str, Any]) -> Iterator[Figure]:
    for scene in ("lofted_three_radars", "past_demo_radars"):
        d = detail[scene]
        name = scene.replace("_", " ")
        for key, what in (("position_over_bound", "position"), ("velocity_over_bound", "velocity")):
            yield Figure(f"{name}: {what} RMSE / bound", f"{d[key]:.3f}", "≤ 1.05", d[key] <= 1.05)
        nees = d["nees_over_6"]
        error = d["nees_over_6_standard_error"]
        yield Figure(
            f"{name}: NEES / 6", f"{nees:.3f} ± {error:.3f}", "0.95–1.05", 0.95 <= nees <= 1.05
        )


def _reentry(detail: dict[str, Any]) -> Iterator[Figure]:
    ratio = detail["position_over_bound"]
    yield Figure(
        "re-entry, drag unknown: position RMSE / bound", f"{ratio:.3f}", "≤ 1.2", ratio <= 1.2
    )
    yield Figure("re-entry, drag unknown: NEES / 6", f"{detail['nees_over_6']:.2f}", "stated", None)


def _share(cell: dict[str, Any], low: float, high: float) -> tuple[str, bool | None]:
    """A share with its interval, and whether it is met; None where it was not judged."""
    if not cell["judged"]:
        return f"none of {cell['flights']} could be judged", None
    below, above = cell["interval_95"]
    said = (
        f"{cell['share']:.1%} ({below:.1%}–{above:.1%}) of {cell['judged']}"
        f", median error {cell['median_error_km']:.1f} km"
    )
    return said, low <= cell["share"] <= high


def _impacts(detail: dict[str, Any]) -> Iterator[Figure]:
    for key, area in (("in_region", "region"), ("in_ellipse", "ellipse")):
        for moment, kinds in detail[key].items():
            for kind, cell in kinds.items():
                said, met = _share(cell, 0.93, 0.97)
                overall = kind == "all"
                yield Figure(
                    f"impact {area}, {moment}, {kind}",
                    said,
                    "93–97 %" if overall else "stated",
                    met if overall else None,
                )


def _launches(detail: dict[str, Any]) -> Iterator[Figure]:
    for name, cell in detail.items():
        said, met = _share(cell, 0.93, 0.99)
        yield Figure(f"launch ellipse, {name}", said, "93–99 %", met)


def _tracklets(detail: dict[str, Any]) -> Iterator[Figure]:
    for scene, ways in detail.items():
        most = 1.01 if scene.startswith("coast") else 1.05
        for way, what in (("full", "full tracklets"), ("intersected", "covariance intersection")):
            d = ways[way]
            error = d["rmse_ratio_standard_error"]
            full = way == "full"
            yield Figure(
                f"{scene}: {what}, position RMSE / that of all plots; NEES / 6",
                f"{d['rmse_ratio']:.4f} ± {error:.4f}; {d['nees_over_6']:.2f}"
                f" (plots: {ways['plots']['nees_over_6']:.2f})",
                f"≤ {most}" if full else "stated",
                d["rmse_ratio"] <= most if full else None,
            )


def _hiding(detail: dict[str, Any]) -> Iterator[Figure]:
    for biases in ("unbiased", "biased"):
        price, placed = detail[biases]["price"], detail[biases]["placed_within_km"]
        for way, d in price.items():
            honest = d["nees_over_6"] <= 1.1 if way.startswith("hidden") else None
            said = f"{d['rmse_ratio']:.2f}; {d['nees_over_6']:.2f}"
            if way in placed:
                said += "; " + ", ".join(f"{km:.2g} ({by})" for by, km in placed[way].items())
            yield Figure(
                f"{biases}, {way}{' (default)' if way == detail['default'] else ''}: "
                "RMSE / all plots; NEES / 6; radar placed within km (by)",
                said,
                "NEES / 6 ≤ 1.1" if honest is not None else "stated",
                honest,
            )


def _run_published(runs: int, progress: Step) -> dict[str, Any]:
    return {
        "julier_uhlmann": published.julier_uhlmann(runs, SEED),
        "farina": published.farina(5 * runs, SEED, progress),
    }


def _published(detail: dict[str, Any]) -> Iterator[Figure]:
    d = detail["julier_uhlmann"]
    error = d["standard_error_km"]
    yield Figure(
        "Julier–Uhlmann re-entry: position RMSE",
        f"{d['position_rmse_km']:.5f} ± {error:.5f} km",
        "0.0084 km",
        abs(d["position_rmse_km"] - 0.0084) <= 0.00005 + 2.0 * error,
    )
    f = detail["farina"]
    for axis in ("x", "y"):
        rmse, bound = f[f"{axis}_rmse_m"], f[f"{axis}_bound_m"]
        low, high = f["printed"][f"{axis}_m"]
        noise = 2.0 * rmse / (2.0 * f["runs"]) ** 0.5
        yield Figure(
            f"Farina at 60 s: {axis} RMSE (bound here {bound:.1f} m)",
            f"{rmse:.1f} ± {noise:.1f} m",
            f"{low}–{high} m",
            low - noise <= rmse <= high + noise,
        )
    yield Figure(
        "Farina at 60 s: NEES / 4", f"{f['nees']:.2f}", "0.97", abs(f["nees"] - 0.97) < 0.1
    )


def _run_times(_: int, progress: Step) -> dict[str, Any]:
    detail = {}
    for done, (name, reported) in enumerate(REPORTED_S.items(), 1):
        ending = load_scenario(name).solutions[0].ending
        detail[name] = {"flown_s": ending.impact_s, "reported_s": reported}
        progress(done)
    return detail


def _times(detail: dict[str, Any]) -> Iterator[Figure]:
    for name, d in detail.items():
        off = d["flown_s"] / d["reported_s"] - 1.0
        yield Figure(
            f"time of flight, {name}",
            f"{d['flown_s']:.0f} s, reported {d['reported_s']} s: {off:+.1%}",
            "within 3 %",
            abs(off) <= 0.03,
        )


def _registration(detail: dict[str, Any]) -> Iterator[Figure]:
    for objects, count in ((1, "1 common object"), (10, "10 common objects")):
        for name, said in (("constant", "biases at ±1σ"), ("drawn", "biases drawn")):
            d = detail[f"{objects}_{name}"]
            what = f"{count}, {said}"
            ratio, nees = d["position_over_bound"], d["nees_over_6"]
            yield Figure(f"{what}: position RMSE / bound", f"{ratio:.3f}", "≤ 1.1", ratio <= 1.1)
            error = d["nees_over_6_standard_error"]
            yield Figure(
                f"{what}: NEES / 6", f"{nees:.3f} ± {error:.3f}", "0.9–1.1", 0.9 <= nees <= 1.1
            )
            biases, error = d["biases_nees_over_m"], d["biases_nees_standard_error"]
            yield Figure(
                f"{what}: NEES / 8 of the biases", f"{biases:.2f} ± {error:.2f}", "stated", None
            )
        d = detail[f"{objects}_constant"]
        yield Figure(
            f"{what.split(',', maxsplit=1)[0]}: bound / bound without biases",
            f"{d['position_bound_m']:.1f} / {d['unbiased_bound_m']:.1f} m"
            f" ({d['bound_over_unbiased_bound']:.2f})",
            "stated",
            None,
        )
        fixed = detail[f"{objects}_fixed"]
        yield Figure(
            f"{count}, all biases at +1σ: position RMSE / bound; NEES / 6",
            f"{fixed['position_over_bound']:.3f}; {fixed['nees_over_6']:.3f}",
            "stated",
            None,
        )
    alone = detail["10_each_alone"]["position_over_bound"]
    yield Figure(
        "10 common objects, each for itself: position RMSE / bound", f"{alone:.2f}", "stated", None
    )
    d = detail["flights"]
    yield Figure(
        f"flights that part and manoeuvre, {d['runs']} runs: NEES / 12 of the biases",
        f"{d['biases_nees_over_m']:.2f}, at most {d['greatest']:.2f};"
        f" learnt in {d['share_learnt']:.0%} of them",
        "stated",
        None,
    )

    for name, said in (
        ("independent", "independent errors"),
        ("lasting", "errors alike for 20 s"),
        ("ignored", "such errors taken for independent"),
    ):
        d = detail["orbits"].get(name)
        if d is not None:
            yield Figure(
                f"known orbits, {said}: NEES / 8 of the biases",
                f"{d['nees_over_m']:.2f} ± {d['standard_error']:.2f}, "
                f"{min(d['left']):.1%} to {max(d['left']):.1%} of σ left",
                "stated",
                None,
            )


def _salvo(detail: dict[str, Any]) -> Iterator[Figure]:
    d, objects = detail, crowds.SALVO_OBJECTS
    what = f"salvo of {objects} among false plots, {d['runs']} runs"
    share, false = d["share_in_sight_with_a_track"], d["false_tracks_a_minute"]
    changes = d["changes_per_object"]
    yield Figure(
        f"{what}: share of the time in sight with a track", f"{share:.2%}", "> 99 %", share > 0.99
    )
    yield Figure(
        f"{what}: share of all object-time with a track",
        f"{d['share_with_a_track']:.2%}",
        "stated",
        None,
    )
    yield Figure(f"{what}: false tracks a minute", f"{false:.2f}", "< 0.1", false < 0.1)
    yield Figure(f"{what}: changes of track per object", f"{changes:.2f}", "< 0.05", changes < 0.05)
    yield Figure(
        f"{what}: NEES / 6; within 95 %",
        f"{d['nees_over_6']:.2f}; {d['nees_within_95']:.1%}",
        "stated",
        None,
    )


def _pairs(detail: dict[str, Any]) -> Iterator[Figure]:
    for case, d in detail.items():
        means = dict(d["means"])
        what = f"two objects 50 m apart, {case}, {d['runs']} runs"
        for name, row in means.items():
            yield Figure(
                f"{what}: {name}",
                f"completeness {row['completeness']:.1%}; from {pairs.SETTLED_S} s on within 25 m"
                f" {row['told_apart']:.1%}, changes {row['settled_changes']:.2f} an object,"
                f" RMSE {row['rmse_m']:.1f} m, NEES / 6 {row['nees_over_6']:.1f},"
                f" in its 95 % {row['nees_within_95']:.0%}",
                "stated",
                None,
            )
        own = means.pop("Skypact")
        for how in (pairs.FROM_TRUTH, pairs.FROM_SKYPACT):
            others = [row for name, row in means.items() if name.endswith(how)]
            for key, said, better, perfect in (
                ("completeness", "completeness", max, 1.0),
                ("told_apart", "within 25 m", max, 1.0),
                ("settled_changes", "changes", min, 0.0),
            ):
                # Tracks that were Skypact's are there only once Skypact has both.
                if not others or (how == pairs.FROM_SKYPACT and key == "completeness"):
                    continue
                best = better(row[key] for row in others)
                ahead = own[key] == perfect or (
                    own[key] != best and better(own[key], best) == own[key]
                )
                yield Figure(
                    f"{what}: {said}, Skypact / best of Stone Soup {how}",
                    f"{own[key]:.3f} / {best:.3f}",
                    "better than both, or without fault",
                    ahead,
                )


def _separation(detail: dict[str, Any]) -> Iterator[Figure]:
    runs = detail["runs"]
    for case in separation.CASES:
        d = detail[case.name]
        asked = case.speed_m_s == separation.ASKED_M_S
        for key, ideal, what in (
            ("two", "ideal_two", "two tracks"),
            ("nearer", "ideal", "each nearer to its own, for good"),
            ("valid", "ideal", "told apart: each valid for its own alone, for good"),
        ):
            within = d[f"{key}_within_twice"]
            judged = asked and key == "valid"
            yield Figure(
                f"stage at {case.name}: {what}",
                f"median {d[f'{key}_s_median']:.1f} s, ideal {d[f'{ideal}_s_median']:.1f} s; within"
                f" twice that in {within} of {runs} runs, at all in {d[f'{key}_at_all']}",
                "twice, in 99 %" if judged else "stated",
                within >= 0.99 * runs if judged else None,
            )
        yield Figure(
            f"stage at {case.name}: first flight's id on the payload; the faster is the payload;"
            " the new names its parent; NEES / 6 after a minute",
            f"{d['kept']}, {d['ahead']}, {d['named']} of {runs};"
            f" medians {d['payload_nees_over_6_median']:.1f}, {d['stage_nees_over_6_median']:.1f}",
            "stated",
            None,
        )
        yield from _separated_areas(case.name, d.get("areas", {}), d.get("areas_always", {}), asked)
    yield _named_separation(detail["named"])


def _named_separation(rows: list[dict[str, Any]]) -> Figure:
    first, carried = (sum(row[key] for row in rows) for key in ("first_holds", "carried"))
    counts = ", ".join(f"{row['tracks']} ({row['false_tracks']})" for row in rows)
    nees = ", ".join(
        f"{statistics.median(row['nees_over_6'][name] for row in rows):.1f}"
        for name in ("hwasong-18", "stage-2", "debris")
    )
    return Figure(
        "2023-04-13: first flight's last area holds the payload's fall; that of any flight with"
        " the launch; tracks (false) of 4 objects; NEES / 6 payload, stage 2, debris",
        f"{first}, {carried} of {len(rows)} runs; {counts}; medians {nees}",
        "all, for the first",
        first == len(rows),
    )


def _siblings(detail: dict[str, Any]) -> Iterator[Figure]:
    runs = detail["runs"]
    for case in siblings.CASES:
        d = detail[case.name]
        yield Figure(
            f"stage at {case.name}, both as one joint state: told apart; valid; NEES / 6 after a"
            " minute",
            f"median {d['valid_s_median']:.1f} s, ideal {d['ideal_s_median']:.1f} s; within twice"
            f" that in {d['valid_within_twice']} of {runs} runs, at all in {d['valid_at_all']};"
            f" both in their gates {d['in_gate']:.1%} of the time;"
            f" medians {d['payload_nees_over_6_median']:.1f}, {d['stage_nees_over_6_median']:.1f}",
            "stated",
            None,
        )


def _separated_areas(
    name: str, areas: dict[str, Any], always: dict[str, Any], asked: bool
) -> Iterator[Figure]:
    for of, said in (
        ("first", "payload's fall, first flight"),
        ("ahead", "payload's fall, faster flight"),
        ("behind", "stage's fall, slower flight"),
    ):
        if of not in areas:
            continue
        shares = {
            second: cell["share"]
            for second, cell in zip(separation.AREA_MOMENTS_S, areas[of], strict=True)
            if cell["judged"]
        }
        least = min(shares, key=lambda second: shares[second])
        judged = asked and of == "first"
        yield Figure(
            f"stage at {name}: 95 % area holds the {said}, {len(shares)} moments",
            f"{shares[least]:.0%} ({least} s after) to {max(shares.values()):.0%};"
            f" at all of them in {always[of]['held']} of {always[of]['judged']}",
            "93–99 % at each" if judged else "stated",
            all(0.93 <= share <= 0.99 for share in shares.values()) if judged else None,
        )


def _white_sands(detail: dict[str, Any]) -> Iterator[Figure]:
    if "missing" in detail:
        yield Figure("White Sands", detail["missing"], "under 500 m", None)
        return
    second = detail["radars"][1]
    for name in (second, "both"):
        for other, d in detail[name]["from"].items():
            inside = d["squared_distance"] <= white_sands.CHI_SQUARED_95_3D
            off_m, alone_m = d["distance_m"], detail[second]["from"][other]["distance_m"]
            yield Figure(
                f"White Sands, {name}: T+470 s forecast against {other}",
                f"{off_m:.0f} m, {'in' if inside else 'outside'} its 95 % region"
                f" (χ² {d['squared_distance']:.1f})",
                "no worse" if name == "both" else "under 500 m and inside",
                off_m <= alone_m if name == "both" else off_m < 500.0 and inside,
            )
    alone, both = detail[second]["from_mean_m"], detail["both"]["from_mean_m"]
    yield Figure(
        "White Sands, from the mean of both radars: both / one radar",
        f"{both:.0f} m / {alone:.0f} m",
        "no worse; under 200 m",
        both <= alone and both < 200.0,
    )
    inside = detail["both"]["from_mean_squared_distance"]
    yield Figure(
        "White Sands, both: forecast against the mean of both radars",
        f"{both:.0f} m, σ {detail['both']['sigma_m']:.0f} m,"
        f" {'in' if inside <= white_sands.CHI_SQUARED_95_3D else 'outside'} its 95 % region"
        f" (χ² {inside:.1f})",
        "under 200 m and inside",
        both < 200.0 and inside <= white_sands.CHI_SQUARED_95_3D,
    )


def _disagreements(detail: dict[str, Any]) -> Iterator[Figure]:
    runs = detail["runs"]
    for case in disagreements.CASES:
        rows = detail[case.scenario]["each"]
        what = f"{case.scenario.split('_')[0]}, {case.said}"
        for key, asked, names in (
            ("reproduced", "as published, alone", (*case.counted, *case.ranges_m)),
            ("settled", "as it was, together", (disagreements.TOGETHER,)),
        ):
            if not names:
                continue
            said = "; ".join(f"{name} {_said(case, rows, name)}" for name in names)
            met = sum(row[key] for row in rows)
            yield Figure(f"{what}: {key}", f"{met} of {runs} runs: {said}", asked, met == runs)
    asked = {"JP": "outside at first, inside at last", "together": "all of the area inside"}
    for name, cell in detail["zone"]["table"].items():
        first, last = cell["outside_at_first"], cell["inside_at_last"]
        since = "never" if cell["settled_s"] is None else f"from T+{cell['settled_s']:.0f} s"
        met = {"JP": first == last == runs, "together": cell["settled_s"] is not None}
        yield Figure(
            f"2021-09-15, Japan's zone, {name}",
            f"outside at first in {first} of {runs} runs (all of the area in"
            f" {cell['sure_but_wrong']}), inside at last in {last}; all of the area inside {since}",
            asked.get(name, "stated"),
            met.get(name),
        )


def _warnings(detail: dict[str, Any]) -> Iterator[Figure]:
    for threshold, cell in detail["curves"].items():
        at, default = f"threshold {threshold}: ", threshold == "default"
        if cell["fell"]:
            share = cell["hits"] / cell["fell"]
            low, high = cell["hit_interval"]
            value = f"{share:.1%} ({low:.1%}–{high:.1%}) of {cell['fell']}"
            met = share >= 0.995 if default else None
            yield Figure(f"{at}hit in time", value, "≥ 99.5 %" if default else "stated", met)
        if cell["alerts"]:
            share = cell["false"] / cell["alerts"]
            met = share < 0.02 if default else None
            asked = "< 2 %" if default else "stated"
            yield Figure(f"{at}false alerts", f"{share:.1%} of {cell['alerts']}", asked, met)
            over = f"{cell['over_km2']:,.0f} km²; but for passing over {cell['over_fall_km2']:,.0f}"
            over += f"; the least {cell['least_km2']:,.0f}"
            yield Figure(f"{at}over-warned area, mean of an alert", over, "stated", None)
        if cell["lead_s"] is not None:
            yield Figure(f"{at}lead time, median", f"{cell['lead_s']:.0f} s", "stated", None)
    ended = detail["curves"]["default"]["not_ended"]
    yield Figure("alerts without their end", str(ended), "0", ended == 0)
    again = detail["curves"]["default"]["again"]
    yield Figure("flights alerted again after an end", str(again), "stated", None)


def _warning_failures(detail: dict[str, Any]) -> Iterator[Figure]:
    for row in detail["cases"]:
        name = f"{row['name']} ({row['went_wrong']})"
        said = f"{len(row['alerted_s'])} areas alerted, {len(row['missed'])} missed"
        said += f", {len(row['far'])} over 100 km away"
        said += f", on land later than T+300 s {len(row['far_land_late'])}"
        unobserved = row["unobserved"]
        if row["name"] == "2022-11-03":
            said += "; all clear said to be unobserved" if all(unobserved) else "; assumed"
        met = not row["missed"] and not row["far_land_late"] and row["reasons"] and row["ended"]
        if row["name"] == "2022-11-03":
            met = met and all(unobserved)
        if row["name"] == "2023-05-31":
            met = met and warning_failures.SEOUL not in row["alerted_s"]
            said += f"; Seoul {'alerted' if not met else 'not alerted'}"
        yield Figure(name, said, "not repeated", met)
        first = row["first_s"]
        together = first[disagreements.TOGETHER]
        alone = [at for who, at in first.items() if who != disagreements.TOGETHER and at]
        if together is None:
            gained = "no right area was to be warned"
        elif not alone:
            gained = f"T+{together:.0f} s; no nation alone"
        else:
            gained = (
                f"T+{together:.0f} s; alone T+{min(alone):.0f} s: {min(alone) - together:.0f} s"
            )
        yield Figure(f"{row['name']}: first right alert, lead gained", gained, "stated", None)


def _said(case: disagreements.Case, rows: list[dict[str, Any]], name: str) -> str:
    """What one picture says: launches over all runs, or ranges with their intervals in one."""
    if not case.ranges_m and case.scenario != disagreements.ZONE:
        counts = sorted({row["pictures"][name]["launched"] for row in rows})
        return " or ".join(map(str, counts))
    return ", ".join(
        "not known"
        if said is None
        else f"{said[0] / 1e3:.1f} ({said[1] / 1e3:.1f}–{said[2] / 1e3:.1f}) km"
        for said in rows[0]["pictures"][name]["ranges_m"]
    )


def _shadow(detail: dict[str, Any]) -> Iterator[Figure]:
    for name, cells in detail["pictures"].items():
        shares = {
            second: cell["held"] / cell["judged"]
            for second, cell in zip(detail["moments_s"], cells, strict=True)
            if cell["judged"]
        }
        worst = min(shares, key=lambda second: shares[second])
        yield Figure(
            f"2019-07-25: the 95 % area holds the fall, {name}, {len(shares)} moments",
            f"{min(shares.values()):.1%} (T+{worst} s) to {max(shares.values()):.1%}"
            f" of {max(cell['judged'] for cell in cells)}",
            "93–99 % at each" if name == "together" else "stated",
            all(0.93 <= share <= 0.99 for share in shares.values()) if name == "together" else None,
        )


def _wire(detail: dict[str, Any]) -> Iterator[Figure]:
    what = f"{detail['messages']:,} messages altered, forged, replayed, misdirected"
    accepted, changed = len(detail["accepted"]), detail["changed"]
    yield Figure(f"{what}: accepted", f"{accepted}", "0", accepted == 0)
    unexplained = detail["unexplained"]
    yield Figure(f"{what}: refused without reason", f"{unexplained}", "0", unexplained == 0)
    yield Figure(f"{what}: changes of the chains' state", f"{changed}", "0", changed == 0)
    kept = detail["kept_bytes"] / 1024
    yield Figure(f"{what}: peak of memory", f"{kept:.0f} KiB", "under 1 MiB", kept < 1024)
    yield Figure("to refuse one, on average", f"{detail['us_each']:.0f} µs", "stated", None)


def _shared(detail: dict[str, Any]) -> Iterator[Figure]:
    said = "the very bits" if detail["identical"] else "other bits"
    yield Figure("level plots: as all plots at one place", said, "identical", detail["identical"])
    rmse = detail["rmse_m"]
    for name, ratio in detail["ratio"].items():
        if name == "one place":
            continue
        met = ratio <= 1.02 if name == "full tracklets" else None
        what = f"{name}: RMSE {rmse[name]:.1f} m / {rmse['one place']:.1f} m at one place"
        yield Figure(what, f"{ratio:.3f}", "stated" if met is None else "≤ 1.02", met)


def _hostile(detail: dict[str, Any]) -> Iterator[Figure]:
    for name, case in detail["cases"].items():
        same = case["identical"]
        said = "identical" if same else "other"
        yield Figure(f"{name}: pictures {case['against']}", said, "identical", same)
    swarm = detail["swarm"]
    what = f"{swarm['ghosts']:,} ghosts a second for {swarm['seconds']} s"
    yield Figure(f"{what}: peak of memory", f"{swarm['grown_mib']:.0f} MiB", "stated", None)
    kept = swarm["own_track_kept"]
    yield Figure(f"{what}: own flight still one track", str(kept).lower(), "true", kept)


def _flood(detail: dict[str, Any]) -> Iterator[Figure]:
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


def _link(detail: dict[str, Any]) -> Iterator[Figure]:
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


def _killed(detail: dict[str, Any]) -> Iterator[Figure]:
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


def _stages_killed(detail: dict[str, Any]) -> Iterator[Figure]:
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


def _cut(detail: dict[str, Any]) -> Iterator[Figure]:
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


def _beset(detail: dict[str, Any]) -> Iterator[Figure]:
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


def _warned(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of a node that was killed while it warned."""
    yield from _alerts(f"killed {sum(detail['kills'].values())} times", detail)


def _warned_beset(detail: dict[str, Any]) -> Iterator[Figure]:
    for what, row in detail.items():
        yield from _alerts(what, row)
        value = f"{row['named']} of {row['flights']}"
        yield Figure(f"{what}: said in /health", value, "stated", None)
        if "recorded" in row:
            value = f"{row['recorded']} of {row['flights']}"
            yield Figure(
                f"{what}: flights in the record",
                value,
                "all",
                value == f"{row['flights']} of {row['flights']}",
            )


def _alerts(what: str, row: dict[str, Any]) -> Iterator[Figure]:
    lost = [*("not_in_the_stream", "not_in_the_feed", "hook_not_called", "flights_never_warned")]
    doubled = ["doubled_in_the_stream", "never_journalled", "flights_of_two_chains"]
    value = f"{row['messages']} messages on {row['flights']} flights"
    for name, keys in (
        ("alerts lost", lost),
        ("doubled", doubled),
        ("without their end, or out of order", ["broken_chains", "other_order"]),
        ("not valid", ["not_valid"]),
    ):
        count = sum(int(row[key]) for key in keys)
        yield Figure(f"{what}: {name}", f"{count} of {value}", "0", count == 0)
    twice = f"live {row['live_twice']}, hook {row['hook_twice']}; live missed {row['live_missed']}"
    yield Figure(f"{what}: told twice under one identifier", twice, "stated", None)


def _hours(detail: dict[str, Any]) -> Iterator[Figure]:
    first, last, most = detail["settled_mib"]
    hours, kept_h = detail["hours"], detail["kept_h"]
    rate = hours * 3600 / detail["took_s"]
    yield Figure(
        f"{hours:g} hours, {detail['plots']:,} plots at {rate:.0f} × real time, "
        f"late.kept_s {kept_h:g} h: memory once that is full, and at the end",
        f"{first:.0f}, {last:.0f} MiB (most {most:.0f})",
        "flat",
        last < 1.1 * first,
    )


def _manoeuvre(detail: dict[str, Any]) -> Iterator[Figure]:
    for group in (*manoeuvre.NAMED, *manoeuvre.DRAWN):
        for name, cell in detail[group]["table"].items():
            found, ideal, late = (_pair_of(cell[key]) for key in ("found_s", "ideal_s", "late_s"))
            yield Figure(
                f"{group}, {name}: lift found, median / 90 % (ideal test; later than it)",
                f"{found} s ({ideal} s; {late} s); {cell['found']} of {cell['told_by_ideal']}",
                "stated",
                None,
            )
            held = ", ".join(f"{s} s {h}/{n}" for s, (h, n) in cell["held"].items() if n)
            yield Figure(f"{group}, {name}: area holds, from first visible plot", held, "", None)
    for part in ("payload", "stage"):
        seen = [row[part] for row in detail["ballistic"] if part in row and row[part]["seen_s"]]
        alarms = [row["alarm_s"] for row in seen]
        yield Figure(
            f"ballistic {part}: flights taken to manoeuvre at any time; seconds of those seen",
            f"{sum(s > 0 for s in alarms)} of {len(seen)}; "
            f"{sum(alarms):.0f} of {sum(row['seen_s'] for row in seen):.0f}",
            "stated",
            None,
        )
    for after in manoeuvre.UNSEEN_S:
        rows = [row[str(after)] for row in detail["unseen"]]
        up = [row for row in rows if row is not None]
        yield Figure(
            f"2019-07-25, KR alone, {after} s unseen: place within its 95 % region; ended",
            f"{sum(d < manoeuvre.CHI_SQUARED_95_PLACE for d in up)} of {len(up)}; "
            f"{len(rows) - len(up)}",
            "stated",
            None,
        )


def _pair_of(values: list[float | None]) -> str:
    return " / ".join("never" if value is None else f"{value:.1f}" for value in values)


def _studies(shared: Path) -> dict[str, Study]:
    def run_white_sands(_: int, progress: Step) -> dict[str, Any]:
        folder = shared / "data" / "wsmr"
        if not folder.is_dir():
            return {"missing": "recordings not here; name their folder with --shared"}
        detail = white_sands.run(folder)
        progress(1)
        return detail

    return {
        "free-flight": Study(
            "Free flight",
            500,
            20,
            lambda n, step: free_flight.run(n, SEED, step),
            _free_flight,
        ),
        "re-entry": Study(
            "Re-entry", 300, 20, lambda n, step: reentry.run(n, SEED, step), _reentry
        ),
        "impact": Study(
            "Impact areas", 1000, 20, lambda n, step: coverage.impacts(n, SEED, step), _impacts
        ),
        "launch": Study(
            "Launch areas", 1000, 20, lambda n, step: coverage.launches(n, SEED, step), _launches
        ),
        "registration": Study(
            "Registration",
            200,
            8,
            lambda n, step: registration.run(n, SEED, step),
            _registration,
        ),
        "tracklets": Study(
            "Tracklets", 100, 4, lambda n, step: tracklets.run(n, SEED, step), _tracklets
        ),
        "hiding": Study(
            "Hidden tracklets", 20, 2, lambda n, step: hiding.run(n, SEED, step), _hiding
        ),
        "salvo": Study("Salvo", 100, 3, lambda n, step: crowds.run_salvo(n, step, SEED), _salvo),
        "pair": Study("Pairs", 10, 2, lambda n, step: pairs.run(n, SEED, step), _pairs),
        "separation": Study(
            "Separation", 30, 3, lambda n, step: separation.run(n, SEED, step), _separation
        ),
        "siblings": Study(
            "Siblings as one state", 30, 3, lambda n, step: siblings.run(n, SEED, step), _siblings
        ),
        "link": Study(
            "Links that fail, longest cut in seconds",
            600,
            5,
            link.run,
            _link,
        ),
        "nodes-killed": Study(
            "Nodes killed", 50, 3, lambda n, step: nodes.kills(n, SEED, step), _killed
        ),
        "stages-killed": Study(
            "Stages as processes of their own, killed",
            20,
            4,
            lambda n, step: stages.kills(n, SEED, step),
            _stages_killed,
        ),
        "nodes-cut": Study("Nodes cut off, longest cut in seconds", 600, 20, nodes.cut_off, _cut),
        "nodes-beset": Study("Nodes whose disk is full or clock steps", 1, 1, nodes.beset, _beset),
        "warnings-killed": Study(
            "Warnings of a node that is killed",
            100,
            4,
            lambda n, step: warned_nodes.kills(n, SEED, step),
            _warned,
        ),
        "warnings-beset": Study(
            "Warnings of a node whose disk, clock or database fails, flights of each",
            10,
            1,
            lambda n, step: warned_nodes.faults(n, SEED, step),
            _warned_beset,
        ),
        "nodes-hours": Study("Hours of a node", 8, 1, nodes.hours, _hours),
        "published": Study("Published scenarios", 100, 20, _run_published, _published),
        "disagreements": Study(
            "Published disagreements",
            10,
            2,
            lambda n, step: disagreements.run(n, SEED, step),
            _disagreements,
        ),
        "shadow": Study(
            "Pull-up in the shadow zone",
            500,
            10,
            lambda n, step: disagreements.run_shadow(n, SEED, step),
            _shadow,
        ),
        "manoeuvre": Study(
            "Pull-ups and glides",
            40,
            1,
            lambda n, step: manoeuvre.run(n, SEED, step),
            _manoeuvre,
        ),
        "times": Study("Times of flight", 6, 6, _run_times, _times),
        "shared": Study("Shared picture", 20, 2, shared_way.run, _shared),
        "hostile": Study("Hostile partner", 50, 2, lambda n, s: hostile.run(n, SEED, s), _hostile),
        "flood": Study("Flood, seconds", 60, 10, flood.run, _flood),
        "wire": Study("Wire", 1000, 20, lambda n, step: wire.run(n, SEED, step), _wire),
        "warnings": Study(
            "Warnings", 2000, 8, lambda n, step: warnings.run(n, SEED, step), _warnings
        ),
        "warning-failures": Study(
            "Published warning failures",
            5,
            5,
            lambda n, step: warning_failures.run(n, SEED, step),
            _warning_failures,
        ),
        "white-sands": Study("White Sands", 1, 1, run_white_sands, _white_sands),
    }


def _progress_of(title: str, bar: Progress) -> Step:
    task = bar.add_task(title, total=None)
    return lambda done: bar.update(task, completed=done, description=f"{title}: {done} done")


def main() -> int:
    """Run the studies asked for, print their figures and write their detail."""
    parser = argparse.ArgumentParser(prog="python -m evaluate", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few runs: a look, not a result")
    parser.add_argument("--only", action="append", metavar="STUDY", help="one study; may repeat")
    parser.add_argument("--runs", type=int, metavar="N", help="so many runs of each study")
    parser.add_argument("--json", type=Path, default=Path("out/evaluate.json"))
    parser.add_argument(
        "--shared",
        type=Path,
        default=Path(os.environ.get("SKYPACT_SHARED", "../shared")),
        help="folder with the real recordings",
    )
    arguments = parser.parse_args()
    studies = _studies(arguments.shared)
    for name in arguments.only or ():
        if name not in studies:
            parser.error(f"no study {name!r}; there are {', '.join(studies)}")
    console = Console(width=None if sys.stdout.isatty() else 150)
    table = Table(title=f"Skypact, {datetime.date.today()}{' (quick)' if arguments.quick else ''}")
    for heading in ("figure", "measured", "asked", "met"):
        table.add_column(heading)
    details: dict[str, Any] = {"seed": SEED, "quick": arguments.quick}
    short = 0
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), transient=True
    ) as bar:
        for name in arguments.only or studies:
            study = studies[name]
            count = arguments.runs or (study.quick if arguments.quick else study.full)
            detail = study.run(count, _progress_of(study.title, bar))
            figures = list(study.figures(detail))
            details[name] = detail | {"figures": [figure._asdict() for figure in figures]}
            for figure in figures:
                met = {True: "yes", False: "NO", None: ""}[figure.met]
                table.add_row(figure.what, figure.value, figure.asked, met)
                short += figure.met is False
            arguments.json.parent.mkdir(parents=True, exist_ok=True)
            arguments.json.write_text(json.dumps(details, indent=1, default=float))
            if not sys.stdout.isatty():
                console.print(f"{study.title}: done, {count} runs", style="dim")
    console.print(table)
    console.print(f"{short} figures fall short. All detail: {arguments.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
