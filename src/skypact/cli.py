"""The commands: `skypact track`, `simulate`, `compare`, `score`, `register`, `release`,
`coalition`, `consult`, `node`, `feed`, `desk`, `demo`, `replay`, `journal`, `record`, `warning`.

Everything heavy is imported inside the commands, so that `--help` is instant. What went wrong is
one sentence on stderr: exit code 1, 2 for wrong usage, 130 when interrupted.
"""

import errno
import gc
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from skypact.coalition_cli import coalition
from skypact.consult_cli import consult
from skypact.demo_cli import demo
from skypact.desk_cli import desk
from skypact.journal_cli import journal, plots_of_journal, replay
from skypact.order_cli import UserKey
from skypact.record_cli import record
from skypact.warning_cli import warning

if TYPE_CHECKING:
    from rich.console import Console

    from skypact.settings import Settings

_PROGRESS_FROM_BYTES = 5_000_000
_TRACEBACK = "SKYPACT_TRACEBACK"


class _Commands(TyperGroup):
    """Turns whatever a command raises into one sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            _complain(_file_sentence(error))
        except Exception as error:
            if not _is_ours(error):
                raise
            _complain(str(error))
        raise typer.Exit(1)


def _is_ours(error: Exception) -> bool:
    from skypact.errors import SkypactError

    return isinstance(error, SkypactError)


def _file_sentence(error: OSError) -> str:
    named = f"{error.filename}: " if error.filename else ""
    return f"{named}{(error.strerror or str(error)).lower()}"


def _complain(sentence: str) -> None:
    typer.echo(f"skypact: {' '.join(sentence.split())}", err=True)


app = typer.Typer(
    name="skypact",
    cls=_Commands,
    help="Several radars' plots to flights: launch, apogee, kind, impact area, honest uncertainty.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(coalition)
app.add_typer(consult)
app.add_typer(journal)
app.add_typer(desk)
app.add_typer(record)
app.command()(demo)
app.add_typer(warning)
app.command()(replay)

PlotFiles = Annotated[
    list[Path], typer.Argument(metavar="PLOTS…", help="Plot files: CSV, gzipped CSV or Parquet.")
]
Radars = Annotated[Path, typer.Option(metavar="RADARS.toml", help="The radars and their accuracy.")]
Json = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write JSON; - is stdout.")
]
PictureFile = Annotated[
    Path | None, typer.Option("--picture", metavar="FILE.png", help="Draw a picture.")
]
SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings", metavar="FILE.toml", help="Settings, as docs/settings.md lists them."
    ),
]


def _version(asked: bool) -> None:
    if asked:
        from skypact import __version__

        typer.echo(f"skypact {__version__}")
        raise typer.Exit


@app.callback()
def _skypact(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Say the version.")
    ] = False,
) -> None:
    pass


@app.command()
def track(
    plots: PlotFiles,
    radars: Radars,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Use the data up to this date and time, ISO 8601; UTC where no zone stands.",
        ),
    ] = None,
    json: Json = None,
    states: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every estimate: .csv or .parquet, ECEF."),
    ] = None,
    picture: PictureFile = None,
    settings: SettingsFile = None,
) -> None:
    """Track plots of any number of radars: the flights, and how wrong they may be."""
    until_ns = _time(until)
    _require_png(picture)
    if states is not None and states.suffix not in (".csv", ".parquet"):
        raise typer.BadParameter("its name must end in .csv or .parquet", param_hint="--states")
    from skypact.offline.output import require_writable, write_json

    _require_no_clash(
        {"--json": json, "--states": states, "--picture": picture},
        _named(plots) | {"--radars": radars, "--settings": settings},
    )
    require_writable(json, states, picture)
    _compile_if_cold("tracking", "flight")
    from skypact.offline.state_file import StateFile
    from skypact.offline.summary import print_tracked
    from skypact.offline.track import track_files
    from skypact.sensing import load_radars
    from skypact.tracking import Updates

    table, chosen = load_radars(radars), _settings(settings)
    takers: list[Callable[[Updates], None]] = []

    def take(updates: Updates) -> None:
        for taker in takers:
            taker(updates)

    with ExitStack() as stack:
        if states is not None:
            takers.append(stack.enter_context(StateFile(states)).write)
        if picture is not None:
            from skypact.charts import GroundPaths

            paths = GroundPaths()
            takers.append(paths.take)
        on_progress = stack.enter_context(_progress("Tracking", _size(plots)))
        tracked = track_files(
            plots,
            table,
            settings=chosen,
            until_ns=until_ns,
            on_updates=take if takers else None,
            on_progress=on_progress,
        )
    if picture is not None:
        from skypact.charts import draw_flights

        draw_flights(picture, tracked, paths)
    if json is not None:
        write_json(json, tracked.as_json())
    print_tracked(_console(json), tracked)


@app.command()
def simulate(
    context: typer.Context,
    scenario: Annotated[
        str | None, typer.Argument(metavar="SCENARIO", help="A name of --list, or a TOML file.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for radars, plots and truth.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Another seed, other errors.")] = 0,
    radars: Annotated[
        Path | None,
        typer.Option(metavar="RADARS.toml", help="Other radars than those of the demo."),
    ] = None,
    list_names: Annotated[
        bool, typer.Option("--list", help="List the scenarios that come with Skypact.")
    ] = False,
) -> None:
    """Fly a scenario past radars: writes radars.toml, plots.csv, truth.json and truth.csv."""
    from skypact.offline.scenarios import launch_line, require_scenario, scenario_titles

    if list_names:
        for name, title in scenario_titles().items():
            typer.echo(f"{name:28}  {title}")
        return
    if scenario is None:
        context.fail(
            "name a scenario and a folder, such as: skypact simulate sounding_rocket --out flight "
            "(--list shows the scenarios)"
        )
    require_scenario(scenario)
    if out is None:
        context.fail(
            f"name the folder to write to, such as: skypact simulate {scenario} --out flight"
        )
    written = {name: out / name for name in ("radars.toml", "plots.csv", "truth.csv", "truth.json")}
    own = Path(scenario) if Path(scenario).is_file() else None
    _require_no_clash(written, {"--radars": radars, "the scenario": own}, "--out")
    _compile_if_cold("simulation")
    from rich.markup import escape

    from skypact.sensing import load_radars
    from skypact.sensing.scenario import load_scenario
    from skypact.sensing.simulation import simulate as fly_past
    from skypact.sensing.simulation import write_simulation

    loaded = load_scenario(scenario)
    table = load_radars(radars) if radars is not None else None
    simulation = fly_past(loaded, table, seed)
    write_simulation(out, simulation)
    launched_ns = min(int(path.time_ns[0]) for path in simulation.paths)
    objects = ", ".join(path.object_id for path in simulation.paths)
    console = _console(None)
    console.print(f"[bold]{escape(loaded.title)}[/]", highlight=False, soft_wrap=True)
    for line in (
        launch_line(loaded.name, launched_ns),
        f"{len(simulation.paths)} objects ({objects}) past {len(simulation.radars)} radars: "
        f"{len(simulation.plots.time_ns):,} plots",
        f"radars.toml, plots.csv, truth.json and truth.csv are in {out}",
    ):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


@app.command()
def compare(
    plots: PlotFiles,
    radars: Radars,
    json: Json = None,
    picture: PictureFile = None,
    truth: Annotated[
        Path | None,
        typer.Option(metavar="truth.json", help="What truly was, from skypact simulate."),
    ] = None,
    settings: SettingsFile = None,
) -> None:
    """Set each nation alone beside all together: share seen, first track, areas over time."""
    _require_png(picture)
    from skypact.offline.output import require_writable, write_json

    _require_no_clash(
        {"--json": json, "--picture": picture},
        _named(plots) | {"--radars": radars, "--truth": truth, "--settings": settings},
    )
    require_writable(json, picture)
    _compile_if_cold("tracking", "flight")
    from skypact.offline.compare import compare_nations
    from skypact.offline.summary import print_comparison
    from skypact.offline.truth import load_truth
    from skypact.sensing import load_radars

    table, chosen = load_radars(radars), _settings(settings)
    with _steps() as on_step:
        comparison = compare_nations(
            plots,
            table,
            settings=chosen,
            truth=load_truth(truth) if truth else (),
            workers=os.cpu_count() or 1,
            on_progress=on_step,
        )
    if picture is not None:
        from skypact.charts import draw_comparison

        draw_comparison(picture, comparison)
    if json is not None:
        write_json(json, comparison.as_json())
    print_comparison(_console(json), comparison)


@app.command()
def score(
    context: typer.Context,
    truth: Annotated[
        Path,
        typer.Option(
            metavar="truth.csv",
            help="What truly was, or the truth.json beside it: skypact simulate.",
        ),
    ],
    plots: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PLOTS…]", help="Plot files: CSV, gzipped CSV or Parquet."),
    ] = None,
    radars: Annotated[
        Path | None,
        typer.Option(metavar="RADARS.toml", help="The radars and their accuracy; with plots."),
    ] = None,
    states: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Score these estimates instead: .csv or .parquet, ECEF."),
    ] = None,
    json: Json = None,
    step: Annotated[
        float, typer.Option(metavar="S", min=1e-3, help="Time from moment to moment, s.")
    ] = 1.0,
    cutoff_m: Annotated[
        float,
        typer.Option(metavar="M", min=1e-3, help="A track farther than this is on no object, m."),
    ] = 1000.0,
    hold: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            min=0.01,
            max=1.0,
            help="What the distance to the track of the moment before counts; 1: as any other.",
        ),
    ] = 0.5,
    ospa_c_m: Annotated[
        float | None,
        typer.Option(
            metavar="M", min=1e-3, help="Cut-off c of OSPA and GOSPA, m; without it that above."
        ),
    ] = None,
    ospa_p: Annotated[
        float, typer.Option(metavar="P", min=1.0, help="Order p of OSPA and GOSPA.")
    ] = 2.0,
    gap_s: Annotated[
        float,
        typer.Option(
            metavar="S", min=1e-3, help="With --states: a track is not there in longer gaps, s."
        ),
    ] = 10.0,
    settings: SettingsFile = None,
) -> None:
    """Score the tracks against the truth: objects followed, false tracks, OSPA, GOSPA, SIAP."""
    if (states is None) == (not plots):
        context.fail("name plot files, or a file of estimates with --states")
    if states is None and radars is None:
        context.fail("name the radars of the plots with --radars")
    from skypact.offline.output import require_writable, write_json

    require_writable(json)
    if plots:
        _compile_if_cold("tracking")
    from skypact.offline.metrics import Cutoffs
    from skypact.offline.score import score_files, score_states
    from skypact.offline.state_file import read_states
    from skypact.offline.summary import print_score
    from skypact.offline.true_paths import load_true_paths
    from skypact.sensing import load_radars

    table = () if radars is None else load_radars(radars)
    chosen, paths = _settings(settings), load_true_paths(truth)
    c_m = cutoff_m if ospa_c_m is None else ospa_c_m
    cutoffs = Cutoffs(step_s=step, cutoff_m=cutoff_m, hold=hold, ospa_c_m=c_m, ospa_p=ospa_p)
    if states is not None:
        estimates = read_states(states)
        scored = score_states(estimates, paths, radars=table, cutoffs=cutoffs, gap_s=gap_s)
    else:
        with _progress("Scoring", _size(plots or [])) as on_progress:
            scored = score_files(
                plots or [], table, paths, settings=chosen, cutoffs=cutoffs, on_progress=on_progress
            )
    if json is not None:
        write_json(json, scored.as_json())
    print_score(_console(json), scored)


@app.command()
def register(
    plots: PlotFiles,
    radars: Radars,
    tle: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Two-line elements of objects that the radars saw."),
    ] = None,
    json: Json = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Folder for radars.toml, less what was learnt, and a picture.",
        ),
    ] = None,
    settings: SettingsFile = None,
) -> None:
    """Learn the radars' biases from common objects and known orbits, and what is left of them."""
    from skypact.offline.output import require_writable, write_json

    written = {"--json": json}
    if out is not None:
        written |= {f"--out: {name}": out / name for name in ("radars.toml", "biases.png")}
    _require_no_clash(
        written,
        _named(plots) | {"--radars": radars, "--tle": tle, "--settings": settings},
        "--out" if out is not None else "--json",
    )
    require_writable(json)
    _compile_if_cold("tracking")
    from skypact.offline.register import register_files, write_registered
    from skypact.offline.summary import print_registered
    from skypact.sensing import load_radars
    from skypact.sensing.orbits import load_orbits

    table, chosen = load_radars(radars), _settings(settings)
    orbits = () if tle is None else load_orbits(tle)
    registered = register_files(plots, table, orbits=orbits, settings=chosen)
    if out is not None:
        from skypact.charts import draw_biases

        write_registered(out, registered)
        draw_biases(out / "biases.png", registered)
    if json is not None:
        write_json(json, registered.as_json())
    print_registered(_console(json), registered)


release_app = typer.Typer(
    name="release",
    cls=_Commands,
    help="What leaves: a release policy explained, and tried on recordings.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(release_app)

PolicyFile = Annotated[
    Path, typer.Argument(metavar="POLICY.toml", help="The release policy, release.toml.")
]
OwnNation = Annotated[
    str | None, typer.Option(metavar="CODE", help="Whose policy; without it, as the policy says.")
]
Partners = Annotated[
    list[str] | None,
    typer.Option("--partner", metavar="CODE", help="Only this partner; may repeat."),
]
Exercise = Annotated[bool, typer.Option("--exercise", help="As in an exercise, not live.")]


@release_app.command("explain")
def release_explain(
    policy: PolicyFile,
    radars: Radars,
    radar: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="A radar that saw it; may repeat. Without: each alone."),
    ] = None,
    kind: Annotated[
        str, typer.Option(metavar="KIND", help="What it is taken for, as in the glossary.")
    ] = "unknown",
    place: Annotated[
        str | None,
        typer.Option(metavar="LAT,LON", help="Where it is, degrees; without it, not known."),
    ] = None,
    time: Annotated[
        str | None, typer.Option(metavar="TIME", help="When, ISO 8601, UTC; without it, now.")
    ] = None,
    nation: OwnNation = None,
    partner: Partners = None,
    exercise: Exercise = False,
    json: Json = None,
) -> None:
    """Say what each partner would get of something at a moment, and by which rule."""
    from skypact.offline.output import require_writable, write_json
    from skypact.offline.release_explain import explain_policy

    require_writable(json)
    told = explain_policy(
        policy,
        radars,
        radar_ids=radar or (),
        kind=kind,
        place=place,
        time_ns=_time(time, "--time"),
        nation=nation,
        partners=partner or (),
        exercise=exercise,
    )
    if json is not None:
        write_json(json, told.as_json())
    _console(json).print(told.text(), highlight=False, markup=False, soft_wrap=True)


@release_app.command("apply")
def release_apply(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The nation's folder, with its release.toml.")
    ],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who puts it in force; it is kept.")],
    key: UserKey = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
    exercise: Exercise = False,
    settings: SettingsFile = None,
) -> None:
    """Put an edited release.toml in force, also while the node runs; first show what changes."""
    import asyncio

    from skypact.serving.orders import apply, propose
    from skypact.sharing.policy_change import changes_text

    chosen = _settings(settings)
    proposed = propose(folder, by, chosen, key)
    if proposed.signed is None:
        typer.echo("release.toml is in force already")
        return
    typer.echo(changes_text(proposed.changes))
    if not yes and not typer.confirm("Put it in force?"):
        raise typer.Exit(1)
    answer = asyncio.run(apply(proposed, chosen, exercise=exercise))
    typer.echo(answer.said, err=not answer.done)
    raise typer.Exit(0 if answer.done else 1)


@release_app.command("test")
def release_test(
    policy: PolicyFile,
    plots: Annotated[
        list[Path],
        typer.Argument(metavar="PLOTS…", help="Plot files; or a node's folder, or its export."),
    ],
    radars: Annotated[
        Path | None,
        typer.Option(metavar="RADARS.toml", help="Without it, those of the folder or export."),
    ] = None,
    nation: OwnNation = None,
    partner: Partners = None,
    exercise: Exercise = False,
    json: Json = None,
    settings: SettingsFile = None,
) -> None:
    """Run recorded plots, or a node's journal, through a policy: what each partner would get."""
    from skypact.offline.output import require_writable, write_json

    _require_no_clash(
        {"--json": json},
        _named(plots) | {"--radars": radars, "the policy": policy, "--settings": settings},
    )
    require_writable(json)
    _compile_if_cold("tracking", "flight")
    from skypact.offline.release_explain import read_policy
    from skypact.offline.release_test import try_policy
    from skypact.offline.summary import print_release_test
    from skypact.sensing import load_radars

    chosen, own = _settings(settings), plots_of_journal(plots, settings, exercise=exercise)
    if own is None and radars is None:
        raise typer.BadParameter("name the radars of the plot files", param_hint="--radars")
    if own is not None and radars is not None:
        raise typer.BadParameter("a journal has radars of its own", param_hint="--radars")
    table = load_radars(radars) if radars is not None else own[1] if own else ()
    read = read_policy(policy, table, nation=nation, partners=partner or ())
    recorded = plots if own is None else own[0]
    with _steps("Trying the policy, partner by partner") as on_step:
        tried = try_policy(
            read, recorded, table, exercise=exercise, settings=chosen, on_progress=on_step
        )
    if json is not None:
        write_json(json, tried.as_json())
    print_release_test(_console(json), tried)


@app.command()
def node(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The nation's folder: skypact coalition init.")
    ],
    exercise: Annotated[
        bool, typer.Option("--exercise", help="An exercise: its messages never meet live ones.")
    ] = False,
    stage: Annotated[
        str | None,
        typer.Option(
            metavar="feeds|warnings|record|desk",
            help="Only this stage, which node.toml sets apart ([stages]).",
        ),
    ] = None,
    settings: SettingsFile = None,
) -> None:
    """Run a nation's node until it is told to stop (Ctrl-C, SIGTERM)."""
    import asyncio

    chosen = _settings(settings)
    if stage == "desk":
        from skypact.run_desk import run_desk

        run_desk(folder, chosen, exercise)
    elif stage is not None:
        from skypact.run_stage import run_stage

        _compile_if_cold("tracking", "flight")
        asyncio.run(run_stage(folder, chosen, stage, exercise=exercise))
    else:
        from skypact.run_node import run

        _compile_if_cold("tracking", "tracklets")
        asyncio.run(run(folder, chosen, exercise=exercise))


@app.command()
def watch(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder of a nation whose node runs.")
    ],
    picture: Annotated[
        str,
        typer.Option(
            "--picture",
            metavar="NAME",
            help="shared; national: own radars alone; from:NATION: one partner's alone.",
        ),
    ] = "shared",
    once: Annotated[bool, typer.Option("--once", help="Print it once, and end.")] = False,
    exercise: Annotated[bool, typer.Option("--exercise", help="The node of the exercise.")] = False,
    json: Json = None,
    settings: SettingsFile = None,
) -> None:
    """Watch a node in the terminal: flights, who sees them, partners, faults. Ctrl-C ends it."""
    import asyncio
    import contextlib

    from skypact.offline.picture_json import picture_as_json
    from skypact.run_watch import look_once, screen_of
    from skypact.run_watch import watch as keep_watching

    chosen, console = _settings(settings), _console(json)
    if once or json is not None or not console.is_terminal:
        state, shown = asyncio.run(look_once(folder, chosen, picture, exercise=exercise))
        if json is not None:
            from skypact.offline.output import write_json

            write_json(json, picture_as_json(state, shown))
        console.print(screen_of(state, shown, True, console.width))
        return
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(keep_watching(folder, chosen, picture, console, exercise=exercise))


@app.command()
def feed(
    plots: Annotated[
        Path, typer.Argument(metavar="PLOTS", help="A plot file: CSV, gzipped CSV or Parquet.")
    ],
    node: Annotated[
        list[str],
        typer.Option(
            metavar="URL",
            help="http(s)://, nats://, udp:// or tcp://HOST:PORT. May repeat: all get the file in "
            "step, each what of it is its own; feeds begun one by one would not fit together.",
        ),
    ],
    speed: Annotated[
        str,
        typer.Option(
            metavar="N",
            help="How many times as fast as it was, or max. Above 1 the first plots are old when "
            "they are sent, and a node makes no tracks of what is older than late.window_s.",
        ),
    ] = "1",
    keep_times: Annotated[
        bool, typer.Option("--keep-times", help="Send the file's own times, not shifted to now.")
    ] = False,
    key_file: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="The feed's key; - reads it from stdin. With several nodes one each, in order.",
        ),
    ] = None,
    radars: Annotated[
        Path | None,
        typer.Option(metavar="RADARS.toml", help="With udp:// and tcp://: the radars' sac, sic."),
    ] = None,
    exercise: Annotated[
        bool, typer.Option("--exercise", help="With nats://: to a node that runs an exercise.")
    ] = False,
    json: Json = None,
    settings: SettingsFile = None,
) -> None:
    """Send a plot file to a node with its own timing; again, until the node has it."""
    import asyncio

    from skypact.sensing import load_radars
    from skypact.sensing.feeds.sender import send_file, target_of

    times = _speed(speed)
    keys: list[str | None] = [_key(one) for one in key_file or ()]
    keys = keys or [None] * len(node)
    if len(keys) != len(node):
        reason = f"{len(node)} nodes and {len(keys)} keys: give one each, in the same order"
        raise typer.BadParameter(reason, param_hint="--key-file")
    table, chosen = () if radars is None else load_radars(radars), _settings(settings)
    targets = [
        target_of(one, key=key, radars=table, settings=chosen, exercise=exercise)
        for one, key in zip(node, keys, strict=True)
    ]
    where = [one.rpartition("@")[2] for one in node]  # a password may stand before it
    with _rows_sent() as on_progress:
        sent = asyncio.run(
            send_file(
                plots,
                targets,
                speed=times,
                keep_times=keep_times,
                settings=chosen,
                on_progress=on_progress,
            )
        )
    if json is not None:
        from skypact.offline.output import write_json

        nodes = [{"node": name, **one._asdict()} for name, one in zip(where, sent, strict=True)]
        write_json(json, {"nodes": nodes})
    for name, one in zip(where, sent, strict=True):
        if len(node) > 1:
            typer.echo(f"{name}:", err=str(json) == "-")
        for line in one.lines():
            typer.echo(line, err=str(json) == "-")
    if any(one.refused or one.left_out for one in sent):
        raise typer.Exit(1)


def _speed(text: str) -> float:
    if text == "max":
        return float("inf")
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 1e-3 <= speed <= 1e6:
        raise typer.BadParameter("give a number such as 1 or 10, or max", param_hint="--speed")
    return speed


def _key(path: Path) -> str:
    key = (sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")).strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise typer.BadParameter(f"{path} holds no key", param_hint="--key-file")
    return key


@contextmanager
def _rows_sent() -> Iterator[Callable[[int, int], None] | None]:
    """A bar of rows sent on a terminal; else nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Sending", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _settings(path: Path | None) -> "Settings":
    from skypact.settings import load_settings

    return load_settings(path)


def _time(text: str | None, option: str = "--until") -> int | None:
    if text is None:
        return None
    from skypact.offline.text import utc_ns

    try:
        return utc_ns(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _require_png(path: Path | None) -> None:
    if path is not None and path.suffix.lower() != ".png":
        raise typer.BadParameter("its name must end in .png", param_hint="--picture")


def _named(plots: list[Path]) -> dict[str, Path | None]:
    return {f"the plots {path}": path for path in plots}


def _require_no_clash(
    outputs: Mapping[str, Path | None], inputs: Mapping[str, Path | None], hint: str = ""
) -> None:
    """Wrong usage where a file to be written is one that is read, or to be written as well."""
    from skypact.offline.output import clash_of

    clash = clash_of(outputs, inputs)
    if clash is not None:
        name, other = clash
        same = f"{outputs[name]} is the same file as {other}, which it would overwrite"
        raise typer.BadParameter(f"{same}; name another", param_hint=hint or name)


def _console(json: Path | None) -> "Console":
    """Where people read: stdout, or stderr while JSON goes to stdout."""
    from rich.console import Console

    console = Console(stderr=json is not None and str(json) == "-")
    return console if console.is_terminal else Console(file=console.file, width=120)


def _compile_if_cold(*stages: str) -> None:
    """Compile the kernels of some stages before they are needed, and say so: once, a minute."""
    from skypact.offline.warm import cold_stages, compile_stages

    cold = cold_stages(stages)
    if cold:
        typer.echo("Compiling the kernels for this machine, once: a minute or two", err=True)
        if (len(cold) > 1 or "tracking" in cold) and (os.cpu_count() or 1) > 1:
            compile_stages(cold, lambda line: typer.echo(line, err=True))


def _size(paths: list[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())


@contextmanager
def _progress(name: str, size_bytes: int) -> Iterator[Callable[[int, int], None] | None]:
    """A bar of bytes read on a terminal, for input that takes a while; else nothing."""
    if size_bytes < _PROGRESS_FROM_BYTES or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(TextColumn(name), *columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=size_bytes)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _steps(
    name: str = "Assessing each picture's flights over time",
) -> Iterator[Callable[[int, int], None] | None]:
    """A bar of steps on a terminal; else nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def main() -> None:
    """Run the command line; never a traceback, unless SKYPACT_TRACEBACK is set."""
    # Imports make many objects and no garbage: looking for it took a tenth of a start, and looking
    # once more at the very end, where all memory goes at once, half a second.
    gc.set_threshold(50_000)
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get(_TRACEBACK):
            raise
        _complain(
            f"a fault in Skypact itself ({type(error).__name__}: {error}); "
            f"please report it, with what {_TRACEBACK}=1 shows"
        )
        sys.exit(70)
    finally:
        gc.freeze()
