"""The alerts of a channel as an Atom feed (RFC 4287), newest first."""

from collections.abc import Sequence
from typing import NamedTuple

from lxml import etree

from skypact.warning.cap import time_text

_ATOM = "http://www.w3.org/2005/Atom"


class FeedEntry(NamedTuple):
    """One message of the feed."""

    identifier: str
    headline: str
    time_ns: int


def atom_feed(
    title: str, path: str, sender: str, entries: Sequence[FeedEntry], now_ns: int
) -> bytes:
    """The feed; each entry links to its message below `path`."""
    feed = etree.Element(f"{{{_ATOM}}}feed", nsmap={None: _ATOM})
    newest_ns = entries[-1].time_ns if entries else now_ns
    _put(feed, "id", f"urn:skypact:{sender}:{path.strip('/')}")
    _put(feed, "title", title)
    _put(feed, "updated", _rfc_3339(newest_ns))
    _put(etree.SubElement(feed, f"{{{_ATOM}}}author"), "name", sender)
    etree.SubElement(feed, f"{{{_ATOM}}}link", rel="self", href=path)
    for one in reversed(entries):
        entry = etree.SubElement(feed, f"{{{_ATOM}}}entry")
        _put(entry, "id", f"urn:skypact:{one.identifier}")
        _put(entry, "title", one.headline)
        _put(entry, "updated", _rfc_3339(one.time_ns))
        etree.SubElement(
            entry,
            f"{{{_ATOM}}}link",
            rel="alternate",
            type="application/cap+xml",
            href=f"{path}/{one.identifier}.xml",
        )
    return etree.tostring(feed, xml_declaration=True, encoding="UTF-8")


def _rfc_3339(time_ns: int) -> str:
    return time_text(time_ns).removesuffix("-00:00") + "Z"


def _put(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{_ATOM}}}{name}").text = text
