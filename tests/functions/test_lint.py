"""What AWS' own linters and checkov say to the template."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from tests.components import REPOSITORY, checkov, sam
from tests.functions.cloudformation import TEMPLATE, template

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


def judged(path: Path) -> Any:
    """What checkov finds: the names of failed, passed and skipped checks with their resources."""
    done = subprocess.run(
        [
            checkov.find_checkov(), "--file", path, "--framework", "cloudformation",
            "--skip-download", "--output", "json",
        ],
        cwd=REPOSITORY,
        env={**os.environ, "LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    results = json.loads(done.stdout)["results"]
    assert results["parsing_errors"] == []
    return {
        verdict: {
            (one["check_id"], one["resource"].rpartition(".")[2]) for one in results[f"{verdict}_checks"]
        }
        for verdict in ("failed", "passed", "skipped")
    }


def excused() -> dict[tuple[str, str], str]:
    """Check and resource -> the reason that stands beside the resource."""
    return {
        (skip["id"], name): skip["comment"]
        for name, one in template()["Resources"].items()
        for skip in one.get("Metadata", {}).get("checkov", {}).get("skip", ())
    }


def test_checkov_finds_nothing_that_is_not_excused(tmp_path: Path) -> None:
    """Each exception stands with its resource and has a reason, and none is left that is needed no more."""
    found = judged(TEMPLATE)
    assert found["failed"] == set()
    assert len(found["passed"]) > 30
    assert found["skipped"] == set(excused())
    assert [key for key, reason in excused().items() if len(reason) < 30] == []
    unsafe = tmp_path / "template.yaml"
    unsafe.write_text(TEMPLATE.read_text().replace("BlockPublicAcls: true", "BlockPublicAcls: false"))
    assert judged(unsafe)["failed"] == {("CKV_AWS_53", "StateBucket")}


def test_only_one_rule_of_cfn_lint_is_off() -> None:
    """For the whole template; it looks at defaults that a condition keeps out."""
    assert template()["Metadata"] == {"cfn-lint": {"config": {"ignore_checks": ["W1033"]}}}
    inside = [name for name, one in template()["Resources"].items() if "cfn-lint" in one.get("Metadata", {})]
    assert inside == []
