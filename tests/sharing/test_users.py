"""Named users, their keys and roles, as they stand in a nation's folder."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from skypact.errors import InputError
from skypact.sharing.users import (
    USERS,
    add_user,
    load_user_key,
    load_users,
    remove_user,
    require_user,
)


def test_a_user_is_entered_with_a_key_of_their_own(tmp_path):
    assert load_users(tmp_path) == {}
    private = tmp_path / "Sato.key"
    add_user(tmp_path, "Sato", ["release", "act"], public=None, private=private)
    user = load_users(tmp_path)["Sato"]
    assert user.roles == ("release", "act")
    key = load_user_key(private)
    user.public_key.verify(key.sign(b"order"), b"order")
    for path in (private, tmp_path / USERS):
        assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(InputError, match="exists; name another file"):
        add_user(tmp_path, "Mori", ["act"], public=None, private=private)
    private.chmod(0o644)
    with pytest.raises(InputError, match="others may read this key"):
        load_user_key(private)


def test_a_user_brings_a_key_and_goes(tmp_path):
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()
    for name in ("Sato", "Mori"):
        add_user(tmp_path, name, ["act"], public=public, private=tmp_path / "none")
    assert not (tmp_path / "none").exists()
    remove_user(tmp_path, "Sato")
    assert list(load_users(tmp_path)) == ["Mori"]
    with pytest.raises(InputError, match="Sato is no user"):
        remove_user(tmp_path, "Sato")
    with pytest.raises(InputError, match="did you mean Mori"):
        require_user(load_users(tmp_path), tmp_path, "Mory")
    with pytest.raises(InputError, match="its last user; add another first"):
        remove_user(tmp_path, "Mori")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[user.A]\nkey = 'ff'\nroles = ['act']", "user.A.key: is not 64 hexadecimal digits"),
        (f"[user.A]\nkey = '{'f' * 64}'\nroles = []", "user.A.roles: names no role"),
        (f"[user.A]\nkey = '{'f' * 64}'\nroles = ['king']", '"king" is no role'),
        (f"[user.A]\nkey = '{'f' * 64}'\nrole = ['act']", "unknown field `role`"),
        ("[user", "users.toml: cannot be read"),
    ],
)
def test_a_wrong_file_is_said(tmp_path, text, place):
    (tmp_path / USERS).write_text(text)
    with pytest.raises(InputError, match=place):
        load_users(tmp_path)


def test_names_and_roles_are_checked_before_a_key_is_made(tmp_path):
    for name, roles in (("a b", ["act"]), ("Sato", ["king"]), ("Sato", [])):
        with pytest.raises(InputError):
            add_user(tmp_path, name, roles, public=None, private=tmp_path / "key")
    assert not list(tmp_path.iterdir())
