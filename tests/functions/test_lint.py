"""What AWS' own linters say to the template."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from tests.components import REPOSITORY, sam
from tests.functions.cloudformation import TEMPLATE

if TYPE_CHECKING:
    from pathlib import Path


def lint(program: str, *arguments: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of SAM's environment, without an account or a region."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
    return subprocess.run(
        [sam.find_sam().with_name(program), *arguments],
        cwd=REPOSITORY,
        env={**kept, "SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_cfn_lint_finds_nothing(tmp_path: Path) -> None:
    """Not even a warning: a runtime that AWS will soon refuse would be one."""
    done = lint("cfn-lint", TEMPLATE, home=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_sam_finds_the_template_valid(tmp_path: Path) -> None:
    """SAM's own reading of it, with its linter."""
    done = lint("sam", "validate", "--lint", "--template", TEMPLATE, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout


def test_the_linter_looks(tmp_path: Path) -> None:
    """A name that does not exist is found, in a copy that is otherwise the same."""
    text = TEMPLATE.read_text()
    copy = tmp_path / "template.yaml"
    copy.write_text(text.replace("!GetAtt ShardQueue.Arn", "!GetAtt Shards.Arn"))
    assert copy.read_text() != text
    assert lint("cfn-lint", copy, home=tmp_path).returncode != 0
