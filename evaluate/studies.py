"""The studies: what each flies, how often, and what its figures are."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

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
    shadow,
    siblings,
    stages,
    times,
    tracklets,
    warned_again,
    warned_nodes,
    warning_failures,
    warnings,
    white_sands,
    wire,
)
from evaluate import shared as shared_way
from evaluate.figures import Figure, of_nodes, of_published, of_tracking, of_warnings

SEED = 20261121
Step = Callable[[int], Any]
"""Is told how many are done."""
Run = Callable[[int, Step], dict[str, Any]]


class Study(NamedTuple):
    """`run(count, progress)` gives detail; `figures(detail)` what of it was asked for."""

    title: str
    full: int
    quick: int
    run: Run
    figures: Callable[[dict[str, Any]], Iterator[Figure]]


def _seeded(run: Callable[[int, int, Step], dict[str, Any]]) -> Run:
    return lambda count, progress: run(count, SEED, progress)


def studies_of(shared: Path, cut_messages_s: float = 200.0) -> dict[str, Study]:
    """The studies by name; the real recordings lie in the folder `shared`.

    `cut_messages_s`: messages a second of the nodes that are cut off.
    """

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
            _seeded(free_flight.run),
            of_tracking.free_flight,
        ),
        "re-entry": Study("Re-entry", 300, 20, _seeded(reentry.run), of_tracking.reentry),
        "impact": Study("Impact areas", 1000, 20, _seeded(coverage.impacts), of_tracking.impacts),
        "launch": Study("Launch areas", 1000, 20, _seeded(coverage.launches), of_tracking.launches),
        "registration": Study(
            "Registration",
            200,
            8,
            _seeded(registration.run),
            of_tracking.registration,
        ),
        "tracklets": Study("Tracklets", 100, 4, _seeded(tracklets.run), of_tracking.tracklets),
        "hiding": Study("Hidden tracklets", 20, 2, _seeded(hiding.run), of_tracking.hiding),
        "salvo": Study("Salvo", 100, 3, _seeded(crowds.run_salvo), of_tracking.salvo),
        "pair": Study("Pairs", 10, 2, _seeded(pairs.run), of_tracking.pairs),
        "separation": Study("Separation", 30, 3, _seeded(separation.run), of_tracking.separation),
        "siblings": Study(
            "Siblings as one state", 30, 3, _seeded(siblings.run), of_tracking.siblings
        ),
        "link": Study(
            "Links that fail, longest cut in seconds",
            600,
            5,
            link.run,
            of_nodes.link,
        ),
        "nodes-killed": Study("Nodes killed", 50, 3, _seeded(nodes.kills), of_nodes.killed),
        "stages-killed": Study(
            "Stages as processes of their own, killed",
            20,
            4,
            _seeded(stages.kills),
            of_nodes.stages_killed,
        ),
        "nodes-cut": Study(
            "Nodes cut off, longest cut in seconds",
            600,
            20,
            lambda count, progress: nodes.cut_off(count, progress, cut_messages_s),
            of_nodes.cut,
        ),
        "nodes-beset": Study(
            "Nodes whose disk is full or clock steps", 1, 1, nodes.beset, of_nodes.beset
        ),
        "warnings-killed": Study(
            "Warnings of a node that is killed",
            100,
            4,
            _seeded(warned_nodes.kills),
            of_warnings.warned,
        ),
        "warnings-beset": Study(
            "Warnings of a node whose disk, clock or database fails, flights of each",
            10,
            1,
            _seeded(warned_nodes.faults),
            of_warnings.warned_beset,
        ),
        "nodes-hours": Study("Hours of a node", 8, 1, nodes.hours, of_nodes.hours),
        "published": Study(
            "Published scenarios", 100, 20, _seeded(published.run), of_published.published
        ),
        "disagreements": Study(
            "Published disagreements",
            10,
            2,
            _seeded(disagreements.run),
            of_published.disagreements,
        ),
        "shadow": Study(
            "Pull-up in the shadow zone",
            500,
            10,
            _seeded(shadow.run),
            of_published.shadow,
        ),
        "manoeuvre": Study(
            "Pull-ups and glides",
            40,
            1,
            _seeded(manoeuvre.run),
            of_tracking.manoeuvre,
        ),
        "times": Study("Times of flight", 6, 6, times.run, of_published.times),
        "shared": Study("Shared picture", 20, 2, shared_way.run, of_nodes.shared),
        "hostile": Study("Hostile partner", 50, 2, _seeded(hostile.run), of_nodes.hostile),
        "flood": Study("Flood, seconds", 60, 10, flood.run, of_nodes.flood),
        "wire": Study("Wire", 1000, 20, _seeded(wire.run), of_nodes.wire),
        "warnings": Study("Warnings", 2000, 8, _seeded(warnings.run), of_warnings.warnings),
        "warned-again": Study(
            "Areas alerted again, looked at each second",
            60,
            2,
            _seeded(warned_again.run),
            of_warnings.warned_again,
        ),
        "warning-failures": Study(
            "Published warning failures",
            5,
            5,
            _seeded(warning_failures.run),
            of_warnings.warning_failures,
        ),
        "white-sands": Study("White Sands", 1, 1, run_white_sands, of_published.white_sands),
    }
