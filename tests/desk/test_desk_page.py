"""What people do at the desk, in a real browser, beside a real desk and a made-up node."""

import json

import pytest

from evaluate.made_node import PASSWORD, MadeDesk, S, made_event, made_statement, radars
from skypact.model import Step
from skypact.warning.feed import atom_feed
from tests.desk.desk_browser import AXE, browser, chromium
from tests.desk.desk_visit import OTHER, Story, Visit, expects
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
    opened_page.page.evaluate("location.hash = ''")


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
    # Korea puts the impact elsewhere, by more than both are unsure of.
    expect(detail.locator(".assessments")).to_contain_text("KOR")
    expect(detail.locator(".assessments em.much").first).to_contain_text("≠")
    story.at(620.0, ended=True)
    expect(visit.row(1)).to_contain_text("came down")
    expect(detail.locator(".head")).to_contain_text("ended")


def _near(seconds):
    """The countdown as it stands within three seconds after it was told."""
    import re

    said = [f"{(seconds - k) // 60:02d}:{(seconds - k) % 60:02d}" for k in range(-1, 12)]
    return re.compile("−(" + "|".join(said) + ")")


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
    sign.click()
    expect(page.locator(".said")).to_contain_text("by Sato")
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
        feed = atom_feed("Alerts", node.path, "a@b", node.entries, now_ns)
        desk.alerts.update({node.path: feed, **node.bodies})

    try:
        say(said(1, Step.ALERT, now=now_ns))
        notice = page.locator(".in-force-notice")
        expect(notice).to_contain_text("LIVE · IN FORCE (1)")
        notice.click()
        panel = page.locator(".warnings")
        expect(panel.locator("tbody tr").first).to_contain_text("Aomori")
        expect(panel.locator("tbody tr").first).to_contain_text("91 %")
        expect(tab.locator(".count")).to_have_text("1")
        page.get_by_label("Language").select_option("ja")
        expect(panel.locator("tbody tr").first).to_contain_text("青森県")
        page.get_by_label("言語").select_option("en")
        say(said(2, Step.CANCEL, areas=(), gone=("JP-02", "sea"), now=now_ns - 10 * S))
        expect(panel.locator(".band")).to_contain_text("cancelled")
        expect(notice).to_have_count(0)
    finally:
        desk.alerts.clear()


def test_a_text_of_an_event_is_confirmed_by_another_person_and_it_is_in_the_audit(
    quick, visit, story, desk
):
    expect = expects()
    page = visit.page
    story.at(300.0)
    (korea,) = desk.node.statements
    east = made_statement("USA", desk.node.pictures["shared"].flights[1], 2.5)
    desk.run(lambda: setattr(desk.node, "event", made_event(story.begin_ns, (korea, east))))
    page.get_by_role("tab", name="Events").click()
    panel = page.locator(".events")
    expect(panel).to_contain_text("Known to KOR")
    # Korea puts the impact 0.9° to the east of the truth, the United States 2.5°.
    expect(panel.locator(".stated tbody tr")).to_have_count(2)
    expect(panel.locator(".apart li")).to_contain_text("≠ KOR – USA: Impact")
    panel.get_by_role("button", name="Take note, tell partners (LIVE)").click()
    expect(panel.locator(".words-said")).to_contain_text("Sato took note")
    panel.get_by_label("Comment, to partners").fill("One, not two")
    panel.get_by_role("button", name="Send").click()
    expect(panel.locator(".words-said")).to_contain_text("Sato: One, not two")
    panel.get_by_label("New text").fill("A launch was seen. It comes down at sea.")
    panel.get_by_role("button", name="Propose (LIVE)").click()
    text = page.locator("[data-text]").first
    expect(text).to_contain_text("Proposed by Sato (JPN)")
    expect(text).to_contain_text("Another person has to confirm it")
    other = Visit(quick, desk, "Ito")
    other.page.get_by_role("tab", name="Events").click()
    other.page.get_by_role("button", name="Confirm (LIVE)").first.click()
    expect(text).to_contain_text("Confirmed by Ito (JPN)")
    expect(text.locator(".agreed")).to_have_count(0)
    _no_violation(page, "a shared event")
    expect(other.page.get_by_role("tab", name="Audit")).to_have_count(0)
    other.close()
    page.get_by_role("tab", name="Audit").click()
    rows = page.locator(".audit tbody tr")
    expect(rows.filter(has_text="confirm")).to_contain_text("Ito")
    expect(rows.filter(has_text="propose").filter(has_not_text="release")).to_contain_text("Sato")


def test_going_back_and_handing_the_moment_on(quick, visit, story, desk):
    expect = expects()
    for since_s in (100.0, 200.0, 300.0):
        story.at(since_s)
    visit.row(1).click()
    page = visit.page
    height = page.locator(".facts tr").nth(3)
    expect(height).to_contain_text("480 km")
    slider = page.get_by_label("Moment")
    moment_ms = (story.begin_ns + 150 * S) // 1_000_000
    slider.evaluate(
        "(one, at) => { one.value = at; one.dispatchEvent(new Event('change')); }", moment_ms
    )
    expect(page.locator(".notice.past")).to_contain_text("as known then")
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
    expect(second.locator(".facts tr").nth(3)).to_contain_text("260 km")
    second.close()
    page.keyboard.press("n")
    expect(page.locator(".notice.past")).to_have_count(0)
    expect(height).to_contain_text("480 km")


def test_it_says_when_data_stop_and_comes_back_by_itself(visit, story, desk):
    expect = expects()
    story.at(300.0)
    expect(visit.row(1)).to_be_visible()
    desk.run(lambda: setattr(desk.node, "silent", True))
    node_silent = visit.page.get_by_text("THE NODE IS SILENT")
    expect(node_silent).to_be_visible()
    desk.run(lambda: setattr(desk.node, "silent", False))
    expect(node_silent).to_have_count(0)
    desk.shut()
    no_data = visit.page.get_by_text("NO DATA FROM THE NODE")
    expect(no_data).to_be_visible()
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
    expect(page.locator(".mode")).to_have_text("実動")
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
        expect(page.locator(".page")).to_have_class("page exercise ")
        assert page.title().startswith("EXERCISE")
        page.get_by_role("tab", name="Partners").click()
        page.locator('[data-partner="KOR"] button').click()
        expect(page.get_by_role("dialog").locator(".band")).to_have_text("EXERCISE")
        visit.close()
    finally:
        desk.close()
