"""`skypact record`: launches that were measured, and those that others published.

Heavy imports stand inside the commands, as in `skypact.cli`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from skypact.model import LaunchEntry
    from skypact.record.launch_record import LaunchRecord, Query
    from skypact.record.lines import Line

record = typer.Typer(
    name="record",
    help="The lasting record of launches: import, list, count, draw, export.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Where = Annotated[
    str,
    typer.Option(
        "--database",
        metavar="FILE|URL",
        help="SQLite's file, or postgresql://user@host/name; else [record] database, or record.db.",
    ),
]
InExercise = Annotated[bool, typer.Option("--exercise", help="The exercise's record.")]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE.toml", help="Settings: [record].")
]
Json = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write JSON; - is stdout.")
]
From = Annotated[
    str | None, typer.Option("--from", metavar="DAY", help="From 2022-11-03, 2022-11 or 2022 on.")
]
To = Annotated[str | None, typer.Option("--to", metavar="DAY", help="Up to it, included.")]
Several = list[str] | None
Types = Annotated[
    Several, typer.Option("--type", metavar="TYPE", help="srbm, icbm, slv, cruise, …")
]
Kinds = Annotated[
    Several, typer.Option("--kind", metavar="KIND", help="ballistic, quasi_ballistic, glide, …")
]
Sites = Annotated[Several, typer.Option("--site", metavar="NAME", help="A part of its name.")]
Landings = Annotated[
    Several, typer.Option("--landing", metavar="NAME", help="A part of the sea's name.")
]
Outcomes = Annotated[
    Several, typer.Option("--outcome", metavar="OUTCOME", help="success, failure or unknown.")
]
Name = Annotated[str, typer.Option("--name", metavar="NAME", help="A part of the object's name.")]
Text = Annotated[str, typer.Option("--text", metavar="WORDS", help="A part of the description.")]
Origins = Annotated[
    str, typer.Option("--origin", metavar="measured|elsewhere", help="One; else each by itself.")
]
Apogee = Annotated[
    float | None, typer.Option("--apogee-from", metavar="KM", help="At least so high, km.")
]
LineFiles = Annotated[
    list[Path] | None, typer.Option("--line", metavar="FILE.geojson", help="Lines or areas.")
]
Within = Annotated[float, typer.Option("--within", metavar="KM", help="So near to a line, km.")]


@record.command("import")
def import_(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", help="The public database's folder, or CSV files."),
    ],
    source: Annotated[
        str, typer.Option(metavar="NAME", help="Whose a CSV is; else its file's name.")
    ] = "",
    columns: Annotated[
        str, typer.Option(metavar="THEIRS=OURS,…", help="What a CSV calls the record's columns.")
    ] = "",
    database: Where = "",
    json: Json = None,
    settings: SettingsFile = None,
) -> None:
    """Take in what others published, each launch once; what is wrong is named or cleaned."""
    from skypact.model import Origin
    from skypact.offline.output import require_writable, write_json
    from skypact.record.exports import day_text
    from skypact.record.launch_csv import read_csv
    from skypact.record.launch_record import Query
    from skypact.record.public_database import public_database_at, read_public_database

    require_writable(json)
    reports = []
    with _record(database, settings, begin=True) as launches:
        for path in paths:
            folder = public_database_at(path)
            if folder is not None:
                imported = read_public_database(folder, launches)
            else:
                imported = read_csv(path, source or path.name, launches, _pairs(columns))
            reports.append(imported.report(launches.put(imported.entries)))
            for row in imported.refused:
                typer.echo(str(row), err=True)
        launches.tidy()
        kept, where = sum(launches.count(Query()).values()), launches.place
        days = launches.days(Origin.ELSEWHERE)
    console = _console(json)
    for report in reports:
        console.print(
            f"{report['source']}: {report['rows']:,} rows, {report['added']:,} new, "
            f"{report['changed']:,} changed, {report['unchanged']:,} as before, "
            f"{len(report['refused']):,} refused"
        )
        for done in report["cleaned"]:
            console.print(f"  {done['rows']:>5,}  {done['what']}", highlight=False)
    span = "" if days is None else f", {' to '.join(map(day_text, days))}"
    console.print(f"{where}: {kept:,} launches{span}", highlight=False, soft_wrap=True)
    if json is not None:
        write_json(json, {"imports": reports})
    if any(report["refused"] for report in reports):
        raise typer.Exit(1)


@record.command("list")
def list_(
    from_: From = None,
    to: To = None,
    type_: Types = None,
    kind: Kinds = None,
    site: Sites = None,
    landing: Landings = None,
    outcome: Outcomes = None,
    name: Name = "",
    text: Text = "",
    apogee_from: Apogee = None,
    origin: Origins = "",
    limit: Annotated[int, typer.Option(metavar="N", help="At most so many.", min=1)] = 50,
    database: Where = "",
    exercise: InExercise = False,
    json: Json = None,
    settings: SettingsFile = None,
) -> None:
    """List launches, newest first."""
    from skypact.record.exports import row_of

    filters = _Filters(
        from_, to, type_, kind, site, landing, outcome, name, text, apogee_from, origin
    )
    with _answering(database, settings, exercise, json) as (launches, console, document):
        for query in filters.queries(launches):
            found = list(launches.entries(query, limit=limit, newest_first=True))
            count = launches.count(query).get("", 0)
            document[str(query.origin)] = {
                "count": count,
                "entries": [row_of(*one) for one in found],
            }
            title = f"{query.origin}: {count:,} entries"
            more = f", the newest {len(found)}" if count > len(found) else ""
            _show_entries(console, title + more, found)


@record.command()
def show(
    number: Annotated[int, typer.Argument(metavar="ID", help="An entry's number.")],
    database: Where = "",
    exercise: InExercise = False,
    json: Json = None,
    settings: SettingsFile = None,
) -> None:
    """Show one entry with everything about it: the source's words, what nations said, notes."""
    import msgspec

    from skypact.offline.entry_text import entry_text
    from skypact.record.exports import row_of
    from skypact.serving.event_document import event_text

    with _answering(database, settings, exercise, json) as (launches, console, document):
        kept = launches.entry(number)
        parts = ("assessments", "warnings", "notes", "acknowledgements")
        rest = msgspec.to_builtins(kept)
        rest |= {name: rest["entry"][name] for name in parts[:2]}
        document.update(row_of(number, kept.entry) | {name: rest[name] for name in parts})
        document["events"] = [one.document for one in launches.events.of_entry(number)]
        for line in entry_text(document):
            console.print(line, highlight=False, markup=False)
        for event in document["events"]:
            console.print("\n".join(event_text(event)), highlight=False, markup=False)


@record.command()
def events(
    name: Annotated[
        str, typer.Argument(metavar="[EVENT]", help="One, by its name or how that begins.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="So many, the newest.")] = 50,
    database: Where = "",
    exercise: InExercise = False,
    json: Json = None,
    settings: SettingsFile = None,
) -> None:
    """Shared events: the newest in short, or one with all that nations said."""
    from skypact.offline.text import iso_utc
    from skypact.serving.event_document import event_text

    with _answering(database, settings, exercise, json) as (launches, console, document):
        found = [launches.events.find(name)] if name else launches.events.newest(limit)
        rows = [one.document | {"launches": launches.events.launches_of(one)} for one in found]
        document["events"] = rows
        for one, row in zip(found, rows, strict=True):
            entries = ", ".join(map(str, row["launches"])) or "none"
            agreed = one.agreed or "nothing"
            line = f"{one.name}  {iso_utc(one.began_ns, 0)}  launches: {entries}; agreed: {agreed}"
            text = "\n".join([*event_text(row), f"launches: {entries}"]) if name else line
            console.print(text, highlight=False, markup=False)


@record.command()
def count(
    by: Annotated[
        str,
        typer.Option(
            metavar="month|year|day|type|kind|site|landing|outcome|name|source",
            help="Counted by this.",
        ),
    ] = "month",
    from_: From = None,
    to: To = None,
    type_: Types = None,
    kind: Kinds = None,
    site: Sites = None,
    landing: Landings = None,
    outcome: Outcomes = None,
    name: Name = "",
    text: Text = "",
    apogee_from: Apogee = None,
    origin: Origins = "",
    database: Where = "",
    exercise: InExercise = False,
    json: Json = None,
    settings: SettingsFile = None,
) -> None:
    """Count launches, and how the count differs by definition."""
    from skypact.model import PART
    from skypact.record.launch_record import COUNTED
    from skypact.record.months import with_empty_months

    if by not in COUNTED:
        raise typer.BadParameter(f"give one of {', '.join(COUNTED)}", param_hint="--by")
    filters = _Filters(
        from_, to, type_, kind, site, landing, outcome, name, text, apogee_from, origin
    )
    with _answering(database, settings, exercise, json) as (launches, console, document):
        for query in filters.queries(launches):
            counts = launches.count(query, by)
            outcomes = launches.count(query, "outcome")
            total = sum(counts.values())
            types = launches.count(query, "type")
            cruise, parts = types.get("cruise", 0), types.get(PART, 0)
            document[str(query.origin)] = {
                "count": total,
                "by": by,
                "counts": counts,
                "outcomes": outcomes,
                "cruise": cruise,
                "parts": parts,
            }
            succeeded, failed, unknown = (
                outcomes.get(one, 0) for one in ("success", "failure", "unknown")
            )
            console.print(
                f"{query.origin}: {total - parts:,} launches, {total - parts - cruise:,} without "
                f"cruise missiles; {succeeded:,} succeeded, {failed:,} failed, of {unknown:,} it "
                f"is not known{f'; {parts:,} entries are parts of a launch' if parts else ''}"
            )
            most = max(counts.values(), default=1)
            held = launches.days(query.origin) if by == "month" else None
            rows = with_empty_months(counts, query, held) if held else list(counts.items())
            for label, n in rows:
                bar = "█" * round(40 * n / most)
                console.print(f"{label or '(none)':>34} {n:>9,} {bar}", highlight=False)


@record.command()
def falls(
    line: Annotated[
        list[Path], typer.Option("--line", metavar="FILE.geojson", help="Lines or areas.")
    ],
    within: Within = 50.0,
    from_: From = None,
    to: To = None,
    type_: Types = None,
    outcome: Outcomes = None,
    origin: Origins = "",
    database: Where = "",
    exercise: InExercise = False,
    json: Json = None,
    settings: SettingsFile = None,
) -> None:
    """Where launches came down: how far from lines and areas, and on which side."""
    from rich.table import Table

    from skypact.record.exports import day_text, row_of
    from skypact.record.lines import falls_near

    filters = _Filters(from_, to, type_, outcome=outcome, origin=origin)
    lines = _lines(line)
    with _answering(database, settings, exercise, json) as (launches, console, document):
        for query in filters.queries(launches):
            found = falls_near(launches, query, lines, within)
            document[str(query.origin)] = [
                {"line": one.line, "distance_km": one.distance_km, "side": one.side}
                | row_of(one.number, one.entry)
                for one in found
            ]
            table = Table(title=f"{query.origin}: within {within:g} km, or inside")
            for heading in ("line", "id", "day", "name", "km", "side", "± km", "impact"):
                table.add_column(heading)
            for one in found:
                off = one.entry.impact_off_km
                table.add_row(
                    one.line,
                    str(one.number),
                    day_text(one.entry.day),
                    one.entry.name,
                    f"{one.distance_km:g}",
                    one.side,
                    "" if off is None else f"{off:g}",
                    str(one.entry.impact_from),
                )
            console.print(table)
            console.print(
                "km: from the nearest point of the line, or of the area's border. ± km: how far "
                "off the impact may be: of a measured one with 95 %, of a derived one by the "
                "rounding of its source's numbers alone. Side: cannot tell where that is more "
                "than the distance."
            )


@record.command()
def answer(
    line: LineFiles = None,
    within: Within = 50.0,
    origin: Origins = "elsewhere",
    database: Where = "",
    exercise: InExercise = False,
    json: Json = None,
    settings: SettingsFile = None,
) -> None:
    """Answer the sentences of the articles of 2022, by each way to count."""
    from skypact.record.exports import row_of
    from skypact.record.sentences import answers

    filters = _Filters(origin=origin)
    lines = _lines(line or [])
    with _answering(database, settings, exercise, json) as (launches, console, document):
        for query in filters.queries(launches):
            said = answers(launches, query, lines, within)
            document[str(query.origin)] = [
                {
                    "said": one.said,
                    "counts": [counted._asdict() for counted in one.counts],
                    "because": one.because,
                    "entries": [row_of(*entry) for entry in one.entries],
                }
                for one in said
            ]
            for one in said:
                console.print(f"\n{one.said}", style="bold")
                for counted in one.counts:
                    console.print(f"{counted.number:>6}  {counted.definition}", highlight=False)
                console.print(one.because)


@record.command()
def draw(
    picture: Annotated[Path, typer.Argument(metavar="FILE.png", help="The picture to write.")],
    line: LineFiles = None,
    from_: From = None,
    to: To = None,
    type_: Types = None,
    kind: Kinds = None,
    site: Sites = None,
    outcome: Outcomes = None,
    name: Name = "",
    origin: Origins = "elsewhere",
    database: Where = "",
    exercise: InExercise = False,
    settings: SettingsFile = None,
) -> None:
    """Draw launches by month, type and site, apogee against range, and where they came down."""
    from skypact.charts.launches import draw_launches
    from skypact.offline.output import require_writable

    if picture.suffix.lower() != ".png":
        raise typer.BadParameter("its name must end in .png", param_hint="FILE.png")
    require_writable(picture)
    filters = _Filters(from_, to, type_, kind, site, None, outcome, name, origin=origin)
    lines = _lines(line or [])
    with _record(database, settings, exercise=exercise) as launches:
        for query in filters.queries(launches):
            draw_launches(picture, launches, query, lines)
            typer.echo(f"{picture}: {launches.count(query).get('', 0):,} launches")


@record.command()
def export(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Ending in .csv, .parquet, .geojson, .kml or .czml."),
    ],
    from_: From = None,
    to: To = None,
    type_: Types = None,
    kind: Kinds = None,
    site: Sites = None,
    landing: Landings = None,
    outcome: Outcomes = None,
    name: Name = "",
    text: Text = "",
    apogee_from: Apogee = None,
    origin: Origins = "elsewhere",
    database: Where = "",
    exercise: InExercise = False,
    settings: SettingsFile = None,
) -> None:
    """Write launches of one origin for other programs: not those that partners have a part in."""
    import msgspec

    from skypact.offline.output import replacing, require_writable
    from skypact.record.exports import export as write

    require_writable(file)
    filters = _Filters(
        from_, to, type_, kind, site, landing, outcome, name, text, apogee_from, origin
    )
    with _record(database, settings, exercise=exercise) as launches:
        for query in filters.queries(launches):
            may = msgspec.structs.replace(query, exportable=True)
            with replacing(file) as part:
                written = write(launches.entries(may), file, part)
            kept = launches.count(query).get("", 0) - written
            typer.echo(f"{file}: {written:,} launches, {query.origin}", err=True)
            if kept:
                typer.echo(f"{kept:,} not written: partners have a part in them", err=True)


@record.command()
def note(
    number: Annotated[int, typer.Argument(metavar="ID", help="An entry's number.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is to be noted.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who writes it.")],
    database: Where = "",
    exercise: InExercise = False,
    settings: SettingsFile = None,
) -> None:
    """Add a note to an entry."""
    import time

    from skypact.model import Note

    with _record(database, settings, exercise=exercise) as launches:
        launches.note(number, Note(by=by, at_ns=time.time_ns(), text=text))


@record.command()
def acknowledge(
    number: Annotated[int, typer.Argument(metavar="ID", help="An entry's number.")],
    nation: Annotated[str, typer.Option(metavar="NATION", help="For which nation.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who has seen it.")],
    database: Where = "",
    exercise: InExercise = False,
    settings: SettingsFile = None,
) -> None:
    """Add that somebody has seen an entry."""
    import time

    from skypact.model import Acknowledgement

    with _record(database, settings, exercise=exercise) as launches:
        seen = Acknowledgement(nation=nation, by=by, at_ns=time.time_ns())
        launches.acknowledge(number, seen)


@record.command()
def replay(
    number: Annotated[int, typer.Argument(metavar="ID", help="An entry's number.")],
    journal: Annotated[
        Path, typer.Argument(metavar="DIR", help="The nation's folder, or an exported journal.")
    ],
    every: Annotated[
        float, typer.Option(min=1e-3, metavar="S", help="A picture every so many seconds.")
    ] = 1.0,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="... or one, at this time, ISO 8601, UTC.")
    ] = None,
    speed: Annotated[
        float,
        typer.Option(min=0, metavar="X", help="So many times as fast as it was; 0: at once."),
    ] = 0.0,
    picture: Annotated[
        str, typer.Option(metavar="national|shared|public_warning|export", help="Of what.")
    ] = "shared",
    known: Annotated[
        str,
        typer.Option(metavar="then|now", help="As it was live, or by all that is known now."),
    ] = "then",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl|FILE.czml", help="Write it there, not to stdout."),
    ] = None,
    database: Where = "",
    exercise: InExercise = False,
    settings: SettingsFile = None,
) -> None:
    """Play a measured launch again from the journal, as it was seen, bit for bit."""
    import asyncio
    import time

    from skypact.offline.output import require_writable
    from skypact.offline.text import utc_ns
    from skypact.serving.journal_source import open_source
    from skypact.serving.pictures import NAMES
    from skypact.serving.replay import THEN, Replayed
    from skypact.serving.replay_files import moment_line, replay_entry, write_czml, write_lines
    from skypact.settings import load_settings

    _require_one_of(picture, NAMES, "--picture")
    _require_one_of(known, (THEN, "now"), "--known")
    if out is not None:
        _require_one_of(out.suffix, (".jsonl", ".czml"), "--out")
    require_writable(out)
    try:
        at_ns = None if at is None else utc_ns(at)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--at") from None
    chosen = load_settings(settings)
    where = database or chosen.record.database or _record_beside(journal, exercise)
    with _record(where, settings, exercise=exercise) as launches:
        entry = launches.entry(number).entry

    async def run() -> Replayed:
        async with open_source(journal, chosen, exercise=exercise) as source:
            by = THEN if known == THEN else None
            return await replay_entry(
                source, chosen, entry, picture, every_s=every, known=by, at_ns=at_ns
            )

    replayed = asyncio.run(run())
    if not replayed.exact:
        typer.echo("Not exact: the journal's beginning is gone, or entries did not fit.", err=True)
    moments = replayed.moments
    if out is None:
        begin_s = time.monotonic()
        for one in moments:
            due_s = (one.time_ns - moments[0].time_ns) / 1e9 / speed if speed else 0.0
            time.sleep(max(0.0, begin_s + due_s - time.monotonic()))
            typer.echo(moment_line(one))
    elif out.suffix == ".czml":
        name = f"{entry.source} {entry.key}, {picture} picture"
        write_czml(moments, out, name=name, speed=speed or 1.0)
    else:
        write_lines(moments, out)


def _record_beside(journal: Path, exercise: bool) -> str:
    """The record of a nation's folder; empty: it is none."""
    from skypact.record.database import DEFAULT_FILE
    from skypact.sharing.node_folder import load_node

    return (
        str(load_node(journal, exercise=exercise).store / DEFAULT_FILE) if journal.is_dir() else ""
    )


def _require_one_of(value: str, known: Sequence[str], option: str) -> None:
    if value not in known:
        raise typer.BadParameter(f"give one of {', '.join(known)}", param_hint=option)


class _Filters:
    """What was asked for, as queries: of each origin by itself, for they are never mixed."""

    def __init__(
        self,
        from_: str | None = None,
        to: str | None = None,
        type_: Several = None,
        kind: Several = None,
        site: Several = None,
        landing: Several = None,
        outcome: Several = None,
        name: str = "",
        text: str = "",
        apogee_from: float | None = None,
        origin: str = "",
    ) -> None:
        self._origin = origin
        self._parts = {"site": site or [], "landing": landing or []}
        self._given: dict[str, Any] = {
            "from_day": _day(from_, "--from", "00"),
            "to_day": _day(to, "--to", "99"),
            "type": tuple(one.lower() for one in type_ or ()),
            "kind": tuple(one.lower() for one in kind or ()),
            "outcome": tuple(one.lower() for one in outcome or ()),
            "name": name,
            "text": text,
            "least_apogee_km": apogee_from,
        }

    def queries(self, launches: "LaunchRecord") -> "Iterator[Query]":
        """One for each origin that is asked for and has entries."""
        from skypact.errors import RecordError
        from skypact.model import Origin
        from skypact.record.launch_record import Query

        if self._origin and self._origin not in tuple(Origin):
            raise typer.BadParameter("give measured or elsewhere", param_hint="--origin")
        known = list(launches.origins())
        chosen = [Origin(self._origin)] if self._origin else known
        if not known:
            raise RecordError(launches.place, "holds no launches", "skypact record import some")
        for origin in chosen:
            parts: dict[str, Any] = {
                by: self._values(launches, Query(origin=origin), by, wanted)
                for by, wanted in self._parts.items()
                if wanted
            }
            yield Query(origin=origin, **self._given, **parts)

    def _values(
        self, launches: "LaunchRecord", query: "Query", by: str, wanted: list[str]
    ) -> tuple[str, ...]:
        """Names in the record that contain what was typed."""
        names = launches.count(query, by)
        found = [name for name in names if any(one.lower() in name.lower() for one in wanted)]
        if not found:
            some = ", ".join(list(names)[:8])
            raise typer.BadParameter(f"no {by} is named so; there are {some} …")
        return tuple(found)


def _day(text: str | None, option: str, missing: str) -> int | None:
    """2022-11 as 20221100 or 20221199: all days of it."""
    if text is None:
        return None
    from skypact.record.fields import day
    from skypact.record.imported import FieldError

    try:
        parts = day(option, text)
    except FieldError as error:
        raise typer.BadParameter(f"{error.reason}; {error.remedy}", param_hint=option) from None
    year, *rest = (f"{part:02d}" if part else missing for part in parts)
    return int("".join([year, *rest]))


def _pairs(text: str) -> dict[str, str]:
    out = {}
    for pair in (one for one in text.split(",") if one):
        theirs, sign, ours = pair.partition("=")
        if not sign:
            raise typer.BadParameter("write THEIRS=OURS", param_hint="--columns")
        out[theirs.strip()] = ours.strip()
    return out


def _lines(files: list[Path]) -> "list[Line]":
    from skypact.record.lines import load_lines

    return [line for file in files for line in load_lines(file)]


@contextmanager
def _record(
    where: str, settings: Path | None, *, exercise: bool = False, begin: bool = False
) -> "Iterator[LaunchRecord]":
    from skypact.record.launch_record import LaunchRecord
    from skypact.settings import load_settings

    chosen = load_settings(settings).record
    launches = LaunchRecord(where, chosen, exercise=exercise, begin=begin)
    try:
        yield launches
    finally:
        launches.close()


@contextmanager
def _answering(
    where: str, settings: Path | None, exercise: bool, json: Path | None
) -> "Iterator[tuple[LaunchRecord, Console, dict[str, Any]]]":
    """The record, where people read, and a document that is written as JSON in the end."""
    from skypact.offline.output import require_writable, write_json

    require_writable(json)
    document: dict[str, Any] = {}
    with _record(where, settings, exercise=exercise) as launches:
        yield launches, _console(json), document
    if json is not None:
        write_json(json, document)


def _console(json: Path | None) -> "Console":
    """Stdout, or stderr while JSON goes to stdout."""
    from rich.console import Console

    console = Console(stderr=json is not None and str(json) == "-")
    return console if console.is_terminal else Console(file=console.file, width=120)


def _show_entries(console: "Console", title: str, entries: "list[tuple[int, LaunchEntry]]") -> None:
    from rich.table import Table

    from skypact.record.exports import day_text, time_of

    def utc(entry: "LaunchEntry") -> str:
        """With the day where that is another than the one it is counted by."""
        time = time_of(entry) or ""
        return time[11:16] if time[:10] == day_text(entry.day) else time[5:16].replace("T", " ")

    table = Table(title=title, title_justify="left")
    for heading in ("id", "day", "UTC", "name", "type", "site", "apogee", "range km", "outcome"):
        is_number = heading in ("apogee", "range km")
        is_text = heading in ("name", "type", "site", "outcome")  # wraps, so that times stay whole
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=not is_text)
    for number, entry in entries:
        table.add_row(
            str(number),
            day_text(entry.day),
            utc(entry),
            entry.name,
            entry.type,
            entry.site,
            "" if entry.apogee_km is None else f"{entry.apogee_km:,.0f}",
            "" if entry.range_km is None else f"{entry.range_km:,.0f}",
            entry.outcome,
        )
    console.print(table)
