"""`skypact coalition`: nations' folders, made, joined and changed.

Heavy imports stand inside the commands, as in `skypact.cli`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skypact.order_cli import By, Folder, InExercise, SettingsFile, UserKey, order

if TYPE_CHECKING:
    from skypact.settings import LinkSettings
    from skypact.sharing.keys import Card

coalition = typer.Typer(
    name="coalition",
    help="Nations that share: their folders, keys, and who is a partner of whom.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Cards = Annotated[
    list[Path] | None, typer.Argument(metavar="CARD…", help="Partners' public cards.")
]
Topology = Annotated[
    str, typer.Option(metavar="mesh|hub:NATION", help="Who dials whom: all, or through one nation.")
]
Fingerprints = Annotated[
    list[str] | None,
    typer.Option(
        "--fingerprint",
        metavar="HEX",
        help="A card's fingerprint, as its nation said it by other means; once for each card.",
    ),
]
Listen = Annotated[
    str, typer.Option(metavar="HOST:PORT", help="Where partners' servers are accepted.")
]
Address = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="What partners dial to get there.")
]
Port = Annotated[int, typer.Option(metavar="PORT", help="Where own applications connect.")]
HttpPort = Annotated[int, typer.Option(metavar="PORT", help="Where the node answers.")]
Others = Annotated[
    str,
    typer.Option(
        "--nations", metavar="JPN,KOR,…", help="Whom it will share with; needed for a hub."
    ),
]

_DEMO_NATIONS = {"JPN": "JP", "KOR": "KR", "USA": "US"}
"""Nations as the demo's radar table writes them."""


@coalition.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for all of them.")],
    nations: Annotated[str, typer.Option(metavar="JPN,KOR,USA", help="Two nations or more.")],
    topology: Topology = "mesh",
    first_port: Annotated[int, typer.Option(metavar="PORT", help="Ports from this on.")] = 14220,
    settings: SettingsFile = None,
) -> None:
    """Make the folders of all nations on this machine: for demos and trials."""
    from skypact.sharing.coalition import init_coalition

    fingerprints = init_coalition(
        folder,
        _codes(nations),
        topology,
        _link(settings),
        first_port=first_port,
        radars=_demo_radars,
    )
    for nation, fingerprint in fingerprints.items():
        typer.echo(f"{folder / nation}  {fingerprint}")
    typer.echo("All keys were made here: for a demo, not for anything live.")


@coalition.command()
def create(
    nation: Annotated[str, typer.Argument(metavar="NATION", help="Its code, as JPN.")],
    folder: Folder,
    listen: Listen = "0.0.0.0:14221",
    address: Address = None,
    port: Port = 14220,
    http_port: HttpPort = 14222,
    topology: Topology = "mesh",
    others: Others = "",
    settings: SettingsFile = None,
) -> None:
    """Make a nation's own folder, keys and public card; give partners the card."""
    card = _create(nation, folder, listen, address, port, http_port, topology, others, settings)
    _tell_card(folder, card)


@coalition.command()
def join(
    nation: Annotated[str, typer.Argument(metavar="NATION", help="Its code, as KOR.")],
    folder: Folder,
    cards: Cards = None,
    fingerprints: Fingerprints = None,
    listen: Listen = "0.0.0.0:14221",
    address: Address = None,
    port: Port = 14220,
    http_port: HttpPort = 14222,
    topology: Topology = "mesh",
    others: Others = "",
    settings: SettingsFile = None,
) -> None:
    """Make a nation's folder as `create` does, and take partners' cards into it."""
    from skypact.sharing.keys import load_card

    named = [load_card(card).nation for card in cards or []]
    together = ",".join(dict.fromkeys([*_codes(others), *named]))
    card = _create(nation, folder, listen, address, port, http_port, topology, together, settings)
    try:
        _add(folder, cards or [], fingerprints or [], settings)
    except (typer.Abort, typer.Exit):
        given = " ".join(map(str, cards or []))
        typer.echo(
            f"{folder} is made; once fingerprints agree: skypact coalition add {folder} {given}"
        )
        raise
    finally:
        _tell_card(folder, card)


@coalition.command()
def add(
    folder: Folder,
    cards: Cards = None,
    fingerprints: Fingerprints = None,
    settings: SettingsFile = None,
) -> None:
    """Take partners' cards into a nation's folder, or newer ones; in force at once."""
    if not cards:
        raise typer.BadParameter("name a partner's card", param_hint="CARD")
    _add(folder, cards, fingerprints or [], settings)


@coalition.command()
def remove(
    folder: Folder,
    nation: Annotated[str, typer.Argument(metavar="NATION", help="The partner to remove.")],
    settings: SettingsFile = None,
) -> None:
    """Remove a partner: its link is cut at once, and what waits for it is destroyed."""
    from skypact.sharing.coalition import remove_partner

    remove_partner(folder, nation)
    _apply(folder, settings, [nation], gone=nation)
    typer.echo(f"{nation} is no partner any more; its card is kept in {folder / 'removed'}")


@coalition.command("leave-out")
def leave_out(
    folder: Folder,
    nation: Annotated[str, typer.Argument(metavar="NATION", help="The partner to leave out.")],
    by: By,
    key: UserKey = None,
    exercise: InExercise = False,
    settings: SettingsFile = None,
) -> None:
    """Have the running node's pictures be as though a partner had never sent, from now on."""
    from skypact.serving.operating import LEAVE_OUT

    order(folder, LEAVE_OUT, nation, by, key, settings, exercise)


@coalition.command("take-back")
def take_back(
    folder: Folder,
    nation: Annotated[str, typer.Argument(metavar="NATION", help="The partner to take back.")],
    by: By,
    key: UserKey = None,
    exercise: InExercise = False,
    settings: SettingsFile = None,
) -> None:
    """Have the running node take again what a partner sends that was left out."""
    from skypact.serving.operating import TAKE_BACK

    order(folder, TAKE_BACK, nation, by, key, settings, exercise)


@coalition.command()
def rotate(
    folder: Folder,
    what: Annotated[
        str,
        typer.Argument(metavar="WHAT", help="certificate, link, sealing, signing or authority."),
    ] = "certificate",
    stolen: Annotated[
        bool,
        typer.Option("--stolen", help="The signing or sealing key before counts no more, at once."),
    ] = False,
    settings: SettingsFile = None,
) -> None:
    """Make a key or the certificate anew; partners need the new card, and no fingerprint.

    The signing key takes two steps: the card first names the next one; once all partners have
    added it, run it again.
    """
    from skypact.sharing.coalition import rotate as rotate_key
    from skypact.sharing.node_folder import load_node

    if stolen and what not in ("signing", "sealing"):
        raise typer.BadParameter("is for signing and sealing", param_hint="--stolen")
    card = rotate_key(folder, what, _link(settings, folder), stolen=stolen)
    _apply(folder, settings, None)
    _tell_card(folder, card)
    first = load_node(folder).keys.signing_next is not None
    typer.echo(_rotated(what, stolen=stolen, first=first))


def _rotated(what: str, *, stolen: bool, first: bool) -> str:
    """What is to be done next."""
    if what == "signing" and stolen:
        return (
            "Nothing vouches for the new key. Partners remove this nation and add it with the "
            "fingerprint; until then they refuse its messages."
        )
    if what == "signing" and first:
        return (
            "Messages are signed as before. Once every partner has added this card, run the same "
            "command again: then they are signed with the new key, and nothing is refused."
        )
    if what == "signing":
        return "From now on the new key signs. Partners take the one before besides, until later."
    if what == "sealing":
        with_before = "refused" if stolen else "opened as well, until it is changed again"
        return f"What partners seal with the key before is {with_before}."
    if what == "certificate":
        return "Partners go on without the new card."
    return "Partners are cut off until they have added it."


@coalition.command()
def show(folder: Folder) -> None:
    """Show a nation's own fingerprint and its partners."""
    from skypact.sharing.certificates import valid_until
    from skypact.sharing.keys import load_card
    from skypact.sharing.node_folder import card_name, load_node

    node = load_node(folder)
    own = load_card(folder / card_name(node.nation))
    ends = valid_until(folder / "certificates" / "server.pem")
    typer.echo(f"{node.nation}  {own.fingerprint}")
    typer.echo(
        f"  {node.file.topology}, dialled at {own.address}, certificate until {ends:%Y-%m-%d}"
    )
    for nation, card in node.partners.items():
        typer.echo(f"{nation}  {card.fingerprint}")
        typer.echo(f"  partner, dialled at {node.dialled(nation)}")


@coalition.command()
def feed(
    folder: Folder,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the sender is called.")],
    radars: Annotated[
        list[str] | None,
        typer.Option("--radar", metavar="ID", help="May repeat; without it all own radars."),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where its key goes; else NAME.key.")
    ] = None,
) -> None:
    """Let a sender give the node plots by HTTP: a table in feeds.toml, and a key."""
    from skypact.sensing import load_radars
    from skypact.sensing.feeds import add_feed
    from skypact.sharing.keys import write_private
    from skypact.sharing.node_folder import FEEDS, load_node

    node, key = load_node(folder), key_file or Path(f"{name}.key")
    if key.exists():
        raise typer.BadParameter(f"{key} exists", param_hint="--key-file")
    table = load_radars(folder / "radars.toml")
    own = [radar.id for radar in table if radar.nation == node.nation]
    listen = f"{node.file.http.host}:{node.file.http.port + 1}"
    made = add_feed(folder / FEEDS, table, name, radars or own, listen)
    write_private(key, made.key.encode())
    typer.echo(f"{name} may send plots of {', '.join(radars or own)}, once the node starts anew")
    typer.echo(f"skypact feed PLOTS --node http://{made.listen} --key-file {key}")


@coalition.command()
def card(folder: Folder, others: Others = "") -> None:
    """Write the nation's public card anew: after an edit of its address, or for a hub."""
    from skypact.sharing.coalition import write_card

    _tell_card(folder, write_card(folder, _codes(others)))


@coalition.command()
def apply(folder: Folder, settings: SettingsFile = None) -> None:
    """Bring edits of `node.toml` into force; links are made anew."""
    _apply(folder, settings, None)


user = typer.Typer(
    name="user",
    help="Who may order what of a node: named users, each with a key of their own.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
coalition.add_typer(user)

UserName = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]


@user.command("add")
def user_add(
    folder: Folder,
    name: UserName,
    roles: Annotated[
        list[str], typer.Option("--role", metavar="act|release|administer", help="May repeat.")
    ],
    public: Annotated[
        str | None, typer.Option(metavar="HEX", help="The public key, where the user made one.")
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the private key goes; else NAME.key."),
    ] = None,
) -> None:
    """Enter a user, or change one; from the first on, orders need a user's key."""
    from skypact.sharing.node_folder import load_node
    from skypact.sharing.users import add_user

    load_node(folder)
    private = key_file or Path(f"{name}.key")
    add_user(folder, name, roles, public=public, private=private)
    typer.echo(f"{name} may {', '.join(roles)}")
    if public is None:
        typer.echo(f"{private} is {name}'s private key: for nobody else")


@user.command("remove")
def user_remove(folder: Folder, name: UserName) -> None:
    """Take a user out; no order of that name is obeyed any more."""
    from skypact.sharing.users import remove_user

    remove_user(folder, name)
    typer.echo(f"{name} is no user any more")


@user.command("list")
def user_list(folder: Folder) -> None:
    """Show who may order what."""
    from skypact.sharing.users import load_users

    users = load_users(folder)
    for name, one in users.items():
        typer.echo(f"{name}  {', '.join(one.roles)}  {one.key}")
    if not users:
        typer.echo("nobody: orders are signed with the nation's key")


def _create(
    nation: str,
    folder: Path,
    listen: str,
    address: str | None,
    port: int,
    http_port: int,
    topology: str,
    others: str,
    settings: Path | None,
) -> "Card":
    from skypact.sharing.coalition import create_nation

    if address is None and listen.startswith(("0.0.0.0:", "[::]:")):
        raise typer.BadParameter(
            "name what partners dial, as node.example:14221", param_hint="--address"
        )
    return create_nation(
        folder,
        nation,
        _link(settings),
        listen=listen,
        address=address,
        port=port,
        http_port=http_port,
        topology=topology,
        others=[other for other in _codes(others) if other != nation],
    )


def _add(
    folder: Path, cards: Sequence[Path], fingerprints: Sequence[str], settings: Path | None
) -> None:
    from skypact.sharing.coalition import add_partner
    from skypact.sharing.keys import load_card, vouched_for
    from skypact.sharing.node_folder import load_node

    if fingerprints and len(fingerprints) != len(cards):
        raise typer.BadParameter("give one for each card", param_hint="--fingerprint")
    touched = []
    for number, file in enumerate(cards):
        partner = load_card(file)
        known = load_node(folder).partners.get(partner.nation)
        given = fingerprints[number] if fingerprints else None
        if given is None and not (known and vouched_for(partner, known)):
            typer.echo(f"{partner.nation}  {partner.fingerprint}")
            question = f"Does {partner.nation} itself say so, by telephone or in person?"
            if not typer.confirm(question):
                raise typer.Exit(1)
            given = partner.fingerprint
        add_partner(folder, file, given)
        touched.append(partner.nation)
        typer.echo(f"{partner.nation} is a partner")
    _apply(folder, settings, touched)
    silent = _gets_nothing(folder, touched)
    if silent:
        typer.echo(
            f"Nothing goes to {' or '.join(silent)} yet: {folder / 'release.toml'} has no "
            f"[partner.{silent[0]}] (docs/release.md)"
        )


def _gets_nothing(folder: Path, partners: Sequence[str]) -> list[str]:
    """Partners that the release policy says nothing of; a bad policy is for the node to tell."""
    import tomllib

    try:
        said = tomllib.loads((folder / "release.toml").read_text("utf-8")).get("partner", {})
    except (OSError, ValueError):
        return []
    return [name for name in partners if name not in said]


def _apply(
    folder: Path, settings: Path | None, touched: list[str] | None, gone: str | None = None
) -> None:
    import asyncio

    from skypact.sharing.coalition import apply_changes

    done = asyncio.run(apply_changes(folder, _link(settings, folder), touched, gone))
    if done.running:
        typer.echo(f"in force on the running server; {len(done.cut)} connections made anew or cut")
    else:
        typer.echo("in force when the node starts")


def _tell_card(folder: Path, own: "Card") -> None:
    from skypact.sharing.node_folder import card_name

    typer.echo(f"{folder / card_name(own.nation)}  {own.fingerprint}")
    typer.echo("Give partners this card; tell them the fingerprint by telephone or in person.")


def _codes(text: str) -> list[str]:
    return [code.strip().upper() for code in text.split(",") if code.strip()]


def _link(settings: Path | None, folder: Path | None = None) -> "LinkSettings":
    """`[link]` of a file; without one what the folder's server runs with."""
    from skypact.settings import load_settings
    from skypact.sharing.coalition import made_with

    return made_with(folder) if settings is None and folder else load_settings(settings).link


def _demo_radars(nation: str, _: Sequence[str]) -> str:
    """The demo's radars of a nation, as a radar table; a commented example where it has none."""
    import tempfile

    import msgspec

    from skypact.sensing.radar_files import save_radars
    from skypact.sensing.scenario import demo_radars
    from skypact.sharing.coalition import RADARS_TOML

    own = [
        msgspec.structs.replace(radar, nation=nation)
        for radar in demo_radars()
        if radar.nation == _DEMO_NATIONS.get(nation)
    ]
    if not own:
        return RADARS_TOML
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "radars.toml"
        save_radars(file, own)
        text = file.read_text("utf-8")
    return f"# The demo's radars of {nation}: published towns, assumed accuracies.\n\n{text}"
