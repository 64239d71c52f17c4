"""The node's warnings as the desk shows them: read from its public feed, as anybody may.

Messages are CAP 1.2 (docs/warning.md). What belongs together goes by the references: a message
names all before it, so the first it names is what its event is called by.
"""

import asyncio
import datetime
import http
import itertools
import re
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from lxml import etree

from skypact.desk import documents as d

Fetch = Callable[[str], Awaitable[bytes | None]]
"""What stands at a path of the node; None: there is nothing. Raises OSError: no answer."""
_CAP = {"c": "urn:oasis:names:tc:emergency:cap:1.2"}
_ATOM = {"a": "http://www.w3.org/2005/Atom"}
_SAFE = {"resolve_entities": False, "no_network": True, "load_dtd": False}
_STATUS = {False: "Actual", True: "Exercise"}
Kind = Literal["alert", "update", "cancel", "all_clear"]
_KINDS: dict[str, Kind] = {"Alert": "alert", "Update": "update", "Cancel": "cancel"}
Danger = Literal["fall", "pass", "neighbour"]
_DANGERS: dict[str, Danger] = {"fall": "fall", "neighbour": "neighbour", "pass": "pass"}
_ORDER = {danger: place for place, danger in enumerate(_DANGERS)}
_PART = re.compile(r"(\d(?:\.\d+)?) (\d(?:\.\d+)?)(?: (\S+) (\S+))?")
_TIMEOUT_S = 5.0


class AlertFeed:
    """Follows the feed of one channel, live or exercise. `look` whenever it may have changed.

    `fault`: why it cannot be followed; empty: it is. `warns`: whether the node warns at all.
    """

    def __init__(self, fetch: Fetch, *, exercise: bool) -> None:
        self._fetch, self._exercise = fetch, exercise
        self._path = "/exercise/alerts" if exercise else "/alerts"
        self._read: dict[str, etree._Element] = {}
        self._order: list[str] = []
        self.fault, self.warns = "", False

    async def look(self) -> None:
        """Take what is new."""
        try:
            feed = await self._fetch(self._path)
            self.warns = feed is not None
            if feed is not None:
                await self._take(_parsed(feed))
            self.fault = ""
        except (OSError, etree.XMLSyntaxError, ValueError) as error:
            self.fault = f"warnings: {error or type(error).__name__}; what is shown is old"

    async def _take(self, feed: etree._Element) -> None:
        paths = [link.get("href", "") for link in feed.iterfind("a:entry/a:link", _ATOM)][::-1]
        for path in paths:
            if path not in self._read and path.startswith(f"{self._path}/"):
                body = await self._fetch(path)
                if body is not None:
                    self._read[path] = self._own(_parsed(body))
        self._order = [path for path in paths if path in self._read]
        self._read = {path: self._read[path] for path in self._order}

    def _own(self, alert: etree._Element) -> etree._Element:
        """A message of this channel. Raises ValueError: it is of the other one."""
        said = _text(alert, "status")
        if said != _STATUS[self._exercise]:
            raise ValueError(f"a message with status {said} stands in {self._path}")
        return alert

    def warnings(self, now_ms: int) -> list[d.Warning]:
        """Each event as last said of until then, those in force first, then the newest first."""
        events: dict[str, list[etree._Element]] = {}
        for path in self._order:
            alert = self._read[path]
            if _ms(_text(alert, "sent")) <= now_ms:
                events.setdefault(_event(alert), []).append(alert)
        made = [warning(name, said, now_ms) for name, said in events.items()]
        return sorted(made, key=lambda one: (not one["in_force"], -one["sent_ms"]))

    def messages(self, event: str, until_ms: int, most: int) -> list[d.WarningMessage]:
        """What was said of an event until then (empty: of all), the newest first."""
        alerts = [self._read[path] for path in reversed(self._order)]
        said = (
            one
            for one in alerts
            if _ms(_text(one, "sent")) <= until_ms and event in ("", _event(one))
        )
        return [_message(one) for one in itertools.islice(said, most)]


def reader_of(address: str) -> Fetch:
    """Reads paths of a node over HTTP."""

    def read(path: str) -> bytes | None:
        try:
            with urllib.request.urlopen(address + path, timeout=_TIMEOUT_S) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            if error.code == http.HTTPStatus.NOT_FOUND:
                return None
            raise

    async def fetch(path: str) -> bytes | None:
        return await asyncio.to_thread(read, path)

    return fetch


def warning(event: str, said: Sequence[etree._Element], now_ms: int) -> d.Warning:
    """What is in force of an event by its newest message."""
    newest = said[-1]
    infos = newest.findall("c:info", _CAP)
    going_on = [one for one in infos if _told(one) in _DANGERS]
    kind = _kind(newest)
    expires_ms = max((_ms(_text(one, "expires")) for one in infos), default=0)
    over = kind == "cancel" or not going_on
    english = [one for one in infos if _text(one, "language").startswith("en")]
    parameters = _parameters((english or infos)[0]) if infos else {}
    return {
        "id": _text(newest, "identifier"),
        "event": event,
        "flights": [],
        "exercise": _text(newest, "status") != _STATUS[False],
        "kind": kind,
        "in_force": not over and now_ms < expires_ms,
        "expired": not over and now_ms >= expires_ms,
        "sent_ms": _ms(_text(newest, "sent")),
        "expires_ms": expires_ms,
        "first_ms": _ms(_text(said[0], "sent")),
        "messages": len(said),
        "sender": _text(newest, "sender"),
        "radars": int(parameters.get("skypact-radars", "0") or 0),
        "parts": _parts(infos),
        "areas": _areas(going_on),
    }


def _message(alert: etree._Element) -> d.WarningMessage:
    """One message, as it was said."""
    return {
        "id": _text(alert, "identifier"),
        "event": _event(alert),
        "kind": _kind(alert),
        "sent_ms": _ms(_text(alert, "sent")),
        "parts": _parts(alert.findall("c:info", _CAP)),
    }


def _kind(alert: etree._Element) -> Kind:
    """What a message is: an update after which nothing goes on is an all clear."""
    kind = _KINDS.get(_text(alert, "msgType"), "update")
    goes_on = any(_told(info) in _DANGERS for info in alert.findall("c:info", _CAP))
    return kind if kind == "cancel" or goes_on else "all_clear"


def _told(info: etree._Element) -> str:
    """What the areas of an info are told, by its event code."""
    return info.findtext("c:eventCode/c:value", "", _CAP)


def _parts(infos: Sequence[etree._Element]) -> list[d.WarningPart]:
    """What is said, the worst first as the message has it, each with its texts by language."""
    found: dict[str, d.WarningPart] = {}
    for info in infos:
        told = _told(info)
        areas = [area.findtext("c:geocode/c:value", "", _CAP) for area in _areas_of(info)]
        in_force = told in _DANGERS
        part = found.setdefault(
            told, {"told": told, "in_force": in_force, "areas": areas, "names": {}, "texts": {}}
        )
        language = _text(info, "language").split("-")[0]
        part["names"][language] = [_text(area, "areaDesc") for area in _areas_of(info)]
        part["texts"][language] = {
            "headline": _text(info, "headline"),
            "description": _text(info, "description"),
            "instruction": _text(info, "instruction"),
            "reason": _parameters(info).get("skypact-reason", ""),
        }
    return list(found.values())


def _areas_of(info: etree._Element) -> list[etree._Element]:
    return info.findall("c:area", _CAP)


def _areas(infos: Sequence[etree._Element]) -> list[d.WarnedArea]:
    """Those under alert, the worst first, each once with its name in each language."""
    found: dict[str, d.WarnedArea] = {}
    for info in infos:
        language, parameters = _text(info, "language").split("-")[0], _parameters(info)
        for area in _areas_of(info):
            name = area.findtext("c:geocode/c:value", "", _CAP)
            part = _PART.fullmatch(parameters.get(f"skypact-area {name}", ""))
            one = found.setdefault(
                name,
                {
                    "id": name,
                    "names": {},
                    "danger": _DANGERS[_told(info)],
                    "falls": float(part[1]) if part else None,
                    "passes": float(part[2]) if part else None,
                    "first_ms": _ms(part[3]) if part and part[3] else None,
                    "last_ms": _ms(part[4]) if part and part[4] else None,
                    "area": {
                        "type": "MultiPolygon",
                        "coordinates": [
                            [_ring(polygon.text or "")]
                            for polygon in area.iterfind("c:polygon", _CAP)
                        ],
                    },
                },
            )
            one["names"][language] = _text(area, "areaDesc")
    return sorted(found.values(), key=lambda one: (_ORDER[one["danger"]], -_chance(one)))


def _chance(one: d.WarnedArea) -> float:
    """Of what it is told of."""
    return (one["passes"] if one["danger"] == "pass" else one["falls"]) or 0.0


def _ring(text: str) -> list[list[float]]:
    """CAP's ring, latitude first, as GeoJSON's."""
    return [[float(part) for part in pair.split(",")][::-1] for pair in text.split()]


def _event(alert: etree._Element) -> str:
    """The first message of what this one is about."""
    references = _text(alert, "references").split()
    if not references:
        return _text(alert, "identifier")
    return min((one.split(",") for one in references), key=lambda one: one[-1])[1]


def _parameters(info: etree._Element) -> dict[str, str]:
    return {
        _text(one, "valueName"): _text(one, "value") for one in info.iterfind("c:parameter", _CAP)
    }


def _ms(text: str) -> int:
    return round(datetime.datetime.fromisoformat(text).timestamp() * 1000)


def _text(of: etree._Element, name: str) -> str:
    return of.findtext(f"c:{name}", "", _CAP)


def _parsed(body: bytes) -> etree._Element:
    return etree.fromstring(body, etree.XMLParser(**_SAFE))
