"""Relabelling by tables: what each action does to a label set, and which steps are no steps."""
# ruff: noqa: E501 - a message stands on one line, as people see it

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pushvar.config.load import load
from pushvar.errors import ConfigErrors
from pushvar.labels.relabel import Relabelling, compile_relabelling

from tests.relabel_cases import CASES, ONLY_HERE, Case


def compiled(steps: list[dict[str, Any]]) -> Relabelling:
    """The steps as a configuration gives them."""
    document = {"scrape_configs": [{"job_name": "a", "metric_relabel_configs": steps}]}
    (job,) = load(yaml.safe_dump(document, allow_unicode=True), source="t").scrape_configs
    relabelling = compile_relabelling(job.metric_relabel_configs)
    assert relabelling is not None
    return relabelling


@pytest.mark.parametrize("case", [*CASES, *ONLY_HERE], ids=lambda case: json.dumps(case.steps)[:80])
def test_case(case: Case) -> None:
    """Each case gives exactly the labels beside it, also the second time, when outcomes are remembered."""
    relabelling = compiled(case.steps)
    assert relabelling.apply(case.labels) == case.expected
    assert relabelling.apply(case.labels) == case.expected


def test_no_steps_are_nothing() -> None:
    """A block without steps compiles to None: nobody has to ask it."""
    assert compile_relabelling(()) is None


def test_an_empty_value_is_no_label() -> None:
    """What comes in empty does not come out; what goes in is not changed."""
    labels = {"a": "", "b": "1"}
    assert compiled([{"target_label": "c", "replacement": "2"}]).apply(labels) == {"b": "1", "c": "2"}
    assert labels == {"a": "", "b": "1"}


def test_a_lone_surrogate_is_the_question_mark_it_is_sent_as() -> None:
    """A text that UTF-8 cannot say is relabelled as the receiver will see it, and raises nothing."""
    steps = [{"source_labels": ["a"], "regex": r"x(.)", "target_label": "b"}]
    assert compiled(steps).apply({"a": "x\ud800"}) == {"a": "x?", "b": "?"}


def test_a_hostile_expression_is_matched_in_linear_time() -> None:
    """What takes a backtracking engine for ever is over at once."""
    steps = [{"source_labels": ["a"], "regex": "(a*)*b", "action": "drop"}]
    start_s = time.perf_counter()
    assert compiled(steps).apply({"a": "a" * 5_000}) is not None
    assert time.perf_counter() - start_s < 5


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("$1{}ax_ é"), max_size=12), st.text("ab", max_size=4))
def test_any_replacement_gives_a_text(replacement: str, value: str) -> None:
    """No template raises, and without a dollar it is itself."""
    steps = [{"source_labels": ["a"], "target_label": "c", "replacement": replacement}]
    labels = compiled(steps).apply({"a": value})
    assert labels is not None
    if "$" not in replacement:
        assert labels.get("c", "") == replacement


REFUSED: list[tuple[str, str]] = [
    ("{action: shuffle}", 'action: "shuffle" is not an action; the actions are replace, keep, drop, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase, keepequal, dropequal'),
    ("{source_labels: [a], regex: '(', action: keep}", 'regex: "(" is not a regular expression: missing ): ^(?s:()$; the dialect is RE2: no look-around, no back references'),
    ("{source_labels: [a], regex: '(?=a)', action: keep}", 'regex: "(?=a)" is not a regular expression: invalid perl operator: (?=; the dialect is RE2: no look-around, no back references'),
    ("{source_labels: [a-b], action: keep}", 'source_labels[0]: "a-b" is not a label name'),
    ("{source_labels: a, action: keep}", "source_labels: expected a list, found a single value; write it in brackets: [...]"),
    ("{source_labels: [a]}", "target_label: required; replace needs the name of a label"),
    ("{action: hashmod, modulus: 2}", "target_label: required; hashmod needs the name of a label"),
    ("{action: hashmod, target_label: a}", "modulus: required; hashmod needs a number above 0"),
    ("{action: hashmod, target_label: $1, modulus: 2}", 'target_label: "$1" is not a label name; letters, digits and _, the first no digit'),
    ("{action: hashmod, target_label: a, modulus: -2}", "modulus: -2 is too small; the least is 0"),
    ("{target_label: a-b}", 'target_label: "a-b" is not a label name; letters, digits and _, the first no digit, and $1'),
    ("{target_label: 'a-$1'}", 'target_label: "a-$1" is not a label name; letters, digits and _, the first no digit, and $1'),
    ("{action: lowercase, target_label: '${1}'}", 'target_label: "${1}" is not a label name; letters, digits and _, the first no digit'),
    ("{action: uppercase, target_label: a, replacement: x}", "replacement: not used by uppercase; uppercase takes source_labels and separator and target_label only; remove it"),
    ("{action: labelmap, replacement: '-'}", 'replacement: "-" makes no label name; write $1 or prefix_$1'),
    ("{action: labeldrop, regex: a, target_label: b}", "target_label: not used by labeldrop; labeldrop takes regex only; remove it"),
    ("{action: labelkeep, regex: a, source_labels: [b]}", "source_labels: not used by labelkeep; labelkeep takes regex only; remove it"),
    ("{action: keepequal, source_labels: [a]}", "target_label: required; keepequal needs the name of a label"),
    ("{action: dropequal, source_labels: [a], target_label: b, regex: c}", "regex: not used by dropequal; dropequal takes source_labels and target_label only; remove it"),
    ("{action: dropequal, source_labels: [a], target_label: b, separator: c}", "separator: not used by dropequal; dropequal takes source_labels and target_label only; remove it"),
    ("{target: a, target_label: b}", "target: unknown; did you mean target_label?"),
]  # fmt: skip


@pytest.mark.parametrize(("step", "message"), REFUSED, ids=[step for step, _ in REFUSED])
@pytest.mark.parametrize("block", ["relabel_configs", "metric_relabel_configs"])
def test_a_step_that_is_none_is_told_with_its_place(block: str, step: str, message: str) -> None:
    """What Prometheus refuses to load is a configuration error with path, line and what to do."""
    with pytest.raises(ConfigErrors) as refused:
        load(f"scrape_configs:\n- job_name: a\n  {block}:\n  - {step}\n", source="t.yml")
    text = str(refused.value.problems[0])
    assert text.startswith("t.yml:4:")
    assert text.partition(": ")[2] == f"scrape_configs[0].{block}[0].{message}"


def test_a_template_of_any_length_is_checked_in_linear_time() -> None:
    """A name that nearly is one is refused at once."""
    start_s = time.perf_counter()
    with pytest.raises(ConfigErrors):
        compiled([{"target_label": "a" * 5_000 + "-"}])
    assert time.perf_counter() - start_s < 5
