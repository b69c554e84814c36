"""The real ``sam`` against the AWS on this machine."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from tests.components import REPOSITORY, sam

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.programs.local_aws import LocalAws

CONFIG = REPOSITORY / "samconfig.toml"


def environment(aws: LocalAws, folder: Path) -> Mapping[str, str]:
    """Give a clean environment in which SAM, boto3 and pushvar find the AWS of the test and no other."""
    dropped = ("AWS_", "SAM_", "PUSHVAR_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    kept = {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")}
    return {
        **kept,
        **aws.environment,
        "__SAM_CLI_APP_DIR": str(folder),
        "COLUMNS": "200",
        "SAM_CLI_POLL_DELAY": "1",
    }


def run_sam(aws: LocalAws, folder: Path, *arguments: str, timeout_s: float = 120.0) -> str:
    """Run ``sam`` and give all that it printed; raises AssertionError with that when it fails."""
    done = subprocess.run(
        [sam.find_sam(), *arguments],
        cwd=folder,
        env=environment(aws, folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"sam {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout
