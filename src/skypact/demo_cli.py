"""`skypact demo`: three nodes and desks on this machine, and a published launch past them."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where all of it is kept.")],
    scenario: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="skypact simulate --list names them; it flies as fast as it did, so a short one "
            "is soon over. At first 2022-10-04_irbm-over-japan.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", help="Of the radars' noise. At first 1.", show_default=False),
    ] = None,
    lasts_min: Annotated[
        float, typer.Option(metavar="MIN", help="It ends so long after the last plot.")
    ] = 30.0,
    first_port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            help="Ports from this on. At first the first of 14220, 14260, … where all are free.",
            show_default=False,
        ),
    ] = None,
    areas: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.geojson",
            help="Areas to be warned, as an exercise (make areas writes some). At first none.",
            show_default=False,
        ),
    ] = None,
    background: Annotated[
        bool, typer.Option("--background", help="Come back once the picture moves.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End what runs in the background.")] = False,
) -> None:
    """Show a launch live on three nations' desks, each with its own node, sharing."""
    import asyncio
    import sys

    from skypact import run_demo
    from skypact.settings import Settings

    settings = Settings()
    if stop:
        typer.echo("stopped" if run_demo.end(folder) else "nothing was running")
        for nation in run_demo.begun_again(folder):
            typer.echo(f"The node of {nation}, begun again by hand, goes on: end it there (Ctrl-C)")
        return
    run_demo.prepare(folder, scenario, seed, first_port, settings, areas)
    if background:
        for line in run_demo.begin(folder, ("--lasts-min", f"{lasts_min}")):
            typer.echo(line)
        typer.echo(f"It ends by itself, or with: {sys.argv[0]} demo {folder} --stop")
        return
    asyncio.run(run_demo.run(folder, settings, lasts_s=60.0 * lasts_min, say=typer.echo))
