"""Logging in at a nation's own OpenID Connect provider: the code flow with PKCE.

The provider says who somebody is, in a token that it signed; what that person may do here follows
from one of its claims. Checked as OpenID Connect Core 1.0, section 3.1.3.7, asks: by joserfc the
signature, by Authlib the claims. Nothing of the provider's is kept but the name and the roles.
"""

import asyncio
import hashlib
import hmac
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from skypact.desk.accounts import ROLES, VIEW, Account, is_name
from skypact.errors import InputError, LogInError
from skypact.settings import DeskSettings

BACK = "/api/v1/session/provider/back"
"""Below the desk's address: where the provider sends people back to, as it has to be told."""
_PLACE = "node.toml, [desk.oidc]"
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
_ALGORITHMS += ["ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
"""Signatures alone: with a shared secret whoever knows it could make tokens."""
_MOST_WAITING = 10_000
_S = 1_000_000_000


class Provider(NamedTuple):
    """`[desk.oidc]` of `node.toml`. `roles`: of the provider's, what each may do here."""

    issuer: str
    client_id: str
    client_secret: str
    """Empty: the provider knows this desk as a public client."""
    address: str
    """Of the desk, as browsers have it."""
    label: str
    scope: str
    name_claim: str
    roles_claim: str
    """Its name, or with dots the way to it: `realm_access.roles`."""
    roles: Mapping[str, tuple[str, ...]]
    ca_file: str
    """Of certificates that vouch for the provider; empty: the system's."""


class _Waiting(NamedTuple):
    """Somebody was sent to the provider."""

    nonce: str
    verifier: str
    cookie_hash: str
    until_s: float


def check_provider(provider: Provider) -> None:
    """Raises InputError where nobody could log in with it."""
    for key in ("issuer", "address"):
        if not _is_safe(getattr(provider, key)):
            remedy = "give one that begins with https:// (http:// is for this machine alone)"
            raise InputError(f"{_PLACE} {key}", f'is "{getattr(provider, key)}"', remedy)
    if not provider.client_id:
        remedy = "give the name by which the provider knows this desk"
        raise InputError(f"{_PLACE} client_id", "is empty", remedy)
    for theirs, ours in provider.roles.items():
        for role in ours:
            if role not in ROLES:
                reason = f'gives "{theirs}" the role "{role}"'
                raise InputError(f"{_PLACE} roles", reason, f"give some of {', '.join(ROLES)}")
    if not provider.roles:
        reason = "is empty, so that nobody may log in"
        raise InputError(f"{_PLACE} roles", reason, 'add for instance watch = ["act"]')


class ProviderLogIn:
    """Sends people to the provider, and says who came back. One for each desk."""

    def __init__(
        self, provider: Provider, settings: DeskSettings, clock: Callable[[], int]
    ) -> None:
        check_provider(provider)
        self.provider, self._settings, self._clock = provider, settings, clock
        self._trusted = _trusted(provider.ca_file)
        self._waiting: dict[str, _Waiting] = {}
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._keys: KeySet | None = None
        self._asking = asyncio.Lock()

    async def begin(self) -> tuple[str, str]:
        """Where to send a browser, and what it is to keep meanwhile. Raises LogInError."""
        metadata = await self._described()
        now_s, nonce = time.monotonic(), secrets.token_urlsafe(32)
        verifier, cookie, state = (secrets.token_urlsafe(48) for _ in range(3))
        self._waiting = {key: one for key, one in self._waiting.items() if one.until_s > now_s}
        if len(self._waiting) >= _MOST_WAITING:
            raise LogInError("provider", "too many are logging in at once")
        until_s = now_s + self._settings.oidc_wait_s
        self._waiting[_hash(state)] = _Waiting(nonce, verifier, _hash(cookie), until_s)
        async with self._client() as client:
            address, _ = client.create_authorization_url(
                metadata["authorization_endpoint"],
                state=state,
                nonce=nonce,
                code_verifier=verifier,
                max_age=round(self._settings.oidc_fresh_s),
            )
        return address, cookie

    async def finish(self, said: Mapping[str, str], cookie: str) -> Account:
        """Who came back with what the provider said. Raises LogInError."""
        waiting = self._waiting.pop(_hash(said.get("state", "")), None)
        if waiting is None or waiting.until_s < time.monotonic():
            raise LogInError("expired", "nobody here began this log-in, or too long ago")
        if not hmac.compare_digest(waiting.cookie_hash, _hash(cookie)):
            raise LogInError("expired", "another browser began this log-in")
        if "error" in said:
            reason = f"{said['error'][:100]} {said.get('error_description', '')[:200]}".strip()
            raise LogInError("provider", f"the provider says: {reason}")
        if said.get("iss", self.provider.issuer) != self.provider.issuer:
            raise LogInError("token", "another provider than this desk's sent it")
        token = await self._token(said.get("code", ""), waiting)
        claims = await self._claims(token, waiting)
        return self._account(claims)

    # -- the provider ----------------------------------------------------------------------------

    def _client(self) -> AsyncOAuth2Client:
        of = self.provider
        return AsyncOAuth2Client(
            of.client_id,
            of.client_secret or None,
            scope=of.scope,
            redirect_uri=of.address.rstrip("/") + BACK,
            token_endpoint_auth_method="client_secret_basic" if of.client_secret else "none",
            code_challenge_method="S256",
            verify=self._trusted,
            timeout=self._settings.oidc_answer_s,
            trust_env=False,
        )

    async def _read(self, address: str) -> dict[str, Any]:
        """A JSON document of the provider's. Raises LogInError."""
        try:
            async with self._client() as client:
                answer = await client.request("GET", address, withhold_token=True)
                found = answer.raise_for_status().json()
        except (httpx2.HTTPError, ValueError) as error:
            reason = f"{address} does not answer as it should ({_in_short(error)})"
            raise LogInError("provider", reason) from None
        if not isinstance(found, dict):
            raise LogInError("provider", f"{address} does not answer with an object")
        return found

    async def _described(self) -> dict[str, Any]:
        """What it says of itself; asked again now and then."""
        async with self._asking:
            now_s = time.monotonic()
            if self._metadata is not None and self._metadata[0] > now_s:
                return self._metadata[1]
            issuer = self.provider.issuer
            found = await self._read(issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != issuer:
                reason = f"the provider calls itself {found.get('issuer')!r}, not {issuer!r}"
                raise LogInError("provider", reason)
            for key in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not _is_safe(str(found.get(key, ""))):
                    raise LogInError("provider", f"the provider's {key} is not by https")
            self._metadata, self._keys = (now_s + self._settings.oidc_again_s, found), None
            return found

    async def _key_set(self, *, anew: bool) -> KeySet:
        if self._keys is None or anew:
            found = await self._read((await self._described())["jwks_uri"])
            try:
                self._keys = KeySet.import_key_set(found)  # type: ignore[arg-type]
            except (JoseError, ValueError, KeyError, TypeError) as error:
                reason = f"the provider's keys cannot be read ({_in_short(error)})"
                raise LogInError("provider", reason) from None
        return self._keys

    async def _token(self, code: str, waiting: _Waiting) -> dict[str, Any]:
        """What the provider gives for a code."""
        metadata = await self._described()
        try:
            async with self._client() as client:
                return dict(
                    await client.fetch_token(
                        metadata["token_endpoint"], code=code, code_verifier=waiting.verifier
                    )
                )
        except (httpx2.HTTPError, AuthlibBaseError, ValueError) as error:
            reason = f"the provider gives no token for the code ({_in_short(error)})"
            raise LogInError("provider", reason) from None

    async def _claims(self, token: dict[str, Any], waiting: _Waiting) -> dict[str, Any]:
        """The claims of its token, once signature, issuer, audience, nonce and times are right."""
        given = token.get("id_token", "")
        of, settings = self.provider, self._settings
        try:
            try:
                found = jwt.decode(given, await self._key_set(anew=False), _ALGORITHMS)
            except InvalidKeyIdError:  # it has another key since
                found = jwt.decode(given, await self._key_set(anew=True), _ALGORITHMS)
            wanted = {
                "iss": {"essential": True, "value": of.issuer},
                "aud": {"essential": True, "value": of.client_id},
                "nonce": {"essential": True, "value": waiting.nonce},
                "auth_time": {"essential": True},
            }
            known = {
                **{"nonce": waiting.nonce, "client_id": of.client_id},
                **{"access_token": token.get("access_token"), "max_age": settings.oidc_fresh_s},
            }
            claims = CodeIDToken(found.claims, found.header, wanted, known)
            now_s = self._clock() // _S
            claims.validate(now=now_s, leeway=round(settings.oidc_clock_s))
        except (JoseError, AuthlibBaseError, ValueError, TypeError, KeyError) as error:
            reason = f"the provider's token is not as it should be ({_in_short(error)})"
            raise LogInError("token", reason) from None
        ago_s = now_s - claims["auth_time"]
        if ago_s > settings.oidc_fresh_s + settings.oidc_clock_s:
            raise LogInError("token", f"the provider asked who it is {ago_s:.0f} s ago")
        return dict(claims)

    # -- who it is -------------------------------------------------------------------------------

    def _account(self, claims: Mapping[str, Any]) -> Account:
        of = self.provider
        name = claims.get(of.name_claim)
        if not isinstance(name, str) or not is_name(name):
            raise LogInError("name", f"the token's {of.name_claim} is no name: {name!r:.100}")
        theirs = _at(claims, of.roles_claim)
        given = [theirs] if isinstance(theirs, str) else theirs
        given = [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
        if not any(one in of.roles for one in given):
            reason = f"the token's {of.roles_claim} has none of {', '.join(of.roles)}"
            raise LogInError("roles", reason, name)
        may = {VIEW}.union(*(of.roles.get(one, ()) for one in given))
        roles = tuple(role for role in ROLES if role in may)
        return Account(name=name, roles=roles, password_hash="", made_ns=self._clock())


def _at(claims: Mapping[str, Any], way: str) -> Any:
    """A claim by its name, or by the way to it."""
    if way in claims:
        return claims[way]
    found: Any = claims
    for part in way.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    here = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and here))


def _trusted(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        reason = f"{ca_file} cannot be read ({error})"
        raise InputError(f"{_PLACE} ca_file", reason, "give a file of PEM certificates") from None


def _in_short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
