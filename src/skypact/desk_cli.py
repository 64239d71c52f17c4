"""`skypact desk`: run a nation's desk, and say who may use it.

Heavy imports stand inside the commands, as in `skypact.cli`.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

_RUN = "run"


class _RunsByDefault(TyperGroup):
    """`skypact desk DIR` is `skypact desk run DIR`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in where a folder stands in its place."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = [_RUN, *args]
        return super().parse_args(ctx, args)


_HELP = {"help_option_names": ["-h", "--help"]}
desk = typer.Typer(
    name="desk",
    cls=_RunsByDefault,
    help="What people see in their browsers: skypact desk DIR, and who may.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=_HELP,
)
user = typer.Typer(
    name="user",
    help="Who may use a nation's desk.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=_HELP,
)
desk.add_typer(user)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The nation's folder.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The person's name.")]


@desk.command(_RUN)
def run(
    folder: Folder,
    exercise: Annotated[bool, typer.Option("--exercise", help="Of the exercise's node.")] = False,
    settings: Annotated[
        Path | None, typer.Option("--settings", metavar="FILE.toml", help="The node's settings.")
    ] = None,
) -> None:
    """Run the desk of a node that was told not to (desk.enabled = false), until it is ended."""
    from skypact.run_desk import run_desk
    from skypact.settings import load_settings

    run_desk(folder, load_settings(settings), exercise)


@desk.command()
def lines(
    file: Annotated[Path, typer.Argument(metavar="FILE.geojson", help="The file to write.")],
) -> None:
    """Write limits at sea for the map: zones of Japan and Korea, the NLL; approximate."""
    import json

    from skypact.desk.sea_lines import ATTRIBUTION, sea_lines
    from skypact.offline.output import require_writable

    require_writable(file)
    file.write_text(json.dumps(sea_lines(), ensure_ascii=False), "utf-8")
    for line in ATTRIBUTION:
        typer.echo(line, err=True)


@user.command()
def add(
    folder: Folder,
    name: Name,
    role: Annotated[
        list[str] | None,
        typer.Option(
            "--role",
            metavar="view|act|release|administer",
            help="What the person may do; several times for several. All may view.",
        ),
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option("--password-file", metavar="FILE", help="Holds the password; - is stdin."),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file",
            metavar="FILE",
            help="The person's key of skypact coalition user add: kept locked with the password, "
            "to sign what is ordered at the desk.",
        ),
    ] = None,
) -> None:
    """Add a person, or give one another password and other roles; in force at once."""
    import sys
    import time

    from skypact.desk.accounts import Accounts
    from skypact.sharing.node_folder import load_node
    from skypact.sharing.users import load_user_key

    load_node(folder)  # says what is wrong where it is no nation's folder
    if password_file is None:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        named = (
            sys.stdin if str(password_file) == "-" else password_file.open("r", encoding="utf-8")
        )
        with named as file:
            password = file.readline().rstrip("\r\n")
    key = None if key_file is None else load_user_key(key_file)
    made = Accounts(folder).add(name, tuple(role or ()), password, time.time_ns(), key)
    typer.echo(f"{made.name}: {', '.join(made.roles)}")


@user.command("list")
def list_(folder: Folder) -> None:
    """List who may use the desk."""
    from skypact.desk.accounts import Accounts

    for one in Accounts(folder).all().values():
        typer.echo(f"{one.name}: {', '.join(one.roles)}")


@user.command()
def remove(folder: Folder, name: Name) -> None:
    """Remove a person; who is logged in is not any more."""
    from skypact.desk.accounts import Accounts

    Accounts(folder).remove(name)
    typer.echo(f"{name} may not use the desk any more")
