"""The release policy: first match decides, errors name their place, and it leaks nothing."""

import datetime
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluate import wire
from skypact.errors import InputError
from skypact.kernels.geodesy import ecef_from_geodetic, geodetic_from_ecef, local_axes
from skypact.kernels.radar_geometry import polar_from_local, to_local
from skypact.model import FlightKind, Level, Openness, Plots, Radar, Use
from skypact.sharing.partner_release import PartnerRelease
from skypact.sharing.policy import (
    Area,
    Subject,
    decide,
    explain,
    explanation_text,
    level_of_radar,
    released_radars,
    use_bits,
)
from skypact.sharing.policy_file import (
    default_policy_text,
    load_policy,
    parse_policy,
    policy_hash,
    signed_policy,
)
from skypact.sharing.policy_rows import feet_deg, granted_uses, released_rows
from skypact.tracking import Picture

S = 1_000_000_000
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
START_NS = int(START.timestamp()) * S
PARTNERS = ("KOR", "USA")


def radar(name, latitude, longitude, nation="JPN"):
    return Radar(
        id=name,
        nation=nation,
        latitude_rad=math.radians(latitude),
        longitude_rad=math.radians(longitude),
        height_m=50.0,
        range_sigma_m=20.0,
        azimuth_sigma_rad=5e-4,
        elevation_sigma_rad=5e-4,
        period_s=1.0,
    )


RADARS = (radar("J1", 38.0, 138.4), radar("J2", 41.2, 141.4), radar("K1", 36.0, 129.0, "KOR"))
OWN = ("J1", "J2")


def parsed(text, partners=PARTNERS, radars=OWN):
    return parse_policy(text, "release.toml", nation="JPN", partners=partners, radars=radars)


RULES = parsed(
    """
nation = "JPN"
[partner.KOR]
level = "warning"
[[partner.KOR.rule]]
name = "exercise"
exercise = true
level = "plots"
[[partner.KOR.rule]]
name = "aircraft"
kinds = ["aircraft"]
level = "nothing"
[[partner.KOR.rule]]
name = "sea"
area = [[42, 128], [42, 136], [36, 136], [36, 128]]
radars = ["J1"]
level = "tracklets"
openness = "rounded"
use = ["export", "picture"]
greatest_per_s = 5
[[partner.KOR.rule]]
name = "2026"
from = 2026-01-01T00:00:00Z
until = 2027-01-01T09:00:00+09:00
kinds = ["ballistic"]
level = "assessment"
"""
)


def subject(**changed):
    place = {"latitude_rad": math.radians(40.0), "longitude_rad": math.radians(130.0)}
    plain = Subject(START_NS, ("J1",), False, FlightKind.BALLISTIC, **place)
    return plain._replace(**changed)


AWAY = {"latitude_rad": math.radians(20.0)}


@pytest.mark.parametrize(
    ("changed", "rule", "level"),
    [
        ({}, "sea", Level.TRACKLETS),
        ({"exercise": True}, "exercise", Level.PLOTS),
        ({"kind": FlightKind.AIRCRAFT}, "aircraft", Level.NOTHING),
        ({"radars": ("J2",)}, "2026", Level.ASSESSMENT),
        ({"radars": ("J1", "J2")}, "2026", Level.ASSESSMENT),
        (AWAY, "2026", Level.ASSESSMENT),
        ({"latitude_rad": None}, "2026", Level.ASSESSMENT),
        (AWAY | {"time_ns": START_NS - 1}, "otherwise", Level.WARNING),
        (AWAY | {"time_ns": START_NS + 365 * 86_400 * S - 1}, "2026", Level.ASSESSMENT),
        (AWAY | {"time_ns": START_NS + 365 * 86_400 * S}, "otherwise", Level.WARNING),
        (AWAY | {"kind": FlightKind.UNKNOWN}, "otherwise", Level.WARNING),
        ({"radars": ()}, "", Level.NOTHING),
    ],
)
def test_the_first_rule_that_matches_decides(changed, rule, level):
    decision = decide(RULES, "KOR", subject(**changed))
    assert (decision.rule, decision.level) == (rule, level)
    assert decision.reason


def test_a_decision_says_how_openly_for_what_and_how_often():
    sea = decide(RULES, "KOR", subject())
    assert (sea.openness, sea.use, sea.per_s) == (Openness.ROUNDED, (Use.PICTURE, Use.EXPORT), 5.0)
    # Of two radars the least is given: not tracklets, not to export, hidden.
    both = decide(RULES, "KOR", subject(radars=("J1", "J2")))
    assert (both.openness, both.use, both.per_s) == (Openness.HIDDEN, (Use.PICTURE,), 5.0)
    default = decide(RULES, "USA", subject())
    assert (default.level, default.openness) == (Level.ASSESSMENT, Openness.HIDDEN)
    assert (default.use, default.per_s) == ((Use.PICTURE,), math.inf)
    assert decide(RULES, "RUS", subject()).level == Level.NOTHING
    plots, tracklets, assessment, warning, said = wire.payloads()
    sent = [sea.sends(one) for one in (plots, tracklets, assessment, warning)]
    assert sent == [False, True, True, True]
    assert not sea.sends(said)  # the partner's table decides, not what was seen
    assert [default.sends(one) for one in (plots, tracklets, assessment)] == [False, False, True]


def test_explained_rule_by_rule():
    (told,) = explain(RULES, subject(radars=("J2",)), ["KOR"])
    assert told.steps == (
        'rule 1, "exercise": no, it is for exercises alone',
        'rule 2, "aircraft": no, kind ballistic is not among aircraft',
        'rule 3, "sea": no, radar J2 is not among J1',
        'rule 4, "2026": yes (from 2026-01-01T00:00:00Z until 2027-01-01T00:00:00Z, '
        "kind among ballistic), so assessment",
    )
    text = explanation_text(explain(RULES, subject()))
    assert (
        "KOR gets rounded tracklets, and assessments; for its own eyes and for exports, "
        'at most 5 messages a second (by "sea")'
    ) in text
    assert "USA gets assessments: launch, apogee, impact and kind; for its own eyes" in text
    nothing = explanation_text(explain(RULES, subject(kind=FlightKind.AIRCRAFT), ["KOR", "RUS"]))
    assert 'KOR gets nothing (by "aircraft")' in nothing
    assert "RUS gets nothing (RUS is no partner of JPN in this policy)" in nothing


HEAD = '[partner.KOR]\nlevel = "assessment"\n'
RULE = '[[partner.KOR.rule]]\nname = "a"\nlevel = "plots"\n'
AT = 'release.toml, partner.KOR, rule 1 ("a"): '


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[partner", "release.toml: is not TOML: "),
        ("level = 1", 'release.toml: unknown key "level"; leave it out'),
        ('nation = "KOR"', "release.toml: nation is 'KOR', and this node is 'JPN'; use"),
        ("partner = 3", "release.toml: partner is no table; begin each with a line [partner.NAME]"),
        ("[partner.KOS]", 'release.toml: partner "KOS" is not known; there are KOR, USA; add it'),
        ("[partner]\nKOR = 1", "release.toml, partner.KOR: it is no table; write it below a"),
        (HEAD + "lvl = 1", 'release.toml, partner.KOR: unknown key "lvl"; did you mean "level"?'),
        ('[partner.KOR]\nlevel = "all"', "level is 'all'; give one of nothing, warning, assess"),
        ("[partner.KOR]\nlevel = 4", "partner.KOR: level is 4; give one of nothing, warning"),
        (HEAD + 'openness = "shut"', "openness is 'shut'; give one of full, rounded, hidden"),
        (HEAD + 'use = "picture"', "use is 'picture'; give a list of some of picture, public_w"),
        (HEAD + 'use = ["pictures"]', "use holds 'pictures'; did you mean \"picture\"? there are"),
        (HEAD + "use = []", "use is []; give a list of some of"),
        (HEAD + "greatest_per_s = 0", "greatest_per_s is 0; give a number above 0"),
        (HEAD + "greatest_per_s = nan", "greatest_per_s is nan; give a number above 0"),
        (HEAD + "rule = 3", "rule is no list of tables; begin each rule with a line [[partner.KOR"),
        (HEAD + "[[partner.KOR.rule]]\n", '"level" is missing; add level = one of nothing'),
        (RULE + RULE, 'rule 2: name "a" is taken; give each rule its own'),
        (RULE.replace('"a"', '"otherwise"'), 'name "otherwise" is taken'),
        (RULE.replace('"a"', "3"), "rule 1: name is 3; give printable text"),
        (RULE + 'kinds = ["rocket"]', AT + "kinds holds 'rocket'; there are ballistic, quasi_"),
        (RULE + 'radars = ["K1"]', AT + "radars holds 'K1'; there are J1, J2"),
        (RULE + "radars = [1]", AT + "radars holds 1; there are J1, J2"),
        (RULE + 'from = "2026"', AT + "from is 2026; write date, time and zone, without quotes"),
        (RULE + "from = 2026-01-01", AT + "from is 2026-01-01; write date, time and zone"),
        (RULE + "until = 2026-01-01T00:00:00", AT + "until is 2026-01-01 00:00:00; write date"),
        (
            RULE + "from = 2026-01-01T00:00:00Z\nuntil = 2026-01-01T00:00:00Z",
            AT + "until is not after from; correct one of them",
        ),
        (RULE + "exercise = 1", AT + "exercise is 1; give true or false"),
        (RULE + "area = [[1, 2], [3, 4]]", AT + "area is no polygon; give three corners or more"),
        (RULE + 'area = [[1, 2], [3, 4], ["a", 1]]', AT + "corner 3 of its area is ['a', 1]; give"),
        (RULE + "area = [[1, 2], [3, 4], [nan, 1]]", AT + "corner 3 of its area is [nan, 1]; give"),
        (RULE + f"area = [[1, 2], [3, 4], [1{'0' * 400}, 1]]", AT + "corner 3 of its area is"),
        (RULE + "area = [[1, 2], [3, 4], [124, 1]]", "latitude comes first, -90 to 90"),
        (RULE + "area = [[0, -80], [9, 0], [0, 101]]", "its area spans 180° of longitude or more"),
    ],
)
def test_a_fault_of_the_policy_is_one_sentence_that_says_where_and_what_to_do(text, sentence):
    with pytest.raises(InputError) as caught:
        parsed(text)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("release.toml")
    assert caught.value.remedy


def test_a_policy_file_that_is_not_there_or_no_text(tmp_path):
    path, known = tmp_path / "release.toml", {"nation": "JPN", "partners": (), "radars": ()}
    with pytest.raises(InputError, match="there is no such file; correct the path"):
        load_policy(path, **known)
    path.write_bytes(b"\xff")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        load_policy(path, **known)
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(InputError, match="more than 1,000,000; write fewer rules"):
        load_policy(path, **known)


def test_the_default_policy_can_be_read_and_so_can_what_its_comments_show():
    text = default_policy_text("JPN", PARTNERS)
    policy = parsed(text)
    assert policy.hash == policy_hash(text)
    for name in PARTNERS:
        assert decide(policy, name, subject()) == decide(parsed(""), name, subject())
    shown = "\n".join(
        line.removeprefix("# ") for line in text.splitlines() if not line.startswith("#  ")
    )
    whole = parsed(shown[shown.index("nation =") :], radars=("RADAR-1",))
    assert len(whole.partners["KOR"].rules) == 1
    assert whole.partners["USA"].otherwise.per_s == 50.0


def test_a_policy_is_put_in_force_under_a_name_and_nothing_of_it_can_be_changed():
    keys = wire.keys()
    signed = signed_policy("nation = 'JPN'", "Sato", 5, keys.signing, replaces="abc")
    mine = [keys.signing.public_key()]
    assert signed.is_signed(mine)
    assert signed.hash == policy_hash("nation = 'JPN'")
    assert not signed.is_signed([keys.forger.public_key()])
    for change in ({"text": ""}, {"who": "Kim"}, {"when_ns": 6}, {"replaces": ""}):
        assert not msgspec.structs.replace(signed, **change).is_signed(mine)


def test_area_across_the_antimeridian_and_of_any_shape():
    strip = Area(((50.0, 170.0), (50.0, -170.0), (40.0, -170.0), (40.0, 170.0)))
    inside = strip.holds(
        np.array([45.0, 45.0, 45.0, 60.0]), np.array([179.0, -179.0, 160.0, 180.0])
    )
    assert inside.tolist() == [True, True, False, False]
    notch = Area(((0.0, 0.0), (10.0, 5.0), (0.0, 10.0), (4.0, 5.0)))
    held = notch.holds(np.array([2.0, 5.0, 3.9, 4.1]), np.array([5.0, 5.0, 5.0, 365.0]))
    assert held.tolist() == [False, True, False, True]


@given(
    st.lists(st.tuples(st.floats(-60, 60), st.floats(100, 250)), min_size=3, max_size=7),
    st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 360)), min_size=1, max_size=9),
)
def test_one_place_or_many_an_area_holds_the_same(corners, places):
    """But for places on a side to the last bit, as the two go round the other way."""
    area, (latitude, longitude) = Area(tuple(corners)), np.array(places).T
    one_by_one = np.array([area.holds_one(*place) for place in places])
    nudged = area.holds(latitude + 1e-9, longitude) == area.holds(latitude - 1e-9, longitude)
    assert (one_by_one == area.holds(latitude, longitude))[nudged].all()


def plots_at(rows):
    """Plots of objects above places: (time ns, radar, latitude deg, longitude deg, height m)."""
    columns = []
    for _, number, latitude, longitude, height in rows:
        one = RADARS[number]
        site = ecef_from_geodetic(one.latitude_rad, one.longitude_rad, one.height_m)
        axes = local_axes(one.latitude_rad, one.longitude_rad)
        place = ecef_from_geodetic(math.radians(latitude), math.radians(longitude), height)
        look = polar_from_local(*to_local(*place, site, axes))
        columns.append((*look, math.nan, math.nan))
    looks = np.array(columns).reshape(-1, 5).T
    time_ns = np.array([row[0] for row in rows], np.int64)
    return Plots(time_ns, np.array([row[1] for row in rows], np.int32), *looks, time_ns // S)


def test_the_foot_of_a_plot_is_below_its_object():
    rows = [(START_NS, 0, 39.0, 132.0, 3e5), (START_NS, 1, 41.0, 139.0, 1e5)]
    assert np.allclose(np.transpose(feet_deg(plots_at(rows), RADARS)), [[39, 132], [41, 139]])


NAMES = st.sampled_from(OWN)
RULE_TEXT = st.fixed_dictionaries(
    {"level": st.sampled_from([level.name.lower() for level in Level])},
    optional={
        "openness": st.sampled_from([str(one) for one in Openness]),
        "use": st.lists(st.sampled_from([str(one) for one in Use]), min_size=1, unique=True),
        "kinds": st.lists(st.sampled_from([str(k) for k in FlightKind]), min_size=1, unique=True),
        "radars": st.lists(NAMES, min_size=1, unique=True),
        "area": st.sampled_from(
            ([[45, 120], [45, 134], [30, 134], [30, 120]], [[45, 130], [40, 150], [30, 140]])
        ),
        "from": st.integers(0, 20).map(lambda s: START + datetime.timedelta(seconds=s)),
        "exercise": st.booleans(),
    },
)


@st.composite
def policies(draw):
    """Any policy for KOR, as its text would be."""
    lines = ["[partner.KOR]", f'level = "{draw(st.sampled_from([v.name.lower() for v in Level]))}"']
    for rule in draw(st.lists(RULE_TEXT, max_size=4)):
        lines.append("[[partner.KOR.rule]]")
        for key, value in rule.items():
            said = value.isoformat() if isinstance(value, datetime.datetime) else repr(value)
            lines.append(f"{key} = {said.lower() if isinstance(value, bool) else said}")
    return parsed("\n".join(lines))


ROWS = st.lists(
    st.tuples(
        st.integers(0, 25).map(lambda s: START_NS + s * S),
        st.integers(0, 2),
        st.floats(31.0, 44.0),
        st.floats(122.0, 148.0),
        st.just(2e5),
    ),
    max_size=12,
)


@given(policies(), ROWS, st.booleans(), st.sampled_from(list(Level)[1:]))
def test_what_may_shape_a_picture_is_all_that_some_kind_would_release(policy, rows, live, least):
    """Twin: for each plot, what any kind would get there, for the uses that all of these have."""
    plots = plots_at(rows)
    fed = released_rows(policy, "KOR", plots, RADARS, exercise=not live, least=least)
    granted = granted_uses(policy, "KOR", plots, RADARS, exercise=not live, least=least)
    feet = np.radians(feet_deg(plots, RADARS))
    for k, row in enumerate(rows):
        seen = RADARS[row[1]]
        of = [
            decide(policy, "KOR", Subject(row[0], (seen.id,), not live, kind, *feet[:, k]))
            for kind in FlightKind
        ]
        goes = [set(decision.use) for decision in of if decision.level >= least]
        uses = set.intersection(*goes) if goes and seen.nation == "JPN" else set()
        assert fed[k] == bool(uses)
        assert granted[k] == use_bits(tuple(uses))
        at_all = level_of_radar(policy, "KOR", seen.id, row[0], exercise=not live)
        if fed[k]:
            assert at_all >= least
            assert seen.id in released_radars(
                policy, "KOR", row[0], OWN, exercise=not live, least=least
            )


def test_a_rule_for_every_kind_by_name_leaves_nothing_to_the_next():
    """Found by the test above: plots that no kind would release had a part in a picture."""
    kinds = ", ".join(f'"{kind.value}"' for kind in FlightKind)
    policy = parsed(
        f"""
nation = "JPN"
[partner.KOR]
level = "plots"
[[partner.KOR.rule]]
name = "all kinds"
kinds = [{kinds}]
level = "nothing"
"""
    )
    plots = plots_at([(START_NS, 0, 37.0, 134.0, 2e5)])
    assert not released_rows(policy, "KOR", plots, RADARS, exercise=False).any()


# An object that both own radars follow, so that the picture has a track and its kind a say.
FLOWN = [
    (START_NS + s * S, r, 37.0 + 0.02 * s, 134.0 + 0.03 * s, 2e5) for s in range(26) for r in (0, 1)
]


@settings(max_examples=40)
@given(policies(), ROWS, st.integers(0, 2**16))
def test_what_a_partner_gets_does_not_depend_on_what_is_not_released_to_it(policy, rows, seed):
    """The same payloads, byte for byte, with and without all that has no part in its picture."""
    rows = FLOWN + rows
    whole = sent_to_kor(policy, rows)
    kept = [row for row, fed in zip(rows, feeds(policy, rows), strict=True) if fed]
    assert sent_to_kor(policy, kept) == whole
    # And something else in place of what was not released.
    rng = np.random.default_rng(seed)
    others = [
        (START_NS + int(rng.integers(0, 26)) * S, int(rng.integers(0, 3)), *place, 2e5)
        for place in rng.uniform((31.0, 122.0), (44.0, 148.0), (6, 2)).tolist()
    ]
    unseen = [row for row, fed in zip(others, feeds(policy, others), strict=True) if not fed]
    assert sent_to_kor(policy, kept + unseen) == whole


def test_the_object_of_that_test_has_a_track_and_leaves():
    """The test above could not fail if nothing ever left, or by no kind."""
    text = '[partner.KOR]\nlevel = "plots"\n[[partner.KOR.rule]]\nkinds = ["{}"]\nlevel = "{}"'
    by_kind = [
        sent_to_kor(parsed(text.format(kind, "nothing")), FLOWN) for kind in ("ballistic", "glide")
    ]
    assert 0 < len(by_kind[0]) < len(by_kind[1]) == len(FLOWN)


def feeds(policy, rows):
    return released_rows(
        policy, "KOR", plots_at(rows), RADARS, exercise=False, least=Level.TRACKLETS
    )


def sent_to_kor(policy, rows):
    """All that leaves for KOR of plots, through its own picture: encoded."""
    rows = sorted(rows, key=lambda row: (row[0], row[1], row))
    plots = plots_at(rows)
    picture = Picture(RADARS)
    release = PartnerRelease(policy, "KOR", RADARS, secret=b"s", epoch=1, exercise=False)
    kinds = {}

    def take(followed):
        release.take(followed, kinds)

    fed = released_rows(policy, "KOR", plots, RADARS, exercise=False, least=Level.TRACKLETS)
    for start_ns in range(START_NS, START_NS + 26 * S, 5 * S):
        now = fed & (plots.time_ns >= start_ns) & (plots.time_ns < start_ns + 5 * S)
        picture.observe(plots.at(np.flatnonzero(now)), on_followed=take)
        for track in picture.tracks():
            kinds[track.id] = FlightKind.BALLISTIC if track.id % 2 else FlightKind.AIRCRAFT
    return [msgspec.msgpack.encode(payload) for payload, _ in release.ready(no_more=True)]


def test_plots_and_tracklets_leave_by_their_rules_and_rates():
    policy = parsed(
        """
[partner.KOR]
level = "plots"
use = ["picture", "export"]
greatest_per_s = 2
[[partner.KOR.rule]]
name = "j2"
radars = ["J2"]
level = "tracklets"
openness = "full"
"""
    )
    rows = [(START_NS + k * S // 4, k % 3, 39.0 + 0.01 * k, 135.0, 2e5) for k in range(40)]
    plots = plots_at(rows)
    picture = Picture(RADARS)
    release = PartnerRelease(policy, "KOR", RADARS, secret=b"s", epoch=9, exercise=False)
    fed = released_rows(policy, "KOR", plots, RADARS, exercise=False)
    assert fed.tolist() == [row[1] < 2 for row in rows]
    picture.observe(plots, on_followed=release.take)  # another's plots by mistake: they stay here
    sent = release.ready(no_more=True)
    scans = [payload for payload, rule in sent if rule == "otherwise"]
    assert [one.sequence for one in scans] == list(range(1, len(scans) + 1))
    assert {one.radar for one in scans} == {"J1"}
    assert {one.use for one in scans} == {(Use.PICTURE, Use.EXPORT)}
    # Two a second over ten seconds, and the burst of two.
    asked = len(scans) + release.left_out["otherwise"]
    assert asked == len({row[0] // S for row in rows if row[1] == 0})
    tracklets = [one for payload, rule in sent if rule == "j2" for one in payload.tracklets]
    assert sum(one.plots for one in tracklets) == sum(row[1] == 1 for row in rows)
    assert release.counts[Level.NOTHING, ""] == sum(row[1] == 2 for row in rows)


def test_heights_do_not_matter_to_an_area():
    x = ecef_from_geodetic(0.7, 2.3, 1e6)
    assert geodetic_from_ecef(*x)[0] == pytest.approx(0.7, abs=1e-12)
