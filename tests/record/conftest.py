"""Both databases: every test of the record runs against each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evaluate.own_postgresql import MISSING, OwnPostgresql, is_installed


@pytest.fixture(scope="session")
def own_postgresql() -> Iterator[OwnPostgresql]:
    if not is_installed():
        pytest.skip(MISSING)
    server = OwnPostgresql()
    yield server
    server.end()


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that holds nothing yet."""
    if request.param == "sqlite":
        return str(tmp_path / "record.db")
    server: OwnPostgresql = request.getfixturevalue("own_postgresql")
    make: Callable[[], str] = server.url
    return make()
