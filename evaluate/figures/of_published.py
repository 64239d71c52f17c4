"""Figures beside what was published: papers, launches, recordings."""

from collections.abc import Iterator, Sequence
from typing import Any

from evaluate import disagreements as disagreements_study
from evaluate import white_sands as white_sands_study
from evaluate.figures import Figure


def published(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of two filtering problems from the literature."""
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


def times(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of times of flight, beside those reported."""
    for name, d in detail.items():
        off = d["flown_s"] / d["reported_s"] - 1.0
        yield Figure(
            f"time of flight, {name}",
            f"{d['flown_s']:.0f} s, reported {d['reported_s']} s: {off:+.1%}",
            "within 3 %",
            abs(off) <= 0.03,
        )


def white_sands(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of two radars that followed one sounding rocket."""
    if "missing" in detail:
        yield Figure("White Sands", detail["missing"], "under 500 m", None)
        return
    second = detail["radars"][1]
    for name in (second, "both"):
        for other, d in detail[name]["from"].items():
            inside = d["squared_distance"] <= white_sands_study.CHI_SQUARED_95_3D
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
        f" {'in' if inside <= white_sands_study.CHI_SQUARED_95_3D else 'outside'} its 95 % region"
        f" (χ² {inside:.1f})",
        "under 200 m and inside",
        both < 200.0 and inside <= white_sands_study.CHI_SQUARED_95_3D,
    )


def disagreements(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of launches that nations disagreed on."""
    runs = detail["runs"]
    for case in disagreements_study.CASES:
        rows = detail[case.scenario]["each"]
        what = f"{case.scenario.split('_')[0]}, {case.said}"
        for key, asked, names in (
            ("reproduced", "as published, alone", (*case.counted, *case.ranges_m)),
            ("settled", "as it was, together", (disagreements_study.TOGETHER,)),
        ):
            if not names:
                continue
            said = "; ".join(f"{name} {_said(case, rows, name)}" for name in names)
            met = sum(row[key] for row in rows)
            yield Figure(f"{what}: {key}", f"{met} of {runs} runs: {said}", asked, met == runs)
    asked = {
        "JP": "outside or not known at first, inside at last, never surely outside",
        "together": "all of the area inside",
    }
    for name, cell in detail["zone"]["table"].items():
        first, last, wrong = cell["open_at_first"], cell["inside_at_last"], cell["sure_but_wrong"]
        since = "never" if cell["settled_s"] is None else f"from T+{cell['settled_s']:.0f} s"
        met = {"JP": first == last == runs and not wrong, "together": cell["settled_s"] is not None}
        yield Figure(
            f"2021-09-15, Japan's zone, {name}",
            f"not surely inside at first in {first} of {runs} runs, outside at any time in"
            f" {cell['outside']} (all of the area in {wrong}), inside at last in {last};"
            f" all of the area inside {since}",
            asked.get(name, "stated"),
            met.get(name),
        )


def _said(case: disagreements_study.Case, rows: list[dict[str, Any]], name: str) -> str:
    """What one picture says: launches over all runs, or ranges with their intervals in one."""
    if not case.ranges_m and case.scenario != disagreements_study.ZONE:
        counts = sorted({row["pictures"][name]["launched"] for row in rows})
        return " or ".join(map(str, counts))
    return ", ".join(
        "not known"
        if said is None
        else f"{said[0] / 1e3:.1f} ({said[1] / 1e3:.1f}–{said[2] / 1e3:.1f}) km"
        for said in rows[0]["pictures"][name]["ranges_m"]
    )


def shadow(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of the pull-up of 2019-07-25."""
    yield from _shadow("2019-07-25", detail["moments_s"], detail["published"])
    yield from _shadow("2019-07-25, pull-up drawn", detail["moments_s"], detail["drawn"])


def _shadow(
    what: str, moments_s: Sequence[int], pictures: dict[str, list[dict[str, int]]]
) -> Iterator[Figure]:
    for name, cells in pictures.items():
        judged = {s: cell for s, cell in zip(moments_s, cells, strict=True) if cell["judged"]}
        shares = {second: cell["held"] / cell["judged"] for second, cell in judged.items()}
        worst = min(shares, key=lambda second: shares[second])
        asked = name == "together"
        yield Figure(
            f"{what}: the 95 % area holds the fall, {name}, {len(shares)} moments",
            f"{min(shares.values()):.1%} (T+{worst} s) to {max(shares.values()):.1%}"
            f" of {max(cell['judged'] for cell in cells)}",
            "93–99 % at each" if asked else "stated",
            all(0.93 <= share <= 0.99 for share in shares.values()) if asked else None,
        )
