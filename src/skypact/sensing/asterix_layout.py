"""Where the items of an ASTERIX record begin and end.

The layouts come from the tables of `libasterix`. Its own parser is for short input: it tells of a
fault neither where nor in which item, and takes time with the square of a block's length. Here a
record is walked once and its values are left where they stand; the tests compare both.

Source: EUROCONTROL-SPEC-0149 part 1 (ASTERIX), structure of data blocks and of data items; CAT015
edition 1.2, CAT034 edition 1.29, CAT048 edition 1.32.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

_FX = 0x01
_FLAGS_PER_OCTET = 7

Walk = Callable[[bytes, int, int], int]
"""From data, begin, and end of the data to where the item ends; raises Fault."""
Items = tuple[tuple[str, Walk] | None, ...]
"""In the order of the flags; None where a flag is of no item."""


class Fault(Exception):  # noqa: N818 - never leaves the reader: it becomes a refused record
    """Why a record cannot be walked on, and in which of its items, as I048/040."""

    def __init__(self, reason: str, item: str = "") -> None:
        self.item, self.reason = item, reason
        super().__init__(f"{item}: {reason}")


class Span(NamedTuple):
    """Octets from `begin` to before `end`."""

    begin: int
    end: int


class Layout(NamedTuple):
    """A category's items, and the parts of those that are compound."""

    category: int
    items: Items
    parts: dict[str, Items]

    def record(self, data: bytes, begin: int, end: int) -> tuple[dict[str, Span], int]:
        """Where each item of a record stands, and where the record ends."""
        return _walked(self.items, data, begin, end, f"I{self.category:03}/")

    def compound(self, data: bytes, item: str, span: Span) -> dict[str, Span]:
        """Where each part of a compound item stands."""
        whole = f"I{self.category:03}/{item}/"
        return _walked(self.parts[item], data, span.begin, span.end, whole)[0]


@cache
def layout_of(category: int) -> Layout:
    """The layout of category 15, 34 or 48. Takes seconds at the first call: a large import."""
    from asterix import generated

    specification: Any = {
        15: generated.Cat_015_1_2,
        34: generated.Cat_034_1_29,
        48: generated.Cat_048_1_32,
    }[category]
    listed = [getattr(item, "cv_non_spare", None) for item in specification.cv_record.cv_items_list]
    compound = {
        item.cv_name: _items(_variation(item).cv_items_list)
        for item in listed
        if item is not None and _kind(_variation(item)) == "Compound"
    }
    return Layout(category, _items(listed), compound)


def _items(listed: list[Any]) -> Items:
    return tuple(
        None if item is None else (item.cv_name, _walk_of(_variation(item))) for item in listed
    )


def _variation(item: Any) -> Any:
    return item.cv_rule.cv_variation


def _kind(variation: Any) -> str:
    return variation.__mro__[1].__name__


def _walk_of(variation: Any) -> Walk:
    """The walk over an item, by how the specification builds it."""
    kind = _kind(variation)
    if kind in ("Element", "Group"):
        return _fixed(variation.cv_bit_size // 8)
    if kind == "Extended":
        return _extended(tuple(_octets(group) for group in variation.cv_items_list))
    if kind == "Repetitive" and variation.cv_rep_bytes is None:
        return _extended_without_end
    if kind == "Repetitive":
        return _repeated(variation.cv_rep_bytes, variation.cv_variation.cv_bit_size // 8)
    if kind == "Compound":
        items = _items(variation.cv_items_list)
        return lambda data, begin, end: _walked(items, data, begin, end, "")[1]
    if kind == "Explicit":
        return _explicit
    raise NotImplementedError(f"{kind} in the tables of libasterix")


def _octets(group: list[Any]) -> int:
    bits = sum(1 if part is None else part[1] for part in group)
    return bits // 8


def _fixed(octets: int) -> Walk:
    def walk(data: bytes, begin: int, end: int) -> int:
        return _within(begin + octets, end)

    return walk


def _extended(groups: tuple[int, ...]) -> Walk:
    def walk(data: bytes, begin: int, end: int) -> int:
        at = begin
        for octets in groups:
            at = _within(at + octets, end)
            if not data[at - 1] & _FX:
                return at
        raise Fault("goes on after its last extension")

    return walk


def _extended_without_end(data: bytes, begin: int, end: int) -> int:
    at = _within(begin + 1, end)
    while data[at - 1] & _FX:
        at = _within(at + 1, end)
    return at


def _repeated(count_octets: int, octets: int) -> Walk:
    def walk(data: bytes, begin: int, end: int) -> int:
        first = _within(begin + count_octets, end)
        return _within(first + octets * int.from_bytes(data[begin:first], "big"), end)

    return walk


def _explicit(data: bytes, begin: int, end: int) -> int:
    _within(begin + 1, end)
    if not data[begin]:
        raise Fault("gives its own length as 0")
    return _within(begin + data[begin], end)


def _within(at: int, end: int) -> int:
    if at > end:
        raise Fault("breaks off")
    return at


def _walked(
    items: Items, data: bytes, begin: int, end: int, whole: str
) -> tuple[dict[str, Span], int]:
    """Flags that say which items follow, and the items."""
    at = begin
    flags = []
    while True:
        if at >= end:
            raise Fault("the flags break off", f"{whole}FSPEC")
        octet, first = data[at], (at - begin) * _FLAGS_PER_OCTET
        at += 1
        flags += [first + bit for bit in range(_FLAGS_PER_OCTET) if octet & (0x80 >> bit)]
        if not octet & _FX:
            break
        if first + _FLAGS_PER_OCTET >= len(items):
            raise Fault("more flags than there are items", f"{whole}FSPEC")
    spans = {}
    for flag in flags:
        item = items[flag] if flag < len(items) else None
        if item is None:
            raise Fault(f"flag {flag + 1} is of no item", f"{whole}FSPEC")
        name, walk = item
        try:
            stop = walk(data, at, end)
        except Fault as fault:
            raise Fault(fault.reason, f"{whole}{name}") from None
        spans[name] = Span(at, stop)
        at = stop
    return spans, at
