"""A leaf connection spoken by hand: it obeys nothing that the other side asks of it.

A real nats-server would itself keep to the permissions it is told; a hostile one would not.
"""

import asyncio
import base64
import contextlib
import json
import ssl
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def private_key_of(seed: str) -> Ed25519PrivateKey:
    """The Ed25519 key in a NATS seed: base32 of 2 bytes of prefix, the key, and a CRC-16."""
    raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
    return Ed25519PrivateKey.from_private_bytes(raw[2:34])


def signed(seed: str, nonce: str) -> str:
    """A server's nonce, signed as it wants it."""
    signature = private_key_of(seed).sign(nonce.encode())
    return base64.urlsafe_b64encode(signature).decode().rstrip("=")


class RawLeaf:
    """One connection to a server's leaf port; what comes is kept as (subject, payload)."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.refused: list[str] = []
        self.closed = False
        self._pongs = 0
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def connect(
        self,
        host: str,
        port: int,
        *,
        seed: str | None,
        public: str | None,
        certificate: tuple[Path, Path] | None,
        user: str | None = None,
        password: str | None = None,
    ) -> None:
        """Shake hands; OSError or ssl.SSLError where the server refuses that already."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(*certificate)
        reader, self._writer = await asyncio.open_connection(host, port, ssl=context)
        line = await asyncio.wait_for(reader.readline(), 5.0)
        info = json.loads(line.removeprefix(b"INFO ") or b"{}")
        hello = {"name": "hostile", "protocol": 1, "headers": True, "tls_required": True}
        hello |= {"domain": "EVIL", "server_id": "NEVIL", "jetstream": True}
        if seed:
            signature = private_key_of(seed).sign(info["nonce"].encode())
            hello |= {
                "nkey": public,
                "sig": base64.urlsafe_b64encode(signature).decode().rstrip("="),
            }
        if user:
            hello |= {"user": user, "pass": password}
        await self.say(f"CONNECT {json.dumps(hello)}\r\nPING\r\n".encode())
        self._reading = asyncio.create_task(self._read(reader))

    async def say(self, text: bytes) -> None:
        """Send protocol as it is."""
        if self._writer is None or self.closed:
            return
        with contextlib.suppress(OSError):
            self._writer.write(text)
            await self._writer.drain()

    async def subscribe(self, subject: str) -> None:
        """Ask for a subject."""
        await self.say(f"LS+ {subject}\r\n".encode())

    async def publish(self, subject: str, payload: bytes, reply: str = "") -> None:
        """Send a message."""
        head = f"LMSG {subject} {reply + ' ' if reply else ''}{len(payload)}\r\n"
        await self.say(head.encode() + payload + b"\r\n")

    async def settled(self) -> None:
        """Wait until the server has looked at all that was sent, or has closed the connection."""
        pongs = self._pongs
        await self.say(b"PING\r\n")
        ends_s = asyncio.get_running_loop().time() + 10.0
        while self._pongs == pongs and not self.closed:
            if asyncio.get_running_loop().time() > ends_s:
                raise TimeoutError("the server does not answer")
            await asyncio.sleep(0.002)

    async def close(self) -> None:
        """End it."""
        if self._reading:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        if self._writer:
            self._writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                words = line.split()
                kind = words[0] if words else b""
                if kind in (b"LMSG", b"LHMSG", b"MSG", b"RMSG"):
                    body = await reader.readexactly(int(words[-1]) + 2)
                    self.got.append((words[1].decode(), body[:-2]))
                elif kind == b"PONG":
                    self._pongs += 1
                elif kind == b"PING":
                    await self.say(b"PONG\r\n")
                elif kind == b"-ERR":
                    self.refused.append(line.decode().strip())
        self.closed = True
