"""``pushvar job push``, ``delete`` and ``list`` on a real Pushgateway; who a push says that it is."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from pushvar.app.jobs_groups import document
from pushvar.errors import ConfigError

from tests.e2e.job_scenes import held
from tests.programs.commands import run_pushvar
from tests.programs.loopback import request
from tests.programs.raw_server import ok, raw_server

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.programs.commands import Completed
    from tests.programs.raw_server import Connection
    from tests.programs.servers import Server

TEXT = '# HELP rows Rows.\n# TYPE rows gauge\nrows{shop="a"} 4\nrows{shop="b"} 5\n'
OPENMETRICS = "# TYPE sold counter\nsold_total 3\n# EOF\n"
EXPVAR = '{"cmdline": ["secret"], "orders_total": 7, "memstats": {"Alloc": 1000}}'


def push(gateway: str, body: str, *options: str, env: Mapping[str, str] | None = None) -> Completed:
    """Push a document from standard input to the job that the options name."""
    return run_pushvar("job", "push", "-", "--to", gateway, *options, input=body, env=env)


def test_documents_of_each_kind(pushgateway: Server, tmp_path: Path) -> None:
    """Text, OpenMetrics and expvar become what a Pushgateway understands, told apart by their content."""
    path = tmp_path / "metrics.prom"
    path.write_text(TEXT.replace("\n", "\r\n"))
    done = run_pushvar("job", "push", path, "--job", "of each", "--label", "a=b/c", "--to", pushgateway.url)
    assert (done.returncode, done.stderr) == (0, "")
    address = f"{pushgateway.url}/metrics/job/of%20each/a@base64/Yi9j"
    assert done.stdout == f"pushed 2 samples to {address}: 200\n"
    for body, count in ((OPENMETRICS, "1 sample"), (EXPVAR, "2 samples")):
        done = push(pushgateway.url, body, "--job", "of each", "--label", "a=b/c")
        assert (done.returncode, done.stderr) == (0, "")
        assert f"pushed {count} to " in done.stdout
    group = held(pushgateway, "of each")
    assert group["rows"] == {"shop=a": 4, "shop=b": 5}
    assert (group["sold_total"], group["orders_total"]) == ({"": 3}, {"": 7})
    assert group["go_memstats_alloc_bytes"] == {"": 1000}
    assert "secret" not in json.dumps(group)


def test_put_and_delete(pushgateway: Server) -> None:
    """POST adds, PUT leaves nothing else, delete removes the group; one that is not there is no error."""
    options = ("--job", "replaced", "--label", "env=x")
    assert push(pushgateway.url, "one_row 1\n", *options).returncode == 0
    assert push(pushgateway.url, "two_rows 2\n", *options).returncode == 0
    assert {"one_row", "two_rows"} <= {*held(pushgateway, "replaced")}
    assert push(pushgateway.url, "two_rows 3\n", *options, "--method", "PUT").returncode == 0
    group = held(pushgateway, "replaced")
    assert (group["two_rows"], "one_row" in group) == ({"": 3}, False)
    for _ in range(2):
        done = run_pushvar("job", "delete", "--to", pushgateway.url, *options)
        assert done.stdout == f"deleted {pushgateway.url}/metrics/job/replaced/env/x: 202\n"
        assert (done.returncode, done.stderr) == (0, "")


BAD = {
    "a bad line": (b"rows 1\nrows{ 2\n", "auto", "stdin: text format parsing error in line 2"),
    "a timestamp": (b"rows 1 1700000000000\n", "auto", "has a timestamp"),
    "twice": (b"rows 1\nrows 2\n", "auto", "twice"),
    "nothing": (b"\n", "auto", "it holds no samples"),
    "no JSON": (b"{nothing", "auto", "no expvar document"),
    "no OpenMetrics": (b"rows 1\nrows{ 2\n# EOF\n", "auto", "OpenMetrics parsing error in line 2"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_documents(kind: str) -> None:
    """Each says what is wrong in it."""
    body, form, why = BAD[kind]
    with pytest.raises(ConfigError, match=why):
        document("stdin", body, form)


def test_what_is_not_pushed() -> None:
    """A bad document or label is code 2, and nothing is sent."""
    for body, label, why in (
        ("rows{ 2\n", "a=b", "stdin: "),
        ("rows 1\n", "status=x", "status is a label of"),
    ):
        done = push("http://127.0.0.1:1", body, "--job", "bad", "--label", label)
        assert (done.returncode, done.stdout) == (2, "")
        assert why in done.stderr


def test_what_is_not_delivered(pushgateway: Server) -> None:
    """A gateway that refuses or is not there is code 4, with its words."""
    assert (
        request("POST", f"{pushgateway.url}/metrics/job/owner", body=b"# TYPE kept counter\nkept 1\n").status
        == 200
    )
    done = push(pushgateway.url, "# TYPE kept gauge\nkept 1\n", "--job", "other")
    assert (done.returncode, done.stdout) == (4, "")
    assert "HTTP 400" in done.stderr
    done = run_pushvar("job", "list", "--to", "http://127.0.0.1:1", "--patience", "100ms")
    assert (done.returncode, done.stdout) == (4, "")
    assert "Connection refused" in done.stderr
    assert run_pushvar("job", "list").returncode == 2


def test_the_list(tmp_path: Path) -> None:
    """Each group in a line: labels, ages, whether it runs, its code; as JSON with times; none is told too."""
    from tests.programs.servers import pushgateway as run_gateway

    with run_gateway(tmp_path) as gateway:
        env = {"PUSHVAR_PUSH_URL": gateway.url, "XDG_STATE_HOME": str(tmp_path)}
        empty = run_pushvar("job", "list", env=env)
        assert (empty.returncode, empty.stdout, empty.stderr) == (0, "", "no groups\n")
        run_pushvar("job", "run", "--job", "good", "--label", "env=prod", "--", "true", env=env)
        run_pushvar("job", "run", "--job", "bad", "--", "sh", "-c", "exit 4", env=env)
        push(gateway.url, "rows 1\n", "--job", "plain", "--label", "shard=\x1b[31m7")
        heading, *lines = run_pushvar("job", "list", env=env).stdout.splitlines()
        assert heading.split("  ")[0] == "job"
        assert [line.split()[0] for line in lines] == ["bad", "good", "plain"]
        assert lines[0].split()[-2:] == ["no", "4"]
        assert lines[1].split()[1:2] + lines[1].split()[-2:] == ["env=prod", "no", "0"]
        assert "shard=\\x1b[31m7" in lines[2]
        found = json.loads(run_pushvar("job", "list", "--json", env=env).stdout)
    assert found["schema"] == 1
    bad, good, plain = found["groups"]
    assert (bad["labels"], bad["exit_code"], bad["running"]) == ({"job": "bad"}, 4, False)
    assert (bad["last_success"], bad["last_push_refused"]) == (None, False)
    assert good["pushed"] >= good["last_success"] > 1.7e9
    assert (plain["exit_code"], plain["running"], plain["last_success"]) == (None, None, None)


def test_who_a_push_is_and_how_long_it_is_kept(tmp_path: Path) -> None:
    """Credentials come from variables and files; a group lives three intervals, at least a day, or --ttl."""
    token = tmp_path / "token"
    token.write_text("from a file\n")
    basic = {"PUSHVAR_PUSH_USERNAME": "me", "PUSHVAR_PUSH_PASSWORD": f"file:{token}"}
    expected = b64encode(b"me:from a file").decode()
    with raw_server() as server:
        url = f"http://127.0.0.1:{server.port}"
        env = {"XDG_STATE_HOME": str(tmp_path)}
        for every, credentials in (("1h", basic), ("2d", {"PUSHVAR_PUSH_TOKEN": "plain"})):
            line = ("job", "run", "--job", "x", "--to", url, "--every", every, "--", "true")
            assert run_pushvar(*line, env={**env, **credentials}).returncode == 0
        mine = {"PUSHVAR_PUSH_TOKEN": "env:MINE", "MINE": "there"}
        push(url, "rows 1\n", "--job", "x", "--ttl", "90m", env=mine)
    heads = [dict(_headers(head)) for head in server.heads]
    shown = {(head["x-pushvar-ttl"], head["authorization"]) for head in heads}
    assert shown == {("1d", f"Basic {expected}"), ("6d", "Bearer plain"), ("1h30m", "Bearer there")}


def _headers(head: str) -> list[tuple[str, str]]:
    lines = [line.partition(": ") for line in head.split("\r\n")[1:]]
    return [(name.lower(), value) for name, _, value in lines]


def test_a_secret_is_in_no_message() -> None:
    """A gateway that refuses it is told of without it."""

    def refuse(connection: Connection) -> None:
        while connection.request():
            connection.send(ok().replace(b"200 OK", b"403 No"))

    with raw_server(refuse) as server:
        url = f"http://127.0.0.1:{server.port}"
        done = push(url, "rows 1\n", "--job", "x", env={"PUSHVAR_PUSH_TOKEN": "kept safe"})
    assert done.returncode == 4
    assert dict(_headers(server.heads[0]))["authorization"] == "Bearer kept safe"
    assert "kept safe" not in done.stdout + done.stderr
