"""The audit as a pure thing: what a target is, sums, the trend, and reports that strangers cannot break."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from pushvar.catalogue.audit import AUDIT_STATES
from pushvar.catalogue.core import CORE
from pushvar.catalogue.health import FAILURE_CLASSES
from pushvar.errors import ConfigError
from pushvar.kit.audit.audit import Audit, read_audit, trend
from pushvar.kit.audit.csv_report import csv_text
from pushvar.kit.audit.finding import EXPVAR, TEXT, Answer, Finding, classify
from pushvar.kit.audit.go_source import search
from pushvar.kit.audit.markdown import markdown_text
from pushvar.kit.audit.metrics import metrics_text
from pushvar.kit.audit.page import page
from pushvar.kit.audit.report import report_of
from pushvar.kit.audit.sums import RANKS, Count, counts_by, cut, share
from pushvar.model import Target
from pushvar.wire.exposition.pushed_text import read_text

GO = frozenset(
    name for one in CORE if one.category in ("memory", "garbage collection") for name in one.families
)
ALL = frozenset(name for one in CORE for name in one.families)
HOSTILE = "<script>alert(1)</script>\"'|`[x](javascript:1)\n=cmd()\u202e\x1b[31m&amp;"


def target(tier: str = "gold", url: str = "http://10.0.0.1:80/debug/vars", **labels: str) -> Target:
    """One target with the labels of its owner."""
    own = {"customer_id": "acme", "service_domain": "pay", "sla_tier": tier, **labels}
    return Target("key", "web", url, tuple(sorted(own.items())))


def finding(key: str, state: str = "covered", **more: object) -> Finding:
    """One finding."""
    plain = Finding(key, "web", f"http://{key}:80/x", "acme", "pay", "gold", "red", "", state)
    return replace(plain, **more)  # type: ignore[arg-type]


def audit(*targets: Finding, problems: tuple[str, ...] = ()) -> Audit:
    """An audit of these."""
    return Audit("fleet.yml", "v1", 1_795_000_000_000, targets, problems)


@pytest.mark.parametrize(
    ("tier", "form", "names", "state", "first"),
    [
        ("gold", TEXT, ALL, "covered", None),
        ("bronze", EXPVAR, GO, "covered", None),
        ("silver", EXPVAR, GO, "partial", "go_goroutines"),
        ("gold", EXPVAR, GO | {"go_goroutines"}, "partial", "http_requests_total"),
        ("bronze", TEXT, GO, "partial", "process_cpu_seconds_total"),
        ("bronze", TEXT, frozenset({"process_cpu_seconds_total"}), "no_runtime", "go_memstats_alloc_bytes"),
        ("bronze", EXPVAR, frozenset({"orders_total"}), "no_runtime", "go_memstats_alloc_bytes"),
        ("bronze", EXPVAR, frozenset(), "no_runtime", "go_memstats_alloc_bytes"),
    ],
)
def test_what_a_document_makes_a_target(
    tier: str, form: str, names: frozenset[str], state: str, first: str | None
) -> None:
    """State and first missing name follow from tier, format and the names that are sent."""
    found = classify(target(tier), Answer(format=form, given=names, sent=names))
    assert (found.state, next(iter(found.missing), None)) == (state, first)
    assert bool(found.hint) == (state != "covered")


@pytest.mark.parametrize("reason", [name for name in FAILURE_CLASSES if name != "ok"])
def test_every_failure_class_has_a_state_and_a_next_step(reason: str) -> None:
    """What gives no document is no format when it came whole, unreachable otherwise."""
    found = classify(target(), Answer(reason, "in words"))
    assert found.state == ("no_format" if reason in ("bad_json", "bad_format") else "unreachable")
    assert (found.reason, found.detail, found.hint) == (reason, "in words", FAILURE_CLASSES[reason][1])


def test_untyped_text_has_its_summary() -> None:
    """The series of a summary without a TYPE line are families of their own, and count as the summary."""
    series = {"go_gc_duration_seconds_sum", "go_gc_duration_seconds_count"}
    names = (ALL - {"go_gc_duration_seconds"}) | series
    assert classify(target(), Answer(format=TEXT, given=names, sent=names)).state == "covered"


def test_what_relabelling_drops_is_told() -> None:
    """A target that has it all is not blamed for what the configuration leaves out."""
    found = classify(target(), Answer(format=TEXT, given=ALL, sent=ALL - {"process_open_fds"}))
    assert (found.state, found.missing) == ("partial", ("process_open_fds",))
    assert "metric_relabel_configs" in found.hint


def test_keys_in_queries_are_not_shown() -> None:
    """A URL is shown without its query."""
    found = classify(target(url="http://a:1/m?token=s3cret"), Answer("timeout"))
    assert found.url == "http://a:1/m?…"


def test_states_are_those_of_the_catalogue() -> None:
    """Each state has a rank and a count, and nothing else has."""
    assert set(RANKS) == set(AUDIT_STATES) == set(Count.__dataclass_fields__)


def test_shares_never_round_to_all_or_nothing() -> None:
    """Only what is all of it is 100 %, only nothing is 0 %; a half is one."""
    cases = {(1, 2): "50.0%", (9_999, 10_000): "99.9%", (1, 10_000): "0.1%", (0, 7): "0.0%", (7, 7): "100.0%"}
    assert {case: share(*case) for case in cases} == cases
    assert share(0, 0) == "-"


def test_ratios_are_of_counts() -> None:
    """A small group that is covered does not lift the coverage of all as a mean of ratios would."""
    small = [finding("a", team="small")]
    large = [finding(f"b{index}", "no_runtime", team="large") for index in range(9)]
    report = report_of(audit(*small, *large))
    assert report.total.count.ratio == 0.1
    assert [(one.name, one.count.ratio) for one in report.groups["team"]] == [("large", 0.0), ("small", 1.0)]
    assert report.below(10.1)
    assert not report.below(10)


def test_summing_looks_at_each_target_once() -> None:
    """What is done for ten times the targets is ten times as much: each dimension reads each target once."""
    reads = 0

    class Counted(Finding):
        __slots__ = ()

        def __getattribute__(self, name: str) -> object:
            nonlocal reads
            reads += 1
            return super().__getattribute__(name)

    def cost(count: int) -> int:
        nonlocal reads
        fleet = [
            Counted(str(at), "web", "u", f"c{at}", "pay", "gold", f"t{at % 97}", "", "covered")
            for at in range(count)
        ]
        reads = 0
        report_of(audit(*fleet))
        return reads

    assert cost(10_000) == 10 * cost(1_000)
    assert (
        len(counts_by([finding(str(at), customer_id=f"c{at}") for at in range(10_000)], "customer_id"))
        == 10_000
    )


def test_groups_beyond_the_limit_are_one() -> None:
    """Tables and the page show the others as one group, so that the counts still add up."""
    before = audit(*[finding(str(at), team=f"t{at:02}") for at in range(30)])
    after = audit(
        *[finding(str(at), "partial" if at % 2 else "covered", team=f"t{at:02}") for at in range(30)]
    )
    groups = cut(report_of(after, before).groups["team"], 20)
    assert [one.name for one in groups][19:] == ["t08", "10 more"]
    assert (groups[-1].count, groups[-1].before) == (Count(covered=10), Count(covered=10))
    assert sum(one.count.registered for one in groups) == 30
    assert 'aria-label="10 more: 10 covered"' in page(report_of(after))
    assert "| 10 more | 10 |" in markdown_text(report_of(after), 20)


def test_an_audit_reads_back() -> None:
    """What is saved gives the same audit; a report of it too, by the same reader."""
    import json

    from pushvar.kit.audit.report import as_object

    made = audit(finding("a", "partial", missing=("x", "y"), hint=HOSTILE), problems=("p",))
    assert read_audit(json.dumps(as_object(report_of(made))).encode(), "a.json") == made


STRANGE = (
    b'{"registry":"r","version":"v","time_ms":1,"targets":[{"key":"k","job":"j","url":"u","customer_id":"",'
    b'"service_domain":"","sla_tier":"","team":"","instance":"","state":"splendid"}]}'
)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"[]", b"{}", b"null", b"\xff\xfe", b'{"schema": 1, "kind": "pushvar audit"}',
        b'{"schema":1,"kind":"other","registry":"r","version":"v","time_ms":1,"targets":[]}',
        b'{"schema":9,"kind":"pushvar audit","registry":"r","version":"v","time_ms":1,"targets":[]}',
        b'{"registry":"r","version":"v","time_ms":1,"targets":[{"key":"k","state":"covered"}]}',
        STRANGE,
    ],
)  # fmt: skip
def test_what_is_no_audit_is_refused(text: bytes) -> None:
    """With the name of the file and the next step."""
    with pytest.raises(ConfigError, match=r"old\.json.*") as raised:
        read_audit(text, "old.json")
    assert raised.value.hint


def test_the_trend_is_by_target() -> None:
    """A better state is better; in the same one fewer missing metrics are; the rest is not told."""
    before = audit(
        finding("up", "partial", missing=("a", "b")), finding("down"), finding("gone"), finding("same")
    )
    after = audit(
        finding("up", "partial", missing=("a",)),
        finding("down", "no_format"),
        finding("new"),
        finding("same"),
    )
    found = trend(before, after)
    kinds = {
        kind: [one.target.key for one in getattr(found, kind)] for kind in ("worse", "better", "new", "gone")
    }
    assert kinds == {"worse": ["down"], "better": ["up"], "new": ["new"], "gone": ["gone"]}


class Elements(HTMLParser):
    """Notes elements, attributes that run something, and text of cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """No attribute of an element runs or loads anything."""
        self.tags.append(tag)
        assert [name for name, _ in attrs if name.startswith("on") or name in ("src", "href")] == []

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self.cells.append(data)


def hostile() -> Audit:
    """Every text that comes from outside is hostile."""
    texts = dict.fromkeys(
        ("job", "url", "customer_id", "service_domain", "sla_tier", "team", "detail"), HOSTILE
    )
    return audit(finding("k", "no_format", reason="bad_json", **texts), problems=(HOSTILE,))


def test_the_page_shows_hostile_texts_as_texts() -> None:
    """They stand there as they are, in no element of their own, and nothing is loaded from anywhere."""
    parsed = Elements()
    parsed.feed(page(report_of(hostile(), hostile())))
    assert parsed.tags.count("script") == 1
    assert "img" not in parsed.tags
    shown = HOSTILE.replace("\n", "\\n").replace("\u202e", "\\u202e").replace("\x1b", "\\x1b")
    assert parsed.cells.count(shown) >= 5


def test_markdown_shows_hostile_texts_as_texts() -> None:
    """No line end, bar, tag or link of theirs is one of the document's."""
    text = markdown_text(report_of(hostile()))
    assert re.search(r"(?<!\\)[<`]|(?<!\\)\]\(", text) is None
    rows = [line for line in text.splitlines() if "alert" in line and line.startswith("|")]
    assert rows
    assert all(line.endswith(" |") for line in rows)
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "  =1"])
def test_csv_holds_no_formula(text: str) -> None:
    """A cell that a spreadsheet would run begins with an apostrophe or an escape, and stays one cell."""
    rows = list(csv.reader(io.StringIO(csv_text(report_of(audit(finding("k", "no_format", detail=text)))))))
    cell = rows[1][rows[0].index("detail")]
    assert cell[0] in "'\\"
    assert len(rows) == 2
    assert len(rows[0]) == len(rows[1])


def test_metrics_of_hostile_labels_read_back() -> None:
    """The text is read as it was meant, line ends and quotes of labels among it."""
    families = read_text(metrics_text(hostile()))
    samples = [
        one for family in families for one in family.samples if family.family.name == "pushvar_audit_targets"
    ]
    assert {dict(one.labels)["team"] for one in samples} == {HOSTILE}
    assert {dict(one.labels)["state"]: one.value for one in samples}["no_format"] == 1


def test_an_empty_audit_has_every_report() -> None:
    """A registry without targets gives reports that say so."""
    report = report_of(audit())
    assert "no target is registered" in page(report)
    assert "no target is registered" in markdown_text(report)
    assert csv_text(report).count("\n") == 1
    assert b"pushvar_audit_timestamp_seconds 1795000000\n" in metrics_text(report.audit)


SERVER = 'package main\nimport "net/http"\nfunc main() { http.ListenAndServe(":1", nil) }\n'


@pytest.mark.parametrize(
    ("files", "silent"),
    [
        ({"main.go": SERVER}, ["main.go:3"]),
        ({"main.go": SERVER.replace("import", 'import _ "expvar"\nimport')}, []),
        ({"main.go": SERVER, "vars.go": 'package main\nimport (\n\t_ "expvar"\n)\n'}, []),
        ({"main.go": 'package main\nimport _ "expvar"\n', "api/serve.go": SERVER}, []),
        ({"a/main.go": 'package main\nimport _ "expvar"\n', "b/serve.go": SERVER}, ["b/serve.go:3"]),
        ({"main.go": SERVER.replace("{ ", '{ http.Handle("/metrics", promhttp.Handler()); ')}, []),
        ({"main.go": SERVER.replace("{ ", "{ // promhttp.Handler()\n ")}, ["main.go:4"]),
        ({"main.go": SERVER.replace("import", '// import _ "expvar"\nimport')}, ["main.go:4"]),
        ({"main.go": SERVER.replace("http.ListenAndServe", "// http.ListenAndServe")}, []),
        ({"main.go": 'package main\nvar x = `\nimport "net/http"\nhttp.ListenAndServe()`\n'}, []),
        ({"main_test.go": SERVER}, []),
        ({"main.go": SERVER.replace('http.ListenAndServe(":1", nil)', "s := &http.Server{}")}, ["main.go:3"]),
    ],
)
def test_go_source(files: dict[str, str], silent: list[str]) -> None:
    """Servers without metrics are found by words of the code, not of comments, strings or tests."""
    assert [f"{one.path}:{one.line}" for one in search(files.items()).silent] == silent
