"""``pushvar triage``: for each class of failure it names the true cause, and what to do next."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from pushvar.catalogue import DROPPED
from pushvar.cli.triage import command
from pushvar.errors import ConfigError

from tests.programs.certificates import authority, self_signed, server_context
from tests.programs.commands import run_pushvar
from tests.programs.faulty_server import FaultyServer, faulty_server
from tests.programs.pages import JSON, Page, Pages, pages
from tests.programs.raw_server import Connection, ok, raw_server, silent_server
from tests.programs.scripted_receiver import Reply, scripted_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.programs.aws import Aws
    from tests.programs.databases import Database

SECRET = "correct-horse-battery"
DOCUMENT = '{"cmdline": ["./app", "--token=' + SECRET + '"], "requests_total": 7}'
JOB = "scrape_configs: [{job_name: pay, scrape_interval: 60s, scrape_timeout: 500ms, "
IDLE = JOB + "static_configs: [{targets: ['a:1']}]}]\n"


@pytest.fixture(scope="module")
def faults() -> Iterator[FaultyServer]:
    """Serve every fault."""
    with faulty_server() as running:
        yield running


@pytest.fixture(scope="module")
def served() -> Iterator[Pages]:
    """Serve pages that tests write."""
    with pages() as running:
        yield running


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the state of this machine's user out of it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("PUSHVAR_REGISTRY", raising=False)
    monkeypatch.delenv("PUSHVAR_PROMETHEUS_URL", raising=False)


def triaged(*arguments: str, fetches: int = 1) -> tuple[int, dict[str, Any]]:
    """The exit code and the object of one run inside this process."""
    given = [*arguments, "--fetches", str(fetches), "--json"]
    done = CliRunner().invoke(command, given, standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.return_value, json.loads(done.stdout)


def cause(*arguments: str, fetches: int = 1) -> str:
    """Cause and next step of a run that found one."""
    code, told = triaged(*arguments, fetches=fetches)
    assert code == 1, told
    assert told["found"]
    return f"{told['cause']} -> {told['next']}"


def written(folder: Path, text: str) -> str:
    """A configuration in a file."""
    (folder / "pushvar.yml").write_text(text)
    return str(folder / "pushvar.yml")


def of_job(folder: Path, url: str, more: str = "", rest: str = "") -> str:
    """A configuration with one job that has the target of this URL."""
    scheme, _, place = url.partition("://")
    address, slash, path = place.partition("/")
    static = f"static_configs: [{{targets: ['{address}'], labels: {{customer_id: acme}}}}]"
    block = f"{JOB}scheme: {scheme}, metrics_path: '{slash}{path}', {static}{more}}}]\n{rest}"
    return written(folder, block)


class TestTargets:
    def test_a_good_target(self, served: Pages) -> None:
        """A target that is well has no cause: what was ruled out is told, and no secret of it."""
        url = served.show("/good", Page(DOCUMENT, JSON))
        code, told = triaged(url)
        assert (code, told["found"], told["schema"]) == (0, False, 1)
        assert "what the target serves" in told["ruled_out"]
        assert SECRET not in json.dumps(told)

    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("/status/401", ("wants credentials and the job", "add basic_auth or authorization")),
            ("/status/403", ("HTTP 403", "add basic_auth")),
            ("/status/404", ("nothing is served at /status/404: HTTP 404", "check metrics_path")),
            ("/status/429", ("limits how often", "raise scrape_interval")),
            ("/status/418", ("HTTP 418", "target's own log")),
            ("/status/500", ("HTTP 500", "a panic in a Func, or out of memory")),
            ("/redirect-other", ("redirects to http://localhost", "register the final address")),
            ("/redirect-loop", ("redirects to itself", "rule")),
            ("/html", ("a login page", "give the job credentials")),
            ("/empty", ("the answer is empty", "metrics_path")),
            ("/array", ("a JSON list", "metrics_path and format")),
            ("/cut-json", ("breaks off", "panics half way")),
            ("/bad-gzip", ("compressed, and cannot be read", "Content-Encoding")),
            ("/cut-gzip", ("compressed, and cannot be read", "Content-Encoding")),
            ("/no-http", ("does not speak HTTP: 'SSH-2.0", "another program listens")),
            ("/truncated", ("ended before the answer was complete", "broke off while it wrote")),
            ("/close", ("closed it without an answer", "try https")),
            ("/reset", ("accepted the connection and reset it", "crashed on the request")),
        ],
    )
    def test_answers(self, faults: FaultyServer, path: str, words: tuple[str, str]) -> None:
        """Each wrong answer has its own cause and its own next step."""
        said = cause(faults.url + path)
        assert all(word in said for word in words), said

    def test_nobody_listens(self, faults: FaultyServer) -> None:
        """A refused connection: the host is there, the port is not."""
        assert "nothing listens on port" in cause(faults.refused_url + "/debug/vars")

    def test_a_name_that_does_not_exist(self) -> None:
        """A name that does not resolve is told as such, with the file or the zone to look at."""
        said = cause("http://nowhere.invalid/debug/vars")
        assert "nowhere.invalid" in said
        assert "does not exist" in said or "name server did not answer" in said

    def test_a_metadata_address(self) -> None:
        """Where clouds keep credentials nothing is fetched, and the rule is named."""
        assert "169.254.169.254, which no target may be" in cause("http://169.254.169.254/latest")

    @pytest.mark.parametrize(
        ("path", "words"),
        [("/hang", "says nothing within 0.5 s"), ("/drip-body", "not complete within 0.5 s")],
    )
    def test_timeouts(self, tmp_path: Path, faults: FaultyServer, path: str, words: str) -> None:
        """A program that hangs and a body that trickles are told apart."""
        assert words in cause(faults.url + path, "-c", of_job(tmp_path, faults.url + path))

    def test_a_handshake_without_an_end(self, tmp_path: Path) -> None:
        """A port that accepts and says nothing, asked for TLS."""
        with silent_server() as port:
            url = f"https://127.0.0.1:{port}/x"
            assert "does not finish the TLS handshake" in cause(url, "-c", of_job(tmp_path, url))

    def test_a_path_that_is_right(self, served: Pages) -> None:
        """A 404 where /metrics of the same port has metrics: that is the next step."""
        served.show("/metrics", Page("requests_total 7\n", "text/plain; version=0.0.4"))
        said = cause(served.show("/x", Page("", JSON)).removesuffix("/x") + "/debug/none")
        assert "set metrics_path: /metrics" in said

    def test_credentials_that_are_refused(self, tmp_path: Path, faults: FaultyServer) -> None:
        """With credentials a 401 means that they are wrong, and they are not shown."""
        (tmp_path / "secret").write_text(SECRET)
        auth = f", basic_auth: {{username: u, password_file: {tmp_path / 'secret'}}}"
        url = faults.url + "/status/401"
        code, told = triaged(url, "-c", of_job(tmp_path, url, auth))
        assert code == 1
        assert "refuses the credentials of the job pay" in told["cause"]
        assert "basic_auth" in told["next"]
        assert SECRET not in json.dumps(told)

    def test_a_secret_that_is_not_there(self, tmp_path: Path, faults: FaultyServer) -> None:
        """A job without its secret is not fetched by a cycle: that is the cause, whatever the target says."""
        auth = f", basic_auth: {{username: u, password_file: {tmp_path / 'none'}}}"
        url = faults.url + "/ok"
        assert "a secret of the job pay cannot be read" in cause(url, "-c", of_job(tmp_path, url, auth))

    def test_a_body_over_the_limit(self, tmp_path: Path, faults: FaultyServer) -> None:
        """A body over body_size_limit is told with the limit."""
        url = faults.url + "/huge"
        said = cause(url, "-c", of_job(tmp_path, url, ", body_size_limit: 1KB"))
        assert "over 1024 bytes" in said
        assert "raise body_size_limit" in said

    def test_too_many_samples(self, tmp_path: Path, served: Pages) -> None:
        """A document over sample_limit is fetched well and scraped badly."""
        url = served.show("/many", Page('{"a": 1, "b": 2, "c": 3}', JSON))
        assert "raise sample_limit" in cause(url, "-c", of_job(tmp_path, url, ", sample_limit: 2"))

    def test_a_forbidden_network(self, tmp_path: Path, served: Pages) -> None:
        """The rule of target_policy that forbids an address is named."""
        url = served.show("/good", Page(DOCUMENT, JSON))
        rest = "global: {target_policy: {deny: [127.0.0.0/8]}}"
        assert "target_policy denies 127.0.0.0/8" in cause(url, "-c", of_job(tmp_path, url, rest=rest))


class TestCertificates:
    @pytest.mark.parametrize("kind", ["expired", "wrong", "self-signed", "unknown"])
    def test_kinds(self, tmp_path: Path, kind: str) -> None:
        """Four ways for a certificate to be wrong: four causes."""
        ca = authority(tmp_path)
        names = "DNS:other.test" if kind == "wrong" else "IP:127.0.0.1"
        made = self_signed(tmp_path) if kind == "self-signed" else ca.certificate(
            "made", alternatives=names, days=-1 if kind == "expired" else 2
        )  # fmt: skip
        trusted = "" if kind in ("self-signed", "unknown") else f", tls_config: {{ca_file: {ca.ca_file}}}"
        words = {"expired": "has expired", "wrong": "is for another name", "self-signed": "is self-signed",
                 "unknown": "authority that is not trusted here"}  # fmt: skip
        with raw_server(tls=server_context(made)) as server:
            url = f"https://127.0.0.1:{server.port}/x"
            assert words[kind] in cause(url, "-c", of_job(tmp_path, url, trusted))

    @pytest.mark.parametrize("refuses", ["refuses", ""])
    def test_tls_asked_of_plain_http(self, tmp_path: Path, refuses: str) -> None:
        """The scheme is the cause, whether the server refuses the handshake or waits for a line."""

        def plain(connection: Connection) -> None:
            hello = connection.socket.recv(1, socket.MSG_PEEK) == b"\x16"
            if hello and refuses:
                connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            elif hello:
                connection.wait()
            elif connection.request():
                connection.send(ok(DOCUMENT.encode(), f"Content-Type: {JSON}"))

        with raw_server(plain) as server:
            url = f"https://127.0.0.1:{server.port}/good"
            assert "set scheme: http" in cause(url, "-c", of_job(tmp_path, url))

    def test_plain_http_to_go(self) -> None:
        """What Go's server says to plain HTTP on its TLS port is understood."""

        def go(connection: Connection) -> None:
            connection.request()
            body = b"Client sent an HTTP request to an HTTPS server.\n"
            connection.send(b"HTTP/1.0 400 Bad Request\r\n\r\n" + body)

        with raw_server(go) as server:
            assert "set scheme: https" in cause(f"http://127.0.0.1:{server.port}/debug/vars")


class TestConfigurations:
    def test_by_address_instance_or_job(self, tmp_path: Path, served: Pages) -> None:
        """A target is found by each of its names, and then its configuration is ruled out."""
        url = served.show("/good", Page(DOCUMENT, JSON))
        config = of_job(tmp_path, url)
        for name in (url, url.split("/")[2], "pay"):
            code, told = triaged(name, "-c", config)
            assert (code, told["subject"]) == (0, url)
            assert "the registry" in told["ruled_out"]

    def test_several(self, tmp_path: Path) -> None:
        """A job with two targets: both are listed, and it is wrong usage."""
        config = written(tmp_path, JOB + "static_configs: [{targets: ['a:1', 'b:2']}]}]")
        done = run_pushvar("triage", "pay", "-c", config)
        assert done.returncode == 2
        assert "http://a:1/debug/vars" in done.stderr
        assert "http://b:2/debug/vars" in done.stderr

    def test_a_name_that_nobody_has(self, tmp_path: Path) -> None:
        """A word that is no target at all is wrong usage."""
        config = written(tmp_path, IDLE)
        with pytest.raises(ConfigError, match="no target, instance or job"):
            triaged("pya", "-c", config)

    def test_not_registered(self, tmp_path: Path, served: Pages) -> None:
        """A target that answers and that no job has is never fetched."""
        url = served.show("/good", Page(DOCUMENT, JSON))
        config = written(tmp_path, IDLE)
        assert "no job of the configuration has it" in cause(url, "-c", config)

    def test_dropped_by_relabelling(self, tmp_path: Path) -> None:
        """A target that relabel_configs drop: nothing is fetched, and the job is named."""
        steps = ", relabel_configs: [{action: drop, regex: '.*'}]"
        config = written(tmp_path, f"{JOB}static_configs: [{{targets: ['a:1']}}]{steps}}}]")
        assert "relabel_configs of the job pay drop a:1" in cause("a:1", "-c", config)

    def test_everything_dropped(self, tmp_path: Path, served: Pages) -> None:
        """A target whose series all fall to metric_relabel_configs."""
        url = served.show("/good", Page(DOCUMENT, JSON))
        steps = ", metric_relabel_configs: [{action: drop, regex: '.*'}]"
        assert "drop every series" in cause(url, "-c", of_job(tmp_path, url, steps))

    def test_slow(self, tmp_path: Path) -> None:
        """A target that takes nearly all of its timeout looks well, and is not."""

        def slow(connection: Connection) -> None:
            while connection.request():
                connection.wait(0.42)
                connection.send(ok(b'{"a": 1}', "Content-Type: application/json"))

        with raw_server(slow) as server:
            url = f"http://127.0.0.1:{server.port}/x"
            assert "the target is slow" in cause(url, "-c", of_job(tmp_path, url), fetches=2)


class TestBackends:
    @pytest.mark.parametrize(
        ("status", "words"),
        [
            (400, "finds the request wrong"),
            (401, "refuses the credentials"),
            (403, "does not allow this"),
            (404, "--web.enable-remote-write-receiver"),
            (413, "too large"),
            (415, "set protobuf_message: auto"),
            (429, "limits this tenant"),
            (500, "fails itself (HTTP 500)"),
            (503, "fails itself (HTTP 503)"),
        ],
    )
    def test_statuses(self, tmp_path: Path, served: Pages, status: int, words: str) -> None:
        """The target is well, and the backend's answer is the cause."""
        url = served.show("/good", Page(DOCUMENT, JSON))
        with scripted_receiver(Reply(status, text="no")) as receiver:
            rest = f"remote_write: [{{name: main, url: '{receiver.url}'}}]"
            said = cause(url, "-c", of_job(tmp_path, url, rest=rest))
            assert words in said
            assert "the backend main" in said
            assert [one.samples for one in receiver.arrived] == [[]]

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("{refused}/api", "the connection is refused"),
            ("http://nowhere.invalid/api", "its name does not resolve"),
            ("{tls}/api", "fails at TLS"),
        ],
    )
    def test_no_answer(self, tmp_path: Path, faults: FaultyServer, url: str, words: str) -> None:
        """A backend that cannot be reached, looked at alone."""
        with raw_server(tls=server_context(self_signed(tmp_path))) as server:
            place = url.format(refused=faults.refused_url, tls=f"https://127.0.0.1:{server.port}")
            config = written(tmp_path, f"{IDLE}remote_write: [{{name: main, url: '{place}'}}]")
            assert words in cause("--backend", "main", "-c", config)

    def test_silence(self, tmp_path: Path, faults: FaultyServer) -> None:
        """A backend that never answers is given its own remote_timeout, no longer."""
        block = f"{{name: main, url: '{faults.url}/hang', remote_timeout: 300ms}}"
        config = written(tmp_path, f"{IDLE}remote_write: [{block}]")
        assert "does not answer in time" in cause("--backend", "main", "-c", config)

    def test_an_unknown_backend(self, tmp_path: Path) -> None:
        """A name that no backend has is wrong usage; those that there are, are told."""
        config = written(tmp_path, IDLE + "remote_write: [{name: main, url: 'http://a/'}]")
        with pytest.raises(ConfigError, match="it has main"):
            triaged("--backend", "mian", "-c", config)

    def test_each_tenants_route(self, tmp_path: Path, served: Pages) -> None:
        """The backend is asked as the target's own tenant; one whose match keeps it away is no fault."""
        url = served.show("/good", Page(DOCUMENT, JSON))
        with scripted_receiver(Reply(204)) as receiver:
            block = f"name: a, url: '{receiver.url}', headers: {{X-Scope-OrgID: '{{customer_id}}'}}"
            other = f"name: b, url: '{receiver.url}', match: {{customer_id: other}}"
            rest = f"remote_write: [{{{block}}}, {{{other}}}]"
            code, told = triaged(url, "-c", of_job(tmp_path, url, rest=rest))
            assert (code, len(receiver.arrived)) == (0, 1), told
            assert receiver.arrived[0].headers["X-Scope-OrgID"] == "acme"

    def test_no_backend_takes_it(self, tmp_path: Path, served: Pages) -> None:
        """A target that the match of every backend keeps away goes nowhere."""
        url = served.show("/good", Page(DOCUMENT, JSON))
        rest = "remote_write: [{name: b, url: 'http://127.0.0.1:1/', match: {customer_id: other}}]"
        assert "do not go to the backend b" in cause(url, "-c", of_job(tmp_path, url, rest=rest))

    @pytest.mark.parametrize("message", ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"])
    def test_real_backends_take_nothing(
        self, tmp_path: Path, prometheus: Database, victoria_metrics: Database, message: str
    ) -> None:
        """Prometheus and VictoriaMetrics say yes to a request without series, in the version they speak."""
        databases = [prometheus] if message.startswith("io.") else [prometheus, victoria_metrics]
        for database in databases:
            block = f"{{name: main, url: '{database.write_url}', protobuf_message: {message}}}"
            config = written(tmp_path, f"{IDLE}remote_write: [{block}]")
            code, told = triaged("--backend", "main", "-c", config)
            assert code == 0, told


class TestState:
    def test_what_pushvar_remembers(self, tmp_path: Path, served: Pages) -> None:
        """After a cycle against a refusing backend, its state has the samples that were given up."""
        url = served.show("/good", Page(DOCUMENT, JSON))
        state = f"sqlite:{tmp_path / 's.db'}"
        with scripted_receiver(Reply(401)) as receiver:
            config = of_job(tmp_path, url, rest=f"remote_write: [{{name: main, url: '{receiver.url}'}}]")
            assert run_pushvar("run", "-c", config, "--once", "--state", state).returncode == 4
            receiver.replies[:] = [Reply(204)]
            said = cause(url, "-c", config, "--state", state)
        assert f"given up: {DROPPED['unauthorized']}" in said

    def test_samples_that_wait(self, tmp_path: Path, served: Pages) -> None:
        """After an outage, what waits is told with its age, and that the backend is well again."""
        url = served.show("/good", Page(DOCUMENT, JSON))
        state = f"sqlite:{tmp_path / 's.db'}"
        with scripted_receiver(Reply(503)) as receiver:
            queue = "queue_config: {min_backoff: 5s, max_backoff: 5s}, remote_timeout: 1s"
            rest = f"remote_write: [{{name: main, url: '{receiver.url}', {queue}}}]"
            of_job(tmp_path, url, rest=rest)
            patient = written(tmp_path, (tmp_path / "pushvar.yml").read_text().replace("60s", "2s"))
            assert run_pushvar("run", "-c", patient, "--once", "--state", state).returncode == 4
            config = of_job(tmp_path, url, rest=rest)
            receiver.replies[:] = [Reply(204)]
            code, told = triaged(url, "-c", config, "--state", state)
        assert code == 1
        assert "samples wait for the backend main" in told["cause"]

    def test_no_state(self, tmp_path: Path, served: Pages) -> None:
        """Without any state the step says so, and no file is made by looking."""
        url = served.show("/good", Page(DOCUMENT, JSON))
        code, told = triaged(url, "-c", of_job(tmp_path, url), "--state", f"sqlite:{tmp_path / 'none.db'}")
        assert (code, told["not_seen"]) == (0, ["pushvar"])
        assert not (tmp_path / "none.db").exists()

    def test_history_from_prometheus(self, tmp_path: Path, served: Pages, prometheus: Database) -> None:
        """What pushvar pushed comes back as the target's past, by its job and instance."""
        url = served.show("/good", Page(DOCUMENT, JSON))
        rest = f"remote_write: [{{name: main, url: '{prometheus.write_url}'}}]"
        config, state = of_job(tmp_path, url, rest=rest), f"sqlite:{tmp_path / 's.db'}"
        assert run_pushvar("run", "-c", config, "--once", "--state", state).returncode == 0
        until_s = time.monotonic() + 10
        while True:
            code, told = triaged(url, "-c", config, "--state", state, "--prometheus", prometheus.url)
            pace = next(step for step in told["steps"] if step["title"] == "pace")
            if pace["state"] == "ok" or time.monotonic() > until_s:
                break
        assert (code, pace["state"]) == (0, "ok"), told
        assert any("up in 1 of 1" in line for line in pace["seen"])
        assert {"pushvar's own cycles", "the backend main"} <= set(told["ruled_out"])

    def test_no_such_prometheus(self, tmp_path: Path, served: Pages, faults: FaultyServer) -> None:
        """A query API that does not answer leaves the past unknown, and is no cause."""
        url = served.show("/good", Page(DOCUMENT, JSON))
        code, told = triaged(url, "-c", of_job(tmp_path, url), "--prometheus", faults.refused_url)
        assert code == 0
        assert "pace" in told["not_seen"]


class TestCommand:
    def test_for_people(self, faults: FaultyServer) -> None:
        """The tree is numbered, ends with one cause and one next step, and has no colour in a pipe."""
        done = run_pushvar("triage", faults.url + "/status/500")
        assert (done.returncode, done.stderr) == (1, "")
        lines = done.stdout.splitlines()
        assert "1. fetch:" in done.stdout
        assert "first byte" in done.stdout
        assert [line.partition(":")[0] for line in lines[-2:]] == ["cause", "next"]
        assert "\x1b" not in done.stdout

    @pytest.mark.parametrize("arguments", [(), ("http://a/", "--backend", "b"), ("--backend", "b"), ("a:1",)])
    def test_wrong_usage(self, arguments: tuple[str, ...]) -> None:
        """Nothing, two things at once, a backend or an address of no configuration: exit code 2."""
        assert run_pushvar("triage", *arguments).returncode == 2

    def test_what_a_target_says_is_harmless(self, served: Pages) -> None:
        """A page with a private key, a token and terminal codes is shown without them."""
        page = f"\x1b[31mhello token={SECRET} there"
        url = served.show("/odd", Page(page, "text/plain"))
        done = run_pushvar("triage", url)
        assert done.returncode == 1
        assert SECRET not in done.stdout
        assert "\x1b" not in done.stdout


TEMPLATE = {
    "Resources": {
        "ShardQueue": {"Type": "AWS::SQS::Queue"},
        "ShardDeadLetters": {"Type": "AWS::SQS::Queue"},
    },
    "Outputs": {
        "ShardQueueUrl": {"Value": {"Ref": "ShardQueue"}},
        "ShardDeadLettersUrl": {"Value": {"Ref": "ShardDeadLetters"}},
        "ScheduleName": {"Value": "tick"},
    },
}


class TestStack:
    def test_a_stack(self, aws: Aws) -> None:
        """A deployment is well, then has a dead letter, then an alarm: each is told, the letter first."""
        aws.client("cloudformation").create_stack(StackName="pv", TemplateBody=json.dumps(TEMPLATE))
        assert "the schedule is MISSING" in cause("--stack", "pv")
        tick = {
            "ScheduleExpression": "rate(1 minute)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": "arn:aws:lambda:eu-west-1:1:function:p", "RoleArn": "arn:aws:iam::1:role/r"},
        }
        aws.client("scheduler").create_schedule(Name="tick", State="ENABLED", **tick)
        code, told = triaged("--stack", "pv")
        assert code == 0, told
        assert {"the deployment", "the schedule", "queue ShardQueue"} <= set(told["ruled_out"])
        alarm = {"Namespace": "pushvar", "MetricName": "M", "Period": 60, "EvaluationPeriods": 1}
        alarm |= {"Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold", "Statistic": "Sum"}
        name = "pv-PlanErrorsAlarm-1X"
        watch = aws.client("cloudwatch")
        watch.put_metric_alarm(AlarmName=name, **alarm)
        watch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
        assert "docs/alarms.md, PlanErrorsAlarm" in cause("--stack", "pv")
        outputs = aws.client("cloudformation").describe_stacks(StackName="pv")["Stacks"][0]["Outputs"]
        letters = next(one["OutputValue"] for one in outputs if one["OutputKey"] == "ShardDeadLettersUrl")
        aws.client("sqs").send_message(QueueUrl=letters, MessageBody="x")
        assert "shards failed three times" in cause("--stack", "pv")

    def test_no_stack(self, aws: Aws) -> None:
        """A stack that is not there is the cause itself."""
        assert aws.url
        assert "the stack nope" in cause("--stack", "nope")
