"""Figures of tracking: how accurate, how honest, which plots are whose."""

import statistics
from collections.abc import Iterator
from typing import Any

from evaluate import crowds
from evaluate import manoeuvre as manoeuvre_study
from evaluate import pairs as pairs_study
from evaluate import separation as separation_study
from evaluate import siblings as siblings_study
from evaluate.figures import Figure


def free_flight(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of free flight, beside the Cramér–Rao bound."""
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


def reentry(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of re-entry with unknown drag."""
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


def impacts(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of impact areas: how often they hold the truth."""
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


def launches(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of launch areas: how often they hold the truth."""
    for name, cell in detail.items():
        said, met = _share(cell, 0.93, 0.99)
        yield Figure(f"launch ellipse, {name}", said, "93–99 %", met)


def tracklets(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of tracklets instead of all plots."""
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


def hiding(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of hidden tracklets: their price, and how well a radar can be placed from them."""
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


def registration(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of biases learnt from common objects and known orbits."""
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


def salvo(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of ten objects at once among false plots."""
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


def pairs(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of two objects 50 m apart, beside Stone Soup."""
    for case, d in detail.items():
        means = dict(d["means"])
        what = f"two objects 50 m apart, {case}, {d['runs']} runs"
        for name, row in means.items():
            yield Figure(
                f"{what}: {name}",
                f"completeness {row['completeness']:.1%};"
                f" from {pairs_study.SETTLED_S} s on within 25 m"
                f" {row['told_apart']:.1%}, changes {row['settled_changes']:.2f} an object,"
                f" RMSE {row['rmse_m']:.1f} m, NEES / 6 {row['nees_over_6']:.1f},"
                f" in its 95 % {row['nees_within_95']:.0%}",
                "stated",
                None,
            )
        own = means.pop("Skypact")
        for how in (pairs_study.FROM_TRUTH, pairs_study.FROM_SKYPACT):
            others = [row for name, row in means.items() if name.endswith(how)]
            for key, said, better, perfect in (
                ("completeness", "completeness", max, 1.0),
                ("told_apart", "within 25 m", max, 1.0),
                ("settled_changes", "changes", min, 0.0),
            ):
                # Tracks that were Skypact's are there only once Skypact has both.
                if not others or (how == pairs_study.FROM_SKYPACT and key == "completeness"):
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


def separation(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of a stage that leaves its payload."""
    runs = detail["runs"]
    for case in separation_study.CASES:
        d = detail[case.name]
        asked = case.speed_m_s == separation_study.ASKED_M_S
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


def siblings(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of both as one joint state from the beginning."""
    runs = detail["runs"]
    for case in siblings_study.CASES:
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
            for second, cell in zip(separation_study.AREA_MOMENTS_S, areas[of], strict=True)
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


def manoeuvre(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of pull-ups and glides, beside an ideal test."""
    for group in (*manoeuvre_study.NAMED, *manoeuvre_study.DRAWN):
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
    for after in manoeuvre_study.UNSEEN_S:
        rows = [row[str(after)] for row in detail["unseen"]]
        up = [row for row in rows if row is not None]
        yield Figure(
            f"2019-07-25, KR alone, {after} s unseen: place within its 95 % region; ended",
            f"{sum(d < manoeuvre_study.CHI_SQUARED_95_PLACE for d in up)} of {len(up)}; "
            f"{len(rows) - len(up)}",
            "stated",
            None,
        )


def _pair_of(values: list[float | None]) -> str:
    return " / ".join("never" if value is None else f"{value:.1f}" for value in values)
