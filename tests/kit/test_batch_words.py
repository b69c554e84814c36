"""What an alert for a batch job says: whom it calls, in which words, and where its runbook stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from pushvar.kit.batch_rules import RUNBOOKS, batch_rules
from pushvar.kit.rule_files import Alert

from tests.components import REPOSITORY
from tests.kit.batch_scenes import DAY, Job, Run, judge, of, regular

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ALERTS = {rule.alert: rule for rule in batch_rules().rules if isinstance(rule, Alert)}

GONE = 63 + DAY
FIRING: dict[str, tuple[Job, int, str]] = {
    "Missed": (Job(regular(3)), 251, "2h 8m 0s"),
    "Failing": (Job((Run(1, 3, good=False),)), 20, "3"),
    "KeepsFailing": (Job(regular(3, good=False)), 130, "2h 9m 0s"),
    "TooLong": (Job((Run(1, 100),), timeout=20), 30, "29m 0s"),
    "Stuck": (Job((Run(1, 90, dies=30),)), 60, "31m 0s"),
    "Overlapping": (Job((Run(1, 3, overlapping=True),)), 20, "1"),
    "Disappeared": (Job(regular(2), ends=GONE), GONE + 31, "30m 0s"),
}
"""A story for each alert, a minute in which it fires, and its value in words."""

P1 = {"tier": "business", "priority": "P1", "severity": "critical"}
P2 = {"tier": "business", "priority": "P2", "severity": "warning"}

alerts = pytest.mark.parametrize("name", FIRING)


def test_every_alert_has_a_story() -> None:
    """A new alert is shown to fire too."""
    assert {f"PushvarBatchJob{name}" for name in FIRING} == set(ALERTS)


@alerts
def test_words_and_labels(name: str, tmp_path: Path) -> None:
    """Texts are filled in; gold is P1, the others P2; the team of the job is called, else sre.

    A failure that lasts is P1 for everybody.
    """
    job, minute, value = FIRING[name]
    gold = {"customer_id": "acme", "sla_tier": "gold", "team": "payments", "instance": "eu"}
    plain = {"customer_id": "bolt", "sla_tier": "bronze"}
    expected = [
        _expected(name, {**gold, **P1}, " of acme", value),
        _expected(
            name,
            {**plain, **(P1 if name == "KeepsFailing" else P2), "team": "sre"},
            " of bolt",
            value,
        ),
    ]
    test = {"eval_time": f"{minute}m", "alertname": f"PushvarBatchJob{name}", "exp_alerts": expected}
    judge(tmp_path, (of(job, **gold), of(job, **plain)), minute, {"alert_rule_test": [test]})


def test_a_job_without_a_customer(tmp_path: Path) -> None:
    """A job in somebody's own Pushgateway has no tenant labels, and no holes in its texts."""
    job, minute, value = FIRING["Missed"]
    expected = [_expected("Missed", {**P2, "team": "sre"}, "", value)]
    test = {"eval_time": f"{minute}m", "alertname": "PushvarBatchJobMissed", "exp_alerts": expected}
    judge(tmp_path, (job,), minute, {"alert_rule_test": [test]})


def _expected(name: str, labels: Mapping[str, str], whose: str, value: str) -> dict[str, Any]:
    texts = {
        "{{ with $labels.customer_id }} of {{ . }}{{ end }}": whose,
        "{{ $labels.job }}": "nightly",
        "{{ if $value }} with exit code {{ $value }}{{ end }}": f" with exit code {value}",
        "{{ humanizeDuration $value }}": value,
        "{{ $value }}": value,
    }
    annotations = dict(ALERTS[f"PushvarBatchJob{name}"].annotations)
    for key, text in annotations.items():
        for template, shown in texts.items():
            text = text.replace(template, shown)  # noqa: PLW2901 - step by step
        assert "{{" not in text, text
        annotations[key] = text
    return {"exp_labels": {"job": "nightly", **labels}, "exp_annotations": annotations}


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_has_its_runbook(alert: str) -> None:
    """The page has a section for it, with what it means, what to look at and what to do; so links work."""
    page = (REPOSITORY / RUNBOOKS).read_text("utf-8")
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert ALERTS[alert].annotations["runbook_url"] == f"{RUNBOOKS}#{alert.lower()}"
    for word in ("**It means**", "**Look first**", "**Do**"):
        assert sections[alert].count(word) == 1


def test_no_runbook_is_left_over() -> None:
    """The page speaks of no alert that is not there."""
    page = (REPOSITORY / RUNBOOKS).read_text("utf-8")
    assert set(re.findall(r"PushvarBatchJob\w+", page)) == set(ALERTS)
