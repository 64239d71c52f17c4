"""`skypact demo`: three nodes and desks on this machine, and a published launch past them."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where all of it is kept.")],
    scenario: Annotated[
        str, typer.Option(metavar="NAME", help="skypact simulate --list names them.")
    ] = "2022-10-04_irbm-over-japan",
    seed: Annotated[int, typer.Option(metavar="N", help="Of the radars' noise.")] = 1,
    speed: Annotated[
        float,
        typer.Option(
            metavar="N",
            min=0.01,
            max=1.0,
            help="How many times as fast; faster than it was, plots would come too old to be used.",
        ),
    ] = 1.0,
    lasts_min: Annotated[
        float, typer.Option(metavar="MIN", help="It ends so long after the last plot.")
    ] = 30.0,
    first_port: Annotated[int, typer.Option(metavar="PORT", help="Ports from this on.")] = 14220,
    background: Annotated[
        bool, typer.Option("--background", help="Come back once the picture moves.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End what runs in the background.")] = False,
) -> None:
    """Show a launch live on three nations' desks, each with its own node, sharing."""
    import asyncio

    from skypact import run_demo
    from skypact.settings import Settings

    settings = Settings()
    if stop:
        typer.echo("stopped" if run_demo.end(folder) else "nothing was running")
        return
    run_demo.prepare(folder, scenario, seed, first_port, settings)
    if background:
        for line in run_demo.begin(folder, ("--speed", f"{speed}", "--lasts-min", f"{lasts_min}")):
            typer.echo(line)
        typer.echo(f"It ends by itself, or with: skypact demo {folder} --stop")
        return
    asyncio.run(
        run_demo.run(folder, settings, speed=speed, lasts_s=60.0 * lasts_min, say=typer.echo)
    )
