"""Logging in at an OpenID Connect provider: a real one over HTTPS, and one that does wrong."""

import re
import ssl
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from evaluate.made_node import PASSWORD, MadeDesk, S, radars
from skypact.desk.oidc import BACK, Provider, ProviderLogIn
from skypact.errors import InputError
from skypact.settings import DeskSettings
from tests.desk.desk_browser import browser, chromium
from tests.desk.desk_visit import expects
from tests.desk.oidc_provider import CLIENT, SECRET, Key, OidcProvider
from tests.own_server import free_port

ROLES = {"watch": ("act",), "chief": ("act", "release", "administer")}


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    made = OidcProvider(tmp_path_factory.mktemp("provider"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def desk(tmp_path_factory, provider):
    port = free_port()
    made = MadeDesk(
        tmp_path_factory.mktemp("desk"), radars(), port=port, provider=of(provider, port)
    )
    made.open()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def well(provider):
    """The provider does right, unless a test tells it otherwise."""
    provider.who, provider.roles, provider.change = "Kim", ["watch"], {}
    provider.alg, provider.denies, provider.sign_as = "RS256", False, provider.keys[0]


def of(provider, port, **more):
    given = Provider(
        issuer=provider.issuer,
        client_id=CLIENT,
        client_secret=SECRET,
        address=f"http://127.0.0.1:{port}",
        label="Ministry",
        scope="openid profile",
        name_claim="preferred_username",
        roles_claim="realm.roles",
        roles=ROLES,
        ca_file=str(provider.ca_file),
    )
    return given._replace(**more)


class Browser:
    """Somebody's cookies, at the desk and at the provider."""

    def __init__(self, desk, provider):
        self.root = desk.url.rstrip("/")
        trusted = ssl.create_default_context(cafile=str(provider.ca_file))
        self.client = httpx.Client(verify=trusted)

    def sent_on(self):
        """Where the desk sends to, and where the provider sends back to."""
        there = self.client.get(f"{self.root}/api/v1/session/provider").headers["location"]
        return there, self.client.get(there).headers["location"]

    def log_in(self):
        """All of it: the page that one ends at."""
        return self.client.get(self.sent_on()[1]).headers["location"]

    def session(self):
        answer = self.client.get(f"{self.root}/api/v1/session")
        if answer.status_code == 200:
            self.client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        return answer


@pytest.fixture
def somebody(desk, provider):
    made = Browser(desk, provider)
    yield made
    made.client.close()


def audited(desk):
    """What the audit says, newest first."""
    with httpx.Client(base_url=desk.url + "api/v1") as client:
        client.post("/session", json={"name": "Sato", "password": PASSWORD})
        found = client.get("/audit", params={"limit": 20}).json()
    return [one for one in found if one["who"] != "Sato"]


def test_who_the_provider_knows_is_let_in_with_the_roles_of_its_claim(desk, provider, somebody):
    assert somebody.client.get(f"{somebody.root}/api/v1/session/ways").json() == {
        "nation": "JPN",
        "password": True,
        "provider": "Ministry",
    }
    assert somebody.session().status_code == 401
    assert somebody.log_in() == f"{somebody.root}/"
    said = somebody.session().json()
    assert (said["who"], said["roles"], said["of_provider"]) == ("Kim", ["view", "act"], True)
    assert audited(desk)[0]["what"] == "log in" and audited(desk)[0]["who"] == "Kim"
    asked = parse_qs(urlsplit(somebody.sent_on()[0]).query)
    assert asked["redirect_uri"] == [somebody.root + BACK] and asked["max_age"] == ["300"]
    # Each log-in has its own; none is told twice.
    again = parse_qs(urlsplit(somebody.sent_on()[0]).query)
    for key in ("state", "nonce", "code_challenge"):
        assert len(asked[key][0]) >= 43 and asked[key] != again[key]
    assert somebody.client.delete(f"{somebody.root}/api/v1/session").status_code == 204
    assert somebody.session().status_code == 401


def test_a_release_needs_a_log_in_of_just_now_in_place_of_a_password(desk, provider, somebody):
    provider.roles = ["chief"]
    somebody.log_in()
    assert somebody.session().json()["roles"] == ["view", "act", "release", "administer"]
    root = f"{somebody.root}/api/v1"
    given = {"partner": "KOR", "level": "warning"}
    made = somebody.client.post(f"{root}/releases/proposals", json=given).json()
    done = somebody.client.post(f"{root}/releases", json={"hash": made["hash"], "password": ""})
    assert done.status_code == 200 and "by Kim" in done.json()["said"]
    given = {"partner": "KOR", "level": "plots"}
    made = somebody.client.post(f"{root}/releases/proposals", json=given).json()
    desk.ahead_ns = round((DeskSettings().oidc_fresh_s + 1) * S)
    late = somebody.client.post(f"{root}/releases", json={"hash": made["hash"], "password": ""})
    desk.ahead_ns = 0
    assert late.status_code == 403 and "log out and in again" in late.json()["detail"]
    assert desk.node.levels["KOR"] == "warning"


WRONG = {
    "another nonce": {"nonce": lambda claims: claims["nonce"][::-1]},
    "no nonce": {"nonce": lambda claims: None},
    "expired": {"exp": lambda claims: claims["iat"] - 61, "iat": lambda c: c["iat"] - 120},
    "made later than now": {"iat": lambda claims: claims["iat"] + 3600},
    "for another": {"aud": lambda claims: "another-client"},
    "for others too, and for one of them above all": {
        "aud": lambda claims: [CLIENT, "another-client"],
        "azp": lambda claims: "another-client",
    },
    "of another provider": {"iss": lambda claims: "https://other.example"},
    "of nobody": {"sub": lambda claims: None},
    "of who was asked long ago": {"auth_time": lambda claims: claims["iat"] - 3600},
    "of who was asked nobody knows when": {"auth_time": lambda claims: None},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_token_that_is_wrong_lets_nobody_in(desk, provider, somebody, wrong):
    provider.change = WRONG[wrong]
    assert somebody.log_in().endswith("/?log_in=token")
    _not_in(desk, somebody, "token is not as it should be|asked who it is")


def test_a_signature_that_is_wrong_lets_nobody_in(desk, provider, somebody):
    provider.sign_as = Key(provider.keys[0].name)  # says that it is the one that is known
    assert somebody.log_in().endswith("/?log_in=token")
    _not_in(desk, somebody, "BadSignature")
    provider.sign_as, provider.alg = provider.keys[0], "none"
    assert somebody.log_in().endswith("/?log_in=token")
    _not_in(desk, somebody, "token is not as it should be")
    # A new key is asked for: the provider tells of it, or it does not count.
    provider.sign_as, provider.alg = Key("two"), "RS256"
    assert somebody.log_in().endswith("/?log_in=token")
    _not_in(desk, somebody, "InvalidKeyId")
    provider.keys.append(provider.sign_as)
    assert somebody.log_in() == f"{somebody.root}/"
    assert somebody.session().status_code == 200


@pytest.mark.parametrize(
    ("who", "roles", "code"),
    [
        ("Kim", [], "roles"),
        ("Kim", "visitor", "roles"),
        ("Kim", {"watch": True}, "roles"),
        ("<b>Kim</b>", ["watch"], "name"),
        (None, ["watch"], "name"),
        ("Ito", ["chief"], "name"),  # has an account with a password here
    ],
)
def test_who_has_no_role_here_or_no_name_is_not_let_in(desk, provider, somebody, who, roles, code):
    provider.who, provider.roles = who, roles
    assert somebody.log_in().endswith(f"/?log_in={code}")
    _not_in(desk, somebody, {"roles": "has none of", "name": "name"}[code])


def test_the_way_back_is_of_one_browser_and_once(desk, provider, somebody):
    back = somebody.sent_on()[1]
    other = Browser(desk, provider)
    assert other.client.get(back).headers["location"].endswith("/?log_in=expired")
    _not_in(desk, other, "another browser")
    # Who was not the one has used it up.
    assert somebody.client.get(back).headers["location"].endswith("/?log_in=expired")
    _not_in(desk, somebody, "nobody here began")
    made_up = f"{somebody.root}{BACK}?state={'x' * 43}&code=x"
    assert somebody.client.get(made_up).headers["location"].endswith("/?log_in=expired")
    # A code that is not the provider's.
    back = somebody.sent_on()[1].replace("code=", "code=x")
    assert somebody.client.get(back).headers["location"].endswith("/?log_in=provider")
    _not_in(desk, somebody, "invalid_grant")
    provider.denies = True
    assert somebody.log_in().endswith("/?log_in=provider")
    _not_in(desk, somebody, "access_denied")
    other.client.close()


def _not_in(desk, somebody, why):
    assert somebody.session().status_code == 401
    newest = audited(desk)[0]
    assert newest["what"] == "log in at provider"
    assert re.search(why, newest["outcome"]), newest


def test_a_provider_that_cannot_be_trusted_or_reached_is_said_so(desk, provider, tmp_path):
    settings = DeskSettings(oidc_answer_s=2.0)

    def refusal(**more):
        port = desk.port
        made = ProviderLogIn(of(provider, port, **more), settings, time.time_ns)
        with pytest.raises(Exception) as raised:
            desk.do(made.begin())
        return str(raised.value)

    assert "certificate" in refusal(ca_file="")
    assert "does not answer" in refusal(issuer=f"https://127.0.0.1:{free_port()}")
    with pytest.raises(InputError, match="https://"):
        refusal(issuer="http://provider.example")
    with pytest.raises(InputError, match='the role "admin"'):
        refusal(roles={"watch": ("admin",)})
    with pytest.raises(InputError, match="nobody may log in"):
        refusal(roles={})
    with pytest.raises(InputError, match="ca_file"):
        refusal(ca_file=str(tmp_path / "none.pem"))


def test_in_a_browser_one_comes_back_logged_in(desk, provider):
    chromium()
    expect = expects()
    with browser() as opened:
        page = opened.new_context(ignore_https_errors=True, locale="en-GB").new_page()
        provider.roles = []
        page.goto(desk.url)
        page.get_by_role("link", name="Log in with Ministry").click()
        expect(page.get_by_role("alert")).to_contain_text("you have no role at this desk")
        provider.roles = ["watch"]
        page.get_by_role("link", name="Log in with Ministry").click()
        expect(page.locator(".timeline")).to_be_visible()
        expect(page.locator(".who")).to_have_text("Kim")
        page.reload()
        expect(page.locator(".who")).to_have_text("Kim")
