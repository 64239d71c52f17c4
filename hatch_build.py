"""Puts the desk's page into the wheel; an editable install leaves it to `make setup`."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface):
    """Builds `web/` before the wheel is packed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page where it is missing or old."""
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root) / "tools"))
        import page

        page.build()
