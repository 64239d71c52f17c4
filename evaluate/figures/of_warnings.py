"""Figures of warnings: hits, misses, false alerts, leads, and alerts amid failures."""

from collections.abc import Iterator
from typing import Any

from evaluate import disagreements
from evaluate import warning_failures as warning_failures_study
from evaluate.figures import Figure


def warnings(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of hits, false alerts and leads by threshold."""
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


def warned_again(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of areas that were cleared and alerted again, and of how much is said."""
    alerts = detail["alerts"]
    value = f"{detail['again']} of {alerts}, {detail['areas_again']} of {detail['alerted']} areas"
    yield Figure("alerts with an area that is cleared and alerted again", value, "stated", None)
    value = f"{detail['messages']}, of them {detail['soon']} at once for a greater danger"
    yield Figure(f"messages of {alerts} alerts", value, "stated", None)


def warning_failures(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of the published failures, flown again."""
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
            met = met and warning_failures_study.SEOUL not in row["alerted_s"]
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


def warned(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of a node that was killed while it warned."""
    yield from _alerts(f"killed {sum(detail['kills'].values())} times", detail)


def warned_beset(detail: dict[str, Any]) -> Iterator[Figure]:
    """Of a node whose disk, clock or database fails while it warns."""
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
        ("alerted anew after their end", ["alerted_again"]),
        ("not valid", ["not_valid"]),
    ):
        count = sum(int(row[key]) for key in keys)
        yield Figure(f"{what}: {name}", f"{count} of {value}", "0", count == 0)
    twice = f"live {row['live_twice']}, hook {row['hook_twice']}; live missed {row['live_missed']}"
    yield Figure(f"{what}: told twice under one identifier", twice, "stated", None)
