"""Makes `docs/settings.md` from `skypact.settings`: every setting, its default and its sentence."""

import sys
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from skypact.settings import Settings, limits_of

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"
_HEAD = """\
# Settings

Made from `skypact/settings.py` by `make docs`; do not edit by hand.

Every setting has a default. A TOML file (`--settings FILE.toml`) changes some of them, and so does
the environment, which goes before the file:

```toml
[tracking]
gate_chi_squared = 25.0
```

```sh
SKYPACT_TRACKING__GATE_CHI_SQUARED=25 skypact track …
```

A name that is not here, or a value out of its limits, is refused with a sentence; numbers are
finite. `SKYPACT_TRACEBACK` (shows where a fault of Skypact itself is) and `SKYPACT_SHARED` (the
folder of the recordings for tests and evaluation) are no settings.
"""


def page() -> str:
    """The whole page."""
    groups = [_group(name, field) for name, field in Settings.model_fields.items()]
    return "\n".join([_HEAD, *groups])


def _group(name: str, field: FieldInfo) -> str:
    model = field.annotation
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        raise TypeError(f"{name} is no group of settings")
    lines = [f"## `[{name}]`", "", (model.__doc__ or "").strip(), ""]
    lines += ["| setting | default | limits | what it is |", "| --- | --- | --- | --- |"]
    for key, entry in model.model_fields.items():
        words = (entry.description or "").replace("|", "\\|")
        lines.append(f"| `{key}` | {_default(entry)} | {limits_of(entry)} | {words} |")
    return "\n".join(lines) + "\n"


def _default(entry: FieldInfo) -> str:
    value = entry.default
    return f"{value:.6g}" if isinstance(value, float) else f"{value}"


def main() -> None:
    """Write the page; with --check only say whether it is up to date."""
    if "--check" in sys.argv[1:]:
        sys.exit(0 if PAGE.read_text("utf-8") == page() else "docs/settings.md is old: make docs")
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
