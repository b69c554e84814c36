"""Commands that tests run to their end: pushvar itself, promtool and amtool."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests import components

if TYPE_CHECKING:
    from collections.abc import Mapping

Completed = subprocess.CompletedProcess[str]

PUSHVAR = Path(sys.executable).parent / "pushvar"


def run_pushvar(
    *arguments: str | Path,
    input: str | None = None,  # noqa: A002 - the word of subprocess.run, which this is
    timeout_s: float = 60.0,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Completed:
    """Run the installed ``pushvar`` command and give its exit status, stdout and stderr as text.

    The environment is this one without PUSHVAR_*, AWS_* and proxies, and with ``env``. Raises
    TimeoutExpired, after killing it, when it takes longer than ``timeout_s``.
    """
    return subprocess.run(
        [PUSHVAR, *arguments],
        input=input,
        stdin=subprocess.DEVNULL if input is None else None,
        cwd=folder,
        env={**pushvar_environment(), **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def pushvar_environment() -> dict[str, str]:
    """Give this process's environment without what would make pushvar behave unlike elsewhere."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PUSHVAR_", "AWS_")) and not name.lower().endswith("_proxy")
    }


def promtool(*arguments: str | Path, input: str | None = None, timeout_s: float = 60.0) -> Completed:  # noqa: A002
    """Run promtool (``check rules FILE``, ``test rules FILE``, ``check metrics`` with text on stdin)."""
    return subprocess.run(
        [components.find("promtool"), *arguments],
        input=input or "",
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def amtool(*arguments: str | Path, timeout_s: float = 60.0) -> Completed:
    """Run amtool (``check-config FILE``, ``config routes test --config.file=FILE LABEL=VALUE...``)."""
    return subprocess.run(
        [components.find("amtool"), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
