"""States as bytes, to go on from in another process: checked, and refused where they do not fit.

A magic line with the format's number, blake2b (32 bytes) of the rest, then MessagePack: what it is,
the conditions under which it holds, and the state. The same bits of a picture hold under the same
kernels, radar table and settings alone (design, rule 1), so these are compared.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np
from pydantic import BaseModel

from skypact.errors import InputError
from skypact.kernels import compiled
from skypact.model import Radar

_MAGIC = b"skypact state 1\n"
_HASH = 32
_ARRAY = 1
"""Code of an array among MessagePack's extensions."""
_REMEDY = "rebuild the picture from the journal"

State = TypeVar("State")


class _Envelope(msgspec.Struct, array_like=True):
    what: str
    conditions: dict[str, bytes]
    state: msgspec.Raw


def conditions_of(radars: Sequence[Radar], **settings: BaseModel) -> dict[str, bytes]:
    """What the bits of a picture depend on beside its observations; `settings` by section."""
    return {
        "kernels": compiled._cache_folder().name.encode(),
        "radar table": msgspec.json.encode({f"{r.nation} {r.id}": repr(r) for r in radars}),
        **{name: section.model_dump_json().encode() for name, section in settings.items()},
    }


def pack(what: str, conditions: dict[str, bytes], state: Any) -> bytes:
    """A state of named tuples, frozen structs and arrays as bytes."""
    encoder = msgspec.msgpack.Encoder(enc_hook=_encoded)
    raw = msgspec.Raw(encoder.encode(state))
    body = encoder.encode(_Envelope(what, conditions, raw))
    return b"".join((_MAGIC, hashlib.blake2b(body, digest_size=_HASH).digest(), body))


def unpack(
    data: bytes, what: str, conditions: Mapping[str, bytes], kind: type[State], place: str
) -> State:
    """The state that was packed under the same conditions.

    Raises InputError, naming `place`, where it is not whole, of something else, or does not fit.
    """
    if not data.startswith(_MAGIC):
        reason = "it is no saved state, or one of another version's format"
        raise InputError(place, reason, _REMEDY)
    begin = len(_MAGIC) + _HASH
    body = memoryview(data)[begin:]
    if hashlib.blake2b(body, digest_size=_HASH).digest() != data[len(_MAGIC) : begin]:
        raise InputError(place, "it is damaged or cut short: its hash is not that of its content",
                         f"take an earlier one, or {_REMEDY}")  # fmt: skip
    envelope = msgspec.msgpack.decode(body, type=_Envelope)
    if envelope.what != what:
        raise InputError(place, f"it is of a {envelope.what}, not of a {what}", "name the other")
    for name, now in conditions.items():
        then = envelope.conditions.get(name, b"")
        if then != now:
            remedy = f"go on with what it was made with, or {_REMEDY}"
            raise InputError(place, _difference(name, then, now), remedy)
    decoder = msgspec.msgpack.Decoder(kind, ext_hook=_decoded, dec_hook=_as_it_is)
    try:
        return decoder.decode(envelope.state)
    except (msgspec.DecodeError, TypeError, ValueError) as error:
        raise InputError(place, f"its content cannot be read: {error}", _REMEDY) from error


def _difference(name: str, then: bytes, now: bytes) -> str:
    """The first thing in which a condition differs, as a sentence."""
    if name == "kernels":
        return f"it was made by kernels {then.decode()}, these are {now.decode()}"
    before, here = (json.loads(one or b"{}") for one in (then, now))
    for key in [*before, *here]:
        if before.get(key) == here.get(key):
            continue
        if name != "radar table":
            return f"it was made with {name}.{key} = {before.get(key)}, not {here.get(key)}"
        if key in before and key in here:
            return f"it was made with another entry of radar {key}"
        return f"radar {key} is in only one of its radar table and the present one"
    return "its radar table is in another order"


def _encoded(value: Any) -> msgspec.msgpack.Ext:
    if not isinstance(value, np.ndarray):
        raise NotImplementedError(f"{type(value).__name__} cannot be saved")
    dtype = value.dtype.descr if value.dtype.names else value.dtype.str
    parts = dtype, value.shape, np.ascontiguousarray(value).data.cast("B") if value.size else b""
    return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode(parts))


def _decoded(code: int, data: memoryview) -> Any:
    if code != _ARRAY:
        raise ValueError(f"extension {code} is not known")
    dtype, shape, values = msgspec.msgpack.decode(
        data, type=tuple[str | list[tuple[Any, ...]], tuple[int, ...], bytes]
    )
    return np.frombuffer(values, np.dtype(dtype)).reshape(shape).copy()


def _as_it_is(kind: type, value: Any) -> Any:
    """Arrays come whole from `_decoded`."""
    if not isinstance(value, np.ndarray):
        raise ValueError(f"a {type(value).__name__} is no array")
    return value
