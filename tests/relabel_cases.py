"""What relabelling does: steps, a label set, what becomes of it. By hand, from Prometheus' documentation.

Label sets are those a static config can have, so that a real Prometheus can be asked the same. ``ONLY_HERE`` holds what an older Prometheus answers differently.
"""
# ruff: noqa: E501, RUF001 - a case stands on one line; Greek letters are meant

from __future__ import annotations

from typing import Any, NamedTuple


class Case(NamedTuple):
    """``expected`` is None where the label set is dropped."""

    steps: list[dict[str, Any]]
    labels: dict[str, str]
    expected: dict[str, str] | None


def one(labels: dict[str, str], expected: dict[str, str] | None, **step: Any) -> Case:
    """A case of one step."""
    return Case([step], labels, expected)


AB = {"a": "foo", "b": "bar"}

REPLACE = [
    one(AB, {**AB, "c": "foo"}, source_labels=["a"], target_label="c"),
    one(AB, {**AB, "c": "foo;bar"}, source_labels=["a", "b"], target_label="c"),
    one(AB, {**AB, "c": "bar;foo"}, source_labels=["b", "a"], target_label="c"),
    one(AB, {**AB, "c": "foobar"}, source_labels=["a", "b"], separator="", target_label="c"),
    one(AB, {**AB, "c": "foo--bar"}, source_labels=["a", "b"], separator="--", target_label="c"),
    one(AB, {**AB, "c": "foo;"}, source_labels=["a", "missing"], target_label="c"),
    one(AB, {"a": "bar", "b": "bar"}, source_labels=["b"], target_label="a"),
    one(AB, AB, source_labels=["missing"], target_label="c"),
    one(AB, {"b": "bar"}, source_labels=["missing"], target_label="a"),
    one(AB, {"b": "bar"}, source_labels=["a"], target_label="a", replacement=""),
    one(AB, {**AB, "c": "fixed"}, target_label="c", replacement="fixed"),
    one(AB, {"a": "foo"}, target_label="b", replacement=""),
    one(AB, AB, source_labels=["a"], regex="oo", target_label="c"),
    one(AB, AB, source_labels=["a"], regex="fo", target_label="c", replacement="x"),
    one(AB, {**AB, "c": "oo"}, source_labels=["a"], regex="f(.*)", target_label="c"),
    one(AB, {**AB, "c": "fo"}, source_labels=["a"], regex="(.+)o", target_label="c"),
    one(AB, AB, source_labels=["a"], regex="a|fo", target_label="c", replacement="x"),
    one(AB, {**AB, "c": "x"}, source_labels=["a"], regex="a|foo", target_label="c", replacement="x"),
    one(AB, {**AB, "c": "x"}, source_labels=["a"], regex="^foo$", target_label="c", replacement="x"),
    one(AB, {**AB, "c": "x"}, source_labels=["missing"], regex="", target_label="c", replacement="x"),
    one(AB, AB, source_labels=["a"], regex="", target_label="c", replacement="x"),
    one(AB, {**AB, "c": "x"}, source_labels=["a"], regex="(?i)FOO", target_label="c", replacement="x"),
    one(AB, AB, source_labels=["a"], regex="FOO", target_label="c", replacement="x"),
    one(AB, {**AB, "c": "x"}, source_labels=["a"], regex=r"\w{3}", target_label="c", replacement="x"),
]

EXPANSION = [
    one(AB, {**AB, "c": "r-f"}, source_labels=["a", "b"], regex="(.).*;.*(.)", target_label="c", replacement="$2-$1"),
    one(AB, {**AB, "c": "f_x"}, source_labels=["a"], regex="(.).*", target_label="c", replacement="${1}_x"),
    one(AB, AB, source_labels=["a"], regex="(.).*", target_label="c", replacement="$1_x"),
    one(AB, {**AB, "c": "-y"}, source_labels=["a"], regex="(.).*", target_label="c", replacement="$1x-y"),
    one(AB, {**AB, "c": "f."}, source_labels=["a"], regex="(.).*", target_label="c", replacement="$1."),
    one(AB, {**AB, "c": "oo"}, source_labels=["a"], regex="f(?P<rest>.*)", target_label="c", replacement="$rest"),
    one(AB, {**AB, "c": "oo!"}, source_labels=["a"], regex="f(?P<rest>.*)", target_label="c", replacement="${rest}!"),
    one(AB, {**AB, "c": "!"}, source_labels=["a"], regex="f(?P<rest>.*)", target_label="c", replacement="${res}!"),
    one(AB, {**AB, "c": "$1"}, source_labels=["a"], target_label="c", replacement="$$1"),
    one(AB, {**AB, "c": "$foo"}, source_labels=["a"], target_label="c", replacement="$$$1"),
    one(AB, {**AB, "c": "5$"}, source_labels=["a"], target_label="c", replacement="5$"),
    one(AB, {**AB, "c": "${1"}, source_labels=["a"], target_label="c", replacement="${1"),
    one(AB, {**AB, "c": "$ 1"}, source_labels=["a"], target_label="c", replacement="$ 1"),
    one(AB, {**AB, "c": "${}"}, source_labels=["a"], target_label="c", replacement="${}"),
    one(AB, {**AB, "c": "${a-b}"}, source_labels=["a"], target_label="c", replacement="${a-b}"),
    one(AB, {**AB, "c": "foo"}, source_labels=["a"], target_label="c", replacement="$0"),
    one(AB, {**AB, "c": "x"}, source_labels=["a"], target_label="c", replacement="x$01"),
    one(AB, {**AB, "c": "x"}, source_labels=["a"], target_label="c", replacement="x$2"),
    one(AB, {**AB, "c": "x"}, source_labels=["a"], target_label="c", replacement="x$1234567890"),
    one(AB, {**AB, "c": "x"}, source_labels=["a"], regex="(b)?foo", target_label="c", replacement="x$1"),
    one(AB, {**AB, "c": r"\1"}, source_labels=["a"], target_label="c", replacement=r"\1"),
    one({"a": "größe"}, {"a": "größe", "c": "ße"}, source_labels=["a"], regex="grö(.*)", target_label="c"),
    one(AB, {**AB, "foo": "bar"}, source_labels=["a", "b"], regex="(.*);(.*)", target_label="$1", replacement="$2"),
    one(AB, {**AB, "foo_x": "v"}, source_labels=["a"], target_label="${1}_x", replacement="v"),
    one(AB, {**AB, "p_foo": "v"}, source_labels=["a"], target_label="p_$1", replacement="v"),
    one({"a": "no-name"}, {"a": "no-name"}, source_labels=["a"], target_label="$1", replacement="v"),
    one({"a": "9"}, {"a": "9", "l9": "v"}, source_labels=["a"], target_label="l$1", replacement="v"),
    one({"a": "9"}, {"a": "9"}, source_labels=["a"], target_label="${1}l", replacement="v"),
]  # fmt: skip

CHOICE = [
    one(AB, AB, source_labels=["a"], regex="foo", action="keep"),
    one(AB, None, source_labels=["a"], regex="fo", action="keep"),
    one(AB, None, source_labels=["missing"], regex="foo", action="keep"),
    one(AB, AB, source_labels=["missing"], regex="", action="keep"),
    one(AB, AB, source_labels=["missing"], regex=".*", action="keep"),
    one(AB, None, source_labels=["missing"], regex=".+", action="keep"),
    one(AB, None, source_labels=["a"], regex="foo", action="drop"),
    one(AB, AB, source_labels=["a"], regex="fo", action="drop"),
    one(AB, None, source_labels=["a", "b"], regex="foo;bar", action="drop"),
    one(AB, None, source_labels=["missing"], action="drop"),
    one(AB, None, source_labels=["a"], regex="foo", action="DROP"),
    one({"a": "x", "b": "x"}, {"a": "x", "b": "x"}, source_labels=["a"], target_label="b", action="keepequal"),
    one(AB, None, source_labels=["a"], target_label="b", action="keepequal"),
    one(AB, AB, source_labels=["a"], target_label="b", action="dropequal"),
    one({"a": "x", "b": "x"}, None, source_labels=["a"], target_label="b", action="dropequal"),
    one(AB, None, source_labels=["missing"], target_label="other", action="dropequal"),
    one({"a": "x", "b": "y", "c": "x;y"}, None, source_labels=["a", "b"], target_label="c", action="dropequal"),
]  # fmt: skip

NAMES = [
    one(AB, {"b": "bar"}, regex="a", action="labeldrop"),
    one(AB, {"a": "foo"}, regex="b.*", action="labeldrop"),
    one({"ab": "1", "b": "2"}, {"ab": "1"}, regex="b", action="labeldrop"),
    one({"x_a": "1"}, {"x_a": "1", "a": "1"}, regex="x_(.+)", action="labelmap"),
    one({"x_a": "1"}, {"x_a": "1", "y_a": "1"}, regex="x_(.+)", replacement="y_$1", action="labelmap"),
    one({"x_a": "1", "a": "0"}, {"x_a": "1", "a": "1"}, regex="x_(.+)", action="labelmap"),
    one({"x_a": "1", "yx_b": "2"}, {"x_a": "1", "a": "1", "yx_b": "2"}, regex="x_(.+)", action="labelmap"),
    one({"x_a": "1", "x_b": "1"}, {"x_a": "1", "x_b": "1", "all": "1"}, regex="x_.+", replacement="all", action="labelmap"),
    one({"x_a": "1"}, {"x_a": "1"}, regex="z_(.+)", action="labelmap"),
]  # fmt: skip

VALUES = [
    one({"a": "FoO"}, {"a": "FoO", "b": "foo"}, source_labels=["a"], target_label="b", action="lowercase"),
    one({"a": "FoO"}, {"a": "FOO"}, source_labels=["a"], target_label="a", action="uppercase"),
    one({"a": "FoO"}, {"a": "FoO", "b": "foo"}, source_labels=["a"], target_label="b", action="Lowercase"),
    one({"a": "Straße"}, {"a": "STRAßE"}, source_labels=["a"], target_label="a", action="uppercase"),
    one({"a": "ΑΣ"}, {"a": "ασ"}, source_labels=["a"], target_label="a", action="lowercase"),
    one({"a": "İ"}, {"a": "i"}, source_labels=["a"], target_label="a", action="lowercase"),
    one({"a": "ᾳ"}, {"a": "ᾼ"}, source_labels=["a"], target_label="a", action="uppercase"),
    one({"a": "x"}, {"a": "x"}, source_labels=["none"], target_label="b", action="lowercase"),
    one({"a": "x"}, {}, source_labels=["none"], target_label="a", action="uppercase"),
    one(AB, {**AB, "h": "958"}, source_labels=["c"], target_label="h", modulus=1000, action="hashmod"),
    one(AB, {**AB, "h": "696"}, source_labels=["a"], target_label="h", modulus=1000, action="hashmod"),
    one({"a": "foo\nbar"}, {"a": "foo\nbar", "h": "734"}, source_labels=["a"], target_label="h", modulus=1000, action="hashmod"),
    one(AB, {**AB, "h": "0"}, source_labels=["a"], target_label="h", modulus=1, action="hashmod"),
]  # fmt: skip

CHAINS = [
    Case(
        [{"source_labels": ["a"], "target_label": "tmp"}, {"source_labels": ["tmp"], "target_label": "b"}],
        AB,
        {"a": "foo", "b": "foo", "tmp": "foo"},
    ),
    Case(
        [
            {"source_labels": ["a"], "regex": "foo", "action": "drop"},
            {"target_label": "z", "replacement": "1"},
        ],
        AB,
        None,
    ),
    Case(
        [{"regex": "a", "action": "labeldrop"}, {"source_labels": ["a"], "target_label": "c"}],
        AB,
        {"b": "bar"},
    ),
    Case(
        [
            {"source_labels": ["a"], "target_label": "shard", "modulus": 4, "action": "hashmod"},
            {"source_labels": ["shard"], "regex": "0", "action": "keep"},
        ],
        AB,
        {**AB, "shard": "0"},
    ),
    Case(
        [{"target_label": "a", "replacement": ""}, {"target_label": "a", "replacement": "new"}],
        AB,
        {"a": "new", "b": "bar"},
    ),
    Case(
        [
            {"regex": "(.)", "replacement": "x_$1", "action": "labelmap"},
            {"regex": ".", "action": "labeldrop"},
        ],
        AB,
        {"x_a": "foo", "x_b": "bar"},
    ),
]

CASES = [*REPLACE, *EXPANSION, *CHOICE, *NAMES, *VALUES, *CHAINS]

ONLY_HERE = [
    # Prometheus 3: a dot matches a newline too
    one({"a": "x\ny"}, None, source_labels=["a"], regex="x.y", action="drop"),
    # labelkeep leaves a static config no address, so a Prometheus would show no target
    one(AB, {"a": "foo"}, regex="a", action="labelkeep"),
    one({"ab": "1", "b": "2"}, {"b": "2"}, regex="b", action="labelkeep"),
    one(AB, {}, regex="x", action="labelkeep"),
    # of two labels that labelmap gives one name, the later one wins; Prometheus shuffles those of a target
    one({"x_a": "1", "x_b": "2"}, {"x_a": "1", "x_b": "2", "n": "2"}, regex="x_.*", replacement="n", action="labelmap"),
]  # fmt: skip
