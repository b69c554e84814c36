"""``pushvar gateway`` as a program: what it says, whom it lets in from where, how it ends, and a crowd."""

from __future__ import annotations

import json
import signal
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.programs import loopback
from tests.programs.commands import run_pushvar
from tests.programs.gateways import gateway

if TYPE_CHECKING:
    from pathlib import Path

ROWS = b"rows 42\n"
EVERYWHERE = "0.0.0.0:0"
CROWD = 200


def configured(folder: Path, block: Any) -> Path:
    """A configuration with this gateway block."""
    file = folder / "pushvar.yml"
    document = {
        "scrape_configs": [{"job_name": "j", "static_configs": [{"targets": ["127.0.0.1:9"]}]}],
        "remote_write": [{"url": "http://127.0.0.1:9/write"}],
        **({"gateway": block} if block else {}),
    }
    file.write_text(json.dumps(document))
    return file


def credential(**more: Any) -> dict[str, Any]:
    """A block with one customer's credential."""
    basic = {"username": "acme", "password": "env:PUSH_ACME"}
    return {"credentials": [{"customer_id": "acme", "basic_auth": basic}], **more}


def test_it_says_where_it_is_and_how_to_push(tmp_path: Path) -> None:
    """What it says can be pasted into a shell, and works."""
    with gateway(tmp_path) as server:
        assert loopback.request("PUT", f"{server.url}/metrics/job/nightly", body=ROWS).status == 200
        shown = server.text("/metrics")
        said = server.program.log.read_text()
    assert 'rows{instance="",job="nightly"} 42\n' in shown
    assert said.splitlines() == [
        f"listening  {server.url}",
        f'push       echo "rows 42" | curl --data-binary @- {server.url}/metrics/job/nightly',
        f"look       curl {server.url}/metrics",
    ]


def test_it_says_that_a_credential_is_wanted(tmp_path: Path) -> None:
    """And takes no push without one."""
    file = configured(tmp_path, credential())
    with gateway(tmp_path, "--config", file, env={"PUSH_ACME": "s3cret"}) as server:
        assert loopback.request("PUT", f"{server.url}/metrics/job/nightly", body=ROWS).status == 401
        assert "curl -u NAME:PASSWORD --data-binary" in server.program.log.read_text()


def test_a_line_for_each_request_that_went_wrong(tmp_path: Path) -> None:
    """Status, what was asked, why; no secret, and nothing that a terminal would obey."""
    file = configured(tmp_path, credential())
    with gateway(tmp_path, "--config", file, env={"PUSH_ACME": "s3cret"}) as server:
        url = f"{server.url}/metrics/job"
        good = {"Authorization": "Basic YWNtZTpzM2NyZXQ="}
        assert loopback.request("PUT", f"{url}/a", body=ROWS, headers=good).status == 200
        assert loopback.request("PUT", f"{url}/b", body=b"rows\x1b[2J 1\n", headers=good).status == 400
        wrong = {"Authorization": "Bearer hunter2"}
        assert loopback.request("PUT", f"{url}/c", body=ROWS, headers=wrong).status == 401
        lines = server.program.log.read_text().splitlines()[3:]
    assert [line.split("  ")[1:3] for line in lines] == [
        ["400", "PUT /metrics/job/b"],
        ["401", "PUT /metrics/job/c"],
    ]
    assert "\x1b" not in "".join(lines)
    assert "hunter2" not in "".join(lines)
    assert "no such credential" in lines[1]


def test_an_object_for_each_request(tmp_path: Path) -> None:
    """With --json: all of them, each with what became of it."""
    with gateway(tmp_path, "--json") as server:
        loopback.request("PUT", f"{server.url}/metrics/job/nightly", body=ROWS)
        loopback.request("POST", f"{server.url}/metrics/job/nightly", body=b"rows")
        server.text("/-/healthy")
        said = [json.loads(line) for line in server.program.log.read_text().splitlines()]
    assert {line["schema"] for line in said} == {1}
    listening, *asked = said
    assert listening["listening"] == server.url
    assert all(line["time_ms"] >= listening["time_ms"] and line["duration_s"] > 0 for line in asked)
    assert [(line["method"], line["target"], line["status"], line["outcome"]) for line in asked] == [
        ("PUT", "/metrics/job/nightly", 200, "stored"),
        ("POST", "/metrics/job/nightly", 400, "malformed"),
        ("GET", "/-/healthy", 200, "shown"),
    ]
    assert (asked[0]["customer_id"], asked[0]["size_bytes"]) == ("default", len(ROWS))


@pytest.mark.parametrize("block", [None, {"ttl": "2h"}])
def test_the_network_is_not_let_in_by_accident(tmp_path: Path, block: Any) -> None:
    """Without a credential it listens on this machine alone; the reason and three ways out are said."""
    options = ("--config", configured(tmp_path, block)) if block else ()
    for listen in (":0", EVERYWHERE, "[::]:0"):
        done = run_pushvar("gateway", "--listen", listen, "--state", f"sqlite:{tmp_path}/g.db", *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"other machines reach {listen}, and no credential is configured" in done.stderr
        assert "gateway.credentials or gateway.anonymous" in done.stderr


@pytest.mark.parametrize("block", [credential(), {"anonymous": "cust-1"}])
def test_the_network_is_let_in_when_a_configuration_says_who(tmp_path: Path, block: Any) -> None:
    """By a credential, or by the word that anybody may push."""
    options = ("--config", configured(tmp_path, block))
    with gateway(tmp_path, *options, env={"PUSH_ACME": "s3cret"}, listen=EVERYWHERE) as server:
        assert server.text("/-/ready") == "OK"


def test_what_cannot_be_listened_on(tmp_path: Path) -> None:
    """A taken port, an address of nobody, no address at all: exit code 2, one line, what to do."""
    state = ("--state", f"sqlite:{tmp_path}/g.db")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run_pushvar("gateway", "--listen", address, *state)
    assert done.returncode == 2
    assert done.stderr == (
        f"pushvar: --listen: cannot listen on {address}: Address already in use; port 0 takes a free one\n"
    )
    done = run_pushvar("gateway", "--listen", "no.such.invalid:9091", *state)
    assert (done.returncode, "no address of 'no.such.invalid' is known" in done.stderr) == (2, True)
    done = run_pushvar("gateway", "--listen", "9091", *state)
    assert (done.returncode, "write 127.0.0.1:9091" in done.stderr) == (2, True)


def test_a_configuration_that_may_not_be_used(tmp_path: Path) -> None:
    """It is named, with the place, before anything listens."""
    file = configured(tmp_path, {"anonymus": "x"})
    done = run_pushvar(
        "gateway", "--config", file, "--state", f"sqlite:{tmp_path}/g.db", "--listen", "127.0.0.1:0"
    )
    assert (done.returncode, "gateway.anonymus: unknown; did you mean anonymous?" in done.stderr) == (2, True)
    done = run_pushvar("gateway", "--config", file, "--registry", "ssm:/pushvar/dev")
    assert (done.returncode, "exclude each other" in done.stderr) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    """What is under way is answered, who rests is let go, the exit code is 0, what was stored is there."""
    with gateway(tmp_path) as server, ExitStack() as stack:
        host, port = server.address.split(":")
        coming, resting = (
            stack.enter_context(socket.create_connection((host, int(port)), timeout=30)) for _ in range(2)
        )
        coming.sendall(b"PUT /metrics/job/last HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nrows")
        server.text("/-/ready")  # the half before it was read by now
        server.program.process.send_signal(number)
        assert resting.recv(1) == b""
        coming.sendall(b" 42\n")
        assert coming.recv(15) == b"HTTP/1.1 200 OK"
        assert server.program.process.wait(30) == 0
        assert "Traceback" not in server.program.log.read_text()
    with gateway(tmp_path) as server:
        assert 'rows{instance="",job="last"} 42\n' in server.text("/metrics")


def test_a_crowd_pushes_at_once(tmp_path: Path) -> None:
    """All are connected before the first one asks; each gets its answer, and each push is kept."""
    lines = ("PUT /metrics/job/crowd/shard/{} HTTP/1.1", "Host: x", "Content-Length: 8", "", "")
    head = "\r\n".join(lines)
    with gateway(tmp_path) as server, ExitStack() as stack:
        host, port = server.address.split(":")
        crowd = [
            stack.enter_context(socket.create_connection((host, int(port)), timeout=60)) for _ in range(CROWD)
        ]
        for number, connection in enumerate(crowd):
            connection.sendall(head.format(number).encode() + ROWS)
        assert {connection.recv(15) for connection in crowd} == {b"HTTP/1.1 200 OK"}
        shown = server.text("/metrics")
    assert shown.count('rows{instance="",job="crowd",shard="') == CROWD


def test_help_says_what_it_is_not(tmp_path: Path) -> None:
    """No TLS: a proxy does that; and who sends on what it keeps."""
    done = run_pushvar("gateway", "--help", folder=tmp_path)
    assert done.returncode == 0
    assert "put a proxy that does TLS before it" in done.stdout
    assert '"pushvar run" with the same configuration and state sends it' in done.stdout
