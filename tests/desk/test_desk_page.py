"""What people do at the desk, in a real browser, beside a real desk and a made-up node."""

import json
import re
import time
from datetime import datetime

import msgspec
import pytest

from evaluate.made_node import PASSWORD, MadeDesk, MadeFlight, S, made_statement, made_track, radars
from skypact.model import AlertArea, BodyFall, Danger, StandingAlert, Step, TrackStatus
from skypact.serving.consult_words import COMMENT, CONFIRM, Act
from tests.desk.desk_browser import AXE, browser, chromium
from tests.desk.desk_visit import FLIGHT, OTHER, PART, Story, Visit, expects
from tests.desk.test_desk_alerts import Node, said


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    chromium()
    made = MadeDesk(tmp_path_factory.mktemp("desk"), radars())
    made.open()
    yield made
    made.close()


@pytest.fixture
def story(desk):
    told = Story(desk)
    yield told
    told.clear()


@pytest.fixture(scope="module")
def quick():
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def opened_page(quick, desk):
    made = Visit(quick, desk)
    yield made
    made.close()


@pytest.fixture
def visit(opened_page):
    """One page for all: opening it anew takes longer than what is tried."""
    yield opened_page
    opened_page.page.keyboard.press("Escape")
    # Also what was chosen in another picture, and is not found yet, is chosen no more.
    opened_page.page.evaluate("location.hash = 'flight='; location.hash = ''")


def test_a_launch_is_followed_to_its_impact(visit, story):
    expect = expects()
    expect(visit.page.get_by_text("No flights in this picture")).to_be_visible()
    story.at(60.0)
    expect(visit.row(1)).to_be_visible()
    expect(visit.row(1).locator(".left")).to_have_text(_near(620 - 60))
    visit.page.keyboard.press("ArrowDown")
    detail = visit.page.locator(".detail")
    expect(detail).to_contain_text("Flight 1")
    expect(detail.locator(".facts")).to_contain_text("boost")
    story.at(300.0)
    expect(visit.row(1).locator(".left")).to_have_text(_near(620 - 300))
    expect(detail.locator(".facts")).to_contain_text("480 km")
    expect(detail.locator(".sources .sees")).to_have_count(2)
    expect(detail.locator(".sources .stale")).to_contain_text("US-Kyotango")
    # Own radars first, then by nation; since when each saw it, and no name that is hidden.
    radars = detail.locator(".sources tbody tr td:nth-child(2)")
    expect(radars).to_have_text(["JP-Sado", "#da1a", "US-Kyotango"])
    expect(radars.nth(1)).to_have_attribute("title", re.compile("hides its radar"))
    expect(detail.locator(".sources > p")).to_contain_text("hides its radar's name")
    first = time.strftime("%H:%M:%SZ", time.gmtime(story.begin_ns // S + 60))
    expect(detail.locator(".sources tbody tr td:nth-child(4)").first).to_have_text(first)
    # ± are the semi-axes of the 95 % ellipse, as everywhere else.
    ellipse = story.node.pictures["shared"].flights[1].flight.impact.ellipse_95
    half = [f"{axis / 1e3:.1f}" for axis in (ellipse.semi_major_m, ellipse.semi_minor_m)]
    unsure = detail.locator("tr.impact td").last
    expect(unsure).to_have_text(f"± {half[0]} × {half[1]} km")
    # Korea puts the impact elsewhere, by more than both are unsure of.
    expect(detail.locator(".assessments")).to_contain_text("KOR")
    expect(detail.locator(".assessments em.much").first).to_contain_text("≠")
    story.at(620.0, ended=True)
    expect(visit.row(1)).to_contain_text(re.compile("came down · .*Z .*°N"))
    expect(visit.row(1).locator(".left")).to_have_text("fell")
    expect(detail.locator(".head .left")).to_contain_text("fell")


def test_what_fell_and_what_was_lost_from_sight_are_told_apart(visit, story, desk):
    """And of two flights of one launch each says which it parted from."""
    expect = expects()
    story.at(300.0)
    story.at(300.0, flight=PART, names=("shared",))
    now_ns, shown = desk.node.time_ns, desk.node.pictures["shared"].flights

    def lose():
        parted = msgspec.structs.replace(shown[3].flight, parted_from=1)
        lost = {"status": TrackStatus.ENDED, "ended_because": "not seen"}
        story.node.tell(
            "shared",
            (made_track(PART, now_ns, 300.0, ended=True),),
            (msgspec.structs.replace(shown[3], flight=parted, **lost),),
        )

    desk.run(lose)
    lost = visit.row(3)
    expect(lost.locator(".left")).to_have_text("lost from sight")
    seen = time.strftime("%H:%M:%SZ", time.gmtime(now_ns // S))
    expect(lost).to_contain_text(re.compile(f"last seen {seen} by (JPN|KOR)"))
    expect(lost).to_contain_text(re.compile("Expected impact: .*Z .*°N"))
    expect(lost).not_to_contain_text("came down")
    expect(lost).to_contain_text("parted from flight 1")
    expect(visit.row(1)).to_contain_text("parted from flight 3")
    expect(visit.page.locator("#flights-title")).to_contain_text("launches 1 · tracks 2")
    lost.click()
    detail = visit.page.locator(".detail")
    expect(detail.locator(".head")).to_contain_text("lost from sight")
    expect(detail.locator(".head")).to_contain_text("parted from flight 1")
    expect(detail.locator("tr.impact th")).to_have_text("Expected impact")


def test_an_impact_that_is_not_known_is_said_in_words(visit, story, desk):
    expect = expects()
    story.at(60.0)
    shown = desk.node.pictures["shared"].flights[1]
    early = msgspec.structs.replace(shown.flight, impact=None, apogee=None)
    desk.run(
        lambda: story.node.tell("shared", flights=(msgspec.structs.replace(shown, flight=early),))
    )
    expect(visit.row(1)).to_contain_text("impact not known yet")
    expect(visit.row(1)).not_to_contain_text("—")
    visit.row(1).click()
    detail = visit.page.locator(".detail")
    expect(detail.locator(".head .left")).to_have_text("impact not known yet")
    expect(detail.locator("tr.impact td")).to_have_text("not known yet")


def test_a_nation_of_which_nothing_comes_is_no_fault_while_its_link_is_up(visit, story, desk):
    """After a flight nothing is in sight of anybody; a link that is down is another thing."""
    expect = expects()
    story.at(300.0)
    came = visit.page.locator(".all-came .came")
    expect(came).to_have_text([re.compile(f"● {name} [0-9.]+ s") for name in ("JPN", "KOR", "USA")])
    quiet = {"JPN": desk.node.time_ns - 882 * S}  # of Korea nothing came since the node began

    def silence():
        desk.node.came_ns = quiet | {"USA": desk.node.time_ns - 60 * S}
        desk.node.down = {"USA"}

    try:
        desk.run(silence)
        expect(came).to_have_text(
            [
                re.compile("○ JPN nothing in sight 14:4."),
                re.compile("○ KOR nothing in sight"),
                re.compile("▲ USA LINK DOWN 6. s"),
            ]
        )
        expect(visit.page.locator(".came.old")).to_have_count(1)
    finally:
        desk.run(desk.node.down.clear)
        desk.node.came_ns = dict.fromkeys(("JPN", "KOR", "USA"), desk.node.time_ns)


def test_before_the_first_word_of_the_node_it_is_said_what_is_awaited(quick, desk):
    expect = expects()
    context = quick.new_context(locale="en-GB")
    page, held = context.new_page(), []

    def hold(route):
        held.append(route)

    page.route("**/api/v1/events?*", hold)
    page.goto(desk.url)
    # Three desks side by side are told apart before anybody logs in.
    expect(page.locator(".login .whose")).to_have_text("Log in to the desk of JPN")
    expect(page).to_have_title("JPN · Skypact")
    page.get_by_text("No password?").click()
    expect(page.locator(".login details")).to_contain_text("login.txt")
    _no_violation(page, "the log-in")
    page.get_by_label("Name").fill("Sato")
    page.get_by_label("Password").fill(PASSWORD)
    with page.expect_request("**/api/v1/events?*"):
        page.get_by_role("button", name="Log in").click()
    expect(page.locator(".data-age")).to_contain_text("waiting for the node")
    held[0].continue_()
    expect(page.locator(".data-age .now")).to_be_visible()
    context.close()


def _near(seconds):
    """The countdown as it stands within three seconds after it was told."""
    said = [f"{(seconds - k) // 60:02d}:{(seconds - k) % 60:02d}" for k in range(-1, 12)]
    return re.compile("−(" + "|".join(said) + ")")


def test_what_is_seen_and_not_assessed_yet_is_said(visit, story, desk):
    """Under load an assessment waits: an empty list, or an old one, would be taken for calm."""
    expect = expects()

    def seen_alone(since_s):
        now_ns = story.begin_ns + round(since_s * S)
        story.node.time_ns = now_ns
        story.node.tell("shared", (made_track(FLIGHT, now_ns, since_s),))
        story.ids.add(FLIGHT.id)

    desk.run(lambda: seen_alone(40.0))
    expect(visit.page.locator(".flights .empty")).to_have_text("tracks here: 1, none assessed yet")
    story.at(60.0)
    visit.row(1).click()
    behind = visit.page.locator(".detail .behind")
    expect(visit.page.locator(".detail")).to_contain_text("Flight 1")
    expect(behind).to_have_count(0)
    desk.run(lambda: seen_alone(75.0))
    expect(behind).to_contain_text("are by what was seen until")
    story.at(76.0)
    expect(behind).to_have_count(0)


def test_alone_it_is_plain_what_would_be_missing(visit, story):
    expect = expects()
    story.at(300.0)
    story.at(300.0, flight=OTHER, names=("shared",))
    expect(visit.row(2)).to_be_enabled()
    visit.page.get_by_role("button", name="Own radars alone").click()
    expect(visit.page.locator(".lacking")).to_contain_text("1")
    expect(visit.row(2)).to_be_disabled()
    expect(visit.row(2)).to_contain_text("not seen in this picture")
    expect(visit.row(1)).to_be_enabled()
    visit.page.get_by_role("button", name="All together").click()
    expect(visit.row(2)).to_be_enabled()
    expect(visit.page.locator(".lacking")).to_have_count(0)


def test_what_nobody_sees_any_more_is_predicted_and_its_end_is_not_told(visit, story, desk):
    """Both bodies that it may be stand at the impact that holds them; its end nobody saw."""
    expect = expects()
    story.at(300.0)
    visit.row(1).click()
    facts = visit.page.locator(".facts")
    standing = facts.locator("tr.standing")
    expect(standing).to_contain_text("Now")
    expect(standing).not_to_contain_text("predicted")
    track, shown = (desk.node.pictures["shared"].__dict__[one][1] for one in ("tracks", "flights"))
    falls_ns = shown.flight.impact.time_ns
    bodies = tuple(
        BodyFall(light=light, probability=0.5, time_ns=falls_ns + late * S, time_sigma_s=2.0)
        for light, late in ((False, -40), (True, 40))
    )
    impact = msgspec.structs.replace(shown.flight.impact, time_sigma_s=30.0)
    flight = msgspec.structs.replace(shown.flight, bodies=bodies, impact=impact)

    def unseen(since_s, **of):
        desk.node.time_ns = story.begin_ns + since_s * S
        now = msgspec.structs.replace(
            made_track(FLIGHT, desk.node.time_ns, since_s, ended=bool(of)),
            last_plot_ns=track.last_plot_ns,
        )
        desk.node.tell("shared", (now,), (msgspec.structs.replace(shown, flight=flight, **of),))

    desk.run(lambda: unseen(480))
    expect(standing).to_contain_text(re.compile("predicted, unseen for 03:0"))
    heavy, light = (time.strftime("%H:%M:%SZ", time.gmtime(one.time_ns // S)) for one in bodies)
    expect(facts.locator(".bodies")).to_have_text(
        f"holds two ends: {heavy} (50 %) if it is heavy, {light} (50 %) if it is a spent stage or "
        "a light part"
    )
    # The countdown is to the next of the two ends, whatever the middle between them is.
    row, fall_s = visit.row(1), (falls_ns - story.begin_ns) // S
    expect(row.locator(".left")).to_have_text(re.compile(f"^−0{(fall_s - 40 - 480) // 60}:"))
    over = {"status": TrackStatus.ENDED, "ended_because": "came down"}
    desk.run(lambda: unseen(fall_s - 30, **over))
    expect(row).to_contain_text("Expected impact")
    where, interval = (row.locator(f".{one}").bounding_box() for one in ("where", "interval"))
    assert where["x"] + where["width"] <= interval["x"] + 1.0, (where, interval)
    desk.run(lambda: unseen(620, status=TrackStatus.ENDED, ended_because="came down"))
    # A path has a point each few seconds: that at its last plot, or the one before.
    last = [time.strftime("%H:%M:%SZ", time.gmtime(track.last_plot_ns // S - k)) for k in range(6)]
    expect(standing.locator("th")).to_have_text("Last seen")
    expect(standing).to_contain_text(re.compile("|".join(last)))
    expect(standing).to_contain_text("480 km")


def test_a_flight_is_the_same_object_in_every_picture(quick, visit, story, desk):
    """Own radars saw the other part first: what is 1 there is 2 in all together, and stays so."""
    expect = expects()
    page = visit.page
    story.at(300.0)
    story.at(300.0, flight=OTHER, names=("shared",))
    there = (FLIGHT._replace(id=2), OTHER._replace(id=1))
    for one in there:
        story.at(300.0, flight=one, names=("national",))
    visit.row(2).click()
    detail = page.locator(".detail")
    title = detail.get_by_role("heading", level=2)
    expect(title).to_have_text("Flight 2")
    ends = detail.locator("tr.impact")
    expect(ends).to_contain_text("39.50°N 133.00°E")
    page.get_by_role("button", name="Acknowledge flight 2 (LIVE)").click()
    expect(detail.locator(".noted")).to_contain_text("Acknowledged by Sato")
    page.get_by_label("Comment").fill("the lower one")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Own radars alone").click()
    own = visit.row(1)
    expect(own).to_have_attribute("aria-pressed", "true")
    expect(own.locator(".id")).to_have_text("Flight 2")
    expect(own).to_contain_text("✓ Sato")
    expect(title).to_have_text("Flight 2")
    expect(ends).to_contain_text("39.50°N 133.00°E")
    # What was noted of it is of the object, not of a picture; and is noted from here as well.
    expect(detail.locator(".noted")).to_contain_text("Acknowledged by Sato")
    expect(page.locator(".comments li")).to_contain_text("the lower one")
    ito = Visit(quick, desk, "Ito")
    ito.page.get_by_role("button", name="Own radars alone").click()
    ito.row(1).click()
    ito.page.get_by_role("button", name="Acknowledge flight 2 (LIVE)").click()
    expect(ito.page.locator(".detail .noted")).to_have_count(2)
    ito.close()
    expect(detail.locator(".noted")).to_have_count(2)
    page.get_by_role("tab", name="Partners").click()
    page.get_by_role("button", name="All together").click()
    expect(visit.row(2)).to_have_attribute("aria-pressed", "true")
    expect(visit.row(2)).to_contain_text("✓ Sato")
    # Nobody chose anything anew: what one reads stays.
    expect(page.get_by_role("tab", name="Partners")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Flight").click()
    desk.run(lambda: desk.node.tell("national", gone=(1,)))
    page.get_by_role("button", name="Own radars alone").click()
    expect(page.locator("#panel")).to_have_text("Flight 2 is not in this picture")
    story.at(301.0, flight=there[1], names=("national",))
    expect(title).to_have_text("Flight 2")
    # Of this picture alone: no number of all together.
    lone = MadeFlight(id=5, launch_deg=(128.0, 36.0), impact_deg=(131.0, 33.0), apogee_m=70_000.0)
    story.at(302.0, flight=lone, names=("national",))
    expect(visit.row(5).locator(".id")).to_have_text("Flight JPN 5")
    visit.row(5).click()
    expect(detail).to_contain_text("the number is of this picture alone")
    expect(detail.locator(".acknowledge button")).to_have_count(0)
    page.get_by_role("button", name="All together").click()
    expect(page.locator("#panel")).to_have_text("Flight JPN 5 is not in this picture")


def test_alone_it_is_plain_what_would_have_been_missing_then(visit, story, desk):
    """Back in time as now: a launch that partners alone saw yet is not passed over in silence."""
    expect = expects()
    page = visit.page
    story.at(50.0, names=())
    desk.run(lambda: [desk.node.remember(name) for name in ("national", "shared")])
    story.at(100.0, names=("shared",))
    desk.run(lambda: desk.node.remember("national"))
    story.at(300.0)
    page.get_by_role("button", name="Own radars alone").click()
    expect(visit.row(1)).to_be_enabled()

    def go_to(since_s):
        visit.go_back_to(story, since_s)
        expect(page.locator(".notice.past")).to_contain_text("as known then")

    go_to(60)
    expect(page.locator(".flights .empty")).to_contain_text("nothing was in sight then")
    expect(page.locator(".lacking")).to_have_count(0)
    go_to(150)
    expect(page.locator(".lacking")).to_have_text("◌ Not in this picture: 1 of all together")
    expect(visit.row(1)).to_be_disabled()
    # What is there now is not set beside all together as it was then, however late that comes.
    page.route("**/api/v1/events?picture=shared", lambda route: None)
    page.keyboard.press("n")
    expect(visit.row(1)).to_be_enabled()
    expect(page.locator(".lacking")).to_have_count(0)
    page.unroute("**/api/v1/events?picture=shared")
    page.get_by_role("button", name="All together").click()
    expect(visit.row(1)).to_be_enabled()


def test_a_picture_that_has_not_come_is_not_taken_for_the_one_before(visit, story):
    """A partner's alone takes a node half a minute; what was shown before is not shown as it."""
    expect = expects()
    page, held = visit.page, []
    story.at(300.0)
    visit.row(1).click()
    expect(page.locator(".detail")).to_contain_text("Flight 1")

    def hold(route):
        held.append(route)

    page.route("**/api/v1/events?picture=national", hold)
    page.get_by_role("button", name="Own radars alone").click()
    expect(page.locator(".flights .empty")).to_contain_text("being put together")
    expect(visit.row(1)).to_have_count(0)
    expect(page.locator("#panel")).to_contain_text("being put together")
    page.wait_for_timeout(4_000)  # longer than it takes to say that nothing comes
    expect(page.get_by_text("NO DATA FROM THE NODE")).to_have_count(0)
    held[0].continue_()
    page.unroute("**/api/v1/events?picture=national", hold)
    expect(visit.row(1)).to_be_visible()
    expect(page.locator(".detail")).to_contain_text("Flight 1")
    page.get_by_role("button", name="All together").click()


def test_acknowledging_is_seen_by_others_and_not_open_to_all(quick, visit, story, desk):
    expect = expects()
    story.at(300.0)
    visit.row(1).click()
    other = Visit(quick, desk, "Mori")
    other.row(1).click()
    expect(other.page.locator(".acknowledge button")).to_be_disabled()
    visit.page.get_by_role("button", name="Acknowledge flight 1 (LIVE)").click()
    expect(visit.row(1)).to_contain_text("✓ Sato")
    story.at(302.0)
    expect(other.row(1)).to_contain_text("✓ Sato")
    visit.page.get_by_label("Comment").fill("seen from Sado as well")
    visit.page.get_by_role("button", name="Send").click()
    expect(visit.page.locator(".comments li")).to_contain_text("seen from Sado as well")
    other.close()


def test_a_release_is_changed_with_confirmation_alone(visit, story, desk):
    expect = expects()
    page = visit.page
    page.get_by_role("tab", name="Partners").click()
    korea = page.locator('[data-partner="KOR"]')
    expect(korea).to_contain_text("tracklets, as hidden")
    expect(korea).to_contain_text("number 12 came before")
    korea.get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".band")).to_have_text("LIVE")
    dialog.get_by_label("warning").check()
    dialog.get_by_role("button", name="Show what would change").click()
    expect(dialog).to_contain_text("tracklets → warning")
    sign = dialog.get_by_role("button", name="Sign and put in force")
    expect(sign).to_be_disabled()
    dialog.get_by_label("Your password").fill("wrong")
    sign.click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    assert desk.node.levels["KOR"] == "tracklets"
    dialog.get_by_label("Your password").fill(PASSWORD)
    held = []

    def hold(route):
        held.append(route)

    page.route("**/api/v1/releases", hold)
    with page.expect_request("**/api/v1/releases"):
        sign.click()
    under_way = dialog.get_by_role("button", name="Under way")
    expect(under_way).to_be_disabled()  # it is not given twice
    held[0].continue_()
    expect(page.locator(".said")).to_contain_text("by Sato")
    page.unroute("**/api/v1/releases", hold)
    expect(korea.locator(".ladder .here")).to_have_text("warning")
    assert desk.node.levels == {"KOR": "warning", "USA": "tracklets"}


def test_a_warning_in_force_is_seen_whatever_is_looked_at(visit, story, desk):
    expect = expects()
    page = visit.page
    story.at(300.0)
    node = Node()
    tab = page.get_by_role("tab", name="Warnings")
    now_ns = story.begin_ns + 280 * S

    def say(one):
        node.say(one)
        desk.alerts.update({node.path: node.atom(now_ns), **node.bodies})

    try:
        say(said(1, Step.ALERT, now=now_ns))
        notice = page.locator(".in-force-notice")
        expect(notice).to_contain_text("LIVE · IN FORCE (1)")
        notice.click()
        panel = page.locator(".warnings")
        expect(notice).to_contain_text("may fall here: Sea")
        expect(notice).to_contain_text("may pass overhead: Aomori")
        fall, over = (panel.locator(f'[data-told="{told}"]') for told in ("fall", "pass"))
        expect(fall.locator("tbody tr")).to_have_count(1)
        expect(fall.locator("tbody tr")).to_contain_text("Sea")
        expect(over.locator("h3")).to_contain_text("may pass overhead")
        expect(over.locator("tbody tr")).to_contain_text("91 %")
        expect(tab.locator(".count")).to_have_text("1")
        page.get_by_label("Language").select_option("ja")
        expect(over.locator("tbody tr")).to_contain_text("青森県")
        page.get_by_label("言語").select_option("en")
        say(said(2, Step.CANCEL, areas=(), gone=("JP-02", "sea"), now=now_ns - 10 * S))
        expect(panel.locator(".band")).to_contain_text("cancelled")
        expect(notice).to_have_count(0)
        # What was said is there to be read again, and no longer what is in force.
        panel.get_by_text("All 2 messages").click()
        messages = panel.locator(".messages li")
        expect(messages).to_have_count(2)
        expect(messages.first).to_contain_text("cancelled")
        expect(messages.last).to_contain_text("may pass overhead: Aomori")
        expect(messages.last).to_contain_text("Why: ")
        _no_violation(page, "what was said of a warning")
    finally:
        desk.alerts.clear()


def test_a_flight_says_that_people_were_warned_of_it_and_that_it_is_over(visit, story, desk):
    """By the picture that alerts go by, which has a number of its own for it."""
    expect = expects()
    story.at(300.0)
    story.at(300.0, flight=FLIGHT._replace(id=4), names=("public_warning",))
    node, now_ns = Node(), story.begin_ns + 280 * S
    alert = StandingAlert(7, "", (4,), (), (), 1, False)

    def say(one):
        node.say(one)
        desk.alerts.update({node.path: node.atom(now_ns), **node.bodies})

    try:
        say(said(1, Step.ALERT, now=now_ns))
        visit.row(1).click()
        warned = visit.page.locator(".detail [data-warned]")
        expect(visit.page.locator(".in-force-notice")).to_be_visible()
        expect(warned).to_have_count(0)  # of what flight it is nobody has said
        first = visit.page.evaluate(
            "fetch('api/v1/warnings').then((of) => of.json()).then((of) => of.warnings[0].event)"
        )
        standing = msgspec.structs.replace(alert, first=first)
        desk.run(lambda: setattr(desk.node, "alerts", (standing,)))
        expect(warned).to_contain_text("Warning: IN FORCE, said at")
        desk.run(lambda: setattr(desk.node, "alerts", ()))
        say(said(2, Step.ALL_CLEAR, areas=(), gone=("JP-02", "sea"), now=now_ns - 10 * S))
        expect(warned).to_contain_text("Warning: all clear, said at")
    finally:
        desk.run(lambda: setattr(desk.node, "alerts", ()))
        desk.alerts.clear()


def test_an_alert_that_waits_is_released_by_persons_in_each_language(quick, visit, story, desk):
    expect = expects()
    story.at(300.0, names=("shared", "national", "public_warning"))
    page = visit.page
    area = AlertArea(
        "JP-02",
        {"en": "Aomori", "ja": "青森県"},
        Danger.FALL,
        0.42,
        0.0,
        desk.node.time_ns + 200 * S,
    )
    alert = StandingAlert(7, "", (1,), (area,), (), 2, False)

    def set_alerts(*alerts):
        desk.run(lambda: setattr(desk.node, "alerts", alerts))

    set_alerts(alert)
    try:
        notice = page.locator(".waits-notice")
        expect(notice).to_contain_text("LIVE · WAITS FOR A RELEASE (1) Aomori")
        tab = page.get_by_role("tab", name="Warnings")
        expect(tab.locator(".waits-for-me")).to_contain_text("1 wait for you")
        notice.click()
        waits = page.locator('[data-waits="7"]')
        expect(waits).to_contain_text("Event 7, flights 1")
        expect(waits).to_contain_text("42 %")
        expect(waits.locator(".lead")).to_contain_text("03:")
        expect(waits).to_contain_text("Nobody has released it: 0 of 2")
        _no_violation(page, "an alert that waits")
        waits.get_by_role("button", name="Release (LIVE)").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.locator(".band")).to_have_text("LIVE")
        expect(dialog).to_contain_text("Release the alert of event 7 (LIVE)")
        expect(dialog).to_contain_text("LIVE. The public in these areas is warned")
        expect(dialog).to_contain_text("Aomori")
        _no_violation(page, "an alert being released")
        sign = dialog.get_by_role("button", name="Sign and send")
        expect(sign).to_be_disabled()
        dialog.get_by_label("Your password").fill("wrong")
        sign.click()
        expect(dialog.get_by_role("alert")).to_contain_text("the password is wrong")
        assert desk.node.alerts == (alert,)
        dialog.get_by_label("Your password").fill(PASSWORD)
        sign.click()
        expect(page.locator(".said")).to_contain_text("released by Sato; 1 more")
        expect(waits).to_contain_text("Released by Sato: 1 of 2")
        expect(waits).to_contain_text("it waits for another person")
        expect(waits.get_by_role("button")).to_have_count(0)
        expect(tab.locator(".waits-for-me")).to_have_count(0)

        viewer = Visit(quick, desk, "Mori")
        viewer.page.locator(".waits-notice").click()
        expect(viewer.page.locator('[data-waits="7"]').get_by_role("button")).to_be_disabled()
        viewer.close()

        set_alerts(alert, msgspec.structs.replace(alert, event=8))
        for speaks, code, band, release in (
            ("Language", "ja", "実運用 · 発令待ち", "発令を承認(実運用)"),
            ("言語", "ko", "실상황 · 발령 대기", "발령 승인(실상황)"),
        ):
            page.get_by_label(speaks).select_option(code)
            expect(page.locator('[data-waits="8"] .band')).to_have_text(band)
            page.locator('[data-waits="8"]').get_by_role("button", name=release).click()
            name = "青森県" if code == "ja" else "Aomori"
            expect(dialog.locator(".words")).to_contain_text(name)
            page.keyboard.press("Escape")
            expect(dialog).to_have_count(0)
        page.get_by_label("언어").select_option("en")
        set_alerts()
        expect(notice).to_have_count(0)
    finally:
        set_alerts()


def test_of_a_partner_that_sent_no_track_what_it_states_is_shown(quick, visit, story, desk):
    """Beside what all together see; and what is not known is said."""
    expect = expects()
    story.at(300.0)
    page = visit.page
    page.get_by_role("group", name="Picture").get_by_role("combobox").select_option("from:KOR")
    row = page.locator(".flights li")
    expect(row).to_have_count(1)  # what all together have is not missing: it is stated
    expect(row.locator(".id")).to_have_text("Flight 1")  # what all together call it
    expect(page.locator(".flights [role=status]")).to_contain_text("KOR sent no track")
    row.get_by_role("button").click()
    detail = page.locator(".detail")
    expect(detail.get_by_role("heading", level=2)).to_have_text("Flight 1")
    expect(detail).to_contain_text("All of this is what KOR states")
    expect(detail.locator("tr.impact")).to_contain_text("38.50°N 148.90°E")
    expect(detail.get_by_role("heading", name="Who sees it")).to_have_count(0)
    desk.run(lambda: setattr(desk.node, "statements", ()))
    expect(page.locator(".flights [data-flight][disabled]")).to_have_count(1)
    expect(page.locator(".lacking")).to_contain_text("1 of all together")


def test_nations_consult_about_an_event_until_a_text_is_agreed(quick, visit, story, desk):
    expect = expects()
    story.at(300.0)
    # Korea puts the impact 0.9° to the east of ours, the United States 0.1°; their ellipses of 95 %
    # reach 28 km to the east each, so by more than both are unsure of, and not.
    (korea,) = desk.node.statements
    near = made_statement("USA", desk.node.pictures["shared"].flights[1], 0.1)
    desk.run(lambda: setattr(desk.node, "statements", (korea, near)))
    page = visit.page
    visit.row(1).click()
    page.get_by_role("button", name="Acknowledge flight 1 (LIVE)").click()
    page.get_by_role("tab", name="Consultation").click()
    event = page.locator(".event")
    expect(event.locator(".assessments tbody").first).to_contain_text("Flight 1")
    # What is noted at this desk is not said to partners, and the page keeps the two apart.
    expect(event.locator(".noted-by")).to_contain_text("No nation has acknowledged the event")
    here = event.locator(".noted-by .when")
    expect(here).to_contain_text("Flight 1 is acknowledged at this desk by Sato")
    row = event.locator(".assessments tbody tr").filter(has_text="Impact")
    expect(row.locator("td").nth(1).locator("em.much")).to_contain_text("≠ JPN")
    expect(row.locator(".heard").first).to_contain_text("differs by 78.3 km from what JPN says")
    expect(row.locator("td").nth(2)).to_contain_text("Δ JPN 8.7 km")
    expect(row.locator("td").nth(2).locator("em.much")).to_contain_text("≠ KOR")
    expect(page.locator("[data-event]")).to_have_count(1)
    expect(page.locator("[data-event]")).to_contain_text("Flights: JPN 1, KOR 1, USA 1")

    expect(page.locator("[data-event]")).to_contain_text("acknowledged between nations 0")
    page.get_by_role("button", name="Acknowledge event to partners (LIVE)").click()
    expect(page.locator("[data-event]")).to_contain_text("acknowledged between nations 1")
    expect(event.locator(".noted-by")).to_contain_text("Acknowledged by JPN Sato")
    speak = event.get_by_role("group", name="Say to partners")
    speak.get_by_label("Words to partners").fill("Ours comes down at sea.")
    speak.get_by_role("button", name="Comment (LIVE)").click()
    expect(event.locator(".comments li")).to_contain_text("JPN Sato")
    desk.do(_korea(desk, COMMENT, "Ours too."))
    expect(event.locator(".comments li").last).to_contain_text("KOR Han")

    speak.get_by_role("combobox").select_option("KOR")
    speak.get_by_label("Words to partners").fill("One was launched. It comes down at sea.")
    speak.get_by_role("button", name="Propose as text (LIVE)").click()
    text = event.locator("[data-text]")
    expect(text).to_contain_text("Proposed by JPN Sato")
    expect(text).to_contain_text("Waits for JPN, KOR")
    expect(text).to_contain_text("Another person has to confirm it")
    expect(text.get_by_role("button")).to_have_count(0)
    expect(page.locator(".waits-for-me")).to_have_count(0)
    _no_violation(page, "an event that is consulted about")

    _signs_with_a_key_of_her_own(quick, desk)
    expect(text).to_contain_text("Confirmed by JPN Abe")
    expect(text).to_contain_text("Waits for KOR")
    desk.do(_korea(desk, CONFIRM, text.get_attribute("data-text")))
    expect(text).to_contain_text("Confirmed by KOR Han")
    expect(text.locator(".agreed")).to_contain_text("Agreed since")
    page.get_by_role("tab", name="Audit").click()
    rows = page.locator(".audit tbody tr")
    for who, what in ("Sato", "acknowledge: JPN-"), ("Sato", "comment: JPN-"):
        expect(rows.filter(has_text=what)).to_contain_text(who)
    expect(rows.filter(has_text="propose: JPN-")).to_contain_text("Sato")
    expect(rows.filter(has_text="confirm: ")).to_contain_text("Abe")


async def _korea(desk, do, text):
    """Korea says something about the event as it calls it; Han does."""
    (event,) = desk.node.consulting().partners["KOR"].events.all()
    return await desk.node.consulting().partner_says(
        "KOR", Act(do=do, event=event.name, text=text), "Han"
    )


def _signs_with_a_key_of_her_own(quick, desk):
    """Abe confirms what stands there; without the password nothing is said."""
    expect = expects()
    abe = Visit(quick, desk, "Abe")
    tab = abe.page.get_by_role("tab", name="Consultation")
    expect(tab.locator(".waits-for-me")).to_contain_text("1 wait for you")
    tab.click()
    abe.page.get_by_role("button", name="Confirm for JPN (LIVE)").click()
    dialog = abe.page.get_by_role("dialog")
    expect(dialog.locator(".band")).to_have_text("LIVE")
    expect(dialog).to_contain_text("One was launched. It comes down at sea.")
    _no_violation(abe.page, "a text being signed")
    sign = dialog.get_by_role("button", name="Sign and send")
    expect(sign).to_be_disabled()
    dialog.get_by_label("Your password").fill("wrong")
    sign.click()
    expect(dialog.get_by_role("alert")).to_contain_text("the password is wrong")
    (event,) = desk.do(desk.node.consulting().documents(""))
    (whole,) = desk.do(desk.node.consulting().documents(event["event"]))
    assert whole["texts"][0]["confirmed"] == []
    dialog.get_by_label("Your password").fill(PASSWORD)
    sign.click()
    expect(dialog).to_have_count(0)
    expect(tab.locator(".waits-for-me")).to_have_count(0)
    expect(abe.page.get_by_role("tab", name="Audit")).to_have_count(0)
    abe.close()


def test_a_text_is_proposed_from_a_flight_that_no_partner_has_stated(quick, visit, story, desk):
    expect = expects()
    story.at(300.0, flight=OTHER, names=("shared",))
    story.at(300.0)
    page = visit.page
    visit.row(2).click()
    page.get_by_role("tab", name="Consultation").click()
    new = page.locator(".consultation details")
    new.locator("summary").click()
    new.get_by_label("Words to partners").fill("A second one was launched.")
    new.get_by_role("button", name="Propose as text (LIVE)").click()
    # It is stated to nobody, so nobody may hear of it: the node says so, and what to do.
    expect(page.locator(".said")).to_contain_text("no partner may get a text about it")
    expect(new.get_by_label("Words to partners")).to_have_value("A second one was launched.")
    visit.row(1).click()
    page.get_by_role("tab", name="Consultation").click()
    new.locator("summary").click()
    new.get_by_label("Words to partners").fill("The first one.")
    new.get_by_role("button", name="Propose as text (LIVE)").click()
    expect(page.locator(".event [data-text]")).to_contain_text("The first one.")
    viewer = Visit(quick, desk, "Mori")
    viewer.page.get_by_role("tab", name="Consultation").click()
    expect(viewer.page.locator(".event [data-text]")).to_contain_text("The first one.")
    expect(viewer.page.get_by_role("button", name="Acknowledge event to partners")).to_be_disabled()
    expect(viewer.page.get_by_role("button", name="Confirm for JPN")).to_be_disabled()
    viewer.close()


def test_a_slider_that_is_held_stays_where_it_is_held(visit, story):
    """Its end goes on with the clock, and draws it anew: one may think where to let go."""
    page, slider = visit.page, visit.page.get_by_label("Moment")
    story.at(300.0)
    story.has_come_to(slider)
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 4, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], middle, steps=5)
    held_ms = int(slider.input_value())
    assert held_ms < story.node.time_ns // 1_000_000 - 100_000
    for since_s in (301.0, 302.0):
        story.at(since_s)
        story.has_come_to(slider)
        assert abs(int(slider.input_value()) - held_ms) <= 1000  # its step, ms
    page.mouse.up()
    expects()(page.locator(".notice.past")).to_be_visible()
    at = page.evaluate("new URLSearchParams(location.hash.slice(1)).get('at')")
    assert datetime.fromisoformat(at).timestamp() * 1000 == pytest.approx(held_ms, abs=1000)


def test_going_back_and_handing_the_moment_on(quick, visit, story, desk):
    expect = expects()
    for since_s in (100.0, 200.0, 300.0):
        story.at(since_s)
    visit.row(1).click()
    page = visit.page
    height = page.locator(".facts tbody tr").nth(3)
    expect(height).to_contain_text("480 km")
    held = []
    visit.go_back_to(story, 150.0)
    expect(page.locator(".notice.past")).to_contain_text("as known then")
    expect(visit.row(1).locator(".left")).to_have_text(_near(620 - 150))
    # At 100 s of 620 it was 4 · 480 · s (1 − s) km high.
    expect(height).to_contain_text("260 km")
    story.at(310.0)
    expect(height).to_contain_text("260 km")
    page.get_by_role("button", name="Copy link").click()
    link = page.evaluate("navigator.clipboard.readText()")
    assert "at=" in link
    second = visit.context.new_page()
    second.goto(link)
    expect(second.locator(".notice.past")).to_be_visible()
    expect(second.locator(".facts tbody tr").nth(3)).to_contain_text("260 km")
    second.close()
    page.keyboard.press("n")
    expect(page.locator(".notice.past")).to_have_count(0)
    expect(height).to_contain_text("480 km")

    # While a moment is being rebuilt it is not taken for what is shown.
    def hold(route):
        held.append(route)

    page.route("**/api/v1/moments*", hold)
    visit.go_back_to(story, 150.0)
    notice = page.locator(".notice.past")
    expect(notice).to_contain_text("is being rebuilt from the journal. What is shown is of")
    expect(height).to_contain_text("480 km")
    expect(visit.row(1).locator(".left")).to_have_text(_near(620 - 310))
    held[0].continue_()
    expect(notice).to_contain_text("as known then")
    expect(height).to_contain_text("260 km")
    page.unroute("**/api/v1/moments*", hold)
    # Where that of another picture cannot be had, nothing stands under that picture's name.
    page.route("**/api/v1/moments*", lambda route: route.abort())
    page.keyboard.press("1")
    expect(page.get_by_text("This moment could not be had")).to_be_visible()
    expect(notice).to_contain_text("cannot be shown.")
    expect(notice).not_to_contain_text("What is shown")
    expect(page.locator("[data-flight]")).to_have_count(0)
    story.at(320.0)  # nor what is in it now
    page.wait_for_timeout(1_500)
    expect(page.locator("[data-flight]")).to_have_count(0)
    page.unroute("**/api/v1/moments*")
    page.keyboard.press("n")
    expect(visit.row(1).locator(".left")).to_have_text(_near(620 - 320))


def test_it_says_whose_plots_come_late_and_when_the_node_is_behind(visit, story, desk):
    expect = expects()
    story.at(300.0)

    def lag(late_s, behind_s):
        desk.run(
            lambda: (setattr(desk.node, "late_s", late_s), setattr(desk.node, "behind_s", behind_s))
        )

    own = visit.page.locator(".came").first
    notices = visit.page.locator(".notices")
    expect(own).to_contain_text("● JPN")
    lag({"JPN": 32.4}, 12.0)
    expect(own).to_have_text("▲ JPN 32 s late")
    expect(notices).to_contain_text("PLOTS COME LATE by up to JPN 32 s")
    expect(notices).to_contain_text("THIS NODE IS BEHIND with what came, by up to 12 s")
    for language, late in (("ja", "32 s 遅れ"), ("ko", "32 s 지연")):
        visit.page.locator(".options select").select_option(language)
        expect(own).to_have_text(f"▲ JPN {late}")
    visit.page.locator(".options select").select_option("en")
    lag({}, 0.0)
    expect(own).to_contain_text("● JPN")
    expect(notices).not_to_contain_text("LATE")
    expect(notices).not_to_contain_text("BEHIND")


def test_it_says_when_data_stop_and_comes_back_by_itself(visit, story, desk):
    expect = expects()
    story.at(300.0)
    expect(visit.row(1)).to_be_visible()
    desk.run(lambda: setattr(desk.node, "silent", True))
    node_silent = visit.page.get_by_text("THE NODE IS SILENT")
    expect(node_silent).to_be_visible()
    lamps = visit.page.locator(".lamps i")
    expect(lamps.first).to_have_class("unknown")
    expect(visit.page.locator(".came").first).to_contain_text("?")
    desk.run(lambda: setattr(desk.node, "silent", False))
    expect(node_silent).to_have_count(0)
    expect(lamps.first).not_to_have_class("unknown")
    desk.shut()
    no_data = visit.page.locator(".notice", has_text="NO DATA FROM THE NODE")
    expect(no_data).to_contain_text("whoever runs the node has to start it")
    expect(lamps.first).to_have_class("unknown")
    story.at(400.0)
    desk.open()
    # Sessions ended with the desk: who was here logs in again, and sees what is now.
    logs_in = visit.page.get_by_role("button", name="Log in")
    timeline = visit.page.locator(".timeline")
    expect(logs_in.or_(timeline)).to_be_visible()
    expect(no_data).to_have_count(0)
    if logs_in.is_visible():
        visit.page.get_by_label("Name").fill("Sato")
        visit.page.get_by_label("Password").fill(PASSWORD)
        logs_in.click()
    expect(visit.row(1).locator(".left")).to_have_text(_near(620 - 400))


def test_a_flight_told_after_its_track_comes_with_its_path_whoever_asked_before(visit, story, desk):
    """Nobody looked: what tracks mean is worked out only then, where they went is known."""
    story.at(300.0)
    now_ns, shown = desk.node.time_ns, desk.node.pictures["shared"].flights[1]
    flown = {1: FLIGHT.path(story.begin_ns, 20.0, 300.0)}
    expects()(visit.row(1)).to_be_visible()
    desk.run(lambda: desk.node.tell("shared", gone=(1,)))
    expects()(visit.row(1)).to_have_count(0)
    track = made_track(FLIGHT, now_ns, 300.0)
    desk.run(lambda: desk.node.tell("shared", (track,), flown=flown))
    heard = visit.page.evaluate_handle(
        """() => new Promise((opened) => {
          const heard = [], source = new EventSource("api/v1/events?picture=shared");
          source.addEventListener("flights", ({ data }) => heard.push(...JSON.parse(data).changed));
          source.addEventListener("snapshot", () => opened({ heard, source }));
        })"""
    )
    desk.run(lambda: desk.node.tell("shared", flights=(shown,)))
    visit.page.evaluate("fetch('api/v1/flights?picture=shared')")
    visit.page.wait_for_function("({ heard }) => heard.length", arg=heard)
    points = heard.evaluate("({ heard, source }) => (source.close(), heard[0].path_flown.time_ms)")
    assert points[0] == (story.begin_ns + 20 * S) // 1_000_000
    assert len(points) > 2


def test_nothing_serious_stands_in_the_way_of_anyone(visit, story):
    expect = expects()
    story.at(300.0)
    page = visit.page
    visit.row(1).click()
    expect(page.locator(".charts")).to_be_visible()
    _no_violation(page, "dark or light, a flight chosen")
    page.get_by_role("button", name="Look").click()
    _no_violation(page, "the other look")
    page.get_by_label("Language").select_option("ja")
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    expect(page.locator(".mode")).to_have_text("実運用")
    page.get_by_label("言語").select_option("ko")
    expect(page.locator(".mode")).to_have_text("실상황")
    page.get_by_role("tab").nth(1).click()
    page.locator('[data-partner="KOR"] button').click()
    _no_violation(page, "a release being changed")


def _no_violation(page, where):
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    grave = [
        (one["id"], [node["target"] for node in one["nodes"]], one["nodes"][0]["failureSummary"])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert not grave, f"{where}: {json.dumps(grave, indent=1)}"


def test_an_exercise_cannot_be_taken_for_live(quick, tmp_path):
    expect = expects()
    desk = MadeDesk(tmp_path, radars(), exercise=True)
    desk.open()
    try:
        visit = Visit(quick, desk)
        page = visit.page
        expect(page.locator(".mode")).to_have_text("EXERCISE")
        expect(page.locator(".page")).to_have_class("page exercise")
        assert page.title().startswith("EXERCISE")
        Story(desk).at(300.0)
        page.get_by_role("tab", name="Consultation").click()
        expect(
            page.get_by_role("button", name="Acknowledge event to partners (EXERCISE)")
        ).to_be_enabled()
        page.get_by_role("tab", name="Partners").click()
        page.locator('[data-partner="KOR"] button').click()
        expect(page.get_by_role("dialog").locator(".band")).to_have_text("EXERCISE")
        page.keyboard.press("Escape")
        area = AlertArea("JP-02", {"en": "Aomori"}, Danger.FALL, 0.42, 0.0, None)
        alert = StandingAlert(7, "", (1,), (area,), (), 2, False)
        desk.run(lambda: setattr(desk.node, "alerts", (alert,)))
        page.get_by_role("tab", name="Warnings").click()
        page.get_by_role("button", name="Release (EXERCISE)").click()
        expect(page.get_by_role("dialog")).to_contain_text("EXERCISE. Sent to the channels for")
        visit.close()
    finally:
        desk.close()
