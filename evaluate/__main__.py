"""`python -m evaluate`: every figure of accuracy and honesty, beside what was asked for.

A study is a function that gives figures; this prints them as a table, says what is met, and writes
all detail to `out/evaluate.json`. Most studies keep their rows in `out/rows`; one that was
interrupted goes on where it stopped.
"""

import argparse
import datetime
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from evaluate.studies import SEED, Step, studies_of


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
    parser.add_argument(
        "--rate", type=float, default=200.0, metavar="N", help="messages a second of nodes-cut"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="say on stderr how far a study is, where it can"
    )
    arguments = parser.parse_args()
    if arguments.verbose:
        logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(message)s")
        logging.getLogger("evaluate").setLevel(logging.INFO)
    studies = studies_of(arguments.shared, arguments.rate)
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
