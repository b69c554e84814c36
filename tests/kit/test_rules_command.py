"""``pushvar kit rules``: the committed file is what it writes, and what Prometheus takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml
from pushvar.catalogue import BATCH_FAMILIES
from pushvar.kit.batch_rules import batch_rule_file
from pushvar.kit.rule_files import Alert, Recording, RuleGroup, rule_file

from tests.components import REPOSITORY
from tests.programs.commands import promtool, run_pushvar

if TYPE_CHECKING:
    from pathlib import Path

RULES = REPOSITORY / "monitoring" / "rules" / "batch-jobs.yml"


def test_the_committed_rules_are_fresh() -> None:
    """``pushvar kit rules`` would write the same bytes."""
    assert RULES.read_text("utf-8") == batch_rule_file()
    done = run_pushvar("kit", "rules", "--output", RULES, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_prometheus_takes_the_rules() -> None:
    """Promtool finds no fault in the committed file."""
    done = promtool("check", "rules", RULES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS: 27 rules found" in done.stdout


def test_rules_read_what_jobs_push() -> None:
    """Every metric that a rule reads is in the catalogue of what is said of a job, or is recorded here."""
    text = batch_rule_file()
    recorded = set(re.findall(r"record: (\S+)", text))
    (group,) = yaml.safe_load(text)["groups"]
    names = {
        name for rule in group["rules"] for name in re.findall(r"[a-z_:]*batch_job_[a-z_:]+", rule["expr"])
    }
    read = {name for name in names if not name.endswith("batch_job_")}  # the start of a regular expression
    assert read - recorded <= set(BATCH_FAMILIES)
    assert len(read - recorded) == 12
    assert {name for name in read if name.startswith("group:")} <= recorded


def test_standard_output_and_a_file(tmp_path: Path) -> None:
    """Both get the same text; the folder of the file need not be there."""
    path = tmp_path / "rules" / "batch.yml"
    printed = run_pushvar("kit", "rules")
    assert (printed.returncode, printed.stdout) == (0, batch_rule_file())
    assert run_pushvar("kit", "rules", "-o", path).returncode == 0
    assert path.read_text("utf-8") == printed.stdout


def test_check_shows_the_difference(tmp_path: Path) -> None:
    """A file that was changed by hand is shown as a diff, exit code 1, and is not touched."""
    path = tmp_path / "batch.yml"
    changed = batch_rule_file().replace("for: 2m", "for: 9m")
    path.write_text(changed, "utf-8")
    done = run_pushvar("kit", "rules", "-o", path, "--check")
    assert done.returncode == 1
    assert "\n-        for: 9m\n+        for: 2m\n" in done.stdout
    assert path.read_text("utf-8") == changed


def test_check_without_a_file(tmp_path: Path) -> None:
    """A file that is not there is one that differs; no --output at all is a wrong usage."""
    done = run_pushvar("kit", "rules", "-o", tmp_path / "none.yml", "--check")
    assert done.returncode == 1
    assert "+groups:" in done.stdout
    done = run_pushvar("kit", "rules", "--check")
    assert (done.returncode, "--output" in done.stderr) == (2, True)


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_a_path_that_is_no_file(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Is named, with exit code 2 and no traceback."""
    done = run_pushvar("kit", "rules", "-o", tmp_path, *arguments)
    assert done.returncode == 2
    assert f"{tmp_path}: Is a directory" in done.stderr


def test_runbooks_may_stand_elsewhere() -> None:
    """Alerts then link there."""
    printed = run_pushvar("kit", "rules", "--runbooks", "https://wiki.example.org/batch").stdout
    links = re.findall(r"runbook_url: (\S+)", printed)
    assert len(links) == 7
    assert "https://wiki.example.org/batch#pushvarbatchjobmissed" in links
    assert all(link.startswith("https://wiki.example.org/batch#pushvar") for link in links)


def test_a_rule_file_reads_back() -> None:
    """Whatever stands in expressions and texts, YAML gives it back; comments come first."""
    awkward = "a: \"b\" # 'c' {{ $value }} %"
    alert = Alert("A", f"{awkward}\n> 1\n", "0s", {"severity": awkward}, {"summary": awkward * 40})
    group = RuleGroup("g", "1m", (Recording("r", "a\n  or b\n"), alert))
    text = rule_file(("one", "", "two"), (group,))
    assert text.startswith("# one\n#\n# two\ngroups:\n")
    (read,) = yaml.safe_load(text)["groups"]
    assert read == group.as_mapping()
    assert "expr: |\n          a\n            or b\n" in text
