"""``pushvar audit`` on fleets with planted defects: what it says is what was planted, in every form."""

from __future__ import annotations

import csv
import json
import re
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from tests.programs import loopback
from tests.programs.commands import promtool, run_pushvar
from tests.programs.scripted_fleet import KINDS, Service, article_plan, random_plan, scripted_fleet, states
from tests.programs.scripted_receiver import Reply, scripted_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.programs.aws import Aws
    from tests.programs.browser import Browser
    from tests.programs.commands import Completed
    from tests.programs.databases import Database
    from tests.programs.scripted_fleet import Fleet
    from tests.programs.servers import Server

PLAN = random_plan(200, seed=9)
STATES = ("covered", "partial", "no_runtime", "no_format", "unreachable")
USABLE, RUNTIME = STATES[:3], STATES[:2]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """A server that has every defect."""
    with scripted_fleet() as running:
        yield running


@pytest.fixture(scope="module")
def audited(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Completed]:
    """The folder of an audit of 200 services in every form, and how the command ended."""
    folder = tmp_path_factory.mktemp("audit")
    (folder / "fleet.yml").write_text(fleet.config(PLAN))
    files = (
        "--csv",
        "a.csv",
        "--markdown",
        "a.md",
        "--html",
        "a.html",
        "--save",
        "a.json",
        "--metrics",
        "a.prom",
    )
    done = run_pushvar("audit", "-c", "fleet.yml", "--worst", "0", *files, folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done


def saved(audited: tuple[Path, Completed]) -> Any:
    """The saved audit."""
    return json.loads((audited[0] / "a.json").read_text())


def expected(plan: list[Service]) -> dict[str, Any]:
    """What an object of the report has to be for these services, counted from the plan alone."""
    counted = states(plan)
    numbers = {
        "reachable": len(plan) - counted["unreachable"],
        "usable": sum(counted[state] for state in USABLE),
        "runtime": sum(counted[state] for state in RUNTIME),
        "covered": counted["covered"],
    }
    percent = {name: float(Fraction(100 * number, len(plan))) for name, number in numbers.items()}
    by_state = {state: counted[state] for state in STATES}
    return {"registered": len(plan), **numbers, "states": by_state, "percent": percent}


def test_every_planted_defect_is_found(audited: tuple[Path, Completed]) -> None:
    """Each of 200 targets has the state and the failure class that were planted in it."""
    found = {one["instance"]: one for one in saved(audited)["targets"]}
    assert len(found) == len(PLAN) == 200
    assert {service.kind for service in PLAN} == set(KINDS)
    for service in PLAN:
        one = found[service.name]
        judged = (one["state"], one["reason"])
        assert judged == (service.state, KINDS[service.kind].reason), service
        assert one["state"] == "covered" or one["hint"], service
        owner = (one["customer_id"], one["service_domain"], one["sla_tier"], one["team"], one["job"])
        assert owner == (
            service.customer_id, service.service_domain, service.sla_tier, service.team, service.job,
        )  # fmt: skip


def test_sums_are_those_of_the_plan(audited: tuple[Path, Completed]) -> None:
    """Counts and percentages, of all and by owner, tier and job, equal those counted from the plan."""
    report = saved(audited)
    assert report["totals"] == expected(PLAN)
    for dimension in ("customer_id", "service_domain", "sla_tier", "team", "job"):
        names = {getattr(service, dimension) for service in PLAN}
        groups = {one.pop("name"): one for one in report["groups"][dimension]}
        assert set(groups) == {name or "no team" for name in names}
        for name in names:
            plan = [service for service in PLAN if getattr(service, dimension) == name]
            assert groups[name or "no team"] == expected(plan), (dimension, name)
        uncovered = [one["registered"] - one["covered"] for one in report["groups"][dimension]]
        assert uncovered == sorted(uncovered, reverse=True)


def test_missing_names_and_hints(audited: tuple[Path, Completed]) -> None:
    """What a target lacks is named, by its tier and format, with the remedy for that."""
    by_name = {one["instance"]: one for one in saved(audited)["targets"]}
    of = {(one.kind, one.sla_tier): by_name[one.name] for one in PLAN}
    no_process = of["text_no_process", "bronze"]
    assert [name for name in no_process["missing"] if not name.startswith("process_")] == []
    assert len(no_process["missing"]) == 5
    assert "/proc not mounted" in no_process["hint"]
    assert of["expvar_bare", "silver"]["missing"] == ["go_goroutines"]
    assert "NumGoroutine" in of["expvar_bare", "silver"]["hint"]
    requests = ["http_requests_total", "http_request_duration_seconds"]
    assert of["expvar_goroutines", "gold"]["missing"] == requests
    assert 'import _ "expvar"' in of["expvar_business", "gold"]["hint"]
    assert of["hang", "gold"]["detail"] == "no complete answer within 1.5 s"


def test_the_starting_point_of_the_article(fleet: Fleet, tmp_path: Path) -> None:
    """61 % of services expose nothing usable, 39 % of scrapes succeed, 83 % of Go ones lack the runtime."""
    (tmp_path / "fleet.yml").write_text(fleet.config(article_plan()))
    done = run_pushvar("audit", "-c", "fleet.yml", "--json", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert (report["schema"], report["kind"]) == (1, "pushvar audit")
    total, jobs = report["totals"], {one["name"]: one for one in report["groups"]["job"]}
    assert (total["registered"], total["usable"], total["percent"]["usable"]) == (200, 78, 39.0)
    assert 100 - total["percent"]["usable"] == 61.0
    go = jobs["go-services"]
    assert (go["registered"], go["runtime"], 100 - go["percent"]["runtime"]) == (100, 17, 83.0)
    assert total == expected(article_plan())


def test_the_tables(audited: tuple[Path, Completed]) -> None:
    """A person reads the same counts, aligned, the worst groups first, and nothing that ends in blanks."""
    out, counted = audited[1].stdout, states(PLAN)
    usable, runtime, covered = expected(PLAN)["usable"], expected(PLAN)["runtime"], counted["covered"]
    share = [f"{number / 2:.1f}%" for number in (usable, runtime, covered)]
    assert out.startswith(
        f"200 targets: {share[0]} give series ({usable}), {share[1]} have the Go runtime ({runtime}),"
        f" {share[2]} are covered ({covered})\n"
    )
    assert out.count("\nall  ") == 5
    assert len(
        re.findall(r"^(?:unreachable|no_format|no_runtime|partial) .*http://127", out, re.MULTILINE)
    ) == (200 - covered)
    assert [line for line in out.splitlines() if line != line.rstrip()] == []
    assert "\x1b" not in out


def test_csv_has_every_target(audited: tuple[Path, Completed]) -> None:
    """One row for each, and the states add up to those of the plan."""
    with (audited[0] / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["instance"]: row["state"] for row in rows} == {one.name: one.state for one in PLAN}
    assert [row["state"] for row in rows[-states(PLAN)["covered"] :]] == ["covered"] * states(PLAN)["covered"]


def test_markdown_tables_are_whole(audited: tuple[Path, Completed]) -> None:
    """Every row of a table has as many cells as its head, and the sums stand there."""
    text = (audited[0] / "a.md").read_text()
    width = 0
    for line in text.splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line))
        if line.startswith("|"):
            width = width or cells
            assert cells == width, line
        else:
            width = 0
    assert re.search(rf"^\| all \| 200 \|.* {states(PLAN)['covered']} +[\d.]+% \|$", text, re.MULTILINE)


def test_metrics_are_what_prometheus_reads(audited: tuple[Path, Completed]) -> None:
    """The textfile passes promtool, has a series for each owner and state, and others may read it."""
    path = audited[0] / "a.prom"
    done = promtool("check", "metrics", input=path.read_text())
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    owners = {(one.customer_id, one.service_domain, one.sla_tier, one.team) for one in PLAN}
    lines = path.read_text().splitlines()
    assert sum(line.startswith("pushvar_coverage_ratio{") for line in lines) == len(owners)
    counts = [float(line.split()[-1]) for line in lines if line.startswith("pushvar_audit_targets{")]
    assert (len(counts), sum(counts)) == (5 * len(owners), 200)
    assert path.stat().st_mode & 0o444 == (audited[0] / "fleet.yml").stat().st_mode & 0o444
    assert sorted(one.name for one in audited[0].iterdir() if one.name.startswith(".")) == []


def test_the_page_in_a_browser(audited: tuple[Path, Completed], browser: Browser) -> None:
    """Its script runs, its numbers are those of the plan, and nothing is wider than the window."""
    page = (audited[0] / "a.html").read_text()
    probe = (
        "const box = document.documentElement; const head = document.querySelectorAll('.sortable th button');"
        " head[2].click(); const first = document.querySelector('.sortable tbody tr').cells[2].textContent;"
        " box.dataset.probe = [box.scrollWidth - box.clientWidth, head.length, first].join('|');"
    )
    page = re.sub("<meta http-equiv=[^>]+>", "", page, count=1)  # else the probe would not run
    probed = audited[0] / "probed.html"
    probed.write_text(page.replace("</body>", f"<script>{probe}</script></body>"))
    dom = browser.dump(probed.as_uri())
    found = re.search(r'data-probe="(\d+)\|(\d+)\|(.*?)"', dom)
    assert found is not None
    assert (found[1], found[2]) == ("0", "9")
    assert found[3] == min((m for m in re.findall(r'<td class="url">(.*?)</td>', dom)), key=str)
    for state, number in states(PLAN).items():
        assert f"<title>{state.replace('_', ' ')}: {number:,} of 200</title>" in dom
    spoken = ", ".join(f"{states(PLAN)[state]} {state.replace('_', ' ')}" for state in STATES)
    assert dom.count(f'aria-label="all: {spoken}"') == 5
    owners = ("customer_id", "service_domain", "sla_tier", "team", "job")
    assert dom.count('role="img"') == 5 + sum(len({getattr(one, name) for one in PLAN}) for name in owners)


def test_the_policy_lets_only_its_own_script_run(audited: tuple[Path, Completed], browser: Browser) -> None:
    """Sorting works under the page's policy, and a script that got in would not run."""
    page = (audited[0] / "a.html").read_text()
    intruder = audited[0] / "intruder.html"
    intruder.write_text(page.replace("<h1>", "<script>document.title = 'taken'</script><h1>"))
    dom = browser.dump(intruder.as_uri())
    assert "<title>Coverage audit</title>" in dom
    assert dom.count('<button type="button">') == 9


def test_prometheus_gets_the_metrics(fleet: Fleet, prometheus: Database, tmp_path: Path) -> None:
    """``--push`` sends them by the configuration's backends, with the labels of each owner."""
    plan = [
        Service("push-1", "text_full", customer_id="audit-a", team="red"),
        Service("push-2", "refused", customer_id="audit-a", team="red"),
        Service("push-3", "text_full", customer_id="audit-b"),
    ]
    backend = f"remote_write: [{{name: main, url: '{prometheus.write_url}'}}]"
    (tmp_path / "fleet.yml").write_text(fleet.config(plan, backend))
    done = run_pushvar("audit", "-c", "fleet.yml", "--push", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "pushed 13 samples to main\n")
    ratios = {
        (labels["customer_id"], labels.get("team")): (value, labels)
        for labels, value in prometheus.query('pushvar_coverage_ratio{customer_id=~"audit-.*"}')
    }
    assert {owner: value for owner, (value, _) in ratios.items()} == {
        ("audit-a", "red"): 0.5, ("audit-b", None): 1.0,
    }  # fmt: skip
    assert ratios["audit-b", None][1] == {
        "__name__": "pushvar_coverage_ratio", "customer_id": "audit-b", "service_domain": "pay",
        "sla_tier": "gold", "job": "pushvar-audit",
    }  # fmt: skip
    targets = prometheus.query('pushvar_audit_targets{customer_id="audit-a"}')
    counts = {labels["state"]: value for labels, value in targets}
    assert counts == {"covered": 1, "unreachable": 1, "partial": 0, "no_runtime": 0, "no_format": 0}
    ((_, at_s),) = prometheus.query('pushvar_audit_timestamp_seconds{job="pushvar-audit"}')
    assert abs(at_s - time.time()) < 300


def test_a_push_that_does_not_arrive(fleet: Fleet, tmp_path: Path) -> None:
    """Is exit code 4 and says where; without a backend it is exit code 2, before anything is fetched."""
    plan = [Service("push-1", "text_full")]
    backend = f"remote_write: [{{name: gone, url: 'http://127.0.0.1:{fleet.port}/svc/not_found'}}]"
    (tmp_path / "fleet.yml").write_text(fleet.config(plan, backend))
    done = run_pushvar("audit", "-c", "fleet.yml", "--push", folder=tmp_path)
    assert done.returncode == 4
    assert "not delivered to gone: " in done.stderr
    (tmp_path / "fleet.yml").write_text(fleet.config(plan))
    done = run_pushvar("audit", "-c", "fleet.yml", "--push", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")


def test_a_trend(audited: tuple[Path, Completed], fleet: Fleet, tmp_path: Path) -> None:
    """Better, worse, new and gone targets are told in every form, with coverage before and now."""
    before = [
        Service("t-mended", "not_found"), Service("t-broke", "text_full"), Service("t-gone", "html"),
        Service("t-same", "text_full"), Service("t-lost", "text_no_requests"),
    ]  # fmt: skip
    after = [
        Service("t-mended", "text_full"), Service("t-broke", "server"), Service("t-new", "text_full"),
        Service("t-same", "text_full"), Service("t-lost", "text_no_process"),
    ]  # fmt: skip
    (tmp_path / "fleet.yml").write_text(fleet.config(before))
    assert run_pushvar("audit", "-c", "fleet.yml", "--save", "old.json", folder=tmp_path).returncode == 0
    (tmp_path / "fleet.yml").write_text(fleet.config(after))
    files = ("--csv", "a.csv", "--markdown", "a.md", "--html", "a.html", "--save", "new.json")
    done = run_pushvar("audit", "-c", "fleet.yml", "--compare", "old.json", *files, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "covered 40.0% of 5 targets before, 60.0% now; 2 worse, 1 better, 1 new, 1 gone\n" in done.stdout
    trend = json.loads((tmp_path / "new.json").read_text())["trend"]
    keys = {one["key"]: one for name in ("worse", "better", "new", "gone") for one in trend[name]}
    assert len(keys) == 5
    assert [(one["before"], one["after"]) for one in trend["worse"]] == [
        ("covered", "unreachable"), ("partial", "partial"),
    ]  # fmt: skip
    assert [(one["before"], one["after"]) for one in trend["new"]] == [(None, "covered")]
    assert [(one["before"], one["after"]) for one in trend["gone"]] == [("no_format", None)]
    for name in ("a.md", "a.html"):
        text = (tmp_path / name).read_text()
        assert "2 worse, 1 better, 1 new, 1 gone" in text
        assert "t-broke http" in text.replace("\\", "").replace("&#x27;", "'")
    assert audited[1].stdout.count("covered before") == 0


def test_what_is_no_audit(fleet: Fleet, tmp_path: Path) -> None:
    """``--compare`` with anything else is exit code 2 and names the file, before anything is fetched."""
    (tmp_path / "fleet.yml").write_text(fleet.config([Service("one", "text_full")]))
    (tmp_path / "other.json").write_text('{"schema": 1, "targets": []}')
    for name, why in (
        ("fleet.yml", "holds no audit"),
        ("other.json", "holds no audit"),
        ("none.json", "No such"),
    ):
        done = run_pushvar("audit", "-c", "fleet.yml", "--compare", name, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert name in done.stderr
        assert why in done.stderr


def test_fail_under(fleet: Fleet, tmp_path: Path) -> None:
    """Coverage of just the threshold is enough; below it, and without any target, the exit code is 1."""
    plan = [Service("one", "text_full"), Service("two", "text_full"), Service("three", "html")]
    (tmp_path / "fleet.yml").write_text(fleet.config(plan))
    for percent, code in (("66.6", 0), ("66.7", 1), ("0", 0)):
        done = run_pushvar("audit", "-c", "fleet.yml", "--fail-under", percent, folder=tmp_path)
        assert done.returncode == code, percent
    assert "coverage is below" not in done.stderr
    (tmp_path / "empty.yml").write_text("scrape_configs: [{job_name: none}]\n")
    done = run_pushvar("audit", "-c", "empty.yml", "--fail-under", "1", "--html", "a.html", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "no target is registered: nothing was audited\n")


def test_a_refused_target_is_told(fleet: Fleet, tmp_path: Path) -> None:
    """Of two targets with equal labels one is audited, the other is a problem in every report."""
    plan = [Service("twin", "text_full"), Service("twin", "html")]
    (tmp_path / "fleet.yml").write_text(fleet.config(plan))
    done = run_pushvar("audit", "-c", "fleet.yml", "--markdown", "-", folder=tmp_path)
    assert (done.returncode, "has the same labels as" in done.stderr) == (0, True)
    assert done.stdout.startswith("# Coverage audit\n\n1 target: ")
    assert "## Problems of the registry" in done.stdout


def test_wrong_usage(fleet: Fleet, tmp_path: Path) -> None:
    """Is exit code 2 with a word on what to do, and costs no fetch."""
    (tmp_path / "fleet.yml").write_text(fleet.config([Service("one", "text_full")]))
    for arguments, word in (
        ((), "--config is missing"),
        (("-c", "fleet.yml", "--csv", "no/such/a.csv"), "is no folder; make it first"),
        (("-c", "fleet.yml", "--html", "."), "is a folder"),
        (("-c", "fleet.yml", "--json", "--csv", "-"), "only one report"),
        (("-c", "none.yml"), "none.yml"),
        (("--source", "fleet.yml"), "is no folder"),
        (("--source", ".", "--push"), "--source takes no --push"),
    ):
        done = run_pushvar("audit", *arguments, folder=tmp_path)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert word in done.stderr


def test_a_registry_in_parameter_store(fleet: Fleet, aws: Aws, tmp_path: Path) -> None:
    """Is audited like a file."""
    (tmp_path / "fleet.yml").write_text(fleet.config([Service("one", "text_full"), Service("two", "html")]))
    where = "ssm:/pushvar/audited"
    for arguments in (("config", "push", "fleet.yml", "--to", where), ("audit", "-r", where)):
        done = run_pushvar(*arguments, folder=tmp_path, env=aws.environment)
        assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 targets: 50.0% give series (1), ")


def test_real_programs(etcd: Server, tmp_path: Path) -> None:
    """Both pages of a program that was written with the official client are covered, each by its measure."""
    address = etcd.url.partition("//")[2]
    jobs = "".join(
        f"  - {{job_name: {path[1:4]}, metrics_path: {path}, static_configs:"
        f" [{{targets: ['{address}'], labels: {{sla_tier: {tier}}}}}]}}\n"
        for path, tier in (("/metrics", "silver"), ("/debug/vars", "bronze"))
    )
    (tmp_path / "etcd.yml").write_text(f"scrape_configs:\n{jobs}")
    done = run_pushvar("audit", "-c", "etcd.yml", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["targets"]
    assert [(one["format"], one["state"]) for one in found] == [
        ("prometheus", "covered"),
        ("expvar", "covered"),
    ]


def test_a_secret_that_is_not_there(fleet: Fleet, tmp_path: Path) -> None:
    """Costs the targets of its job, which are findings; the audit goes on."""
    config = fleet.config([Service("one", "text_full"), Service("two", "text_full", job="locked")])
    locked = "    authorization: {credentials: 'env:AUDIT_NO_SUCH_SECRET'}\n"
    (tmp_path / "fleet.yml").write_text(config.rstrip() + "\n" + locked)
    done = run_pushvar("audit", "-c", "fleet.yml", "--json", folder=tmp_path)
    assert done.returncode == 0
    one, two = json.loads(done.stdout)["targets"]
    assert (one["state"], two["state"], two["reason"]) == ("covered", "unreachable", "auth")
    assert "AUDIT_NO_SUCH_SECRET" in two["detail"]


def test_the_way_to_a_pushgateway(fleet: Fleet, pushgateway: Server, tmp_path: Path) -> None:
    """``--metrics -`` is what ``pushvar job push`` takes: owners keep their labels there."""
    (tmp_path / "fleet.yml").write_text(fleet.config([Service("one", "text_full", customer_id="piped")]))
    printed = run_pushvar("audit", "-c", "fleet.yml", "--metrics", "-", folder=tmp_path).stdout
    push = ("job", "push", "-", "--job", "pushvar-audit", "--method", "PUT", "--to", pushgateway.url)
    done = run_pushvar(*push, input=printed)
    assert done.returncode == 0, done.stderr
    lines = loopback.get(f"{pushgateway.url}/metrics").body.decode().splitlines()
    (ratio,) = [line for line in lines if line.startswith("pushvar_coverage_ratio{")]
    assert 'customer_id="piped"' in ratio
    assert 'job="pushvar-audit"' in ratio
    assert ratio.endswith("} 1")


def test_each_tenant_has_its_own_request(fleet: Fleet, tmp_path: Path) -> None:
    """Where backends are told the tenant by a header, each gets its own numbers and no others'."""
    plan = [Service("one", "text_full", customer_id="t-a"), Service("two", "html", customer_id="t-b")]
    with scripted_receiver(Reply(204)) as receiver:
        backend = f"{{name: main, url: '{receiver.url}', headers: {{X-Scope-OrgID: '{{customer_id}}'}}}}"
        (tmp_path / "fleet.yml").write_text(fleet.config(plan, f"remote_write: [{backend}]"))
        done = run_pushvar("audit", "-c", "fleet.yml", "--push", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "pushed 13 samples to main\n")
    sent = {
        (one.headers["X-Scope-OrgID"], dict(labels)["customer_id"])
        for one in receiver.arrived
        for labels, _, _ in one.samples
    }
    assert sent == {("t-a", "t-a"), ("t-b", "t-b"), ("default", "default")}


def test_go_source(tmp_path: Path) -> None:
    """``--source`` names the place that starts a server without metrics, exit code 1; a good one is 0."""
    for name, more in (("good", 'import _ "expvar"\n'), ("bad", "")):
        folder = tmp_path / "services" / name
        folder.mkdir(parents=True)
        serve = 'func main() {\n\thttp.ListenAndServe(":1", nil)\n}\n'
        code = f'package main\n\nimport "net/http"\n{more}\n{serve}'
        (folder / "main.go").write_text(code)
    done = run_pushvar("audit", "--source", "services", folder=tmp_path)
    assert done.returncode == 1
    assert 'bad/main.go:6  http.ListenAndServe(":1", nil)\n' in done.stdout
    assert "2 Go files read, 2 of them start an HTTP server; 1 place without metrics\n" in done.stdout
    done = run_pushvar("audit", "--source", "services/good", "--json", folder=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["silent"]) == (0, [])
