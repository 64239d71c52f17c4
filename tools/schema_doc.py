"""Makes `docs/wire/`: JSON Schema and AsyncAPI of the messages, from `skypact.model.message`."""

import inspect
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from skypact.model.message import WIRE_VERSION, Message, Payload

FOLDER = Path(__file__).parent.parent / "docs" / "wire"
_TO = {"addressee": {"description": "A nation's code, such as KOR."}}
_BYTES = "MessagePack bin; strings with contentEncoding base64 stand for it, as JSON has no bytes."


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a message's body."""
    (message,), components = msgspec.json.schema_components(
        [Message], ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:skypact:message:{WIRE_VERSION}",
        "title": "Body of a message between nations",
        "description": f"As MessagePack. {_BYTES}",
        **message,
        "$defs": _tidy(dict(sorted(components.items()))),
    }


def _tidy(schema: Any) -> Any:
    """The same with docstrings that do not stand as deep as in the code."""
    if isinstance(schema, dict):
        return {
            key: inspect.cleandoc(one)
            if key == "description" and isinstance(one, str)
            else _tidy(one)
            for key, one in schema.items()
        }
    return [_tidy(one) for one in schema] if isinstance(schema, list) else schema


def asyncapi() -> dict[str, Any]:
    """AsyncAPI 3.0 of both paths."""
    kinds = [kind.__name__ for kind in Payload.__args__]
    schemas = msgspec.json.schema_components([Message], ref_template="#/components/schemas/{name}")[
        1
    ]
    names = {name: {"$ref": f"#/components/messages/{name}"} for name in kinds}
    chained = {name: ref for name, ref in names.items() if name != "Heartbeat"}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Skypact, between nations",
            "version": str(WIRE_VERSION),
            "description": "What a nation's node sends to a partner's. Frames, signatures, seals "
            "and chains: docs/wire.md.",
        },
        "defaultContentType": "application/vnd.msgpack",
        "channels": {
            "live": {
                "address": "live.{addressee}.message",
                "parameters": _TO,
                "description": "At once, and kept nowhere: each frame by itself. The addressee "
                "hears it on from.{originator}.live.{addressee}.message of its own server.",
                "messages": names,
            },
            "durable": {
                "address": "release.{addressee}.batch",
                "parameters": _TO,
                "description": "The same messages, in order, until the addressee has them: frames "
                "in batches (docs/wire.md, On NATS), which it reads from its inbox.",
                "messages": chained,
            },
        },
        "operations": {
            f"{action}_{channel}": {
                "action": action,
                "channel": {"$ref": f"#/channels/{channel}"},
            }
            for channel in ("live", "durable")
            for action in ("send", "receive")
        },
        "components": {
            "messages": {
                name: {
                    "name": name,
                    "summary": _summary(name),
                    "payload": {
                        "type": "object",
                        "description": f"The frame's body. {_BYTES}",
                        "required": ["header", "payload"],
                        "properties": {
                            "header": {"$ref": "#/components/schemas/Header"},
                            "payload": {"$ref": f"#/components/schemas/{name}"},
                        },
                    },
                }
                for name in kinds
            },
            "schemas": _tidy(dict(sorted(schemas.items()))),
        },
    }


def _summary(name: str) -> str:
    kind = next(kind for kind in Payload.__args__ if kind.__name__ == name)
    return str(kind.__doc__).splitlines()[0]


def pages() -> dict[Path, str]:
    """Each file and what is to stand in it."""
    made = {"message.schema.json": json_schema(), "asyncapi.json": asyncapi()}
    return {
        FOLDER / name: json.dumps(what, indent=1, ensure_ascii=False) + "\n"
        for name, what in made.items()
    }


def main() -> None:
    """Write the files; with --check only say whether they are up to date."""
    for path, text in pages().items():
        if "--check" in sys.argv[1:]:
            if not path.is_file() or path.read_text("utf-8") != text:
                sys.exit(f"docs/wire/{path.name} is old: make docs")
        else:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
