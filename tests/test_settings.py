"""Settings: what a person may get wrong is refused in one sentence that says what is allowed."""

from pathlib import Path

import pytest

from skypact.errors import SettingsError
from skypact.settings import Settings, load_settings


def said(tmp_path: Path, text: str) -> str:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_file_and_environment(tmp_path, monkeypatch):
    path = tmp_path / "settings.toml"
    path.write_text("[sensing]\nreorder_window_s = 5\n[tracking]\nfit_plots = 9\n")
    monkeypatch.setenv("SKYPACT_TRACKING__FIT_PLOTS", "10")
    for name in ("SKYPACT_SHARED", "SKYPACT_TRACEBACK"):
        monkeypatch.setenv(name, "1")
    settings = load_settings(path)
    assert settings.sensing.reorder_window_s == 5.0
    assert settings.tracking.fit_plots == 10
    assert settings.flight == Settings().flight


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "[tracking]\nplots_to_confirm = 4.5",
            "tracking.plots_to_confirm is 4.5; give a whole number, at least 3, at most 64",
        ),
        (
            "[tracking]\ngate_chi_squared = 'wide'",
            "tracking.gate_chi_squared is 'wide'; give a finite number, above 0",
        ),
        (
            "[tracking]\nnew_object_log_density = nan",
            "tracking.new_object_log_density is nan; give a finite number",
        ),
        (
            "[flight]\nballistic_share = inf",
            "flight.ballistic_share is inf; give a finite number, above 0",
        ),
        (
            "[sensing]\nreorder_window_s = -1",
            "sensing.reorder_window_s is -1; give a finite number, at least 0, at most 1000000000",
        ),
        (
            "[sensing]\nmax_range_km = nan",
            "sensing.max_range_km is nan; give a finite number, at least 0.001, at most 1000000000",
        ),
        (
            "[tracking]\ngate = 3",
            'tracking.gate: no such setting; did you mean "gate_chi_squared"?',
        ),
        (
            "[tracking]\nzzz = 3",
            "tracking.zzz: no such setting; leave it out; docs/settings.md lists them all",
        ),
        ("[trackin]\ngate = 3", 'trackin: no such setting; did you mean "tracking"?'),
        ("tracking = 3", "tracking is 3; write its settings below a line [tracking]"),
    ],
)
def test_a_fault_of_the_file(tmp_path, text, sentence):
    assert said(tmp_path, text) == sentence


def test_every_fault_is_said(tmp_path):
    text = "[tracking]\nfit_plots = 1\n[flight]\nwind_sigma_m_s = -1\n"
    assert "fit_plots is 1; give" in said(tmp_path, text)
    assert "wind_sigma_m_s is -1; give" in said(tmp_path, text)
    assert "not valid TOML" in said(tmp_path, "[tracking\n")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("SKYPACT_TRACKIN__GATE_CHI_SQUARED", "3", 'mean "SKYPACT_TRACKING__GATE_CHI_SQUARED"?'),
        ("SKYPACT_TRACKIN__GATE", "3", 'mean "SKYPACT_TRACKING__GATE_CHI_SQUARED"?'),
        ("SKYPACT_TRACKING__ZZZ", "3", "no such setting; leave it out"),
        ("SKYPACT_TRACKING__GATE", "3", 'mean "SKYPACT_TRACKING__GATE_CHI_SQUARED"?'),
        ("SKYPACT_TRACKING__FIT_PLOTS__MORE", "3", "no such setting"),
        ("SKYPACT_GATE", "3", "no such setting"),
        ("skypact_gate", "3", "no such setting"),
        ("SKYPACT_TRACKING__FIT_PLOTS", "many", "is 'many'; give a whole number, at least 4"),
        ("SKYPACT_FLIGHT__BALLISTIC_SHARE", "inf", "is 'inf'; give a finite number, above 0"),
        ("SKYPACT_TRACKING", "3 plots", "name one setting, as in SKYPACT_TRACKING__"),
    ],
)
def test_a_fault_of_the_environment(tmp_path, monkeypatch, name, value, reason):
    monkeypatch.setenv(name, value)
    path = tmp_path / "settings.toml"
    path.write_text("")
    for place in (None, path):
        with pytest.raises(SettingsError) as caught:
            load_settings(place)
        assert str(caught.value).startswith("environment: ")
        assert name in str(caught.value) or value == "3 plots"
        assert reason in str(caught.value)
