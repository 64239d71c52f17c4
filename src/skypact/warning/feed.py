"""The alerts of a channel as Atom feeds (RFC 4287), newest first: one for each language.

An entry has one title, and readers show it: so who reads Korean follows the feed in Korean. The
messages that they link to are the same, in all languages.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from lxml import etree

from skypact.warning.cap import time_text

ATOM_TYPE, CAP_TYPE = "application/atom+xml", "application/cap+xml"
_ATOM = "http://www.w3.org/2005/Atom"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


class FeedEntry(msgspec.Struct, array_like=True, frozen=True):
    """One message of the feed; `title` in the agency's first language, `others` in the rest."""

    identifier: str
    title: str
    time_ns: int
    others: dict[str, str] = msgspec.field(default_factory=dict)

    def title_in(self, language: str) -> str:
        """Its title in a language, or the first where it was not said in that."""
        return self.others.get(language, self.title)


class Feed(NamedTuple):
    """A channel's feed. `languages`: the first is that of `path`, each other below it."""

    title: str
    path: str
    sender: str
    languages: Sequence[str]

    def path_in(self, language: str) -> str:
        """Where the feed stands in a language."""
        return self.path if language == self.languages[0] else f"{self.path}/{language}"

    def atom(self, language: str, entries: Sequence[FeedEntry], now_ns: int) -> bytes:
        """The feed in a language; each entry links to its message below `path`."""
        path = self.path_in(language)
        feed = etree.Element(f"{{{_ATOM}}}feed", nsmap={None: _ATOM})
        feed.set(_LANGUAGE, language)
        newest_ns = entries[-1].time_ns if entries else now_ns
        _put(feed, "id", f"urn:skypact:{self.sender}:{path.strip('/')}")
        _put(feed, "title", self.title)
        _put(feed, "updated", _rfc_3339(newest_ns))
        _put(etree.SubElement(feed, f"{{{_ATOM}}}author"), "name", self.sender)
        _link(feed, rel="self", href=path)
        for other in self.languages:
            if other != language:
                of = {"rel": "alternate", "type": ATOM_TYPE, "hreflang": other}
                _link(feed, **of, href=self.path_in(other))
        for one in reversed(entries):
            entry = etree.SubElement(feed, f"{{{_ATOM}}}entry")
            _put(entry, "id", f"urn:skypact:{one.identifier}")
            _put(entry, "title", one.title_in(language))
            _put(entry, "updated", _rfc_3339(one.time_ns))
            href = f"{self.path}/{one.identifier}.xml"
            _link(entry, rel="alternate", type=CAP_TYPE, href=href)
        return etree.tostring(feed, xml_declaration=True, encoding="UTF-8")


def _link(parent: etree._Element, **of: str) -> None:
    etree.SubElement(parent, f"{{{_ATOM}}}link", of)


def _rfc_3339(time_ns: int) -> str:
    return time_text(time_ns).removesuffix("-00:00") + "Z"


def _put(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{_ATOM}}}{name}").text = text
