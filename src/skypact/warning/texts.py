"""What alerts say, in English, Japanese and Korean.

Read by people who have seconds: what to do comes first, then until when, then why. An area is told
one thing (`Told`), with its own times; each thing has words of its own.
"""

import datetime
import enum
import math
from collections.abc import Sequence
from typing import NamedTuple

from skypact.model import Area, Danger, Reason, Step, WarnedArea, Warning

LANGUAGE_TAGS = {"en": "en-US", "ja": "ja-JP", "ko": "ko-KR"}
S = 1_000_000_000
_MINUTE = 60 * S
_ZONES = {"JPN": (9, "JST"), "KOR": (9, "KST")}
"""A nation's clocks, for people; of all others UTC."""
_WITHIN_95 = 1.96
_AREAS_NAMED = 6


class Told(enum.StrEnum):
    """What areas are told, the worst first: what is in force, then what is over."""

    FALL = "fall"
    NEIGHBOUR = "neighbour"
    PASS = "pass"
    OTHER_HOLDS = "ended-other-holds"
    FALL_ENDED = "fall-ended"
    PASS_ENDED = "pass-ended"
    PASSED = "passed"

    @property
    def in_force(self) -> bool:
        """Whether it goes on."""
        return self in (Told.FALL, Told.NEIGHBOUR, Told.PASS)


class Part(NamedTuple):
    """The areas that are told the same. `warned`: those under alert; none where it is over."""

    told: Told
    areas: tuple[str, ...]
    warned: tuple[WarnedArea, ...] = ()

    @property
    def between_ns(self) -> tuple[int | None, int | None]:
        """The first and the last time of the danger in any of them."""
        first = [one.first_ns for one in self.warned]
        last = [one.last_ns for one in self.warned]
        return (
            min((at for at in first if at is not None), default=None),
            max((at for at in last if at is not None), default=None),
        )


def parts_of(said: Warning) -> tuple[Part, ...]:
    """What is said, by what areas are told; each area once."""
    by: dict[Told, list[WarnedArea]] = {}
    for one in said.areas:
        by.setdefault(Told(one.danger.value), []).append(one)
    ended: dict[Told, list[str]] = {}
    for name in said.gone:
        if name in said.still:
            over = Told.OTHER_HOLDS
        elif said.was.get(name, Danger.FALL).falls:
            over = Told.FALL_ENDED
        else:
            over = Told.PASSED if name in said.passed else Told.PASS_ENDED
        ended.setdefault(over, []).append(name)
    return tuple(
        Part(told, tuple(one.chance.area for one in by[told]), tuple(by[told]))
        if told in by
        else Part(told, tuple(ended[told]))
        for told in Told
        if told in by or told in ended
    )


EVENT = {
    True: {
        "en": "Missile or other object: may fall",
        "ja": "ミサイル等の落下に関する警報",
        "ko": "미사일 등 낙하 경보",
    },
    False: {
        "en": "Missile or other object: may pass overhead",
        "ja": "ミサイル等の上空通過に関する警報",
        "ko": "미사일 등 상공 통과 경보",
    },
}
"""By whether it is of coming down, or of passing over."""
EXERCISE = {
    "en": "EXERCISE EXERCISE EXERCISE: this is a drill. ",
    "ja": "【訓練】これは訓練です。",
    "ko": "[훈련] 이것은 훈련 상황입니다. ",
}
_UPDATE = {"en": "Update: ", "ja": "続報:", "ko": "후속: "}
_HEADLINE = {
    Told.FALL: {
        "en": "Take shelter now. A missile or other object may fall here",
        "ja": "直ちに避難。この地域にミサイル等が落下する可能性があります",
        "ko": "즉시 대피하십시오. 이 지역에 미사일 등이 떨어질 수 있습니다",
    },
    Told.NEIGHBOUR: {
        "en": "Take shelter to be safe. A missile or other object may fall near here",
        "ja": "念のため直ちに避難。近くにミサイル等が落下する可能性があります",
        "ko": "만일에 대비해 대피하십시오. 가까운 곳에 미사일 등이 떨어질 수 있습니다",
    },
    Told.PASS: {
        "en": "Go indoors. A missile or other object may pass overhead",
        "ja": "建物の中へ。ミサイル等が上空を通過する可能性があります",
        "ko": "실내로 들어가십시오. 미사일 등이 상공을 지나갈 수 있습니다",
    },
    Told.OTHER_HOLDS: {
        "en": "Stay in shelter. Another warning is in force here",
        "ja": "避難を続けてください。この地域には別の警報が出ています",
        "ko": "계속 대피하십시오. 이 지역에 다른 경보가 발령 중입니다",
    },
    Told.FALL_ENDED: {
        "en": "All clear: it can no longer fall here",
        "ja": "警報解除。この地域に落下する可能性はなくなりました",
        "ko": "경보 해제. 이 지역에 떨어질 가능성이 없어졌습니다",
    },
    Told.PASS_ENDED: {
        "en": "All clear: it can no longer pass overhead",
        "ja": "警報解除。上空を通過する可能性はなくなりました",
        "ko": "경보 해제. 상공을 지나갈 가능성이 없어졌습니다",
    },
    Told.PASSED: {
        "en": "All clear: the time at which it could pass overhead is over",
        "ja": "警報解除。上空を通過する可能性のある時間は過ぎました",
        "ko": "경보 해제. 상공을 지나갈 수 있는 시간이 지났습니다",
    },
}
_WITHDRAWN = {
    "en": "Warning withdrawn: you need not shelter",
    "ja": "警報取消。避難の必要はありません",
    "ko": "경보 취소. 대피할 필요가 없습니다",
}
_SHELTER = {
    "en": "Get into a sturdy building or below ground, away from windows. None near: lie down and "
    "cover your head. Stay until the all-clear. At sea: keep clear of what falls and report it.",
    "ja": "頑丈な建物の中か地下に入り、窓から離れてください。近くになければ物陰に隠れるか、伏せて頭"
    "を守ってください。解除まで続けてください。海上では落下物に近づかず、通報してください。",
    "ko": "튼튼한 건물 안이나 지하로 들어가 창문에서 떨어지십시오. 근처에 없으면 엎드려 머리를 "
    "보호하십시오. 해제될 때까지 계속하십시오. 해상에서는 낙하물에 접근하지 말고 신고하십시오.",
}
_FREE = {
    "en": "You may leave shelter. Do not touch what fell: report it.",
    "ja": "避難を終えて構いません。落下物には触れず、警察や消防に通報してください。",
    "ko": "대피를 마쳐도 됩니다. 낙하물을 만지지 말고 경찰이나 소방에 신고하십시오.",
}
_INSTRUCTION = {
    Told.FALL: _SHELTER,
    Told.NEIGHBOUR: _SHELTER,
    Told.PASS: {
        "en": "Stay indoors or below ground, away from windows, until the all-clear: parts may "
        "fall. At sea: keep clear of what falls and report it.",
        "ja": "建物の中か地下に入り、窓から離れ、解除まで待ってください。部品等が落下することがあり"
        "ます。海上では落下物に近づかず、通報してください。",
        "ko": "건물 안이나 지하에서 창문에서 떨어져 해제될 때까지 기다리십시오. 파편이 떨어질 수 "
        "있습니다. 해상에서는 낙하물에 접근하지 말고 신고하십시오.",
    },
    Told.OTHER_HOLDS: _SHELTER,
    Told.FALL_ENDED: _FREE,
    Told.PASS_ENDED: _FREE,
    Told.PASSED: _FREE,
}
_WHEN = {
    Told.FALL: {
        "en": "It may fall between {first} and {last}.",
        "ja": "落下の可能性は{first}から{last}まで。",
        "ko": "낙하 가능 시간은 {first}부터 {last}까지.",
    },
    Told.PASS: {
        "en": "It may pass overhead between {first} and {last}.",
        "ja": "上空通過の可能性は{first}から{last}まで。",
        "ko": "상공 통과 가능 시간은 {first}부터 {last}까지.",
    },
}
_WHEN[Told.NEIGHBOUR] = _WHEN[Told.FALL]
_NEW = {"en": "New here: {areas}.", "ja": "新たに対象:{areas}。", "ko": "새로 추가: {areas}."}
_WAS = {
    (Told.FALL, Danger.PASS): {
        "en": "{areas}: told before that it passes overhead; now it may fall here.",
        "ja": "{areas}:上空通過の警報から、落下の警報に変わりました。",
        "ko": "{areas}: 상공 통과 경보에서 낙하 경보로 바뀌었습니다.",
    },
    (Told.FALL, Danger.NEIGHBOUR): {
        "en": "{areas}: told before to shelter to be safe; now it may fall here.",
        "ja": "{areas}:念のための警報から、落下の警報に変わりました。",
        "ko": "{areas}: 예방 경보에서 낙하 경보로 바뀌었습니다.",
    },
    (Told.NEIGHBOUR, Danger.PASS): {
        "en": "{areas}: told before that it passes overhead; now it may fall near here.",
        "ja": "{areas}:上空通過の警報から、念のための落下の警報に変わりました。",
        "ko": "{areas}: 상공 통과 경보에서 예방 낙하 경보로 바뀌었습니다.",
    },
    (Told.PASS, Danger.FALL): {
        "en": "{areas}: it can no longer fall here; it may still pass overhead.",
        "ja": "{areas}:落下の可能性はなくなりましたが、上空を通過する可能性があります。",
        "ko": "{areas}: 떨어질 가능성은 없어졌으나 상공을 지나갈 수 있습니다.",
    },
}
_WAS[Told.PASS, Danger.NEIGHBOUR] = _WAS[Told.PASS, Danger.FALL]
_AS_BEFORE = {
    "en": "It changed elsewhere; here nothing did.",
    "ja": "他の地域で変更がありました。この地域については変更ありません。",
    "ko": "다른 지역에서 변경이 있었으며 이 지역은 변동이 없습니다.",
}
_REASON = {
    Reason.MORE_AREAS: _AS_BEFORE,
    Reason.OTHER_DANGER: _AS_BEFORE,
    Reason.FEWER_AREAS: _AS_BEFORE,
    Reason.OTHER_TIMES: {
        "en": "The expected times changed.", "ja": "予想時刻が変わりました。",
        "ko": "예상 시각이 변경되었습니다.",
    },
    Reason.STILL: {
        "en": "The warning goes on.", "ja": "警報は継続中です。", "ko": "경보가 계속됩니다.",
    },
    Reason.TRACK_FOUND: {
        "en": "Observations of it come again.", "ja": "観測データが再び届いています。",
        "ko": "관측 자료가 다시 들어오고 있습니다.",
    },
    Reason.NO_DANGER: {
        "en": "By later observations it is no object that comes down here.",
        "ja": "その後の観測により、落下するものではないことが分かりました。",
        "ko": "이후 관측 결과 낙하하는 물체가 아닌 것으로 확인되었습니다.",
    },
    Reason.WITHDRAWN: {
        "en": "The observations behind the warning proved to be wrong.",
        "ja": "警報の根拠となった観測が誤りであることが分かりました。",
        "ko": "경보의 근거가 된 관측이 잘못된 것으로 확인되었습니다.",
    },
    Reason.BY_OPERATOR: {
        "en": "Withdrawn by the agency.", "ja": "発表機関により取り消されました。",
        "ko": "발령 기관이 취소했습니다.",
    },
}  # fmt: skip
_THRESHOLD = {
    "en": "By what was seen it is likely enough to be warned of.",
    "ja": "観測により、警報の基準に達しました。",
    "ko": "관측 결과 경보 기준에 도달했습니다.",
}
_NOT_SEEN_NOW = {
    # Whether radars see it no more or what they see does not come is not known here.
    "en": "No observations of it come any more; the warning holds.",
    "ja": "観測データが届いていません。警報は継続します。",
    "ko": "관측 자료가 더 이상 들어오지 않습니다. 경보는 유지됩니다.",
}
_TIME_IS_PAST = {
    "en": "The last time at which it could is past.",
    "ja": "可能性のある最後の時刻を過ぎました。",
    "ko": "가능성이 있는 마지막 시각이 지났습니다.",
}
_OTHER_HOLDS = {
    "en": "One danger here is over, another is not.",
    "ja": "一つの危険は去りましたが、別の危険があります。",
    "ko": "하나의 위험은 지났으나 다른 위험이 있습니다.",
}
_SEEN_ELSEWHERE = {
    "en": "The latest observations show it.",
    "ja": "その後の観測により分かりました。",
    "ko": "이후 관측으로 확인되었습니다.",
}
_WORDS = {
    "en": {
        "launch": "Launched about {at}, ± {within} s.",
        "seen": "Seen by {radars} independent radars in all, last at {at}.",
        "lost": "Seen by {radars} independent radars in all, last at {at}; no observations have "
        "come since: whether it fell or passed is not known, and the warning holds.",
        "not seen": "It was seen until {at}, and not to the end.",
        "more": " and {count} more",
    },
    "ja": {
        "launch": "発射は{at}頃(±{within}秒)。",
        "seen": "独立した計{radars}基のレーダーが観測、最終観測{at}。",
        "lost": "独立した計{radars}基のレーダーが観測、最終観測{at}、その後の観測は届いていません。"
        "落下又は通過は確認されておらず、警報は継続します。",
        "not seen": "観測は{at}までで、最後までは確認されていません。",
        "more": "ほか{count}地域",
    },
    "ko": {
        "launch": "발사 시각은 {at}경(±{within}초).",
        "seen": "독립된 레이더 총 {radars}기가 관측, 마지막 관측 {at}.",
        "lost": "독립된 레이더 총 {radars}기가 관측, 마지막 관측 {at}, 이후 관측 자료가 들어오지 "
        "않았습니다. 낙하 또는 통과는 확인되지 않았으며 경보는 유지됩니다.",
        "not seen": "{at}까지만 관측되어 끝까지 확인되지는 않았습니다.",
        "more": " 외 {count}곳",
    },
}
_TITLE = {
    Told.FALL: {"en": "May fall", "ja": "落下の可能性", "ko": "낙하 가능"},
    Told.NEIGHBOUR: {"en": "To be safe", "ja": "念のため", "ko": "예방"},
    Told.PASS: {"en": "May pass overhead", "ja": "上空通過の可能性", "ko": "상공 통과 가능"},
    Told.OTHER_HOLDS: {"en": "Other warning", "ja": "別の警報が継続", "ko": "다른 경보 유지"},
    Told.FALL_ENDED: {"en": "All clear", "ja": "解除", "ko": "해제"},
    Told.PASS_ENDED: {"en": "All clear", "ja": "解除", "ko": "해제"},
    Told.PASSED: {"en": "All clear", "ja": "解除", "ko": "해제"},
}  # fmt: skip
_TITLE_WITHDRAWN = {"en": "Withdrawn", "ja": "取消", "ko": "취소"}
_SEPARATORS = {"en": (": ", ", ", "; "), "ja": (":", "、", "。"), "ko": (": ", ", ", "; ")}


def event(told: Told, language: str) -> str:
    """What it is about."""
    return EVENT[told not in (Told.PASS, Told.PASS_ENDED, Told.PASSED)][language]


def headline(said: Warning, told: Told, language: str) -> str:
    """What to do, and why, in one line."""
    if said.step == Step.CANCEL and told != Told.OTHER_HOLDS:
        return _WITHDRAWN[language]
    update = _UPDATE[language] if said.step == Step.UPDATE and told.in_force else ""
    return update + _HEADLINE[told][language]


def instruction(told: Told, language: str) -> str:
    """What people are to do, in full."""
    return _INSTRUCTION[told][language]


def description(said: Warning, part: Part, language: str, nation: str, of: "Names") -> str:
    """When, what changed, why, and what it rests on, for the areas of a part."""
    if part.told == Told.OTHER_HOLDS:
        return _OTHER_HOLDS[language]
    words, parts, clock = _WORDS[language], [], _Clock(language, nation)
    first_ns, last_ns = part.between_ns
    if first_ns is not None and last_ns is not None:
        parts.append(clock.between(_WHEN[part.told][language], first_ns, last_ns))
    changes = _changes(said, part, language, of)
    parts += changes
    if not part.told.in_force:
        parts.append(_ended(said, language, part.told))
    elif not changes and said.reason in _REASON:
        parts.append(_REASON[said.reason][language])
    if said.launched_ns is not None:
        within = math.ceil(_WITHIN_95 * (said.launched_sigma_s or 0.0))
        at = clock(said.launched_ns)
        parts.append(words["launch"].format(at=at, within=max(within, 1)))
    radars = {radar for one in said.basis for radar in one.radars}
    lost_ns = said.lost_since_ns
    if lost_ns is not None:
        how = "lost" if part.told.in_force else "not seen"
        parts.append(words[how].format(radars=len(radars), at=clock(lost_ns)))
    elif radars:
        at = clock(max(one.last_plot_ns for one in said.basis))
        parts.append(words["seen"].format(radars=len(radars), at=at))
    return ("" if language == "ja" else " ").join(parts)


def reason(said: Warning, part: Part, language: str, of: "Names") -> str:
    """Why the areas of a part are told what they are, and of no others."""
    if part.told == Told.OTHER_HOLDS:
        return _OTHER_HOLDS[language]
    if not part.told.in_force:
        return _ended(said, language, part.told)
    changes = _changes(said, part, language, of)
    if changes:
        return ("" if language == "ja" else " ").join(changes)
    if said.reason == Reason.TRACK_LOST:
        return _NOT_SEEN_NOW[language]
    return _REASON.get(said.reason, _THRESHOLD)[language]


def why_withdrawn(said: Warning) -> str:
    """For a Cancel's note."""
    return _ended(said, "en")


def title(said: Warning, language: str, of: "Names") -> str:
    """What a feed's reader sees of a message: each thing that is said, and of which areas."""
    colon, comma, between = _SEPARATORS[language]
    told: dict[str, list[str]] = {}
    for part in parts_of(said):
        is_over = said.step == Step.CANCEL and part.told != Told.OTHER_HOLDS
        what = (_TITLE_WITHDRAWN if is_over else _TITLE[part.told])[language]
        told.setdefault(what, []).extend(name for name in part.areas if name in of)
    update = _UPDATE[language] if said.step == Step.UPDATE else ""
    return update + between.join(
        what + colon + named(areas, language, of, comma, _AREAS_NAMED)
        for what, areas in told.items()
    )


def named(
    areas: Sequence[str], language: str, of: "Names", comma: str = ", ", most: int | None = None
) -> str:
    """Areas by their names in a language; `most`: so many, and how many more."""
    names = [name_of(of[name], language) for name in areas]
    if most is None or len(names) <= most:
        return comma.join(names)
    return comma.join(names[:most]) + _WORDS[language]["more"].format(count=len(names) - most)


def name_of(area: Area, language: str) -> str:
    """An area's name in a language, or in one that it has."""
    return area.names.get(language) or area.names.get("en") or next(iter(area.names.values()))


Names = dict[str, Area]
"""Areas by id."""


class _Clock(NamedTuple):
    """The clocks that people have: of a nation, named where a reader may have others."""

    language: str
    nation: str

    def __call__(self, time_ns: int) -> str:
        """A time to the second."""
        return f"{self._at(time_ns):%H:%M:%S}{self._zone}"

    def between(self, words: str, first_ns: int, last_ns: int) -> str:
        """Whole minutes, so that all of it is between them."""
        until_ns = -(-last_ns // _MINUTE) * _MINUTE
        first, last = f"{self._at(first_ns):%H:%M}", f"{self._at(until_ns):%H:%M}{self._zone}"
        return words.format(first=first, last=last)

    def _at(self, time_ns: int) -> datetime.datetime:
        at = datetime.datetime.fromtimestamp(time_ns // S, datetime.UTC)
        return at + datetime.timedelta(hours=_ZONES.get(self.nation, (0, ""))[0])

    @property
    def _zone(self) -> str:
        known = _ZONES.get(self.nation)
        if known and self.language != "en":
            return ""
        return f" {known[1] if known else 'UTC'}"


def _changes(said: Warning, part: Part, language: str, of: Names) -> list[str]:
    """Areas of a part that are new, or were told something else before, by name."""
    comma = _SEPARATORS[language][1]
    out = []
    own = [name for name in part.areas if name in of]
    new = [name for name in own if name in said.new]
    if new:
        out.append(_NEW[language].format(areas=named(new, language, of, comma)))
    for was in Danger:
        moved = [name for name in own if said.was.get(name) == was]
        words = _WAS.get((part.told, was))
        if moved and words:
            out.append(words[language].format(areas=named(moved, language, of, comma)))
    return out


def _ended(said: Warning, language: str, told: Told = Told.FALL_ENDED) -> str:
    """Why it is over for areas that are out."""
    if said.reason in (Reason.NO_DANGER, Reason.WITHDRAWN, Reason.BY_OPERATOR):
        return _REASON[said.reason][language]
    past = said.reason == Reason.CAME_DOWN or told == Told.PASSED
    return (_TIME_IS_PAST if past else _SEEN_ELSEWHERE)[language]
