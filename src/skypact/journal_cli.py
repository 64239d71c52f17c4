"""`skypact replay` and `skypact journal`: what a node's journal tells.

Heavy imports stand inside the commands, as in `skypact.cli`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from skypact.model import Plots, Radar
    from skypact.serving.replay import Replayed

Journal = Annotated[
    Path, typer.Argument(metavar="DIR", help="A nation's folder, or an exported journal.")
]
Exercise = Annotated[bool, typer.Option("--exercise", help="The exercise's journal.")]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE.toml", help="The node's settings.")
]
_THEN = "then"

journal = typer.Typer(
    name="journal",
    help="What a node keeps of all that came in and went out.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@journal.command()
def export(
    folder: Journal,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Enough for this time and all after it."),
    ] = None,
    exercise: Exercise = False,
    settings: SettingsFile = None,
) -> None:
    """Write a node's journal to a file that skypact replay and release test read."""
    import asyncio

    from skypact.offline.output import require_writable
    from skypact.serving.journal_source import export as write
    from skypact.serving.journal_source import open_source
    from skypact.settings import load_settings

    require_writable(file)
    chosen, from_ns = load_settings(settings), _time(from_, "--from")

    async def run() -> int:
        async with open_source(folder, chosen, exercise=exercise) as source:
            with _progress("Writing") as bar:
                return await write(source, file, from_ns=from_ns, on_progress=bar)

    typer.echo(f"{file}: {asyncio.run(run()):,} entries", err=True)


def replay(
    folder: Journal,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="The picture at this time, ISO 8601, UTC.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Several: from this time")
    ] = None,
    to: Annotated[str | None, typer.Option(metavar="TIME", help="... to this one")] = None,
    every: Annotated[float | None, typer.Option(metavar="S", help="... every so many s.")] = None,
    picture: Annotated[
        str,
        typer.Option(
            metavar="national|shared|public_warning|export",
            help="Own plots alone, or partners' too: for own eyes, for alerts, for exports.",
        ),
    ] = "shared",
    known_at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME|then",
            help="By what had been received by this time alone; then: by each picture's own time.",
        ),
    ] = None,
    exercise: Exercise = False,
    json: Annotated[
        bool, typer.Option("--json", help="JSON instead of a table, with all bits' digest.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it there, not to stdout.")
    ] = None,
    settings: SettingsFile = None,
) -> None:
    """Rebuild a node's picture of any moment from its journal, as now known or as known then."""
    import asyncio

    from skypact.offline.output import require_writable, write_json
    from skypact.serving.journal_source import open_source
    from skypact.serving.pictures import NAMES
    from skypact.serving.replay import replay as run_replay
    from skypact.settings import load_settings

    if picture not in NAMES:
        raise typer.BadParameter(f"give one of {', '.join(NAMES)}", param_hint="--picture")
    require_writable(out)
    times = _times(at, from_, to, every)
    known = _THEN if known_at == _THEN else _time(known_at, "--known-at")
    if known == _THEN and not times:
        raise typer.BadParameter("name moments with --at, or --from, --to, --every")
    chosen = load_settings(settings)

    async def run() -> "Replayed":
        async with open_source(folder, chosen, exercise=exercise) as source:
            with _progress("Replaying") as bar:
                return await run_replay(
                    source, chosen, picture, times, known=known, on_progress=bar
                )

    replayed = asyncio.run(run())
    if json:
        write_json(out or Path("-"), replayed.as_json())
    elif out is not None:
        from rich.console import Console

        with out.open("w", encoding="utf-8") as file:
            _show(replayed, Console(file=file, width=120))
    else:
        from rich.console import Console

        console = Console()
        _show(replayed, console if console.is_terminal else Console(width=120))


def plots_of_journal(
    paths: list[Path], settings: Path | None, *, exercise: bool
) -> "tuple[Plots, tuple[Radar, ...]] | None":
    """Own plots and radars of the journal that is named; None: these are plot files."""
    import asyncio

    from skypact.serving.journal_source import is_journal, open_source, plots_of
    from skypact.settings import load_settings

    if not any(is_journal(path) for path in paths):
        return None
    if len(paths) > 1:
        raise typer.BadParameter("name one journal, or plot files", param_hint="PLOTS…")

    async def run() -> "tuple[Plots, tuple[Radar, ...]]":
        async with open_source(paths[0], load_settings(settings), exercise=exercise) as source:
            with _progress("Reading the journal") as bar:
                return await plots_of(source, bar), source.radars

    return asyncio.run(run())


def _times(at: str | None, from_: str | None, to: str | None, every: float | None) -> list[int]:
    """The moments that are asked for; none: the journal's end."""
    several = [one is not None for one in (from_, to, every)]
    if at is not None and any(several):
        raise typer.BadParameter("give --at, or --from, --to and --every")
    if at is not None:
        return [_time(at, "--at") or 0]
    if not any(several):
        return []
    if not all(several) or every is None or every < 1e-3:
        raise typer.BadParameter("give --from, --to and --every, in seconds, together")
    begin, end = _time(from_, "--from") or 0, _time(to, "--to") or 0
    step = round(every * 1e9)
    if (end - begin) // step >= 100_000:
        raise typer.BadParameter("that is more than 100,000 moments", param_hint="--every")
    return list(range(begin, end + 1, step))


def _time(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    from skypact.offline.text import utc_ns

    try:
        return utc_ns(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _show(replayed: "Replayed", console: "Console") -> None:
    """Each moment as a table of its tracks."""
    from rich.table import Table

    from skypact.offline.text import iso_utc
    from skypact.serving.replay import track_as_json

    for moment in replayed.moments:
        known = "as now known"
        if moment.known_ns is not None:
            known = f"as known at {iso_utc(moment.known_ns, 3)}"
        title = f"{replayed.nation}, {replayed.picture} picture"
        title += f" at {iso_utc(moment.time_ns, 3)}, {known}"
        table = Table(title=title, title_justify="left")
        for heading in ("id", "", "latitude", "longitude", "km", "m/s", "σ m", "last seen", "by"):
            table.add_column(heading, justify="left" if heading in ("", "by") else "right")
        for track in moment.tracks:
            row = track_as_json(track)
            speed = sum(one * one for one in row["velocity_ecef_m_s"]) ** 0.5
            table.add_row(
                str(track.id),
                row["status"],
                f"{row['latitude_deg']:.3f}°",
                f"{row['longitude_deg']:.3f}°",
                f"{row['height_km']:.1f}",
                f"{speed:.0f}",
                f"{row['position_sigma_m']:.0f}",
                iso_utc(track.last_plot_ns, 1)[11:],
                ", ".join([*track.plots_by_radar, *track.plots_by_partner]),
            )
        console.print(table)
        console.print(f"entry {moment.entry:,}, digest {moment.digest}", style="dim")
    if not replayed.exact:
        console.print(
            f"Not exact: {replayed.passed_over} entries did not fit, or the journal's beginning "
            "is gone; ids and bits may differ from those of then."
        )


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar of entries on a terminal; else nothing."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    from rich.progress import Progress

    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
