"""Who may do what: sessions, roles, tokens against forged requests, rates; and the audit of it."""

import asyncio
import contextlib
import hashlib
import hmac
import secrets
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from fastapi import HTTPException, Request

from skypact.desk.accounts import Account, Accounts
from skypact.desk.store import Session, Store
from skypact.settings import DeskSettings

S = 1_000_000_000
HOUR_NS = 3600 * S
CSRF_HEADER = "x-csrf-token"
_SAFE = ("GET", "HEAD", "OPTIONS")
_KNOWN_AGAIN_S = 1.0
"""A session is looked up no more often than this."""
_USED_AGAIN_NS = 30 * S
"""... and noted as used no more often than this."""
_ALL_TRIES = 10
_MOST_RATES = 10_000
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Rate:
    """A bucket: so many a second on the average, so many at once."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s, self._burst = per_s, burst
        self._left, self._at_s = burst, time.monotonic()

    def take(self) -> float:
        """Seconds to wait before another is let; 0: this one is."""
        now_s = time.monotonic()
        self._left = min(self._burst, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < 1.0:
            return (1.0 - self._left) / self._per_s
        self._left -= 1.0
        return 0.0


class Visitor(NamedTuple):
    """Who asks, with which session."""

    account: Account
    session: Session

    @property
    def name(self) -> str:
        """As in the audit."""
        return self.account.name


class Access:
    """Lets in who may. All that is refused for want of rights is in the audit."""

    def __init__(
        self,
        accounts: Accounts,
        store: Store,
        settings: DeskSettings,
        clock: Callable[[], int],
        cookie: str,
    ) -> None:
        self.accounts, self.store, self._settings = accounts, store, settings
        self._clock, self.cookie = clock, cookie
        self._wrong: dict[str, deque[float]] = {}
        self._reading: dict[str, Rate] = {}
        self._acting: dict[str, Rate] = {}
        self._known: dict[str, tuple[float, Visitor]] = {}
        self._of_provider: dict[str, Account] = {}
        """By session, who logged in at a provider: no account here, and gone with this process."""
        self._tasks: set[asyncio.Task[None]] = set()
        self.streams: Counter[str] = Counter()

    # -- logging in and out --------------------------------------------------------------------

    async def verified(self, name: str, password: str, what: str) -> Account | None:
        """The account, if this is its password; raises 429 after too many wrong ones.

        Each counts as wrong until it was found right, so that many at once are no way around.
        """
        keys = f"name {name}", "all"
        for key, most in zip(keys, (1, _ALL_TRIES), strict=True):
            tries = self._tries(key)
            if len(tries) >= most * self._settings.login_tries:
                wait_s = tries[0] + self._settings.login_wait_s - time.monotonic()
                raise _too_many(wait_s, "too many wrong passwords; wait")
        for key in keys:
            self._tries(key).append(time.monotonic())
        if len(self._wrong) > _MOST_RATES:
            self._wrong = {key: tries for key, tries in self._wrong.items() if self._tries(key)}
        account = await self.accounts.verified(name, password)
        if account is None:
            await self.audit(name, what, "", "refused: wrong name or password")
            return None
        for key in keys:
            with contextlib.suppress(IndexError):
                self._tries(key).pop()
        return account

    def _tries(self, key: str) -> deque[float]:
        """When the wrong ones came that still count."""
        tries = self._wrong.setdefault(key, deque())
        while tries and tries[0] < time.monotonic() - self._settings.login_wait_s:
            tries.popleft()
        return tries

    async def begin(self, account: Account, *, of_provider: bool = False) -> tuple[str, Session]:
        """A new session, and the token that the browser keeps.

        `of_provider`: the account is a provider's word, and not one of `accounts`.
        """
        token, now_ns = secrets.token_urlsafe(32), self._clock()
        session = Session(
            token_hash=_hash(token),
            who=account.name,
            csrf=secrets.token_urlsafe(32),
            began_ns=now_ns,
            used_ns=now_ns,
            ends_ns=now_ns + round(self._settings.session_h * HOUR_NS),
            account_ns=account.made_ns,
        )
        await asyncio.to_thread(self.store.begin_session, session)
        if of_provider:
            while len(self._of_provider) >= _MOST_RATES:
                self._of_provider.pop(next(iter(self._of_provider)))
            self._of_provider[session.token_hash] = account
        await self.audit(account.name, "log in", "", "done")
        return token, session

    async def end(self, visitor: Visitor) -> None:
        """Log out."""
        self._known.pop(visitor.session.token_hash, None)
        self._of_provider.pop(visitor.session.token_hash, None)
        await asyncio.to_thread(self.store.end_session, visitor.session.token_hash)
        await self.audit(visitor.name, "log out", "", "done")

    async def audit(self, who: str, what: str, about: str, outcome: str) -> None:
        """Append to the audit; on disk once this is done."""
        await asyncio.to_thread(self.store.audit, who, what, about, outcome)

    # -- each request --------------------------------------------------------------------------

    async def visitor(self, request: Request) -> Visitor:
        """Who asks. Raises HTTPException 401: nobody is logged in; 429: too often."""
        token = request.cookies.get(self.cookie, "")
        found = self.known(_hash(token)) if token else None
        if found is None:
            raise HTTPException(401, "log in first")
        rates, per_s, burst = (
            self._reading,
            self._settings.requests_s,
            self._settings.requests_burst,
        )
        if request.method not in _SAFE:
            given = request.headers.get(CSRF_HEADER, "")
            if not hmac.compare_digest(given.encode(), found.session.csrf.encode()):
                await self._refused(
                    found, request, "no token against forged requests, or a wrong one"
                )
            rates, burst = self._acting, max(1.0, self._settings.actions_min)
            per_s = self._settings.actions_min / 60.0
        if len(rates) > _MOST_RATES:
            rates.clear()
        rate = rates.setdefault(found.session.token_hash, Rate(per_s, burst))
        wait_s = rate.take()
        if wait_s > 0.0:
            raise _too_many(wait_s, "too many requests; wait")
        return found

    def known(self, token_hash: str) -> Visitor | None:
        """Who has a session by this token; None: nobody, or it is over."""
        now_s, now_ns = time.monotonic(), self._clock()
        held = self._known.get(token_hash)
        if held is not None and now_s - held[0] < _KNOWN_AGAIN_S:
            return held[1]
        session = self.store.session(token_hash)
        account = self._of_provider.get(token_hash)
        if account is None and session is not None:
            account = self.accounts.all().get(session.who)
        idle_ns = round(self._settings.idle_h * HOUR_NS)
        if (
            session is None
            or account is None
            or account.made_ns != session.account_ns  # another password: log in with it
            or session.ends_ns < now_ns
            or session.used_ns + idle_ns < now_ns
        ):
            self._known.pop(token_hash, None)
            self._of_provider.pop(token_hash, None)
            return None
        if now_ns - session.used_ns > _USED_AGAIN_NS:
            self._begin(asyncio.to_thread(self.store.use_session, token_hash, now_ns))
        if len(self._known) > _MOST_RATES:
            self._known.clear()
        self._known[token_hash] = now_s, Visitor(account, session)
        return self._known[token_hash][1]

    def is_of_provider(self, visitor: Visitor) -> bool:
        """Whether somebody logged in at a provider, and so has no password here."""
        return visitor.session.token_hash in self._of_provider

    async def confirmed(self, visitor: Visitor, password: str, what: str) -> Account:
        """Who asks, once more sure that it is the same person. Raises HTTPException 403, 429.

        By the password; who has none here has to have logged in at the provider just now.
        """
        if self.is_of_provider(visitor):
            fresh_s = self._settings.oidc_fresh_s
            if self._clock() - visitor.session.began_ns > fresh_s * S:
                why = f"log out and in again: this needs a log-in of the last {fresh_s:g} s"
                await self.audit(visitor.name, what, "", f"refused: {why}")
                raise HTTPException(403, why)
            return visitor.account
        account = await self.verified(visitor.name, password, what)
        if account is None:
            raise HTTPException(403, "the password is wrong")
        return account

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Something that nobody waits for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def needing(self, role: str) -> Callable[[Request], Awaitable[Visitor]]:
        """A dependency: who asks, if he has this role."""

        async def required(request: Request) -> Visitor:
            found = await self.visitor(request)
            if role not in found.account.roles:
                await self._refused(found, request, f'this needs the role "{role}"')
            return found

        return required

    async def _refused(self, visitor: Visitor, request: Request, why: str) -> None:
        what = f"{request.method} {request.url.path}"
        await self.audit(visitor.name, what, "", f"refused: {why}")
        raise HTTPException(403, why)


def _too_many(wait_s: float, why: str) -> HTTPException:
    headers = {"Retry-After": str(max(1, round(wait_s)))}
    return HTTPException(429, f"{why} {max(1, round(wait_s))} s", headers=headers)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Guard:
    """Before anything else: whose name was asked for, where from, how long a body; and headers.

    A name that is not this desk's is refused, so that no other site's name can be made to point
    here; so is what a page of another site sends.
    """

    def __init__(self, app: App, names: tuple[str, ...], greatest_body: int) -> None:
        self._app, self._names, self._most = app, names, greatest_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {key.lower(): value for key, value in scope["headers"]}
        fault = self._fault(scope, headers)
        if fault is not None:
            await _answer(send, *fault)
            return

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _added(message.get("headers", ()), scope["path"])
            await send(message)

        await self._app(scope, self._limited(receive), with_headers)

    def _fault(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        host = headers.get(b"host", b"").decode("latin-1")
        if _name_of(host) not in self._names:
            return 421, "this desk is not called so; see [desk] names in node.toml"
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and scope["method"] not in _SAFE and urlsplit(origin).netloc != host:
            return 403, "this comes from a page of another site"
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._most:
            return 413, f"send no more than {self._most:,} bytes"
        if scope["method"] in ("POST", "PUT", "PATCH"):
            kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
            if kind != b"application/json":
                return 415, "send application/json"
        return None

    def _limited(self, receive: Receive) -> Receive:
        """Also of a body whose length was not said."""
        so_far = 0

        async def limited() -> MutableMapping[str, Any]:
            nonlocal so_far
            message = await receive()
            so_far += len(message.get("body", b""))
            if so_far > self._most:
                raise HTTPException(413, f"send no more than {self._most:,} bytes")
            return message

        return limited


def _name_of(host: str) -> str:
    """A host without its port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].lower()


def _added(headers: Any, path: str) -> list[tuple[bytes, bytes]]:
    given = list(headers)
    have = {key.lower() for key, _ in given}
    more = {key.encode(): value.encode() for key, value in HEADERS.items()}
    if path.startswith("/api/"):
        more[b"cache-control"] = b"no-store"
    return given + [(key, value) for key, value in more.items() if key not in have]


async def _answer(send: Send, status: int, why: str) -> None:
    body = msgspec.json.encode({"detail": why})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    start = {"type": "http.response.start", "status": status, "headers": _added(headers, "/api/")}
    await send(start)
    await send({"type": "http.response.body", "body": body})
