"""``pushvar mapping test``: the series of rules and payloads, what is wrong with them, and the exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.documents import body
from tests.programs.commands import run_pushvar

if TYPE_CHECKING:
    from pathlib import Path

RULES = """
- { match: "by_code/{code}", name: responses, type: counter }
- { match: late, name: late_seconds, type: gauge, scale: 1e-9 }
"""


def test_rules_that_fit(tmp_path: Path) -> None:
    """Series as text on standard output, one line for each payload on standard error, exit code 0."""
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "vars.json").write_bytes(body(by_code={"200": 3}, late=5))
    done = run_pushvar(
        "mapping", "test", tmp_path / "rules.yml", tmp_path / "vars.json", "--unmatched", "drop"
    )
    assert done.returncode == 0, done.stderr
    assert 'responses_total{code="200"} 3\n' in done.stdout
    assert "late_seconds 5e-09\n" in done.stdout
    assert "31 samples, 25 families, 0 named by convention" in done.stderr


def test_a_dead_rule_is_one_that_is_dead_in_all_payloads(tmp_path: Path) -> None:
    """Each payload may use other rules; exit code 1 when one is of no use to any."""
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "a.json").write_bytes(body(by_code={"200": 3}))
    (tmp_path / "b.json").write_bytes(body(late=1))
    both = run_pushvar("mapping", "test", tmp_path / "rules.yml", tmp_path / "a.json", tmp_path / "b.json")
    assert both.returncode == 0, both.stderr
    one = run_pushvar("mapping", "test", tmp_path / "rules.yml", tmp_path / "a.json")
    assert one.returncode == 1
    assert "[1]: matches nothing" in one.stderr


def test_faults_as_json(tmp_path: Path) -> None:
    """Shape errors and duplicates stand with their paths; no value of the payload does."""
    (tmp_path / "rules.yml").write_text(
        'm: [{ match: "{x:a.b|a-b}", name: "{x}" }, { match: late, name: l }]'
    )
    (tmp_path / "vars.json").write_bytes(body(**{"a.b": 1, "a-b": 2, "late": "s3cret-text"}))
    done = run_pushvar("mapping", "test", tmp_path / "rules.yml", tmp_path / "vars.json", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["schema"] == 1
    assert {fault["path"]: fault["reason"] for fault in found["payloads"][0]["faults"]} == {
        "a.b": "duplicate of a-b",
        "late": "shape error: a string, where the rule takes a bool or number",
    }
    assert "s3cret" not in done.stdout + done.stderr


def test_ready_sets_and_wrong_names(tmp_path: Path) -> None:
    """A ready set is found by its name; what is neither file nor set is wrong usage."""
    (tmp_path / "vars.json").write_bytes(body(log_lines_total={"/var/log/x": 3}))
    names = run_pushvar("mapping", "list").stdout.split()
    assert "mtail" in names
    done = run_pushvar("mapping", "test", "mtail", tmp_path / "vars.json")
    assert done.returncode in (0, 1)
    assert "/var/log/x" in done.stdout
    wrong = run_pushvar("mapping", "test", "nothing", tmp_path / "vars.json")
    assert wrong.returncode == 2
    assert "RULES: nothing: No such file or directory; give a YAML file, or one of" in wrong.stderr


def test_a_ready_set_is_wider_than_one_payload(tmp_path: Path) -> None:
    """That a rule of it matches nothing is no finding; a duplicate series still is."""
    payload = tmp_path / "vars.json"
    payload.write_text('{"raft.status": {"term": 7}}')
    done = run_pushvar("mapping", "test", "etcd", payload)
    assert (done.returncode, "matches nothing" in done.stderr) == (0, False)
    payload.write_text('{"a-b": 1, "a.b": 2}')
    assert run_pushvar("mapping", "test", "etcd", payload).returncode == 1
