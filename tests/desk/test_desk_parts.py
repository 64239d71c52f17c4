"""Parts of the desk alone: changes, streams, what is kept, who is let in, what is one."""

import asyncio
import math
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from skypact import cli
from skypact.desk import as_json, beside
from skypact.desk.access import Rate
from skypact.desk.accounts import FILE, Accounts
from skypact.desk.counterparts import Counterparts, pairs
from skypact.desk.live import thinned
from skypact.desk.node_client import PictureCopy
from skypact.desk.store import Store, entry_hash
from skypact.desk.streams import Stream
from skypact.errors import InputError
from skypact.kernels.geodesy import ecef_from_geodetic, local_axes
from skypact.kernels.radar_geometry import polar_from_local, to_local
from skypact.model import (
    Acknowledged,
    Apogee,
    Assessment,
    Consultation,
    Ellipse,
    Flight,
    FlightKind,
    Impact,
    Launch,
    Phase,
    PictureChange,
    Radar,
    ShownFlight,
    ShownPath,
    ShownTrack,
    Statement,
    Track,
    TrackStatus,
    Use,
)
from skypact.model.message import FlightPath
from skypact.model.track import PhaseEstimate
from skypact.serving.desk_orders import with_key
from skypact.serving.desk_state import told_ns
from skypact.serving.shown import shown_path, shown_radars, shown_tracks
from skypact.serving.shown_picture import ShownPicture
from skypact.settings import DeskSettings
from skypact.sharing.entry import Cause
from skypact.tracking.rows_read import _REASON as ENDED
from tests.test_node import coalition

S = 1_000_000_000
NO_PATH = ShownPath(b"", b"", b"", b"", b"")


def track(number, time_s=0, plots=1, radars=("A",), **more):
    state = np.array([6.5e6, 1e5 * number, 1e5, 0.0, 7e3, 100.0])
    counts = {name: plots for name in radars}
    fields = {
        "status": TrackStatus.CONFIRMED,
        "time_ns": time_s * S,
        "state": state + np.array([0, 7e3, 100, 0, 0, 0]) * time_s,
        "covariance": np.diag([100.0, 400.0, 900.0, 1.0, 4.0, 9.0]),
        "phases": (
            PhaseEstimate(
                phase=Phase.COAST, probability=1.0, state=np.zeros(9), covariance=np.eye(9)
            ),
        ),
        "first_plot_ns": 0,
        "last_plot_ns": time_s * S,
        "plots": plots * len(counts),
        "plots_by_radar": counts,
        "first_plots": np.zeros((0, 6)),
        "manoeuvre_log_odds": 0.0,
        "highest_m": 0.0,
        "highest_ns": 0,
        "highest_sigma_m": 0.0,
        "most_energy_j_kg": math.nan,
        "last_seen_by": radars[-1],
    }
    return Track(id=number, **(fields | more))


def flight(number=1, latitude=0.7, longitude=2.2, time_s=600, **more):
    fields = {
        "id": number,
        "kind": FlightKind.BALLISTIC,
        "kind_probability": 0.9,
        "kind_probabilities": {"ballistic": 0.9, "glide": 0.1},
        "range_class": None,
        "range_class_probability": None,
        "nations": ("JPN",),
        "radars": ("A",),
        "first_plot_ns": 0,
        "last_plot_ns": 0,
        "last_seen_by": "A",
        "plots": 1,
        "launch": None,
        "apogee": Apogee(time_ns=300 * S, height_m=5e5, height_sigma_m=1e3),
        "ground_range_m": None,
        "impact": impact(latitude, longitude, time_s),
    }
    return Flight(**(fields | more))


def impact(latitude, longitude, time_s):
    return Impact(
        time_ns=time_s * S,
        time_sigma_s=1.0,
        latitude_rad=latitude,
        longitude_rad=longitude,
        ellipse_95=Ellipse(semi_major_m=10e3, semi_minor_m=2e3, azimuth_rad=0.0),
        region_95=((2.2, 0.7), (2.21, 0.7), (2.2, 0.71), (2.2, 0.7)),
    )


def shown(one, status=TrackStatus.CONFIRMED):
    return ShownFlight(one, 0, status, None, (), NO_PATH)


# -- changes and wholes ------------------------------------------------------------------------

LOOKS = st.lists(st.dictionaries(st.integers(1, 6), st.integers(0, 9), max_size=6), max_size=12)


@given(LOOKS, st.data())
@settings(deadline=None, max_examples=60)
def test_changes_one_after_another_are_the_whole(looks, data):
    """However tracks come, go on and go, and wherever a viewer missed some and asked for all."""
    told, copy = (
        ShownPicture("shared", 7, {"A": "JPN"}, DeskSettings()),
        PictureCopy("shared", DeskSettings()),
    )
    copy.become(told.whole(0))
    for tracks in looks:
        told.look([track(number, time_s) for number, time_s in tracks.items()])
        for number in tracks:
            if data.draw(st.booleans()):
                told.assessed(track(number), flight(number), NO_PATH, 0)
        change = told.change(0)
        if change is None:
            continue
        if data.draw(st.integers(0, 4)) == 0:
            assert not copy.follows(msgspec.structs.replace(change, number=change.number + 1))
            copy.become(told.whole(0))
        else:
            assert copy.follows(change)
            sent = msgspec.msgpack.decode(msgspec.msgpack.encode(change), type=type(change))
            copy.apply(sent)
        now = PictureCopy("shared", DeskSettings())
        now.become(told.whole(0))
        assert copy.tracks == now.tracks and copy.number == now.number
        assert copy.flights.keys() == now.flights.keys()
        assert set(copy.tracks) == set(tracks)
    assert told.change(0) is None


def test_only_what_changed_is_told_again():
    told = ShownPicture("shared", 7, {"A": "JPN"}, DeskSettings())
    told.look([track(1, 0), track(2, 0)])
    assert len(told.change(0).tracks) == 2
    told.look([track(1, 0), track(2, 1)])
    assert [one.id for one in told.change(0).tracks] == [2]
    told.look([track(2, 1)])
    assert told.change(0).gone == (1,)


def test_who_saw_it_last_and_when():
    """A radar saw it when its count of plots rose; before the first look nobody knows."""
    told = ShownPicture("shared", 7, {"A": "JPN", "B": "KOR"}, DeskSettings())
    told.look([track(1, 5, 3, ("A", "B"))])  # last seen by B, before we looked
    told.look([track(1, 6, plots_by_radar={"A": 3, "B": 4}, plots=7, last_seen_by="B")])
    told.look([track(1, 9, plots_by_radar={"A": 3, "B": 4}, plots=7, last_plot_ns=6 * S)])
    partner = {"plots_by_partner": {"USA": {"x": 2}}, "last_seen_by": "USA x"}
    told.look([track(1, 12, plots_by_radar={"A": 3, "B": 4}, plots=9, **partner)])
    told.assessed(track(1, 12), flight(), NO_PATH, 0)
    (one,) = told.change(0).flights
    assert {(s.nation, s.radar): s.last_ns for s in one.sources} == {
        ("JPN", "A"): None,
        ("KOR", "B"): 6 * S,
        ("USA", "x"): 12 * S,
    }
    assert {s.radar: s.first_ns for s in one.sources} == {"A": None, "B": None, "x": 12 * S}
    # What began while we looked began with its first plot.
    told.look([track(2, 14, 3, ("B",), first_plot_ns=11 * S)])
    told.assessed(track(2, 14), flight(2), NO_PATH, 0)
    (other,) = told.change(0).flights
    assert [(s.radar, s.first_ns, s.last_ns) for s in other.sources] == [("B", 11 * S, 14 * S)]


def test_a_source_that_comes_late_saw_nothing_after_its_newest_plot():
    """What came late of B went in beside what A saw since: B did not see it then."""
    told = ShownPicture("shared", 7, {"A": "JPN", "B": "KOR"}, DeskSettings())
    told.look([])
    counts = {"A": 40, "B": 10}
    told.look(
        [track(1, 40, 50, plots_by_radar=counts, last_seen_by="A")],
        {("JPN", "A"): 40 * S, ("KOR", "B"): 9 * S},
    )
    counts = {"A": 41, "B": 12}
    told.look(
        [track(1, 41, 53, plots_by_radar=counts, last_seen_by="A")],
        {("JPN", "A"): 41 * S, ("KOR", "B"): 11 * S},
    )
    told.assessed(track(1, 41), flight(), NO_PATH, 0)
    (one,) = told.change(0).flights
    # A has most of its plots: it began the track, at 0.
    assert {s.radar: (s.first_ns, s.last_ns) for s in one.sources} == {
        "A": (0, 41 * S),
        "B": (9 * S, 11 * S),
    }
    assert {eyes[1]: seen.until_ns for eyes, seen in told.noted(50 * S)[1].sightings.items()} == {
        "A": 41 * S,
        "B": 11 * S,
    }


def test_a_moment_of_the_past_has_the_times_that_were_noted_when_it_was_now():
    """Its replay looks each 10 s: what it finds by itself is that much off."""
    names, of = {"A": "JPN", "B": "KOR"}, DeskSettings(sees_now_s=12.0)
    noted, past = (ShownPicture("shared", 7, names, of) for _ in range(2))
    noted.look([])  # before it began
    plots = {"A": 0, "B": 0}
    for second in range(1, 101):
        plots["A"] += 1
        plots["B"] += 24 <= second <= 43 or second >= 77
        by_radar = {name: n for name, n in plots.items() if n}
        noted.look([track(1, second, plots_by_radar=by_radar, plots=sum(by_radar.values()))])

    def in_the_past(at_s):
        replayed = {"A": at_s, "B": min(20, max(0, at_s - 23)) + max(0, at_s - 76)}
        by_radar = {name: n for name, n in replayed.items() if n}
        past.look([])
        past.look([track(1, at_s, plots_by_radar=by_radar, plots=sum(by_radar.values()))])
        past.take(noted.noted(at_s * S))
        past.assessed(track(1, at_s), flight(), NO_PATH, 0)
        (one,) = past.change(0).flights
        return {s.radar: (s.first_ns // S, s.last_ns // S) for s in one.sources}

    assert in_the_past(20) == {"A": (0, 20)}
    assert in_the_past(30) == {"A": (0, 30), "B": (24, 30)}
    assert in_the_past(60) == {"A": (0, 60), "B": (24, 43)}
    assert in_the_past(90) == {"A": (0, 90), "B": (24, 90)}
    # The replay looked at 90 s alone: the path before is the one that was noted.
    path = next(part.flown[1] for part in past.whole(0) if 1 in part.flown)
    assert as_json.path(path)["time_ms"] == [1000 * s for s in range(1, 91)]
    # Nothing was noted of another track: what the replay saw stands.
    past.look([track(2, 90, 3)])
    past.take(noted.noted(90 * S))
    past.assessed(track(2, 90, 3), flight(2), NO_PATH, 0)
    told = {one.flight.id: one for one in past.change(0).flights}
    assert [(s.radar, s.last_ns) for s in told[2].sources] == [("A", 90 * S)]


def test_a_node_started_anew_knows_what_it_had_noted():
    """It looks from 60 s on; its journal is looked at each 10 s until then."""
    names, of = {"A": "JPN", "B": "KOR"}, DeskSettings(sees_now_s=12.0)
    always, journal, anew = (ShownPicture("shared", 7, names, of) for _ in range(3))
    plots = {"A": 0, "B": 0}
    for second in range(121):
        plots["A"] += 1
        plots["B"] += 24 <= second <= 43 or second >= 77
        by_radar = {name: n for name, n in plots.items() if n}
        now = [track(1, second, plots_by_radar=by_radar, plots=sum(by_radar.values()))] * second
        always.look(now[:1])
        if second <= 60 and second % 10 == 0:
            journal.look(now[:1])
        if second >= 60:
            anew.look([*now[:1], track(2, second)])
        if second == 100:
            copy = PictureCopy("shared", of)
            copy.become(anew.whole(0))
            anew.go_on_from(journal.followed)
            assert not copy.follows(anew.change(0))  # so it is asked for whole

    def told(one):
        one.assessed(track(1, 120), flight(), NO_PATH, 0)
        sources = {
            s.radar: (s.first_ns // S, s.last_ns // S) for s in one.change(0).flights[0].sources
        }
        path = next(part.flown[1] for part in one.whole(0) if 1 in part.flown)
        seen = {
            eyes[1]: (s.since_ns // S, s.until_ns // S)
            for eyes, s in one.noted(50 * S)[1].sightings.items()
        }
        return sources, seen, as_json.path(path)["time_ms"]

    sources, seen, path = told(always)
    again, seen_again, path_again = told(anew)
    # B began at 24 s, which the look at 30 s found.
    assert sources == {"A": (0, 120), "B": (24, 120)} and again == sources | {"B": (30, 120)}
    assert seen == {"A": (0, 50), "B": (24, 43)} and seen_again == seen | {"B": (30, 50)}
    assert path == [1000 * s for s in range(1, 121)]
    assert path_again == [1000 * s for s in (*range(10, 60, 10), *range(60, 121))]


def test_a_launch_that_was_known_stays_though_none_is_found_any_more():
    told = ShownPicture("shared", 7, {"A": "JPN"}, DeskSettings())
    launch = Launch(
        time_ns=0,
        time_sigma_s=9.0,
        latitude_rad=0.7,
        longitude_rad=2.2,
        ellipse_95=Ellipse(semi_major_m=9e3, semi_minor_m=3e3, azimuth_rad=0.0),
    )

    def launch_at(time_s, found):
        told.look([track(1, time_s, 10 + time_s)])
        told.assessed(track(1, time_s), flight(launch=found), NO_PATH, time_s * S)
        return told.change(0).flights[0].flight.launch

    # Within its first minute a launch is what the plots say now; after that it is kept.
    assert launch_at(30, launch) == launch
    assert launch_at(40, None) is None
    assert launch_at(50, launch) == launch
    assert launch_at(70, None) == launch
    assert told.launch_of(track(1, 80)) == launch
    assert launch_at(90, None) == launch


def test_what_parted_is_assessed_after_what_it_parted_from():
    """As after a restart, when nothing is known of either."""
    told = ShownPicture("shared", 7, {"A": "JPN"}, DeskSettings())
    parts = [track(2, 90, parted_from=1), track(3, 90, parted_from=2)]
    told.look([track(1, 90), *parts])
    order = []
    while (due := told.due(90 * S)) is not None:
        order.append(due[1].id)
        told.assessed(due[1], flight(due[1].id), NO_PATH, 90 * S)
    assert order == [1, 2, 3]


def test_a_large_whole_goes_in_parts_that_a_message_holds():
    told = ShownPicture("shared", 7, {"A": "JPN"}, DeskSettings(path_every_s=0.5))
    for time_s in range(100):
        told.look([track(number, time_s) for number in range(1, 161)])
    parts = told.whole(0)
    assert len(parts) > 2 and all(one.more for one in parts[:-1]) and not parts[-1].more
    assert all(len(msgspec.msgpack.encode(one)) < 1 << 20 for one in parts)
    copy = PictureCopy("shared", DeskSettings())
    copy.become(parts)
    assert len(copy.tracks) == 160
    path = as_json.path(copy.flown(1))
    assert path["time_ms"][0] == 0 and len(path["time_ms"]) == len(path["height_m"]) == 100
    for time_s in range(100, 130):  # what comes since is added to it
        told.look([track(1, time_s)])
        copy.apply(told.change(0))
    assert as_json.path(copy.flown(1))["time_ms"] == [1000 * k for k in range(130)]
    assert copy.flown(2) is None  # gone
    few = as_json.path(thinned(copy.flown(1), 10))
    assert len(few["time_ms"]) == 10 and few["time_ms"][-1] == 129_000


def test_the_most_overdue_is_assessed_first_and_what_ended_once():
    told = ShownPicture("shared", 7, {"A": "JPN"}, DeskSettings(assess_every_s=2.0))
    told.look([track(1, 0), track(2, 0)])
    for _ in range(2):
        _, due = told.due(0)
        told.assessed(due, flight(due.id), NO_PATH, due.id * S)
    assert told.due(2 * S) is None
    told.look([track(1, 3, 2), track(2, 3, 2)])
    _, due = told.due(4 * S)
    assert due.id == 1
    ended = track(1, 3, 2, status=TrackStatus.ENDED)
    told.look([ended, track(2, 3, 2)])
    told.assessed(ended, flight(1), NO_PATH, 5 * S)
    assert all(told.due(t * S)[1].id == 2 for t in (10, 100, 1000))


# -- streams -----------------------------------------------------------------------------------


@given(st.integers(1, 30), st.integers(1, 12), st.integers(-3, 35))
def test_who_comes_back_gets_just_what_was_missed_or_begins_anew(told, kept, last):
    stream = Stream("shared", "begun", DeskSettings(kept_events=kept))
    for number in range(told):
        stream.tell("tracks", number)
    missed = stream.since(f"begun.shared.{last}")
    if last == told:
        assert missed == []
    elif told - kept <= last < told and last >= 0:
        assert [int(one.split(b"data: ")[1]) for one in missed] == list(range(last, told))
    else:
        assert missed is None
    for other in ("", "begun.national.1", "other.shared.1", "begun.shared.x", "begun.shared.²"):
        assert stream.since(other) is None


def test_a_viewer_who_is_too_slow_begins_anew_and_holds_nobody_up():
    stream = Stream("shared", "begun", DeskSettings(waiting_events=3))
    slow, quick = stream.join(), stream.join()

    async def run():
        got = []
        for number in range(8):
            stream.tell("tracks", number)
            got.append(await quick.next(1.0))
        assert b"".join(got).count(b"event: tracks") == 8 and not quick.lost
        assert slow.lost and await slow.next(1.0) == b""
        slow.forget()
        stream.tell("tracks", 9)
        assert (await slow.next(1.0)).endswith(b"data: 9\n\n")
        assert await slow.next(0.01) == b""

    asyncio.run(run())


def test_a_rate_lets_so_many_at_once_and_then_so_many_a_second():
    rate = Rate(1000.0, 5.0)
    assert [rate.take() for _ in range(5)] == [0.0] * 5
    wait_s = rate.take()
    assert 0.0 < wait_s <= 1e-3
    time.sleep(wait_s + 1e-3)
    assert rate.take() == 0.0


# -- what is kept ------------------------------------------------------------------------------

_KILLED = """
import os, sys, time
from pathlib import Path
from skypact.desk.store import Store
store = Store(Path(sys.argv[1]), time.time_ns)
store.acknowledge(3, 5, "Sato")
store.comment(3, 5, "Sato", "seen")
store.audit("Sato", "acknowledge", "flight 3", "done")
store.audit("Sato", "comment", "flight 3", "done")
for event, flight in (("a", 1), ("b", 3), ("b", 4), ("a", 1), ("c", 3)):
    store.note_warned([(event, flight)], 2)
os.kill(os.getpid(), 9)
"""


def test_what_was_answered_is_there_after_a_kill_and_the_audit_cannot_be_changed(tmp_path):
    done = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    store = Store(tmp_path, time.time_ns)
    assert [one.who for one in store.acknowledged(3, 5)] == ["Sato"]
    assert store.warned() == {"b": {3, 4}, "c": {3}}  # of the two newest
    assert store.acknowledged(3, 6) == []  # another flight that was given the same id
    assert [one.text for one in store.comments(3, 5)] == ["seen"]
    before = ""
    for row in reversed(store.audited(10)):
        assert row.hash == entry_hash(before, *row[1:6])
        before = row.hash
    for change in ("update audit set who = 'x'", "delete from audit"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            store._do((change, ()))
    store.close()


def test_accounts_are_private_checked_and_gone_when_removed(tmp_path):
    accounts = Accounts(tmp_path)
    made = accounts.add("Sato Yuki", ("release",), "correct horse", 1)
    assert made.roles == ("view", "release")
    assert stat.S_IMODE(os.stat(tmp_path / FILE).st_mode) == 0o600
    assert "correct horse" not in (tmp_path / FILE).read_text()

    def right(name, password):
        return asyncio.run(accounts.verified(name, password)) is not None

    assert right("Sato Yuki", "correct horse")
    assert not right("Sato Yuki", "correct horse ") and not right("nobody", "correct horse")
    for name, roles, password in (
        ("", (), "long enough"),
        ("a/b", (), "long enough"),
        ("Ito", ("all",), "long enough"),
        ("Ito", (), "short"),
    ):
        with pytest.raises(InputError):
            accounts.add(name, roles, password, 1)
    accounts.remove("Sato Yuki")
    assert not right("Sato Yuki", "correct horse")
    (tmp_path / FILE).write_text("[{")
    with pytest.raises(InputError, match="skypact desk user add"):
        accounts.all()


def test_people_are_added_by_command(tmp_path):
    from skypact.sharing.coalition import init_coalition
    from tests.sharing.link_settings import QUICK

    init_coalition(tmp_path / "c", ["JPN", "KOR"], "mesh", QUICK, first_port=21990)
    folder = str(tmp_path / "c" / "JPN")
    assert "port = 21994" in (tmp_path / "c" / "JPN" / "node.toml").read_text()

    def run(*words, **more):
        return CliRunner().invoke(cli.app, ["desk", "user", *words], **more)

    given = ["add", folder, "Sato", "--role", "act", "--password-file", "-"]
    assert run(*given, input="correct horse\n").output == "Sato: view, act\n"
    assert run(*given, input="short\n").exit_code == 1
    assert run("list", folder).output == "Sato: view, act\n"
    assert run("remove", folder, "Sato").exit_code == 0
    assert run("add", str(tmp_path), "Sato").exit_code == 1  # no nation's folder


def test_the_page_has_words_for_all_that_a_node_says_of_fixed_lists():
    """In `web/src/words/words.ts`; what is missing there would be English in every language.

    A warning's reasons are not: its messages give them in the languages they are made in.
    """
    words = (Path(__file__).parents[2] / "web/src/words/words.ts").read_text("utf-8")
    (table,) = re.findall(r"const FIXED[^{]*\{\n(.*?)\n\};", words, re.DOTALL)
    there = set(re.findall(r'^  "(.+?)": "\w+",$', table, re.MULTILINE))
    assert there == {*Cause, *filter(None, ENDED.values())}


# -- what is one, and how far apart ------------------------------------------------------------


def said(number, one, nation="KOR", **more):
    """What a nation states of a flight."""
    fields = {
        "flight": number,
        "as_of_ns": 0,
        "kind": FlightKind.GLIDE,
        "kind_probabilities": {FlightKind.GLIDE: 0.6},
        "use": (Use.PICTURE,),
        "apogee": one.apogee,
        "impact": one.impact,
    }
    return Statement(nation, Assessment(**(fields | more)))


def test_statements_stand_beside_the_flight_they_are_of():
    flights = {n: shown(flight(n, 0.7 + 0.05 * n, 2.2, 600 + 200 * n)) for n in (1, 2, 3)}
    near = flight(2, 0.80001, 2.2, 1001)
    far = flight(9, -0.3, 1.0, 1001)
    worse = flight(3, 0.8003, 2.2, 1003)  # another of the same nation: the better one stands
    found = beside.stated_of(flights, [said(13, worse), said(11, near), said(12, far)])
    assert {number: [one.flight for _, one in all_] for number, all_ in found.items()} == {2: [11]}
    told = as_json.assessment("KOR", found[2][0][1], flights[2].flight)
    assert told["differences"]["kind"] and not told["differences"]["impact_significant"]
    # 1e-5 rad of latitude are 64 m on the sphere of 6,371 km.
    assert told["differences"]["impact_m"] == 64
    assert told["differences"]["impact_time_s"] == 1.0
    assert told["differences"]["launch_time_s"] is None  # nobody says when it was launched
    apart = beside.differences(flight(2, 0.81, 2.2, 1010), flights[2].flight)
    assert apart["impact_significant"] and apart["impact_time_significant"]
    round_ = Ellipse(semi_major_m=900.0, semi_minor_m=900.0, azimuth_rad=0.0)
    launched = [
        Launch(
            time_ns=time_ns,
            time_sigma_s=2.0,
            latitude_rad=0.7,
            longitude_rad=2.0,
            ellipse_95=round_,
        )
        for time_ns in (0, 5 * S, -6 * S)
    ]
    first, near, far = (flight(2, 0.8, 2.2, 1000, launch=one) for one in launched)
    # 95 % of two times of 2 s each are within 1.96 · 2.83 s = 5.5 s of each other.
    late, soon = beside.differences(near, first), beside.differences(far, first)
    assert (late["launch_time_s"], late["launch_time_significant"]) == (5.0, False)
    assert (soon["launch_time_s"], soon["launch_time_significant"]) == (-6.0, True)


def test_what_was_taken_back_stands_beside_what_has_ended_alone():
    going_on = {2: shown(flight(2, 0.8, 2.2, 1000))}
    ended = {2: shown(flight(2, 0.8, 2.2, 1000), TrackStatus.ENDED)}
    before = said(11, flight(2, 0.80001, 2.2, 1001))
    over = msgspec.structs.replace(before, is_over=True)
    assert beside.stated_of(going_on, [before]) and not beside.stated_of(going_on, [over])
    assert beside.stated_of(ended, [over])[2][0][1].flight == 11
    of = beside.OfPartner("KOR")
    of.take(ended, [over])
    assert of.flights == ended and not of.stated  # nothing is stated there any more


@pytest.mark.parametrize("withdrawn", [False, True])
def test_data_come_of_a_nation_as_long_as_it_tells_of_flights(withdrawn):
    """That a flight is over, or what people say, is no sign that anything is in sight."""
    stated = said(1, flight()).said
    stated = msgspec.structs.replace(stated, as_of_ns=9_000 * S, withdrawn=withdrawn)
    then_ns = stated.as_of_ns
    # Stated again later, as after a restart, it is as of then; a clock that is ahead gives nothing.
    for received_ns in (then_ns + 60 * S, then_ns - 5):
        as_of_ns = min(then_ns, received_ns)
        assert told_ns(stated, received_ns) == (0 if withdrawn else as_of_ns)
    assert told_ns((object(),), then_ns) == then_ns  # tracklets
    assert not told_ns(Consultation(event="KOR-1", at_ns=0, said=Acknowledged(by="Han")), then_ns)


def test_of_a_partner_alone_what_it_states_is_shown_and_nothing_more():
    """A track has the launch stated of it; what no track is of is a flight without any."""
    round_ = Ellipse(semi_major_m=900.0, semi_minor_m=900.0, azimuth_rad=0.0)
    launch = Launch(
        time_ns=-100 * S, time_sigma_s=1.0, latitude_rad=0.7, longitude_rad=2.0, ellipse_95=round_
    )
    tracked = {2: shown(flight(2, 0.8, 2.2, 1000))}
    path = FlightPath(
        time_ns=np.array([0, 100 * S]).tobytes(),
        latitude_rad=np.array([0.7, 0.75]).tobytes(),
        longitude_rad=np.array([2.0, 2.1]).tobytes(),
        height_m=np.array([0.0, 3e5]).tobytes(),
    )
    lone = said(7, flight(9, -0.3, 1.0, 1001), path=path)
    statements = [
        said(11, flight(2, 0.80001, 2.2, 1001), launch=launch, ground_range_m=6.4e5),
        said(3, flight(2, 0.80001, 2.2, 1001), nation="USA"),
        lone,
    ]
    of = beside.OfPartner("KOR")
    of.take(tracked, statements)
    assert set(of.flights) == {2, -1}
    assert tracked[2].flight.launch is None and of.flights[2].flight.launch == launch
    assert of.flights[2].flight.ground_range_m == 6.4e5
    assert {n: [one.flight for _, one in all_] for n, all_ in of.stated.items()} == {
        2: [11],
        -1: [7],
    }
    told = as_json.flight(of.flights[-1], "JPN", 0, DeskSettings())
    assert (told["plots"], told["sources"], told["seen_now_by"]) == (0, [], [])
    assert told["nations"] == ["KOR"] and told["launch"] is None
    assert told["impact"] == as_json.place(lone.said.impact)
    # Sphere: 0.05 rad north and 0.1 cos 0.725 rad east in 100 s, up 3 km/s.
    ground_m_s = 6.371e6 * math.hypot(0.05, 0.1 * math.cos(0.725)) / 100.0
    first, last = told["path_expected"]["speed_m_s"]
    assert first == pytest.approx(math.hypot(ground_m_s, 3000.0), rel=0.03)
    assert last > first  # higher up
    # The same again, decoded anew each second: the same objects, so nothing is told anew.
    before = dict(of.flights)
    of.take(dict(tracked), [msgspec.structs.replace(one) for one in statements])
    assert all(of.flights[number] is one for number, one in before.items())
    of.take(tracked, statements, is_whole=False)  # it may be of a track that is not assessed yet
    assert set(of.flights) == {2}
    of.take(tracked, statements[:1])
    assert set(of.flights) == {2} and of.flights[2] is before[2]
    # What fits no track yet is of one all the same where the shared picture knows it.
    of.take(tracked, [lone], known={7: 2})
    assert set(of.flights) == {2} and of.stated[2][0][1].flight == 7
    assert beside.partner_of("from:KOR") == "KOR" and beside.partner_of("shared") == ""


def picture_of(name, tracks, flights=(), number=1):
    """A picture as it was last told, of tracks as they are shown."""
    made = PictureCopy(name, DeskSettings())
    change = PictureChange(name, 5, number, 0, 0, tuple(tracks), (), tuple(flights))
    made.apply(change)
    made.epoch = 5
    return made


def test_one_object_has_two_numbers_and_is_known_by_where_it_is():
    """Tracks 1 and 2 are 100 km apart; two seconds later each is where it flew to."""
    late, soon = (shown_tracks([track(n, at) for n in (1, 2)]) for at in (10, 8))
    numbered = [msgspec.structs.replace(one, id=3 - one.id) for one in soon]  # 1 is 2 there
    assert pairs(numbered, late, {}) == {2: 1, 1: 2}
    assert pairs(numbered[:1], late[1:], {}) == {}  # another object
    assert pairs(numbered, [], {}) == {}
    old = shown_tracks([track(1, 60)])
    assert pairs(numbered, old, {}) == {}  # so long after, nothing can be told


def test_numbers_do_not_change_places_where_two_are_near_each_other():
    one, other = shown_tracks([track(1, 10)])[0], shown_tracks([track(1, 10)])[0]
    step = 1.0 / 6.5e6  # 1 m, in rad
    near = [
        msgspec.structs.replace(other, id=7, latitude_rad=other.latitude_rad + 30 * step),
        msgspec.structs.replace(other, id=8, latitude_rad=other.latitude_rad - 20 * step),
    ]
    assert pairs([one], near, {}) == {1: 8}
    assert pairs([one], near, {1: 7}) == {1: 7}  # 30 m is less than twice 20 m
    far = [msgspec.structs.replace(near[0], latitude_rad=one.latitude_rad + 90 * step), near[1]]
    assert pairs([one], far, {1: 7}) == {1: 8}


def test_what_was_one_object_stays_one_when_either_has_ended():
    live = shown_tracks([track(1, 10)])
    of = Counterparts()
    here = picture_of("national", live)
    there = picture_of("shared", [msgspec.structs.replace(live[0], id=4)])
    assert dict(of.of(here, there)) == {1: 4}
    over = msgspec.structs.replace(live[0], status=TrackStatus.ENDED)
    here = picture_of("national", [over], number=2)
    assert dict(of.of(here, there)) == {1: 4}
    # Found again here under a new number: both are that object.
    again = msgspec.structs.replace(live[0], id=6)
    assert dict(of.of(picture_of("national", [over, again], number=3), there)) == {1: 4, 6: 4}
    assert dict(of.of(here, picture_of("shared", [], number=2))) == {}


def test_what_ended_before_anybody_looked_is_known_by_what_it_meant():
    over = [
        msgspec.structs.replace(one, status=TrackStatus.ENDED)
        for one in shown_tracks([track(n, 10) for n in (1, 2)])
    ]
    meant = {1: flight(1, 0.8, 2.2, 1000), 2: flight(2, -0.3, 1.0, 5)}
    here = [shown(one, TrackStatus.ENDED) for one in meant.values()]
    there = [shown(msgspec.structs.replace(meant[3 - n], id=n), TrackStatus.ENDED) for n in (1, 2)]
    of = Counterparts()
    assert dict(of.of(picture_of("national", over, here), picture_of("shared", over, there))) == {
        1: 2,
        2: 1,
    }


def test_urgency_goes_by_the_earliest_impact():
    of = DeskSettings(urgent_s=300.0)

    def at(now_s, one=None, status=TrackStatus.CONFIRMED):
        return as_json.urgency(shown(one or flight(), status), now_s * S, of)

    assert [at(0), at(299), at(590), at(610)] == [2, 3, 3, 0]
    unknown = flight(kind=FlightKind.UNKNOWN, apogee=None, impact=None)
    assert at(0, unknown) == 3  # it may still be boosting
    assert at(0, flight(impact=None)) == 1
    assert at(0, flight(kind=FlightKind.ORBITAL, impact=None)) == 0
    assert at(0, status=TrackStatus.ENDED) == 0


def test_what_a_radar_covers_ends_where_it_no_longer_sees():
    radar = Radar(
        id="A",
        nation="JPN",
        latitude_rad=0.66,
        longitude_rad=2.4,
        height_m=200.0,
        range_sigma_m=10.0,
        azimuth_sigma_rad=1e-3,
        elevation_sigma_rad=1e-3,
        max_range_m=800e3,
        min_elevation_rad=math.radians(2.0),
    )
    (one,) = shown_radars([radar], (20e3, 300e3, 100.0))
    assert [coverage.height_m for coverage in one.coverage] == [20e3, 300e3]  # 100 m is below it
    site = ecef_from_geodetic(radar.latitude_rad, radar.longitude_rad, radar.height_m)
    axes = local_axes(radar.latitude_rad, radar.longitude_rad)
    for coverage in one.coverage:
        assert coverage.ring[0] == coverage.ring[-1]
        for longitude, latitude in coverage.ring:
            place = ecef_from_geodetic(latitude, longitude, coverage.height_m)
            range_m, _, elevation = polar_from_local(*to_local(*place, site, axes))
            # A sphere for the ellipsoid: its radius is within 0.4 %, some 0.1 degrees at 400 km.
            edge = math.isclose(elevation, radar.min_elevation_rad, abs_tol=2e-3)
            assert edge or math.isclose(range_m, radar.max_range_m, rel_tol=5e-3)


def test_an_ellipse_and_a_path_as_json_are_what_they_stand_for():
    one = track(1)
    told = as_json.track(shown_tracks([one])[0])
    turned = np.array(told["covariance_m2"])[[0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(3, 3)
    values = np.linalg.eigvalsh(turned)
    assert np.allclose(values, [100.0, 400.0, 900.0], rtol=2e-3)  # four digits are told
    from skypact.flight.paths import path_of

    path = as_json.path(shown_path(path_of([(S * k, one.state) for k in range(3)])))
    assert path["speed_m_s"] == pytest.approx([math.hypot(7e3, 100.0)] * 3, abs=0.05)


# -- the policy's text -------------------------------------------------------------------------

POLICY = """
nation = "JPN"  # ours
[partner.KOR]  # neighbours
level = "assessment"  # for now
use = ["picture"]
[[partner.KOR.rule]]
level = "plots"
radars = ["A"]
[partner.USA]
level = "plots"
"""


@pytest.mark.parametrize("partner", ["KOR", "USA", "AUS"])
@pytest.mark.parametrize(("key", "value"), [("level", '"warning"'), ("openness", '"full"')])
def test_one_key_of_a_partner_is_set_and_nothing_else(partner, key, value):
    text = with_key(POLICY, partner, key, value)
    before, after = tomllib.loads(POLICY), tomllib.loads(text)
    before["partner"].setdefault(partner, {})[key] = value.strip('"')
    assert after == before
    assert "# ours" in text and "# neighbours" in text
    assert ("# for now" in text) is True


def test_a_shown_track_is_small():
    assert isinstance(shown_tracks([track(1)])[0], ShownTrack)
    assert len(msgspec.msgpack.encode(shown_tracks([track(1)])[0])) < 250


def test_a_desk_starts_without_compiled_kernels(tmp_path):
    """They take seconds to load, and a desk has no use for them: not to check a policy either."""
    coalition(tmp_path, {"JPN": {"KOR": "nothing"}, "KOR": {"JPN": "nothing"}})
    text = (tmp_path / "JPN" / "release.toml").read_text().replace('"nothing"', '"plots"')
    did = (
        "import sys\n"
        "from pathlib import Path\n"
        "import skypact.run_desk\n"
        "from skypact.serving.orders import difference\n"
        "found = {one.partner: one.more for one in difference(Path(sys.argv[1]), sys.argv[2])}\n"
        "print(bool(found['KOR']), sorted({'numba', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", did, str(tmp_path / "JPN"), text],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True []\n"
