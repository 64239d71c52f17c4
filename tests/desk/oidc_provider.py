"""An OpenID Connect provider over HTTPS on this machine, which can be told to do wrong.

Written after the standard, with nothing of the desk's: keys, codes, PKCE and signatures are real.
"""

import base64
import datetime
import hashlib
import ipaddress
import json
import secrets
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

CLIENT, SECRET = "skypact-desk", "a secret of both"
ALG = "RS256"


def _coded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value):
    return _coded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Key:
    """A key that signs, by its name in the provider's set."""

    def __init__(self, name):
        self.name, self.key = name, rsa.generate_private_key(65537, 2048)

    def public(self):
        numbers = self.key.public_key().public_numbers()
        of = {"kty": "RSA", "kid": self.name, "use": "sig", "alg": ALG}
        return of | {"n": _number(numbers.n), "e": _number(numbers.e)}

    def signed(self, claims, alg=ALG):
        head = {"alg": alg, "kid": self.name, "typ": "JWT"}
        parts = ".".join(_coded(json.dumps(one).encode()) for one in (head, claims))
        if alg == "none":
            return parts + "."
        made = self.key.sign(parts.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{parts}.{_coded(made)}"


class OidcProvider:
    """Somebody (`who`, with `roles`) is logged in at it, and it sends each browser right back.

    `change`: what it does to a token's claims; `sign_as`: another key than it tells of; `alg`.
    """

    def __init__(self, folder):
        self.who, self.roles = "Kim", ["watch"]
        self.change, self.alg, self.denies = {}, ALG, False
        self.keys = [Key("one")]
        self.sign_as = self.keys[0]
        self.codes, self.given = {}, []
        self.ca_file = folder / "provider.pem"
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *said):
                pass

            def do_GET(self):
                provider.read(self)

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                provider.token(self, dict(parse_qsl(self.rfile.read(length).decode())))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*_certificate(folder, self.ca_file))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.issuer = f"https://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    # -- what it answers -------------------------------------------------------------------------

    def read(self, request):
        path, _, query = request.path.partition("?")
        if path == "/.well-known/openid-configuration":
            ways = {"authorization": "authorize", "token": "token"}
            found = {f"{key}_endpoint": f"{self.issuer}/{at}" for key, at in ways.items()}
            found |= {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
            _answer(request, found)
        elif path == "/keys":
            _answer(request, {"keys": [key.public() for key in self.keys]})
        elif path == "/authorize":
            asked = {key: values[0] for key, values in parse_qs(query).items()}
            assert asked["response_type"] == "code" and "openid" in asked["scope"].split()
            assert asked["client_id"] == CLIENT and asked["code_challenge_method"] == "S256"
            code = secrets.token_urlsafe(16)
            self.codes[code] = asked
            back = {"state": asked["state"]}
            back |= {"error": "access_denied"} if self.denies else {"code": code}
            request.send_response(302)
            request.send_header("Location", f"{asked['redirect_uri']}?{urlencode(back)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
        else:
            _answer(request, {}, 404)

    def token(self, request, form):
        asked = self.codes.pop(form.get("code"), None)
        known = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        right = (
            asked is not None
            and request.headers.get("Authorization") == f"Basic {known}"
            and form["grant_type"] == "authorization_code"
            and form["redirect_uri"] == asked["redirect_uri"]
            and _coded(hashlib.sha256(form["code_verifier"].encode()).digest())
            == asked["code_challenge"]
        )
        if not right:
            _answer(request, {"error": "invalid_grant"}, 400)
            return
        now_s = int(time.time())
        claims = {"iss": self.issuer, "sub": "4711", "aud": CLIENT, "nonce": asked["nonce"]}
        claims |= {"iat": now_s, "exp": now_s + 60, "auth_time": now_s - 5}
        claims |= {"preferred_username": self.who, "realm": {"roles": self.roles}}
        claims |= {key: value(claims) for key, value in self.change.items()}
        claims = {key: value for key, value in claims.items() if value is not None}
        self.given.append(claims)
        signed = self.sign_as.signed(claims, self.alg)
        _answer(request, {"access_token": "x", "token_type": "Bearer", "id_token": signed})


def _answer(request, document, status=200):
    body = json.dumps(document).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def _certificate(folder, ca_file):
    """A certificate of this machine that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider")])
    now = datetime.datetime.now(datetime.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    ca_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file = folder / "provider.key"
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    return ca_file, key_file


def state_of(address):
    """The state in an address."""
    return parse_qs(urlsplit(address).query)["state"][0]
