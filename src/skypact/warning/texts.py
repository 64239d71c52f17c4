"""What alerts say, in English, Japanese and Korean."""

import datetime
from collections.abc import Sequence

from skypact.model import Area, Danger, Reason, Step, WarnedArea, Warning

LANGUAGE_TAGS = {"en": "en-US", "ja": "ja-JP", "ko": "ko-KR"}
_ZONES = {"en": (0, "UTC"), "ja": (9, "JST"), "ko": (9, "KST")}
S = 1_000_000_000

EVENT = {
    "en": "Missile or falling object warning",
    "ja": "弾道ミサイル等の落下・通過に関する警報",
    "ko": "미사일 등 낙하·통과 경보",
}
EXERCISE = {
    "en": "EXERCISE EXERCISE EXERCISE: this is a drill. ",
    "ja": "【訓練】これは訓練です。",
    "ko": "[훈련] 이것은 훈련 상황입니다. ",
}
_HEADLINE = {
    (Step.ALERT, Danger.FALL): {
        "en": "Take shelter now: an object may come down in your area",
        "ja": "直ちに避難。お住まいの地域に落下する可能性があります",
        "ko": "즉시 대피하십시오. 해당 지역에 물체가 낙하할 수 있습니다",
    },
    (Step.ALERT, Danger.PASS): {
        "en": "Take shelter: an object may pass over your area",
        "ja": "避難してください。上空を通過する可能性があります",
        "ko": "대피하십시오. 상공을 통과할 수 있습니다",
    },
    (Step.UPDATE, None): {
        "en": "Update: the warning is still in force",
        "ja": "続報:警報は継続中です",
        "ko": "후속 안내: 경보가 계속 유효합니다",
    },
    (Step.CANCEL, None): {
        "en": "The warning is withdrawn",
        "ja": "警報は取り消されました",
        "ko": "경보가 취소되었습니다",
    },
    (Step.ALL_CLEAR, None): {
        "en": "All clear: the danger is past",
        "ja": "警報解除:危険は去りました",
        "ko": "경보 해제: 위험이 지나갔습니다",
    },
}
_INSTRUCTION = {
    Step.ALERT: {
        "en": "Go into a sturdy building or below ground now. If there is none, lie down and cover "
        "your head. At sea, stay away from falling objects and report them.",
        "ja": "頑丈な建物の中又は地下に避難してください。建物がない場合は、物陰に身を隠すか、地面に"
        "伏せて頭部を守ってください。船舶は落下物に近づかず、通報してください。",
        "ko": "즉시 튼튼한 건물 안이나 지하로 대피하십시오. 건물이 없으면 엎드려 머리를 "
        "보호하십시오. 선박은 낙하물에 접근하지 말고 신고하십시오.",
    },
    Step.CANCEL: {
        "en": "You need no longer take shelter. Do not touch objects that fell; report them.",
        "ja": "避難の必要はありません。落下物には触れず、警察や消防に通報してください。",
        "ko": "대피할 필요가 없습니다. 낙하물을 만지지 말고 신고하십시오.",
    },
}
_REASON = {
    Reason.THRESHOLD: {
        "en": "The observed flight may reach the areas named.",
        "ja": "観測された飛翔体が対象地域に達する可能性があります。",
        "ko": "관측된 비행체가 대상 지역에 도달할 수 있습니다.",
    },
    Reason.MORE_AREAS: {
        "en": "Areas were added.", "ja": "対象地域を追加しました。",
        "ko": "대상 지역이 추가되었습니다.",
    },
    Reason.FEWER_AREAS: {
        "en": "Areas that it can no longer reach were taken out.",
        "ja": "達する可能性がなくなった地域を除きました。",
        "ko": "도달할 가능성이 없어진 지역을 제외했습니다.",
    },
    Reason.OTHER_TIMES: {
        "en": "The expected times changed.", "ja": "予想時刻が変わりました。",
        "ko": "예상 시각이 변경되었습니다.",
    },
    Reason.STILL: {
        "en": "What was said holds.", "ja": "先の発表は引き続き有効です。",
        "ko": "이전 발표가 계속 유효합니다.",
    },
    Reason.TRACK_LOST: {
        "en": "The radars no longer see it. It is not known whether it passed or came down; the "
        "warning stays in force.",
        "ja": "レーダーで追尾できなくなりました。通過又は落下は確認されていません。"
        "警報は継続します。",
        "ko": "레이더가 더 이상 추적하지 못하고 있습니다. 통과 또는 낙하는 확인되지 않았으며 "
        "경보는 유지됩니다.",
    },
    Reason.TRACK_FOUND: {
        "en": "The radars see it again.", "ja": "レーダーで再び捉えました。",
        "ko": "레이더가 다시 포착했습니다.",
    },
    Reason.CAME_DOWN: {
        "en": "The last time at which it could come down is past.",
        "ja": "落下し得る最後の時刻を過ぎました。",
        "ko": "낙하할 수 있는 마지막 시각이 지났습니다.",
    },
    Reason.ELSEWHERE: {
        "en": "By later observations it does not come down here.",
        "ja": "その後の観測により、この地域には落下しないことが分かりました。",
        "ko": "이후 관측 결과 이 지역에는 낙하하지 않는 것으로 확인되었습니다.",
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
_WORDS = {
    "en": {
        "launch": "Launched about {at}.",
        "fall": "It may come down between {first} and {last}.",
        "pass": "It may pass over between {first} and {last}.",
        "seen": "Seen by {radars} independent radars, last at {at}.",
        "lost": "Last seen at {at}.",
        "not seen": "It was not observed to the end.",
    },
    "ja": {
        "launch": "発射は{at}頃。",
        "fall": "落下の可能性は{first}から{last}まで。",
        "pass": "上空通過の可能性は{first}から{last}まで。",
        "seen": "独立した{radars}基のレーダーが観測、最終観測{at}。",
        "lost": "最終観測は{at}。",
        "not seen": "最後までは観測されていません。",
    },
    "ko": {
        "launch": "발사 시각은 {at}경.",
        "fall": "낙하 가능 시간은 {first}부터 {last}까지.",
        "pass": "상공 통과 가능 시간은 {first}부터 {last}까지.",
        "seen": "독립된 레이더 {radars}기가 관측, 마지막 관측 {at}.",
        "lost": "마지막 관측은 {at}.",
        "not seen": "끝까지 관측되지는 않았습니다.",
    },
}


def headline(said: Warning, language: str, danger: Danger | None) -> str:
    """What it is about, in one line."""
    key = (said.step, danger if said.step == Step.ALERT else None)
    return _HEADLINE[key][language]


def instruction(said: Warning, language: str) -> str:
    """What people are to do."""
    goes_on = said.step in (Step.ALERT, Step.UPDATE)
    return _INSTRUCTION[Step.ALERT if goes_on else Step.CANCEL][language]


def description(said: Warning, areas: Sequence[WarnedArea], language: str) -> str:
    """Why it is said, when what may happen, and what it rests on."""
    words, parts = _WORDS[language], [_REASON[said.reason][language]]
    if said.launched_ns is not None:
        parts.append(words["launch"].format(at=_clock(said.launched_ns, language)))
    for name, wanted in (("fall", "fall"), ("pass", "pass")):
        first = [getattr(one.chance, f"{name}_first_ns") for one in areas]
        last = [getattr(one.chance, f"{name}_last_ns") for one in areas]
        begin = min((t for t in first if t is not None), default=None)
        end = max((t for t in last if t is not None), default=None)
        if begin is not None and end is not None:
            at = {"first": _clock(begin, language), "last": _clock(end, language)}
            parts.append(words[wanted].format(**at))
    radars = {radar for one in said.basis for radar in one.radars}
    if radars:
        at_ = _clock(max(one.last_plot_ns for one in said.basis), language)
        parts.append(words["seen"].format(radars=len(radars), at=at_))
    if said.lost_since_ns is not None:
        over = said.step in (Step.CANCEL, Step.ALL_CLEAR)
        last_ = _clock(said.lost_since_ns, language)
        parts.append(words["lost"].format(at=last_) + (" " + words["not seen"] if over else ""))
    return " ".join(parts)


def name_of(area: Area, language: str) -> str:
    """An area's name in a language, or in one that it has."""
    return area.names.get(language) or area.names.get("en") or next(iter(area.names.values()))


def _clock(time_ns: int, language: str) -> str:
    hours, zone = _ZONES[language]
    at = datetime.datetime.fromtimestamp(time_ns // S, datetime.UTC)
    return f"{at + datetime.timedelta(hours=hours):%H:%M:%S} {zone}"
