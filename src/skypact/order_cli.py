"""What commands that order something of a running node have in common.

Heavy imports stand inside the function, as in `skypact.cli`.
"""

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The nation's folder.")]
By = Annotated[str, typer.Option(metavar="NAME", help="Who orders it; it is kept.")]
UserKey = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="Your own key, where users are entered."),
]
InExercise = Annotated[bool, typer.Option("--exercise", help="The node of the exercise.")]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE.toml", help="Settings: [link].")
]


def order(
    folder: Path,
    what: str,
    about: str,
    by: str,
    key: Path | None,
    settings: Path | None,
    exercise: bool,
) -> None:
    """Have the running node do something about a partner or an event, and tell its answer."""
    import asyncio

    from skypact.serving.orders import order_about
    from skypact.settings import load_settings

    chosen = load_settings(settings)
    answer = asyncio.run(order_about(folder, what, about, by, chosen, exercise=exercise, key=key))
    typer.echo(answer.said, err=not answer.done)
    raise typer.Exit(0 if answer.done else 1)
