"""The decision: which areas, when, why; the five published failures as it sees them."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from shapely.geometry import box

from skypact.model import Danger, Descent, Flight, FlightKind, Launch, Reason, Step
from skypact.model.flight import Ellipse
from skypact.settings import WarningSettings
from skypact.warning.areas import area_of
from skypact.warning.chances import AreaIndex
from skypact.warning.decide import Decider

S = 1_000_000_000
T0 = 1_664_835_720 * S
# Aomori and Hokkaido touch; Okinawa is far away; the sea lies west of both.
INDEX = AreaIndex(
    [
        area_of("aomori", {"en": "Aomori"}, box(140, 40, 142, 41)),
        area_of("hokkaido", {"en": "Hokkaido"}, box(140, 41, 142, 43)),
        area_of("okinawa", {"en": "Okinawa"}, box(127, 26, 128, 27)),
        area_of("sea", {"en": "Sea"}, box(132, 40, 138, 43)),
    ]
)
SETTINGS = WarningSettings()


def flight(
    identity=1,
    *,
    falls=((141.0, 40.5, 1.0),),
    over=(),
    down_s=400,
    last_s=0,
    parted_from=None,
    kind=FlightKind.BALLISTIC,
    unknown=False,
    now_s=0,
):
    """A flight seen until `last_s`; `falls`: longitude, latitude, weight; `over`: paths of them."""
    at = np.array(falls, float).reshape(-1, 3)
    points = [p for path in over for p in path]
    on = np.radians(np.array(points, float).reshape(-1, 2))
    descent = Descent(
        weight=at[:, 2],
        time_ns=np.full(len(at), T0 + down_s * S, np.int64),
        latitude_rad=np.radians(at[:, 1]),
        longitude_rad=np.radians(at[:, 0]),
        paths=max(len(over), 1),
        path=np.array([k for k, path in enumerate(over) for _ in path], np.int32),
        path_time_ns=np.array(
            [T0 + (now_s + 60 * i) * S for path in over for i in range(len(path))], np.int64
        ),
        path_latitude_rad=on[:, 1],
        path_longitude_rad=on[:, 0],
    )
    launch = Launch(
        time_ns=T0 - 60 * S,
        time_sigma_s=1.0,
        latitude_rad=0.7,
        longitude_rad=2.2,
        ellipse_95=Ellipse(semi_major_m=1e3, semi_minor_m=1e3, azimuth_rad=0.0),
    )
    return Flight(
        id=identity,
        kind=kind,
        kind_probability=1.0,
        kind_probabilities={},
        range_class=None,
        range_class_probability=None,
        nations=("JPN", "KOR"),
        radars=("JP-1", "JP-2"),
        first_plot_ns=T0 - 50 * S,
        last_plot_ns=T0 + last_s * S,
        last_seen_by="JP-1",
        plots=40,
        launch=launch,
        apogee=None,
        ground_range_m=None,
        impact=None,
        parted_from=parted_from,
        partner_radars=("KOR 7f",),
        descent=None if unknown else descent,
    )


def decider(**changed):
    return Decider(INDEX, WarningSettings(**{**SETTINGS.model_dump(), **changed}))


def look(of, second, *flights):
    return of.look(T0 + second * S, flights)


def steps(said):
    return [(one.step, one.reason, tuple(a.chance.area for a in one.areas)) for one in said]


def test_an_alert_names_its_reason_its_observations_and_each_radar_once():
    of = decider()
    (said,) = look(of, 0, flight())
    assert steps([said]) == [(Step.ALERT, Reason.THRESHOLD, ("aomori",))]
    assert said.basis[0].radars == ("JP-1", "JP-2", "KOR 7f") and said.basis[0].plots == 40
    assert said.launched_ns == T0 - 60 * S and said.areas[0].danger == Danger.FALL
    assert look(of, 1, flight(last_s=1)) == ()


def test_below_the_threshold_nothing_is_said_and_less_lead_lowers_it():
    few = ((141.0, 40.5, 0.01), (150.0, 30.0, 0.99))
    of = decider()
    assert look(of, 0, flight(falls=few)) == ()
    (said,) = look(of, 230, flight(falls=few, last_s=230))  # 170 s remain
    assert said.areas[0].chance.falls == 0.01


def test_neighbours_are_added_while_the_uncertainty_reaches_them_and_no_others():
    spread = ((141.0, 40.9, 0.99), (141.0, 41.1, 0.002), (127.5, 26.5, 0.008))
    (said,) = look(decider(), 0, flight(falls=spread))
    assert [(a.chance.area, a.danger) for a in said.areas] == [
        ("aomori", Danger.FALL),
        ("hokkaido", Danger.NEIGHBOUR),
    ]


def test_areas_that_it_leaves_are_cleared_only_after_a_while_and_the_false_alert_is_cancelled():
    of = decider(clear_after_s=10)
    look(of, 0, flight())
    off = ((150.0, 30.0, 1.0),)
    assert look(of, 1, flight(falls=off, last_s=1)) == ()
    assert look(of, 5, flight(falls=off, last_s=5)) == ()
    (said,) = look(of, 12, flight(falls=off, last_s=12))
    assert (said.step, said.reason, said.gone) == (Step.CANCEL, Reason.ELSEWHERE, ("aomori",))
    assert look(of, 13, flight(falls=off, last_s=13)) == ()
    back = look(of, 14, flight(last_s=14))
    assert [one.step for one in back] == [Step.ALERT] and back[0].number == 3


def test_no_area_is_cleared_by_what_was_seen_for_a_moment_alone():
    """Below the threshold at its last plot; the track is not lost yet when that is 10 s ago."""
    of = decider()
    look(of, 0, flight())
    off = flight(falls=((150.0, 30.0, 1.0),), last_s=1)
    said = [one for second in range(1, 12) for one in look(of, second, off)]
    assert said == [] and "aomori" in told(of)


def test_a_probability_that_goes_up_and_down_about_the_threshold_does_not_flicker():
    of, said = decider(), []
    for second in range(60):
        p = 0.101 if second % 2 else 0.099
        falls = ((141.0, 40.5, p), (150.0, 30.0, 1 - p))
        said += look(of, second, flight(falls=falls, last_s=second))
    assert [one.step for one in said] == [Step.ALERT]


def test_2022_11_03_a_track_that_is_lost_is_never_taken_to_have_passed():
    """It was said to have passed at 7:48 when its track had been lost over the sea."""
    over = [[(136, 40.5), (139, 40.5), (141, 40.5), (145, 40.5)]] * 2
    seen = {"falls": ((148.0, 40.5, 1.0),), "over": over, "down_s": 600}
    of = decider()
    (alert,) = look(of, 0, flight(**seen))
    assert {a.chance.area: a.danger for a in alert.areas}["aomori"] == Danger.PASS
    (lost,) = look(of, 15, flight(**seen))  # unseen for more than 10 s, and `update_every_s` later
    assert (lost.step, lost.reason) == (Step.UPDATE, Reason.TRACK_LOST)
    assert lost.lost_since_ns == T0 and {a.chance.area for a in lost.areas} >= {"aomori"}
    later = [one for second in range(16, 660) for one in look(of, second, flight(**seen))]
    assert all("aomori" in {a.chance.area for a in one.areas} for one in later)
    (clear,) = look(of, 661, flight(**seen))
    assert (clear.step, clear.reason) == (Step.ALL_CLEAR, Reason.CAME_DOWN)
    assert clear.lost_since_ns == T0


def test_an_end_that_came_while_nothing_was_taken_in_is_not_told_as_seen():
    of = decider()
    of.look(T0, [flight()], watched_ns=1)
    (clear,) = of.look(T0 + 461 * S, [flight()], watched_ns=1)
    assert (clear.reason, clear.lost_since_ns) == (Reason.CAME_DOWN, T0)


def test_what_radars_send_late_is_not_lost_before_it_could_have_come():
    """On 2026-11-23 feeds came 38 s late and public messages said that no radar saw it."""
    of = decider()
    (alert,) = of.look(T0, [flight()])
    assert alert.step == Step.ALERT
    said = [one for s in range(1, 48) for one in of.look(T0 + s * S, [flight()], late_ns=38 * S)]
    assert [one.reason for one in said if one.reason == Reason.TRACK_LOST] == []
    (lost,) = of.look(T0 + 49 * S, [flight()], late_ns=38 * S)  # unseen for 49 s, 38 of them late
    assert (lost.reason, lost.lost_since_ns) == (Reason.TRACK_LOST, T0)


def test_an_end_is_not_told_as_unseen_while_what_saw_it_may_be_on_its_way():
    of = decider()
    of.look(T0, [flight()], watched_ns=1)
    late_ns = (461 - 9) * S
    (clear,) = of.look(T0 + 461 * S, [flight()], watched_ns=1, late_ns=late_ns)
    assert (clear.reason, clear.lost_since_ns) == (Reason.CAME_DOWN, None)


def test_what_came_down_is_not_alerted_again_while_its_track_is_still_in_the_picture():
    """Its chances stay as they were last known, of a time that is past."""
    of = decider()
    told = [one for s in range(0, 1200, 5) for one in look(of, s, flight(last_s=min(s, 395)))]
    assert [one.step for one in told if one.step != Step.UPDATE] == [Step.ALERT, Step.ALL_CLEAR]
    assert of.under_alert == {}


def test_nothing_is_past_while_ways_down_do_not_know_of_what_was_seen_last():
    """The few ways at hand may end too soon; what was ended already they do not alert anew."""
    of = decider()
    look(of, 0, flight())
    late = flight(down_s=600, last_s=390)
    assert not [
        one
        for s in range(465, 500, 5)
        for one in of.look(T0 + s * S, [flight(last_s=390)], uncarried=[1])
        if one.step != Step.UPDATE
    ]
    assert look(of, 500, late)[0].step == Step.UPDATE and 1 in of.under_alert
    assert look(of, 661, late)[0].step == Step.ALL_CLEAR
    assert not of.look(T0 + 665 * S, [late], uncarried=[1])


def test_no_area_is_cleared_by_ways_down_that_lag_or_are_the_first_few():
    of = decider(clear_after_s=10)
    look(of, 0, flight())
    off = [flight(falls=((150.0, 30.0, 1.0),), last_s=s) for s in range(31)]
    for s in range(1, 30):
        assert not of.look(T0 + s * S, [off[s]], behind=[1])
    assert look(of, 30, off[30])[0].gone == ("aomori",)


OVER_AOMORI = [[(139, 40.5), (141, 40.5), (145, 40.5)]] * 2
OVER_HOKKAIDO = [[(139, 42.5), (141, 42.5), (145, 42.5)]] * 2
OUT = (150.0, 30.0)


def told(of, event=1):
    return {one.chance.area: str(one.danger) for one in of.under_alert.get(event, ())}


def test_an_area_that_is_passed_over_and_then_may_be_fallen_in_is_told_so_at_once():
    of = decider()
    look(of, 0, flight(falls=((*OUT, 1.0),), over=OVER_AOMORI))
    assert told(of) == {"aomori": "pass"}
    falls = ((141.0, 40.5, 0.2), (*OUT, 0.8))
    (said,) = look(of, 1, flight(falls=falls, over=OVER_AOMORI, last_s=1))
    assert (said.step, said.reason) == (Step.UPDATE, Reason.OTHER_DANGER)
    assert said.was == {"aomori": Danger.PASS} and said.areas[0].danger == Danger.FALL
    assert look(of, 2, flight(falls=falls, over=OVER_AOMORI, last_s=2)) == ()


def test_while_it_passes_over_an_area_nothing_new_is_said_as_time_goes_by():
    """Only what is ahead of it is foretold, so that begins ever later; the end is another thing."""
    of = decider(times_change_s=70.0)

    def passing(second, points=5):
        """0.01° a second along 40.5 N, in Aomori from the beginning on."""
        path = [(140.1 + 0.01 * (second + 60 * k), 40.5) for k in range(points)]
        return flight(falls=((*OUT, 1.0),), over=(path,) * 4, last_s=second, now_s=second)

    (said,) = look(of, 0, passing(0))
    assert said.step == Step.ALERT and said.areas[0].danger == Danger.PASS
    assert [look(of, second, passing(second)) for second in (30, 60, 90, 120)] == [()] * 4
    slower = flight(
        falls=((*OUT, 1.0),), over=([(141.3 + 0.1 * k, 40.5) for k in range(6)],) * 4,
        last_s=121, now_s=121,
    )  # fmt: skip
    assert [one.reason for one in look(of, 121, slower)] == [Reason.OTHER_TIMES]


@pytest.mark.parametrize("then", ["over", "unlikely", "lost"])
def test_a_danger_that_is_over_is_told_only_once_it_surely_is(then):
    """It may no longer come down in the area, and still passes over it: for one part all is clear.

    Not while it still may with more than `clear_probability`, and not while its track is lost.
    """
    of, said = decider(clear_after_s=10), []
    look(of, 0, flight(falls=((141.0, 40.5, 0.2), (*OUT, 0.8)), over=OVER_AOMORI, down_s=900))
    assert told(of) == {"aomori": "fall"}
    left = 0.01 if then == "unlikely" else 0.0
    falls = ((141.0, 40.5, left), (*OUT, 1.0 - left))
    for second in range(1, 40):
        seen_s = 1 if then == "lost" else second
        now = flight(falls=falls, over=OVER_AOMORI, last_s=seen_s, down_s=900)
        said += look(of, second, now)
        if then == "over" and second == 10:
            assert told(of) == {"aomori": "fall"} and said == []
    if then != "over":
        assert told(of) == {"aomori": "fall"}
        assert {one.reason for one in said} <= {Reason.TRACK_LOST}
        return
    (one,) = said
    assert (one.step, one.reason) == (Step.UPDATE, Reason.OTHER_DANGER) and one.gone == ()
    assert one.was == {"aomori": Danger.FALL} and told(of) == {"aomori": "pass"}


def test_an_area_that_was_passed_over_and_cannot_be_ruled_out_is_told_to_be_careful():
    """Below what alerts, above what is clear: nobody there is told to leave shelter."""
    of, said = decider(), []
    falls = ((141.0, 40.5, 0.003), (*OUT, 0.997))
    for second in range(0, 180, 5):
        said += look(of, second, flight(falls=falls, over=OVER_AOMORI, last_s=second, down_s=900))
    assert [(one.step, one.reason) for one in said] == [
        (Step.ALERT, Reason.THRESHOLD),
        (Step.UPDATE, Reason.OTHER_DANGER),
    ]
    assert [str(one.areas[0].danger) for one in said] == ["pass", "neighbour"]


@pytest.mark.parametrize(("what", "over_s"), [("passed", 61 + 10), ("elsewhere", 30 + 60)])
def test_what_has_passed_is_over_sooner_than_what_seems_to_go_elsewhere(what, over_s):
    """A plot, or a part, may bring back what only seems to go elsewhere."""
    of, out = decider(), {"falls": ((*OUT, 1.0),), "down_s": 900}
    now_s = -60 if what == "passed" else 0  # over it until the second 60, or 120
    look(of, 0, flight(**out, over=OVER_AOMORI, now_s=now_s))
    for second in range(1, over_s):
        beside = () if what == "elsewhere" and second >= 30 else OVER_AOMORI
        look(of, second, flight(**out, over=beside, now_s=now_s, last_s=second))
        assert told(of) == {"aomori": "pass"}
    (said,) = look(of, over_s, flight(**out, last_s=over_s))
    assert said.gone == ("aomori",) and said.passed == (said.gone if what == "passed" else ())


def test_a_part_that_was_just_seen_to_part_adds_no_area_for_a_moment():
    """At its first plots it may go anywhere; where it may fall is told at once."""
    whole = {"falls": ((*OUT, 1.0),), "down_s": 900, "over": OVER_AOMORI}
    of = decider()
    look(of, 0, flight(**whole))

    def with_part(second, **of_part):
        part = flight(2, parted_from=1, down_s=900, last_s=second, **of_part)
        look(of, second, flight(**whole, last_s=second), part)
        return set(told(of))

    over = {"falls": ((*OUT, 1.0),), "over": OVER_HOKKAIDO}
    assert with_part(1, **over) == {"aomori"}
    assert with_part(2, unknown=True) == {"aomori"}  # it may burn: it begins anew
    assert [with_part(second, **over) for second in range(3, 8)] == [{"aomori"}] * 5
    assert with_part(8, **over) == {"aomori", "hokkaido"}
    assert with_part(9, falls=((127.5, 26.5, 1.0),)) == {"aomori", "hokkaido", "okinawa"}


def test_near_a_fall_an_area_is_told_of_that_even_where_it_is_passed_over():
    falls = ((141.0, 40.5, 0.9), (141.0, 42.0, 0.05), (*OUT, 0.05))
    of = decider()
    look(of, 0, flight(falls=falls, over=OVER_HOKKAIDO))
    assert told(of) == {"aomori": "fall", "hokkaido": "neighbour"}


def test_an_update_says_which_areas_it_adds():
    of = decider()
    (alert,) = look(of, 0, flight())
    (said,) = look(of, 1, flight(falls=NORTH, last_s=1))
    assert (alert.new, said.new, said.was) == ((), ("hokkaido",), {})


def test_nobody_is_told_to_leave_shelter_while_another_event_has_them_under_alert():
    of = decider()
    look(of, 0, flight(), flight(2, down_s=900))
    assert sorted(of.under_alert) == [1, 2]
    over, still = look(of, 461, flight(last_s=400), flight(2, down_s=900, last_s=461))
    assert (still.event, still.step, still.still) == (2, Step.UPDATE, ())
    assert (over.event, over.step, over.still) == (1, Step.ALL_CLEAR, ("aomori",))
    (over,) = look(of, 961, flight(last_s=400), flight(2, down_s=900, last_s=900))
    assert (over.event, over.step, over.still) == (2, Step.ALL_CLEAR, ())


def test_2023_04_13_a_separated_stage_is_told_from_the_payload():
    """A stage falls into the sea and the payload flies on: one event, and each area by its own."""
    stage = {"falls": ((135.0, 41.5, 1.0),), "down_s": 300}
    payload = {"falls": ((150.0, 30.0, 1.0),), "down_s": 900}
    of = decider()
    (said,) = look(of, 0, flight(1, **payload), flight(2, parted_from=1, **stage))
    assert said.event == 1 and [a.chance.area for a in said.areas] == ["sea"]
    assert {b.flight for b in said.basis} == {1, 2}


def test_2023_05_31_an_area_far_from_the_path_is_not_alerted_and_a_reason_is_given():
    over = [[(135, 42), (141, 42), (149, 42)]]
    (said,) = look(decider(), 0, flight(falls=((149.0, 42.0, 1.0),), over=over))
    assert {a.chance.area for a in said.areas} == {"sea", "hokkaido"}
    assert said.reason == Reason.THRESHOLD and said.basis


def test_what_the_picture_no_longer_knows_is_cancelled_once():
    of = decider()
    look(of, 0, flight())
    (said,) = look(of, 1)
    assert (said.step, said.reason) == (Step.CANCEL, Reason.WITHDRAWN)
    assert look(of, 2) == () and of.under_alert == {}


def test_what_turns_out_to_stay_up_is_cancelled():
    of = decider()
    look(of, 0, flight())
    (said,) = look(of, 1, flight(kind=FlightKind.ORBITAL, unknown=True, last_s=1))
    assert (said.step, said.reason) == (Step.CANCEL, Reason.NO_DANGER)


def test_a_boost_that_may_go_on_holds_what_was_said():
    of = decider()
    look(of, 0, flight())
    assert look(of, 1, flight(kind=FlightKind.UNKNOWN, unknown=True, last_s=1)) == ()
    assert "aomori" in {a.chance.area for a in of.under_alert[1]}


def burning(last_s, **more):
    return flight(kind=FlightKind.UNKNOWN, unknown=True, last_s=last_s, **more)


def test_an_alert_of_what_burns_again_holds_beyond_the_fall_that_was_foretold_and_is_then_moved():
    """It was foretold as though its boost had ended at 0 s; it burns until 500 s, and flies on.

    No area is cleared and no end is said of a fall that was not to be; then it is another area.
    """
    of = decider(expires_s=2000)
    look(of, 0, flight(down_s=200))
    assert [one for s in range(1, 500) for one in look(of, s, burning(s))] == []
    assert told(of) == {"aomori": "fall"}
    (moved,) = look(of, 500, flight(falls=OKINAWA, down_s=1200, last_s=500))
    assert (moved.reason, moved.new) == (Reason.MORE_AREAS, ("okinawa",))
    said = [
        one
        for s in range(501, 1300)
        for one in look(of, s, flight(falls=OKINAWA, down_s=1200, last_s=min(s, 1195)))
    ]
    assert [(one.step, one.reason, one.gone) for one in said] == [
        (Step.UPDATE, Reason.FEWER_AREAS, ("aomori",)),
        (Step.UPDATE, Reason.TRACK_LOST, ()),
        (Step.ALL_CLEAR, Reason.CAME_DOWN, ("okinawa",)),
    ]


def test_while_it_burns_again_no_area_is_cleared_by_what_was_foretold_before():
    of, off = decider(), ((*OUT, 1.0),)
    look(of, 0, flight())
    look(of, 1, flight(falls=off, last_s=1))
    assert [one for s in range(2, 300) for one in look(of, s, burning(s))] == []
    assert told(of) == {"aomori": "fall"}


def test_a_stage_that_is_down_ends_nothing_while_what_it_parted_from_still_burns():
    of = decider()
    stage = flight(2, parted_from=1, down_s=100, last_s=90)
    look(of, 0, burning(0), flight(2, parted_from=1, down_s=100))
    said = [one for s in range(1, 400) for one in look(of, s, burning(s), stage)]
    assert {one.step for one in said} == {Step.UPDATE} and told(of) == {"aomori": "fall"}


def test_what_never_was_foretold_and_is_gone_holds_no_alert_for_ever():
    of = decider()
    parts = flight(down_s=100, last_s=90), burning(20, identity=2, parted_from=1)
    said = [one for s in range(400) for one in look(of, s, *parts)]
    assert said[-1].step == Step.ALL_CLEAR and of.under_alert == {}


def test_what_is_lost_while_it_burns_is_said_to_be_and_holds():
    of = decider()
    look(of, 0, flight(down_s=100))
    said = [one for s in range(1, 400) for one in look(of, s, burning(min(s, 20)))]
    assert [(one.step, one.reason) for one in said] == [(Step.UPDATE, Reason.TRACK_LOST)]
    assert told(of) == {"aomori": "fall"}


def test_an_alert_that_holds_is_said_anew_before_it_expires():
    of = decider(expires_s=100)
    look(of, 0, flight(down_s=900))
    said = [one for s in range(1, 101) for one in look(of, s, flight(down_s=900, last_s=s))]
    assert [(one.step, one.reason) for one in said] == [(Step.UPDATE, Reason.STILL)] * 2


def test_updates_come_no_sooner_than_set_but_where_danger_grows():
    """All of it changes at each look: times, areas that come and go, the track lost and found."""
    of = decider(clear_after_s=0, lost_after_s=1, times_change_s=1)
    said = []
    for s in range(200):
        falls = [(141.0, 40.5, 0.5), (*OUT, 0.3)]
        if s // 3 % 2 and s < 150:
            falls.append((141.0, 42.0, 0.2))
        down_s = 600 + 30 * (s % 2)
        said += look(of, s, flight(falls=falls, down_s=down_s, last_s=s - s % 5))
    assert len(said) > 10 and {one.reason for one in said} >= {
        Reason.MORE_AREAS,
        Reason.OTHER_TIMES,
    }
    for before, one in pairwise(said):
        grows = {a.chance.area for a in one.areas} > {a.chance.area for a in before.areas}
        assert grows or one.time_ns - before.time_ns >= SETTINGS.update_every_s * S
    # What is over for all waits for nothing.
    (more,) = look(of, 200, flight(falls=((127.5, 26.5, 1.0),), last_s=200))
    (end,) = look(of, 201, flight(falls=((*OUT, 1.0),), last_s=201))
    assert (more.reason, end.step) == (Reason.MORE_AREAS, Step.CANCEL)


def test_an_operators_cancel_ends_it():
    of = decider()
    look(of, 0, flight())
    assert of.cancel(7, T0) is None
    said = of.cancel(1, T0 + S)
    assert (said.step, said.reason, said.gone) == (Step.CANCEL, Reason.BY_OPERATOR, ("aomori",))


def test_what_an_operator_cancelled_waits_for_a_release_also_where_it_only_passes_over():
    of, over = decider(), flight(falls=((*OUT, 1.0),), down_s=900, over=OVER_AOMORI)
    look(of, 0, over)
    of.cancel(1, T0 + S)
    assert look(of, 2, over) == () and [a.chance.area for a in of.waiting[1]] == ["aomori"]


_PLACES = [(141.0, 40.5), (141.0, 41.5), (127.5, 26.5), (135.0, 41.0), (150.0, 30.0)]
_LOOKS = st.lists(
    st.tuples(
        st.integers(1, 40),
        st.lists(
            st.tuples(st.integers(1, 3), st.integers(0, 4), st.floats(0.0, 1.0), st.booleans()),
            max_size=3,
            unique_by=lambda one: one[0],
        ),
    ),
    max_size=25,
)


def _told(looks, cut=None):
    of, second, told = decider(), 0, []
    for number, (step_s, rows) in enumerate(looks):
        second += step_s
        flights = [
            flight(
                identity,
                falls=((*_PLACES[place], share), (160.0, 20.0, 1.0 - share)),
                last_s=second if seen else max(second - 20, 0),
                parted_from=1 if identity == 3 else None,
            )
            for identity, place, share, seen in rows
        ]
        told += look(of, second, *flights)
        if number == cut:
            kept, of = of.save(), decider()
            of.take_up(kept)
    return told


@settings(max_examples=60, deadline=None)
@given(_LOOKS, st.integers(0, 24))
def test_a_chain_begins_with_an_alert_ends_once_and_is_the_same_after_a_restart(looks, cut):
    told = _told(looks)
    assert told == _told(looks, cut)
    open_: dict[int, bool] = {}
    numbers: dict[int, int] = {}
    for one in told:
        numbers[one.event] = numbers.get(one.event, 0) + 1
        assert one.number == numbers[one.event]
        assert (one.step == Step.ALERT) == (not open_.get(one.event, False))
        open_[one.event] = one.step in (Step.ALERT, Step.UPDATE)
        assert bool(one.areas) == open_[one.event]
    assert math.isfinite(len(told))


NORTH = ((141.0, 40.5, 0.5), (141.0, 41.5, 0.5))
OKINAWA = ((127.5, 26.5, 1.0),)


@pytest.mark.parametrize("first", ["seen", "lost"])
@pytest.mark.parametrize("second", ["alike", "at another time", "elsewhere"])
def test_what_may_come_down_where_and_when_another_may_joins_its_event(first, second):
    """A stage seen late, its parting never: no second alert, and no all-clear before both end."""
    of, last_s = decider(), 100 if first == "seen" else 0
    assert [one.event for one in look(of, 0, flight())] == [1]
    payload = flight(last_s=last_s)
    look(of, 20, payload)  # said to be lost, unless it is seen
    falls = OKINAWA if second == "elsewhere" else NORTH
    stage = flight(2, falls=falls, down_s=900 if second == "at another time" else 400, last_s=40)
    look(of, 40, payload, structs.replace(stage, descent=None))
    said = look(of, 41, payload, stage)
    if second != "alike":
        assert [(one.event, one.step) for one in said] == [(2, Step.ALERT)]
        return
    expected = [(1, Step.UPDATE, Reason.MORE_AREAS)]
    assert [(one.event, one.step, one.reason) for one in said] == expected
    assert [basis.flight for basis in said[0].basis] == [1, 2]
    again = Decider(INDEX, SETTINGS)
    again.take_up(of.save())
    for one in (of, again):
        (over,) = look(one, 600, payload, stage)
        assert (over.event, over.step) == (1, Step.ALL_CLEAR) and not one.under_alert


def test_two_that_pass_over_one_area_at_one_time_are_one_alert_and_later_another():
    """Seen for the first time after they parted, as on 2022-10-04."""
    way, off = [[[139, 40.5], [143, 40.5]]], ((150.0, 30.0, 1.0),)
    for later_s, alerted in ((0, [1]), (120, [1, 2])):
        two = flight(falls=off, over=way), flight(2, falls=off, over=way, now_s=later_s)
        assert [one.event for one in look(decider(), 0, *two)] == alerted


def test_two_at_once_with_one_danger_are_one_alert_until_both_are_over():
    of = decider()
    parts = flight(down_s=400), flight(2, down_s=400)
    (alert,) = look(of, 0, *parts)
    assert alert.event == 1 and [one.flight for one in alert.basis] == [1, 2]
    # The second turns out to be later: the area waits for it.
    later = flight(down_s=400, last_s=390), flight(2, down_s=900, last_s=390)
    look(of, 390, *later)
    assert all(one.step != Step.ALL_CLEAR for one in look(of, 700, *later))
    (over,) = look(of, 1200, *later)
    assert over.step == Step.ALL_CLEAR and not of.under_alert


def test_what_it_parted_from_may_be_known_later_than_the_flight():
    of = decider()
    assert [one.event for one in look(of, 0, flight())] == [1]
    look(of, 1, flight(last_s=1), flight(2, unknown=True, last_s=1))
    parts = flight(last_s=2), flight(2, falls=OKINAWA, parted_from=1, last_s=2)
    assert [(one.event, one.step) for one in look(of, 2, *parts)] == [(1, Step.UPDATE)]
    # What has an alert of its own keeps it to its end.
    of = decider()
    two = flight(), flight(2, falls=OKINAWA)
    assert [one.event for one in look(of, 0, *two)] == [1, 2]
    parted = flight(last_s=1), flight(2, falls=OKINAWA, parted_from=1, last_s=1)
    assert look(of, 1, *parted) == ()
    assert sorted(of.under_alert) == [1, 2]
