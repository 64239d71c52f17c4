"""`skypact consult`: what nations say to each other about an event.

Heavy imports stand inside the commands, as in `skypact.cli`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skypact.order_cli import Folder, InExercise, SettingsFile, UserKey

if TYPE_CHECKING:
    from skypact.serving.consult_words import Act

consult = typer.Typer(
    name="consult",
    help="The shared event: who took note, each nation's assessment, comments, an agreed text.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

EventName = Annotated[
    str, typer.Argument(metavar="EVENT", help="Any nation's name of it, or its beginning.")
]
By = Annotated[str, typer.Option(metavar="NAME", help="Who says it; partners are told the name.")]
To = Annotated[
    list[str] | None,
    typer.Option("--to", metavar="NATION", help="These alone; else all that may hear it."),
]
Json = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write JSON; - is stdout.")
]
Words = Annotated[str, typer.Argument(metavar="TEXT", help="The words; - reads them from stdin.")]


@consult.command("list")
def list_(
    folder: Folder, json: Json = None, exercise: InExercise = False, settings: SettingsFile = None
) -> None:
    """All events, that of which something was said last first."""
    events = _events(folder, "", settings, exercise)
    if _as_json(json, {"events": list(events)}):
        return
    for one in events:
        count = ", ".join(f"{nation} {n}" for nation, n in one["count"].items()) or "no flights"
        agreed = "agreed" if one["agreed"] else f"{one['texts']} texts"
        typer.echo(
            f"{one['event']}  {one['began']}  {count}; {len(one['acknowledged'])} took note, "
            f"{one['comments']} comments, {agreed}"
        )


@consult.command()
def show(
    folder: Folder,
    event: EventName,
    json: Json = None,
    exercise: InExercise = False,
    settings: SettingsFile = None,
) -> None:
    """One event: each nation's assessment beside the others', and all that was said."""
    from skypact.serving.event_document import event_text

    (document,) = _events(folder, event, settings, exercise)
    if not _as_json(json, document):
        typer.echo("\n".join(event_text(document)))


@consult.command()
def acknowledge(
    folder: Folder,
    event: EventName,
    by: By,
    to: To = None,
    key: UserKey = None,
    exercise: InExercise = False,
    settings: SettingsFile = None,
) -> None:
    """Say that somebody has taken note of it."""
    from skypact.serving.consult_words import ACKNOWLEDGE, Act

    act = Act(do=ACKNOWLEDGE, event=event, to=tuple(to or ()))
    _say(folder, act, by, key, settings, exercise)


@consult.command()
def comment(
    folder: Folder,
    event: EventName,
    text: Words,
    by: By,
    to: To = None,
    key: UserKey = None,
    exercise: InExercise = False,
    settings: SettingsFile = None,
) -> None:
    """Say something about it."""
    from skypact.serving.consult_words import COMMENT, Act

    act = Act(do=COMMENT, event=event, to=tuple(to or ()), text=_words(text))
    _say(folder, act, by, key, settings, exercise)


@consult.command("open")
def open_(
    folder: Folder,
    text: Words,
    by: By,
    to: To = None,
    key: UserKey = None,
    exercise: InExercise = False,
    settings: SettingsFile = None,
) -> None:
    """Begin an event with words, where the node has not begun one from flights."""
    from skypact.serving.consult_words import OPEN, Act

    act = Act(do=OPEN, to=tuple(to or ()), text=_words(text))
    _say(folder, act, by, key, settings, exercise)


@consult.command()
def propose(
    folder: Folder,
    event: EventName,
    text: Words,
    by: By,
    to: To = None,
    key: UserKey = None,
    exercise: InExercise = False,
    settings: SettingsFile = None,
) -> None:
    """Propose a text that every nation is to confirm, the own one by another person."""
    from skypact.serving.consult_words import PROPOSE, Act

    act = Act(do=PROPOSE, event=event, to=tuple(to or ()), text=_words(text))
    _say(folder, act, by, key, settings, exercise)


@consult.command()
def confirm(
    folder: Folder,
    hash_: Annotated[
        str, typer.Argument(metavar="HASH", help="The text's hash, or its beginning.")
    ],
    by: By,
    key: UserKey = None,
    exercise: InExercise = False,
    settings: SettingsFile = None,
) -> None:
    """Confirm a text for one's nation, by its hash: nothing of it is quoted."""
    from skypact.serving.consult_words import CONFIRM, Act

    _say(folder, Act(do=CONFIRM, text=hash_), by, key, settings, exercise)


@consult.command()
def join(
    folder: Folder,
    event: EventName,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="A partner's event that it is.")],
    by: By,
    key: UserKey = None,
    exercise: InExercise = False,
    settings: SettingsFile = None,
) -> None:
    """Say that a partner's event is one of ours, where the node did not see it by itself."""
    from skypact.serving.consult_words import JOIN, Act

    _say(folder, Act(do=JOIN, event=event, text=other), by, key, settings, exercise)


def _say(
    folder: Path, act: "Act", by: str, key: Path | None, settings: Path | None, exercise: bool
) -> None:
    import asyncio

    from skypact.serving.consult_orders import consult as order
    from skypact.settings import load_settings

    chosen = load_settings(settings)
    typer.echo(asyncio.run(order(folder, act, by, chosen, exercise=exercise, key=key)))


def _events(
    folder: Path, event: str, settings: Path | None, exercise: bool
) -> tuple[dict[str, Any], ...]:
    import asyncio

    from skypact.serving.consult_orders import events_of
    from skypact.settings import load_settings

    return asyncio.run(events_of(folder, load_settings(settings), exercise=exercise, event=event))


def _words(text: str) -> str:
    import sys

    return (sys.stdin.read() if text == "-" else text).strip()


def _as_json(path: Path | None, document: dict[str, Any]) -> bool:
    """Whether it was asked for as JSON, and written."""
    from skypact.offline.output import require_writable, write_json

    if path is not None:
        require_writable(path)
        write_json(path, document)
    return path is not None
