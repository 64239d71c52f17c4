"""Rows of studies: what was interrupted goes on, and only for the code that made it."""

import pytest

from evaluate import rows
from evaluate.rows import rows_of

CALLS = []


def _double(number, stop=None):
    if number == stop:
        raise KeyboardInterrupt
    CALLS.append(number)
    return {number: 2.0 * number}


@pytest.fixture(autouse=True)
def _forget():
    CALLS.clear()


def test_an_interrupted_study_goes_on_where_it_stopped(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        rows_of(_double, [(1,), (2,), (3, 3)], folder=tmp_path)
    assert CALLS == [1, 2]
    told = []
    found = rows_of(_double, [(4,), (2,), (1,)], told.append, before=10, folder=tmp_path)
    assert CALLS == [1, 2, 4]  # the first two are not worked on again
    assert found == [{4: 8.0}, {2: 4.0}, {1: 2.0}]  # in the order asked for, keys as they were
    assert told == [13]


def test_a_row_that_was_half_written_is_made_again(tmp_path):
    rows_of(_double, [(1,), (2,)], folder=tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        assert rows_of(_double, [(1,), (2,)], folder=tmp_path) == [{1: 2.0}, {2: 4.0}]
        assert file.read_bytes() == whole


def test_rows_of_other_code_do_not_count(tmp_path, monkeypatch):
    rows_of(_double, [(1,)], folder=tmp_path)
    monkeypatch.setattr(rows, "_code", lambda module: "other")
    rows_of(_double, [(1,)], folder=tmp_path)
    assert CALLS == [1, 1]
    assert len(list(tmp_path.iterdir())) == 1


def test_side_by_side_as_one_after_the_other(tmp_path):
    cases = [(number,) for number in range(20)]
    apart = rows_of(_double, cases, processors=2, folder=tmp_path)
    assert apart == [{number: 2.0 * number} for number in range(20)]


def test_the_code_of_a_study_is_all_that_it_imports(tmp_path, monkeypatch):
    for folder in ("src/skypact/tracking", "evaluate"):
        (tmp_path / folder).mkdir(parents=True)
    files = {
        "requirements.lock": "",
        "src/skypact/__init__.py": "",
        "src/skypact/tracking/__init__.py": "from skypact.tracking.picture import Picture",
        "src/skypact/tracking/picture.py": "def observe():\n    import skypact.kernel",
        "src/skypact/kernel.py": "",
        "src/skypact/desk.py": "import skypact",
        "evaluate/crowds.py": "import math\nfrom skypact import tracking",
        "evaluate/other.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(rows, "ROOT", tmp_path)

    def code():
        rows._code.cache_clear()
        return rows._code("evaluate.crowds")

    before = code()
    for name, text in files.items():
        (tmp_path / name).write_text(text + "\n# changed")
        aside = name in ("src/skypact/desk.py", "evaluate/other.py")
        assert (code() == before) is aside, name
        (tmp_path / name).write_text(text)
    assert code() == before
    rows._code.cache_clear()
