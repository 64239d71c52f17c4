"""The wire's pages are made from the types that are used."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec

from evaluate import wire
from skypact.model import Header, Heartbeat
from skypact.sharing import codec

ROOT = Path(__file__).parents[2]
WIRE = ROOT / "docs" / "wire"


def test_the_pages_are_up_to_date():
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "schema_doc.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_what_is_sent_is_what_the_schema_names():
    schema = json.loads((WIRE / "message.schema.json").read_text())["$defs"]
    assert set(schema["Header"]["properties"]) == set(Header.__struct_fields__)
    for payload in (*wire.payloads(), Heartbeat(beat=1, newest=0)):
        sent = msgspec.to_builtins(payload)
        named = schema[type(payload).__name__]
        assert set(sent) == set(named["properties"])
        assert set(named["required"]) <= set(sent)
        assert sent["what"] in named["properties"]["what"]["enum"]


def test_every_reference_of_the_asyncapi_page_resolves():
    page = json.loads((WIRE / "asyncapi.json").read_text())

    def references(one):
        if isinstance(one, dict):
            for key, value in one.items():
                yield from [value] if key == "$ref" else references(value)
        elif isinstance(one, list):
            for value in one:
                yield from references(value)

    found = set(references(page))
    assert found
    for reference in found:
        at = page
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]
    messages = set(page["components"]["messages"])
    assert {f"#/components/messages/{name}" for name in messages} <= found


def test_the_example_of_the_page_is_a_message():
    """docs/wire.md shows one message byte by byte; here it is read."""
    text = (ROOT / "docs" / "wire.md").read_text()
    begin = text.index("```hex\n") + len("```hex\n")
    data = bytes.fromhex(text[begin : text.index("```", begin)])
    frame = codec.read_frame(data, 1_000_000)
    signed = codec.read_signed(frame.content)
    body = codec.read_body(signed.body)
    assert wire.signing.is_signed(
        wire.signing.MESSAGE,
        signed.body,
        signed.signature,
        [wire.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()],
    )
    assert codec.read_payload(body.payload) == Heartbeat(beat=1, newest=0)
