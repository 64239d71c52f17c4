"""What a nation states of flights: it holds until it is taken back, and is taken back in time."""

import datetime

import numpy as np
from msgspec import structs

from evaluate.between import (
    arrivals,
    flight_of,
    policy_of,
    receiver,
    releases_to,
    sent_of,
    take_in,
    tracks_of,
)
from evaluate.shared import RADARS, flown
from evaluate.wire import PATIENT
from skypact.model import Ellipse, Launch
from skypact.serving.releases import ALL
from skypact.settings import Settings
from skypact.sharing.chain import Alarm, AlarmKind, Delivery

S = 1_000_000_000
MOST = 50
SETTINGS = Settings(entry=PATIENT.model_copy(update={"greatest_statements": MOST}))
TEXT = '[partner.KOR]\nlevel = "assessment"'


class Told:
    """Japan has seen a flight for 30 s and has stated it to Korea."""

    def __init__(self, epoch=7):
        plots, _ = flown(1, 30.0)
        self.releases = releases_to(
            "KOR", policy_of(TEXT, "JPN", "KOR", RADARS), RADARS, SETTINGS, epoch=epoch
        )
        self.korea = receiver("KOR", ["JPN"], RADARS, SETTINGS)
        self.way = self.releases.ways["KOR"]
        for one in arrivals(plots, RADARS, "JPN"):
            _ = list(sent_of(self.releases, one))
            self.now_ns = one.received_ns
        self.sent = []
        self.state()

    def leave(self, messages):
        for one in messages:
            self.sent.append(one)
            take_in(self.korea, "JPN", one.data, Delivery.LIVE, self.now_ns)

    def state(self):
        tracks = tracks_of(self.releases, self.now_ns)
        self.leave(self.way.withdraw(tracks, self.now_ns))
        for due in self.way.due(tracks):
            self.leave(self.way.state(due, flight_of(due), self.now_ns))


def test_a_flight_that_has_ended_is_taken_back():
    told = Told()
    (before,) = told.korea.statements
    told.now_ns += 60 * S  # unseen in free flight, and up
    told.state()
    assert list(told.korea.statements) == [before] and len(told.sent) == 1
    told.now_ns += 3600 * S
    told.state()
    assert not told.korea.statements and len(told.sent) == 2
    assert not told.way.stated
    told.state()
    assert len(told.sent) == 2  # once


def test_what_parted_is_stated_with_the_launch_of_what_it_parted_from():
    """Its own first plots are of no boost: a launch sought in them is another's, or none."""
    told = Told()
    told.way._asked_ns.clear()
    (due,) = told.way.due(tracks_of(told.releases, told.now_ns))
    assert told.way.launch_of(due) is None  # it is sought as long as plots may change it
    launch = Launch(
        time_ns=due.track.first_plot_ns - 80 * S,
        time_sigma_s=4.0,
        latitude_rad=0.7,
        longitude_rad=2.2,
        ellipse_95=Ellipse(semi_major_m=9e3, semi_minor_m=3e3, azimuth_rad=0.0),
    )
    known = structs.replace(flight_of(due), launch=launch)
    old = structs.replace(due.track, time_ns=due.track.first_plot_ns + 61 * S)
    told.leave(told.way.state(due._replace(track=old), known, told.now_ns))
    number = due.track.id
    part = structs.replace(due.track, id=number + 1, parted_from=number)
    assert told.way.launch_of(due._replace(track=part)) == launch
    other = structs.replace(part, parted_from=number + 5)
    assert told.way.launch_of(due._replace(track=other)) is None


def test_of_tracks_that_a_release_picture_no_longer_has_nothing_is_kept():
    """A node that runs for months has seen millions of them."""
    told = Told()
    told.way._asked_ns.clear()
    (due,) = told.way.due(tracks_of(told.releases, told.now_ns))
    told.state()
    assert told.way._kinds[due.who] and told.way._asked_ns
    told.leave(told.way.withdraw({due.who: ()}, told.now_ns))
    assert not told.way._kinds[due.who] and not told.way._asked_ns


def test_what_was_stated_before_a_restart_is_taken_back_when_it_is_stated_anew():
    told, back = Told(), Told(epoch=9)
    (old,), (new,) = told.korea.statements, back.korea.statements
    assert old != new
    back.way.take_over(told.way.stated, back.now_ns)
    back.korea = told.korea
    back.leave(back.way.withdraw(tracks_of(back.releases, back.now_ns), back.now_ns))
    assert list(told.korea.statements) == [old]  # not before all can be stated anew
    back.leave(iter(back.sent[:1]))
    back.now_ns += 30 * S
    back.leave(back.way.withdraw(tracks_of(back.releases, back.now_ns), back.now_ns))
    assert list(told.korea.statements) == [new]
    assert len(back.way.stated) == 1


def test_of_an_arrival_that_makes_two_messages_only_the_missing_one_goes_after_a_kill():
    """One plot is for the partner's eyes, the other for exports: two messages, by their uses."""
    plots, _ = flown(1, 5.0)
    arrival = arrivals(plots, RADARS, "JPN")[3]
    rows = np.repeat(0, 2)
    both = arrival.plots.at(rows)
    both.time_ns[1] += 1000
    arrival = structs.replace(arrival, plots=both)
    until = datetime.datetime.fromtimestamp((int(both.time_ns[0]) + 500) / S, datetime.UTC)
    text = f"""
        [partner.KOR]
        level = "plots"
        use = ["export"]
        [[partner.KOR.rule]]
        name = "at first"
        level = "plots"
        use = ["picture"]
        until = {until.isoformat()}
    """
    policy = policy_of(text, "JPN", "KOR", RADARS)

    def made(gone):
        releases = releases_to("KOR", policy, RADARS, SETTINGS)
        return [(part, sent.header.sequence) for _, part, sent in releases.take(arrival, gone)]

    assert made({}) == [(0, 1), (1, 2)]
    assert made({"KOR": 1}) == [(1, 1)]
    assert made({"KOR": 2}) == made({"KOR": ALL}) == []


def test_what_is_granted_no_more_is_taken_back():
    told = Told()
    tracks = tracks_of(told.releases, told.now_ns)
    assert not told.way.due(tracks)  # just stated
    told.way._asked_ns.clear()
    (due,) = told.way.due(tracks)
    told.way.policy = policy_of('[partner.KOR]\nlevel = "nothing"', "JPN", "KOR", RADARS)
    told.leave(told.way.state(due, flight_of(due), told.now_ns))
    assert not told.korea.statements and not told.way.stated


def test_a_statement_of_a_branch_goes_out_with_it_and_the_one_before_holds():
    told = Told()
    ((key, before),) = told.korea.statements.items()
    for at in range(2, 14):
        told.now_ns += S
        changed = structs.replace(before, ground_range_m=1e5 + at)
        told.leave([told.way.outgoing.message(changed, told.now_ns)])
    told.leave([told.way.outgoing.message(structs.replace(before, withdrawn=True), told.now_ns)])
    assert not told.korea.statements
    alarm = Alarm(AlarmKind.FORKED, 7, 8, ((8, 14),), "")
    told.korea.take_out("JPN", alarm)
    assert told.korea.statements[key].ground_range_m == 1e5 + 7


def test_the_later_in_the_chain_counts_whichever_comes_first():
    told = Told()
    ((key, before),) = told.korea.statements.items()
    later = [
        told.way.outgoing.message(structs.replace(before, ground_range_m=float(n)), told.now_ns)
        for n in (2, 3)
    ]
    told.leave(reversed(later))
    assert told.korea.statements[key].ground_range_m == 3.0


def test_statements_of_a_partner_that_is_gone_are_bounded_in_number_and_time():
    told = Told()
    ((key, before),) = told.korea.statements.items()
    for number in range(MOST + 10):
        told.leave([told.way.outgoing.message(structs.replace(before, flight=number), told.now_ns)])
    assert len(told.korea.statements) == MOST and key not in told.korea.statements
    saved = told.korea.saved()()
    again = receiver("KOR", ["JPN"], RADARS, SETTINGS)
    again.take_up(saved, "saved")
    assert again.statements == told.korea.statements
    told.korea.mark(told.now_ns + round(SETTINGS.entry.statement_s * S) + 10 * S)
    assert not told.korea.statements
