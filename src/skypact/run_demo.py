"""`skypact demo`: three nations' nodes and desks on this machine, and a published launch past them.

Nothing here is special to a demo but that one machine has all the keys, and all the load: folders
as `skypact coalition init` makes them, nodes as `skypact node` runs them, plots as `skypact feed`
sends them. It runs as an exercise, for what is simulated is not live.
"""

import asyncio
import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from skypact.desk.accounts import ROLES, Accounts
from skypact.desk.routes_reading import LINES
from skypact.desk.sea_lines import sea_lines
from skypact.errors import InputError
from skypact.ports import free_ports
from skypact.run_desk import desk_port
from skypact.sensing.feeds import new_key
from skypact.sensing.feeds.sender import Whole, send_file, target_of
from skypact.sensing.plot_files import write_plots
from skypact.sensing.radar_files import load_radars, save_radars
from skypact.sensing.scenario import load_scenario
from skypact.sensing.simulation import Simulation, simulate, write_simulation
from skypact.settings import Settings
from skypact.sharing.coalition import init_coalition
from skypact.sharing.keys import write_private
from skypact.sharing.link import is_running
from skypact.sharing.nats_server import NatsServer
from skypact.sharing.node_folder import load_node
from skypact.warning.agency import FILE as WARNING
from skypact.warning.areas import LANGUAGES, read_areas

NATIONS = {"JP": "JPN", "KR": "KOR", "US": "USA"}
"""The scenarios' nations, and how a coalition writes them."""
WHO = "demo"
SCENARIO, SEED, FIRST_PORT = "2022-10-04_irbm-over-japan", 1, 14220
"""Where nothing else is asked for."""
_PORTS_APART = 40
_WAITS_S = 30.0
"""So long nothing is said of nodes that are still starting."""
_STOP_S = 20.0
"""So long nodes have to end; then they are killed."""
_KILLED_S = 5.0
"""Besides, so long who ends a demo waits for it."""
_LOOK_S = 0.5
"""So often it is looked whether a node has ended."""
_LEAD_S = 3.0
"""From when all is ready to the launch's first plots."""
_POLICY = """\
# A demo: full tracklets to both partners. What each way of sharing tells: docs/release.md.
nation = "{nation}"
{partners}"""
_PARTNER = """
[partner.{name}]
level = "tracklets"
openness = "full"
use = ["picture", "public_warning"]
consultation = ["assessment", "acknowledgement", "comment", "text"]
"""
_FEEDS = """\
[http]
listen = "127.0.0.1:{port}"

[[feed]]
name = "demo"
radars = {radars}
key_sha256 = "{digest}"
"""
_AGENCY = """\
# A demo: said on this node's channels for exercises, and no others; live it has no areas.
sender = "demo@{nation}.example"
languages = {languages}
exercise_areas = "{areas}"
"""
_LOGIN_TOML = """\
# Any of these desks, while the demo runs; the same user and password at each.
user = "{who}"
password = "{password}"

[desks]
{addresses}
"""
_AREAS = "areas.exercise.geojson"
_NODE_SETTINGS = """\
# Three nodes have one machine: each looks once a second at what its flights may do to areas.
[warning]
rest_s = 1.0
"""
_SETTINGS = "settings.toml"
_SPOKEN = {"JPN": "ja", "KOR": "ko", "USA": "en"}
_NATION_PLOTS = "plots.csv"
_KEY = "feed.key"
_LOGIN = "login.txt"
_MADE = "demo.json"
_PROCESS = "demo.pid"
_LOG = "demo.log"


class Desks(NamedTuple):
    """Where the desks are, by nation, and who may log in."""

    addresses: dict[str, str]
    who: str
    password: str


class Made(msgspec.Struct, frozen=True):
    """What a folder was prepared for."""

    scenario: str
    seed: int
    first_port: int


def prepare(
    folder: Path,
    scenario: str | None,
    seed: int | None,
    first_port: int | None,
    settings: Settings,
    areas: Path | None = None,
) -> None:
    """Fly a scenario past its nations' radars, and make the nations' folders; once.

    None: as the folder was prepared before, else what is usual. `areas`: GeoJSON of areas to be
    warned; they are also given to a folder that was prepared without. Raises InputError: it was
    prepared for something else, or was begun and never finished; areas that cannot be used.
    """
    if areas is not None:
        read_areas(areas, exercise=True)
    _prepare_once(folder, scenario, seed, first_port, settings)
    if areas is not None:
        for own in sorted((folder / "coalition").iterdir()):
            if not (own / WARNING).exists():
                _equip_to_warn(own, own.name, areas)


def _prepare_once(
    folder: Path,
    scenario: str | None,
    seed: int | None,
    first_port: int | None,
    settings: Settings,
) -> None:
    asked = {"scenario": scenario, "seed": seed, "first_port": first_port}
    asked = {name: value for name, value in asked.items() if value is not None}
    made = _made(folder)
    if made is not None:
        before = msgspec.structs.asdict(made)
        other = [f"{name} {before[name]}" for name, value in asked.items() if value != before[name]]
        if other:
            reason = f"was prepared with {' and '.join(other)}"
            raise InputError(str(folder), reason, "give another folder, or remove this one")
        return
    if (folder / "coalition").exists():
        reason = "was begun to be prepared, and not finished"
        raise InputError(str(folder), reason, "remove it, or give another folder")
    usual = {"scenario": SCENARIO, "seed": SEED, "first_port": 0}
    made = msgspec.convert(usual | asked, Made)
    _prepare(folder, made.scenario, made.seed, made.first_port or _first_port(), settings)


def _made(folder: Path) -> Made | None:
    try:
        return msgspec.json.decode((folder / _MADE).read_bytes(), type=Made)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        reason = f"cannot be read ({error})"
        raise InputError(str(folder / _MADE), reason, "remove the folder") from None


def _first_port() -> int:
    """The first ports at which nothing listens yet: another demo may be running."""
    return free_ports(_PORTS_APART, range(FIRST_PORT, 32_000, _PORTS_APART))


def _prepare(folder: Path, scenario: str, seed: int, first_port: int, settings: Settings) -> None:
    flown = simulate(load_scenario(scenario), seed=seed)
    write_simulation(folder / "flight", flown)
    own = {NATIONS.get(name, name): name for name in sorted({r.nation for r in flown.radars})}
    init_coalition(folder / "coalition", tuple(own), "mesh", settings.link, first_port=first_port)
    password = secrets.token_urlsafe(9)
    at_sea = json.dumps(sea_lines(), ensure_ascii=False)
    for nation, name in own.items():
        (folder / "coalition" / nation / LINES).write_text(at_sea, encoding="utf-8")
        _equip(folder / "coalition" / nation, nation, name, tuple(own), flown)
        Accounts(folder / "coalition" / nation).add(WHO, ROLES, password, time.time_ns())
    write_private(folder / _LOGIN, _login(folder, password).encode())
    (folder / _MADE).write_bytes(msgspec.json.encode(Made(scenario, seed, first_port)) + b"\n")


def _equip(folder: Path, nation: str, name: str, nations: Sequence[str], flown: Simulation) -> None:
    """A nation's radars, release policy, feed and plots."""
    members = [i for i, radar in enumerate(flown.radars) if radar.nation == name]
    radars = [msgspec.structs.replace(flown.radars[i], nation=nation) for i in members]
    save_radars(folder / "radars.toml", radars)
    partners = "".join(_PARTNER.format(name=other) for other in nations if other != nation)
    policy = _POLICY.format(nation=nation, partners=partners)
    (folder / "release.toml").write_text(policy, encoding="utf-8")
    key, digest = new_key()
    (folder / _KEY).write_text(key, encoding="utf-8")
    port = load_node(folder).file.http.port + 1
    named = "[" + ", ".join(f'"{radar.id}"' for radar in radars) + "]"
    table = _FEEDS.format(port=port, radars=named, digest=digest)
    (folder / "feeds.toml").write_text(table, encoding="utf-8")
    own = flown.plots.at(np.flatnonzero(np.isin(flown.plots.radar, members)))
    numbered = np.searchsorted(members, own.radar).astype(np.int32)
    write_plots(folder / _NATION_PLOTS, own._replace(radar=numbered), radars)


def _equip_to_warn(folder: Path, nation: str, areas: Path) -> None:
    """A nation warns its own areas; where none is its own, its people in all of them.

    They are marked as for exercises: a node that is live refuses them.
    """
    whole = json.loads(areas.read_bytes())
    of = [one for one in whole["features"] if one["properties"].get("nation") == nation]
    own = whole | {"exercise": True, "features": of or whole["features"]}
    (folder / _AREAS).write_text(json.dumps(own, ensure_ascii=False), encoding="utf-8")
    spoken = _SPOKEN.get(nation, LANGUAGES[0])
    languages = [spoken, *(one for one in LANGUAGES if one != spoken)]
    text = _AGENCY.format(nation=nation.lower(), languages=json.dumps(languages), areas=_AREAS)
    (folder / WARNING).write_text(text, encoding="utf-8")


def _login(folder: Path, password: str) -> str:
    """What people need to log in, for them to read and for programs: TOML."""
    lines = [f'{nation} = "{address}"' for nation, address in _addresses(folder).items()]
    return _LOGIN_TOML.format(who=WHO, password=password, addresses="\n".join(lines))


def desks(folder: Path) -> Desks:
    """Where they are, once it is prepared. Raises InputError: its login.txt cannot be read."""
    try:
        made = tomllib.loads((folder / _LOGIN).read_text(encoding="utf-8"))
        return Desks(_addresses(folder), made["user"], made["password"])
    except (OSError, ValueError, KeyError) as error:
        reason = f"cannot be read ({error})"
        raise InputError(str(folder / _LOGIN), reason, "remove the folder") from None


def _addresses(folder: Path) -> dict[str, str]:
    addresses = {}
    for nation in sorted(path.name for path in (folder / "coalition").iterdir()):
        node = load_node(folder / "coalition" / nation)
        addresses[nation] = f"http://{node.file.desk.host}:{desk_port(node)}/"
    return addresses


async def run(
    folder: Path,
    settings: Settings,
    *,
    lasts_s: float,
    say: Callable[[str], None],
) -> None:
    """Nodes, then the launch; until told to end, or so long after the last plot."""
    told = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, told.set)
    nations = sorted(desks(folder).addresses)
    (folder / _PROCESS).write_text(str(os.getpid()), encoding="utf-8")
    (folder / _SETTINGS).write_text(_NODE_SETTINGS, encoding="utf-8")
    nodes = [_start(folder / "coalition" / nation) for nation in nations]
    try:
        for nation, node in zip(nations, nodes, strict=True):
            await _until_ready(folder / "coalition" / nation, node, say)
        for line in told_lines(folder):
            say(line)
        ended = asyncio.create_task(told.wait())
        watch = asyncio.create_task(_tell_deaths(folder, nations, nodes, say))
        flight = asyncio.create_task(_fly(folder, nations, settings))
        await asyncio.wait((ended, flight), return_when=asyncio.FIRST_COMPLETED)
        if flight.done():
            flight.result()  # raises what went wrong
            say(f"All plots are sent. The desks stay for {lasts_s / 60:g} minutes.")
            await asyncio.wait((ended,), timeout=lasts_s)
        flight.cancel()
        watch.cancel()
    finally:
        died = [nation for nation, node in zip(nations, nodes, strict=True) if node.poll()]
        await asyncio.to_thread(_stop, nodes)
        for nation in died:
            await _end_left(folder / "coalition" / nation, settings, say)
        (folder / _PROCESS).unlink(missing_ok=True)


def told_lines(folder: Path) -> Iterator[str]:
    """What people need to look."""
    where = desks(folder)
    yield "The launch is on its way, as an exercise. Open in a browser:"
    for nation, address in where.addresses.items():
        yield f"  {nation}  {address}"
    yield f"Log in as {where.who}, password {where.password}"
    yield f"Both stand in {folder / _LOGIN}"


def _start(folder: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "skypact", *_node_words(folder)]
    with (folder / "node.log").open("ab") as log:
        return subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL)


def _node_words(folder: Path) -> list[str]:
    """What begins a nation's node, after `skypact`."""
    return ["node", str(folder), "--exercise", "--settings", str(folder.parent.parent / _SETTINGS)]


async def _tell_deaths(
    folder: Path,
    nations: Sequence[str],
    nodes: Sequence["subprocess.Popen[bytes]"],
    say: Callable[[str], None],
) -> None:
    """Say of each node that ends how it is begun again: nothing here does that by itself."""
    run = dict(zip(nations, nodes, strict=True))
    while run:
        for nation in [name for name, node in run.items() if node.poll() is not None]:
            code = run.pop(nation).returncode
            how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
            own = folder / "coalition" / nation
            say(f"The node of {nation} has ended ({how}); the others go on. It is begun again with")
            say(f"  {_skypact()} {shlex.join(_node_words(own))}")
            say(f"and ended with Ctrl-C. What it said last: {own / 'node.log'}")
        await asyncio.sleep(_LOOK_S)


def _skypact() -> str:
    """The command, as one may type it here."""
    beside = Path(sys.executable).with_name("skypact")
    if not beside.exists():
        return f"{sys.executable} -m skypact"
    return str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)


async def _end_left(folder: Path, settings: Settings, say: Callable[[str], None]) -> None:
    """The server that a killed node has left; not that of one that somebody began again."""
    node = load_node(folder, exercise=True)
    if await asyncio.to_thread(_answers, f"http://127.0.0.1:{node.file.http.port}/health"):
        say(f"The node of {folder.name} was begun again, and is not ended here")
        return
    await NatsServer(node, settings.link).end_left()


async def _until_ready(
    folder: Path, node: "subprocess.Popen[bytes]", say: Callable[[str], None]
) -> None:
    """Until node and desk answer, however long that takes: who waits is told that it goes on.

    Raises InputError with what the node said last where it ended.
    """
    of = load_node(folder).file
    wanted = [
        f"http://127.0.0.1:{of.http.port}/ready",
        desks(folder.parent.parent).addresses[folder.name],
    ]
    said_s = time.monotonic()
    while wanted:
        if time.monotonic() - said_s > _WAITS_S:
            said_s = time.monotonic()
            say(f"{folder.name} is still starting; what was never run here is compiled first")
        if node.poll() is not None:
            said = (folder / "node.log").read_text(encoding="utf-8").splitlines()[-1:]
            reason = f"did not start: {said[0] if said else 'it said nothing'}"
            raise InputError(str(folder), reason, f"see {folder / 'node.log'}")
        if await asyncio.to_thread(_answers, wanted[0]):
            wanted.pop(0)
        else:
            await asyncio.sleep(0.2)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


async def _fly(folder: Path, nations: Sequence[str], settings: Settings) -> None:
    """Send each nation's plots to its node, all in step."""
    files = {nation: folder / "coalition" / nation for nation in nations}
    first_ns, last_ns = _span(folder / "flight" / "plots.csv", folder / "flight" / "radars.toml")
    whole = Whole(first_ns, last_ns, time.time_ns() + round(_LEAD_S * 1e9))
    async with asyncio.TaskGroup() as sending:
        for own in files.values():
            port = load_node(own).file.http.port + 1
            key = (own / _KEY).read_text(encoding="utf-8").strip()
            target = target_of(
                f"http://127.0.0.1:{port}", key=key, radars=(), settings=settings, exercise=True
            )
            sending.create_task(
                send_file(own / _NATION_PLOTS, [target], settings=settings, whole=whole)
            )


def _span(plots: Path, radars: Path) -> tuple[int, int]:
    """Times of the first and the last plot of a file."""
    from skypact.sensing import read_plots

    times = read_plots(plots, load_radars(radars))[0].time_ns
    return int(times[0]), int(times[-1])


def _stop(nodes: Sequence["subprocess.Popen[bytes]"]) -> None:
    for node in nodes:
        node.terminate()
    until_s = time.monotonic() + _STOP_S
    for node in nodes:
        try:
            node.wait(max(0.1, until_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            node.kill()
            node.wait()


def begin(folder: Path, arguments: Sequence[str]) -> Iterator[str]:
    """Run it in the background; what it says until it is ready, as it says it. InputError.

    Of one that runs already what it has said, so that one hears of a node that has ended.
    """
    log = folder / _LOG
    if running(folder) is not None:
        heard = log.read_text(encoding="utf-8").splitlines() if _is_of_this_run(folder) else []
        where = list(told_lines(folder))
        yield from where
        yield from heard[heard.index(where[-1]) + 1 :] if where[-1] in heard else ()
        return
    command = [sys.executable, "-m", "skypact", "demo", str(folder), *arguments]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
        )
    last, told = list(told_lines(folder))[-1], 0
    try:
        while True:
            ended = process.poll() is not None
            lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
            whole = [line.rstrip("\n") for line in lines if line.endswith("\n")]
            if ended and last not in whole:
                said = whole[-1] if whole else "it said nothing"
                raise InputError(str(folder), f"did not start: {said}", f"see {log}")
            yield from whole[told:]
            told = len(whole)
            if last in whole:
                return
            time.sleep(0.2)
    except BaseException:
        process.terminate()  # whoever waited no longer does
        raise


def begun_again(folder: Path) -> list[str]:
    """Nations whose node runs, as one that was killed and then begun again by hand does."""
    nodes = folder / "coalition"
    own = sorted(path for path in nodes.iterdir()) if nodes.is_dir() else []
    return [path.name for path in own if is_running(load_node(path, exercise=True).store)]


def _is_of_this_run(folder: Path) -> bool:
    """Whether the log is of what runs now, which may have been begun without one."""
    log = folder / _LOG
    return log.exists() and log.stat().st_mtime >= (folder / _PROCESS).stat().st_mtime


def running(folder: Path) -> int | None:
    """The process that runs it in the background, if one does."""
    try:
        process = int((folder / _PROCESS).read_text(encoding="utf-8"))
        os.kill(process, 0)
    except (OSError, ValueError):
        return None
    return process


def end(folder: Path) -> bool:
    """End what runs in the background, and wait until its nodes have ended; whether anything did.

    Raises InputError where it still runs after `_STOP_S` and what killing takes.
    """
    process = running(folder)
    if process is None:
        return False
    os.kill(process, signal.SIGTERM)
    until_s = time.monotonic() + _STOP_S + _KILLED_S
    while running(folder) is not None:
        if time.monotonic() > until_s:
            reason = f"still ends after {_STOP_S + _KILLED_S:g} s (process {process})"
            raise InputError(str(folder), reason, f"try again; see {folder / _LOG}")
        time.sleep(0.1)
    return True
