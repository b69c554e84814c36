"""``pushvar check`` on services as pipelines start them: the verdict, the exit code, what is written."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from tests.components import REPOSITORY, golang
from tests.programs import servers
from tests.programs.commands import run_pushvar
from tests.programs.loopback import free_port
from tests.programs.pages import JSON, Page, Pages, pages
from tests.programs.process import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.programs.commands import Completed
    from tests.programs.servers import Server

SOURCE = REPOSITORY / "tests" / "programs" / "gated"
SECRET = "correct-horse-battery"
RUNTIME = '"memstats": {"Alloc": 1, "NumGC": 2}'


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the service."""
    program = tmp_path_factory.mktemp("gated") / "gated"
    golang.run(SOURCE, "build", "-o", str(program), ".")
    return program


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a Pushgateway to which nobody pushed: a program with the official client and nothing else."""
    with servers.pushgateway(tmp_path_factory.mktemp("client")) as server:
        yield server


@pytest.fixture(scope="module")
def served() -> Iterator[Pages]:
    """Serve pages that tests write."""
    with pages() as server:
        yield server


@pytest.fixture(scope="module")
def url(served: Pages) -> str:
    """Give a page with one failure and one warning."""
    return served.show("/mixed", Page(f'{{{RUNTIME}, "latency_ms": 3}}', JSON))


@contextmanager
def started(program: Path, folder: Path, *flags: str) -> Iterator[str]:
    """Start the service and give its URL at once: the gate is what waits."""
    port = free_port()
    with running([str(program), f"-listen=127.0.0.1:{port}", *flags], folder / "log"):
        yield f"http://127.0.0.1:{port}/vars"


def levels(done: Completed) -> dict[str, str]:
    """Check -> how it went, of the first URL of a run with --json."""
    told: dict[str, Any] = json.loads(done.stdout)["urls"][0]
    return {one["name"]: one["level"] for one in told["checks"]}


def failing(done: Completed) -> set[str]:
    """The checks that failed."""
    return {name for name, level in levels(done).items() if level == "fail"}


class TestServices:
    def test_a_good_service(self, client: Server) -> None:
        """A program with the official client ships without a warning."""
        done = run_pushvar("check", f"{client.url}/metrics", "--tier", "silver", "--strict", "--json")
        assert done.returncode == 0, done.stdout
        assert set(levels(done).values()) == {"pass"}

    def test_expvar_only(self, go_program: Server) -> None:
        """A program with expvar alone ships; what it calls its numbers is a warning, which strict minds."""
        url = f"{go_program.url}/debug/vars"
        done = run_pushvar("check", url, "--tier", "silver", "--json")
        assert done.returncode == 0, done.stdout
        assert {name for name, level in levels(done).items() if level != "pass"} == {"names"}
        assert run_pushvar("check", url, "--strict").returncode == 1
        gold = run_pushvar("check", url, "--tier", "gold", "--json")
        assert (gold.returncode, failing(gold)) == (1, {"core"})

    def test_no_runtime_metrics(self, gated: Path, tmp_path: Path) -> None:
        """A program that shows only numbers of its own does not ship, and is told what to register."""
        with started(gated, tmp_path, "-own") as url:
            done = run_pushvar("check", url)
        assert done.returncode == 1
        assert re.search(r"FAIL +runtime +process_cpu_seconds_total missing", done.stdout)
        assert "→ register collectors.NewGoCollector()" in done.stdout
        assert done.stdout.endswith("does not ship: 2 failures, 0 warnings\n")

    def test_slow_to_start(self, gated: Path, tmp_path: Path) -> None:
        """A start that takes too long fails, and nothing else does; with more time it ships."""
        with started(gated, tmp_path, "-after=300ms", "-warming=1200ms") as url:
            late = run_pushvar("check", url, "--within", "1s", "--timeout", "20s", "--json")
        assert (late.returncode, failing(late)) == (1, {"in-time"})
        with started(gated, tmp_path, "-after=500ms", "-warming=500ms") as url:
            assert run_pushvar("check", url, "--within", "20s").returncode == 0

    def test_waiting_is_not_counted(self, gated: Path, tmp_path: Path) -> None:
        """The time of --wait-url is none of the service's."""
        with started(gated, tmp_path, "-after=300ms", "-warming=1200ms") as url:
            done = run_pushvar("check", url, "--wait-url", url, "--within", "1s", "--timeout", "20s")
        assert done.returncode == 0, done.stdout

    def test_a_slow_page(self, gated: Path, tmp_path: Path) -> None:
        """A page that takes longer than it may fails by its latency."""
        with started(gated, tmp_path, "-page=400ms") as url:
            done = run_pushvar("check", url, "--max-latency", "200ms", "--json")
        assert (done.returncode, failing(done)) == (1, {"latency"})

    def test_secrets_on_the_command_line(self, gated: Path, tmp_path: Path) -> None:
        """A password among the flags fails, and is nowhere in what is said or written."""
        files: list[str | Path] = ["--junit", tmp_path / "junit.xml", "--checklist", tmp_path / "list.md"]
        with started(gated, tmp_path, f"-db-password={SECRET}") as url:
            done = run_pushvar("check", url, "--annotations", "github", *files)
            told = run_pushvar("check", url, "--json")
        assert (done.returncode, failing(told)) == (1, {"secrets"})
        assert "cmdline[2]: the value of -db-password" in done.stdout
        written = "".join(path.read_text() for path in tmp_path.iterdir())
        assert SECRET not in done.stdout + done.stderr + told.stdout + written

    def test_a_wrong_port(self) -> None:
        """Where nobody listens there is no answer, which has an exit code of its own."""
        url = f"http://127.0.0.1:{free_port()}/debug/vars"
        done = run_pushvar("check", url, "--within", "300ms", "--timeout", "500ms")
        assert done.returncode == 3
        assert re.search(r"no answer in 0\.5 s and \d tries: refused", done.stdout)
        assert "→ check the port, and that the program runs" in done.stdout


class TestAnswers:
    @pytest.mark.parametrize(
        ("page", "check"),
        [
            (Page("<!doctype html><p>Sign in</p>", "text/html"), "format"),
            (Page("", JSON), "format"),
            (Page('{"memstats": {', JSON), "format"),
            (Page("moved", status=302, headers=(("Location", "/login"),)), "status"),
            (Page("broken", status=500), "status"),
            (Page("who are you", status=401), "status"),
            (Page("nothing", status=404), "status"),
            (Page('{"memstats": {"Alloc": 1}}', JSON), "runtime"),
            (Page(f'{{{RUNTIME}, "aws": "AKIAABCDEFGHIJKLMNOP"}}', JSON), "secrets"),
            (Page(f'{{{RUNTIME}, "requests{{user_id=\\"7\\"}}": 1}}', JSON), "labels"),
        ],
    )  # fmt: skip
    def test_one_thing_is_wrong(self, served: Pages, page: Page, check: str) -> None:
        """The check that is meant for it fails, and the exit code says that something does."""
        done = run_pushvar("check", served.show("/page", page), "--within", "2s", "--timeout", "2s", "--json")
        assert done.returncode == 1, done.stdout
        assert check in failing(done)

    def test_a_document_that_lies_about_its_type(self, served: Pages) -> None:
        """JSON that is called HTML can be read, and is worth a warning."""
        url = served.show("/lie", Page(f"{{{RUNTIME}}}", "text/html"))
        assert levels(run_pushvar("check", url, "--json"))["content-type"] == "warn"

    def test_hostile_names(self, served: Pages, tmp_path: Path) -> None:
        """Nothing in a document reaches the terminal, the workflow, XML or Markdown as an order."""
        key = 'x{label=\\"\\u001b[31m\\n::error::owned <b>|%0A\\u0000\\"}'
        url = served.show("/hostile", Page(f'{{{RUNTIME}, "{key}": 1, "\\u001b]0;title\\u0007ms": 2}}', JSON))
        files: list[str | Path] = ["--junit", tmp_path / "junit.xml", "--checklist", tmp_path / "list.md"]
        done = run_pushvar("check", url, "--annotations", "github", "--require", "a\x1b[2J::b", *files)
        assert done.returncode == 1
        assert "\x1b" not in done.stdout
        assert [line for line in done.stdout.splitlines() if line.startswith("::error::")] == []
        assert ET.fromstring((tmp_path / "junit.xml").read_bytes()).tag == "testsuites"  # noqa: S314 - our own
        assert "<b>" not in (tmp_path / "list.md").read_text()

    def test_thousands_of_series(self, served: Pages) -> None:
        """Too many series fail, values of one label warn, and a second look that finds new ones does too."""
        many = "".join(f'hits_total{{path="/{n}"}} 1\n' for n in range(3_000))
        more = "".join(f'hits_total{{path="/{n}"}} 1\n' for n in range(3_100))
        url = served.show("/many", Page(many), Page(more))
        done = run_pushvar("check", url, "--json")
        found = levels(done)
        assert (found["series"], found["label-values"], found["growth"]) == ("fail", "warn", "warn")
        assert "series" not in failing(run_pushvar("check", url, "--max-series", "5000", "--json"))

    def test_two_pages_of_one_service(self, served: Pages, client: Server) -> None:
        """Each URL has its own verdict; pages of one service may each leave out what another has."""
        own = served.show("/own", Page("# TYPE shop_orders_total counter\nshop_orders_total 1\n"))
        urls = (f"{client.url}/metrics", own)
        apart = run_pushvar("check", *urls, "--json")
        assert apart.returncode == 1
        assert [one["ships"] for one in json.loads(apart.stdout)["urls"]] == [True, False]
        assert run_pushvar("check", "--together", *urls).returncode == 0


class TestOutputs:
    def test_junit(self, url: str, tmp_path: Path) -> None:
        """A suite for each URL, a case for each check; counts are those of the cases."""
        path = tmp_path / "junit.xml"
        done = run_pushvar("check", url, "--junit", path)
        (suite,) = ET.fromstring(path.read_bytes())  # noqa: S314 - our own
        cases = list(suite)
        assert done.returncode == 1
        assert (suite.get("name"), suite.get("tests")) == (url, str(len(cases)))
        assert suite.get("failures") == str(sum(case.find("failure") is not None for case in cases)) == "1"
        assert suite.get("skipped") == suite.get("errors") == "0"
        strict = run_pushvar("check", url, "--strict", "--junit", path)
        assert strict.returncode == 1
        assert ET.fromstring(path.read_bytes())[0].get("failures") == "2"  # noqa: S314 - our own

    def test_github_actions(self, url: str, tmp_path: Path) -> None:
        """In a workflow each finding is an annotation, and the summary of the run has the checklist."""
        summary = tmp_path / "summary.md"
        summary.write_text("before\n")
        env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
        done = run_pushvar("check", url, env=env)
        lines = [line for line in done.stdout.splitlines() if line.startswith("::")]
        assert [line.partition(" ")[0] for line in lines] == ["::error", "::warning"]
        assert all(
            re.fullmatch(r"::(error|warning) title=pushvar check%3A [a-z-]+::http.+", line) for line in lines
        )
        assert summary.read_text().startswith("before\n# Does not ship: ")
        assert "::" not in run_pushvar("check", url, "--annotations", "none", env=env).stdout.replace(
            "://", ""
        )
        as_json = run_pushvar("check", url, "--json", env=env)
        assert json.loads(as_json.stdout)["ships"] is False
        assert "::error" in as_json.stderr

    def test_quiet(self, url: str, client: Server) -> None:
        """One line for each failed check, nothing where all is well."""
        done = run_pushvar("check", url, "--quiet")
        assert (done.returncode, done.stdout.count("\n")) == (1, 1)
        assert done.stdout.startswith(f"{url}: core: memory: ")
        well = run_pushvar("check", f"{client.url}/metrics", "--quiet")
        assert (well.returncode, well.stdout, well.stderr) == (0, "", "")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--tier", "platinum"], "platinum is no tier; there are gold, silver, bronze"),
            (["--within", "soon"], "soon"),
            (["--junit", "/nowhere/at/all.xml"], "/nowhere/at/all.xml: No such file"),
        ],
    )
    def test_wrong_usage(self, url: str, arguments: list[str], said: str) -> None:
        """What cannot be meant ends with 2 and says what to write."""
        done = run_pushvar("check", url, *arguments)
        assert done.returncode == 2
        assert said in done.stderr

    def test_not_a_url(self) -> None:
        """A word without a scheme is no URL."""
        done = run_pushvar("check", "localhost:8080")
        assert (done.returncode, "write http://host:port/path" in done.stderr) == (2, True)


def test_the_action_runs_the_command() -> None:
    """Every input of the composite action is used, and everything that it uses is an input."""
    action: dict[str, Any] = yaml.safe_load((REPOSITORY / "action.yml").read_text())
    assert action["runs"]["using"] == "composite"
    text = "\n".join(str(step) for step in action["runs"]["steps"])
    used = set(re.findall(r"inputs\.([a-z-]+)", text))
    assert used == set(action["inputs"])
    assert "${{ inputs" not in "".join(step.get("run", "") for step in action["runs"]["steps"])
