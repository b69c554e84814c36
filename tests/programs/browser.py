"""A headless Chromium: a page's DOM after its scripts ran, and its picture. It reaches loopback only."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests import components

if TYPE_CHECKING:
    from pathlib import Path

FLAGS = (
    "--headless",
    "--no-sandbox",  # it runs as root in containers, and shows our own pages only
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


@dataclass(frozen=True, slots=True)
class Browser:
    """Starts anew for every page, with a profile of its own, so that no page sees another's storage."""

    program: Path
    environment: dict[str, str]

    @classmethod
    def found(cls) -> Browser:
        """Find Chromium; raises ComponentMissing."""
        return cls(components.find("chromium"), components.environment("chromium"))

    def dump(self, url: str, *, settle_ms: int = 2000, timeout_s: float = 60.0) -> str:
        """Give the DOM as HTML once scripts and requests had ``settle_ms`` of (virtual) time."""
        return self._run(["--dump-dom", f"--virtual-time-budget={settle_ms}", url], timeout_s)

    def screenshot(
        self, url: str, path: Path, width: int, height: int, *, settle_ms: int = 2000, timeout_s: float = 60.0
    ) -> None:
        """Write a PNG of the page in a window of that many CSS pixels."""
        size = f"--window-size={width},{height}"
        self._run([f"--screenshot={path}", size, f"--virtual-time-budget={settle_ms}", url], timeout_s)
        assert path.is_file(), f"Chromium wrote no {path.name} of {url}"

    def _run(self, arguments: list[str], timeout_s: float) -> str:
        with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
            done = subprocess.run(
                [self.program, *FLAGS, f"--user-data-dir={profile}", *arguments],
                env={**os.environ, **self.environment, "HOME": profile, "XDG_CACHE_HOME": profile},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        assert done.returncode == 0, f"Chromium ended with status {done.returncode}:\n{done.stderr[-2000:]}"
        return done.stdout
