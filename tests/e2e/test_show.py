"""``pushvar show``: what it prints is what would be sent, and every official reader takes it."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as parse_text
from pushvar.receiver.server import Receiver

from tests.documents import body
from tests.e2e.configurations import write_config
from tests.programs.commands import promtool, run_pushvar

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Orders
    from tests.programs.servers import Server

LINT_ONLY = 3  # promtool's exit code when the text is right and only its style is criticised
FAULTS = ["nan", "inf", "funcnan", "ctrlkey", "baretext", "nilmap"]


def check_metrics(text: str) -> None:
    """Promtool reads the text; it may criticise names (``lint``), not syntax."""
    done = promtool("check", "metrics", input=text)
    assert done.returncode in (0, LINT_ONLY), done.stderr
    assert "error while linting" not in done.stderr


def test_a_url_passes_the_official_parser_and_promtool(go_program: Server) -> None:
    """A live program's series in text 0.0.4: 29 memstats samples, goroutines, its own, and health."""
    shown = run_pushvar("show", f"{go_program.url}/debug/vars")
    assert (shown.returncode, shown.stderr) == (0, "")
    check_metrics(shown.stdout)
    names = {sample.name for family in parse_text(shown.stdout) for sample in family.samples}
    assert {"go_memstats_alloc_bytes", "go_goroutines", "orders_placed_total", "up"} <= names


def test_a_file_and_standard_input_give_the_same(tmp_path: Path) -> None:
    """The source does not matter but for its name in ``instance``."""
    file = tmp_path / "vars.json"
    file.write_bytes(body(orders=3))
    from_file, from_stdin = run_pushvar("show", file), run_pushvar("show", "-", input=file.read_text())
    assert from_file.returncode == from_stdin.returncode == 0
    check_metrics(from_file.stdout)
    assert from_file.stdout.replace('"vars.json"', '"stdin"') == from_stdin.stdout
    assert "s3cret" not in from_file.stdout + from_file.stderr


def test_openmetrics_passes_the_official_parser(go_program: Server) -> None:
    """The strict parser takes it; alloc_bytes_total is a family of its own, of unknown type."""
    shown = run_pushvar("show", f"{go_program.url}/debug/vars", "--format", "openmetrics")
    assert shown.returncode == 0
    assert shown.stdout.endswith("# EOF\n")
    read = openmetrics_parser.text_string_to_metric_families(shown.stdout)  # type: ignore[no-untyped-call]
    families = {family.name: family for family in read}
    assert families["go_memstats_alloc_bytes"].type == "gauge"
    assert families["go_memstats_alloc_bytes_total"].type == "unknown"
    assert families["go_memstats_mallocs"].type == "counter"


def test_what_is_shown_is_what_is_sent(run_orders: Orders, tmp_path: Path) -> None:
    """Series and labels of show --config equal those that run delivers, one for one."""
    with run_orders("-quiet") as program, Receiver() as receiver:
        config = write_config(
            tmp_path,
            {"pay-gold-api": program.address},
            {"strict": receiver.write_url},
            labels={"env": "prod", "customer_id": "acme"},
            tenancy={"default_customer_id": "nobody"},
        )
        shown = run_pushvar("show", f"{program.url}/debug/vars", "--config", config, "--format", "json")
        assert shown.returncode == 0, shown.stderr
        run = run_pushvar("run", "--config", config, "--once", "--state", tmp_path / "state.db")
        assert run.returncode == 0, run.stdout
        series = json.loads(shown.stdout)["series"]
        printed = {tuple(sorted({**one["labels"], "__name__": one["name"]}.items())) for one in series}
        sent = {
            tuple(sorted({**dict(one.labels), "__name__": one.name}.items())) for one in receiver.series()
        }
        assert printed == sent
        labels = series[0]["labels"]
        assert (labels["customer_id"], labels["service_domain"], labels["sla_tier"]) == (
            "acme",
            "pay",
            "gold",
        )
        types = {one["name"]: one["type"] for one in series}
        assert types["go_memstats_mallocs_total"] == "counter"


def test_explain_says_where_each_series_comes_from(tmp_path: Path) -> None:
    """Path and rule for every series, a reason for everything that is left out; JSON has them too."""
    file = tmp_path / "vars.json"
    file.write_bytes(body(orders={"paid_total": 3}, goroutines=7, version="1.2"))
    done = run_pushvar("show", file, "--explain")
    assert done.returncode == 0
    rows = [re.split(r" {2,}", line) for line in done.stdout.splitlines()]
    assert ["orders_paid_total", "3", "orders/paid_total", "auto"] in rows
    assert ["go_goroutines", "7", "goroutines", "go_goroutines"] in rows
    assert ["up", "1", "the fetch itself", "health"] in rows
    assert ["version", "string_without_rule"] in rows
    assert ["memstats/BySize", "memstats_unused"] in rows
    assert any(row[0] == "go_gc_duration_seconds{quantile=0.5}" for row in rows)
    assert "cmdline" not in done.stdout
    document = json.loads(run_pushvar("show", file, "--format", "json").stdout)
    (orders,) = [one for one in document["series"] if one["name"] == "orders_paid_total"]
    assert (orders["path"], orders["rule"]) == ("orders/paid_total", "auto")
    assert {"path": "version", "reason": "string_without_rule"} in document["skipped"]


@pytest.mark.parametrize("fault", FAULTS)
def test_each_class_of_invalid_json_from_a_real_program(fault: str, run_orders: Orders) -> None:
    """What Go really prints instead of JSON is repaired, said on standard error, and costs one value."""
    with run_orders(f"-fault={fault}", "-quiet") as program:
        shown = run_pushvar("show", f"{program.url}/debug/vars")
    assert shown.returncode == 0, shown.stderr
    families = list(parse_text(shown.stdout))
    names = {sample.name for family in families for sample in family.samples}
    assert {"go_memstats_alloc_bytes", "go_goroutines", "orders_placed_total"} <= names
    assert ("repaired:" in shown.stderr) == (fault != "nilmap")
    values = [sample.value for family in families for sample in family.samples]
    assert any(map(math.isnan, values)) == (fault == "nan")
    assert any(map(math.isinf, values)) == (fault == "inf")


WRONG = [
    (("http://127.0.0.1:1/debug/vars",), 3, "refused"),
    (("http://no-such-host.invalid/debug/vars",), 3, "does not resolve"),
    (("http://169.254.169.254/latest/meta-data",), 3, "which no target may be"),
    (("ftp://127.0.0.1/x",), 2, "only http and https"),
    (("no-such-file.json",), 2, "no-such-file.json"),
    (("127.0.0.1:6060",), 2, "write http:// before a host name"),
    (("-", "--config", "no-such.yml"), 2, "no-such.yml"),
    (("-", "--format", "xml"), 2, "Invalid value for '--format'"),
    (("-",), 3, "stdin: the body is empty"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), WRONG, ids=[" ".join(case[0]) for case in WRONG])
def test_wrong_sources(arguments: tuple[str, ...], code: int, words: str) -> None:
    """One line says what, where and what to do; nobody sees a traceback."""
    done = run_pushvar("show", *arguments)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "command", [(), ("run",), ("show",), ("config", "push"), ("targets", "add"), ("demo",), ("receive",)]
)
def test_help_is_laid_out(command: tuple[str, ...]) -> None:
    """Examples keep their lines: no mark of the layout is left in the text."""
    done = run_pushvar(*command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\b" not in done.stdout
    assert "\b" not in done.stdout
