"""InfluxDB, mtail and Caddy: programs of Debian that serve expvar, each with a little to tell."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tests import components
from tests.programs import loopback
from tests.programs.process import serving
from tests.programs.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

INFLUXDB_CONF = """\
reporting-disabled = true
bind-address = "127.0.0.1:{backup}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
[http]
bind-address = "127.0.0.1:{http}"
log-enabled = false
"""
MTAIL_PROGRAM = """\
counter lines by severity
/^(?P<severity>[A-Z]+) / {
  lines[$severity]++
}
"""


@contextmanager
def influxdb(folder: Path) -> Iterator[Server]:
    """Run an InfluxDB, write two points into a database and read them."""

    def command(ports: Sequence[int]) -> list[str]:
        http, backup = ports
        conf = folder / "influxdb.conf"
        conf.write_text(INFLUXDB_CONF.format(folder=folder, http=http, backup=backup))
        return [str(components.find("influxd")), "-config", str(conf)]

    with serving(command, folder / "influxdb.log", ready_path="/debug/vars", ports=2) as (program, port):
        server = Server(f"http://127.0.0.1:{port}", program)
        for path, query, body in (
            ("/query", {"q": "CREATE DATABASE mydb"}, b""),
            ("/write", {"db": "mydb"}, b"cpu,host=a value=1\ncpu,host=b value=2"),
            ("/query", {"db": "mydb", "q": "SELECT * FROM cpu"}, b""),
        ):
            answer = loopback.request("POST", f"{server.url}{path}?{urlencode(query)}", body=body)
            assert answer.status in {200, 204}, answer.body
        yield server


@contextmanager
def mtail(folder: Path) -> Iterator[Server]:
    """Run an mtail with one program on one log, in which one line appears after its start."""
    source, log = folder / "severity.mtail", folder / "app.log"
    source.write_text(MTAIL_PROGRAM)
    log.write_text("")
    flags = [f"--progs={source}", f"--logs={log}", "--address=127.0.0.1", "--logtostderr"]
    with serving(
        lambda ports: [str(components.find("mtail")), *flags, f"--port={ports[0]}"],
        folder / "mtail.log",
        ready_path="/debug/vars",
    ) as (program, port):
        server = Server(f"http://127.0.0.1:{port}", program)
        loopback.wait_until(
            lambda: '"log_count": 1' in server.text("/debug/vars"), timeout_s=10.0, what="the log's opening"
        )
        with log.open("a") as end:
            end.write("INFO started\n")
        loopback.wait_until(
            lambda: '"lines_total": 1' in server.text("/debug/vars"), timeout_s=10.0, what="the first line"
        )
        yield server


@contextmanager
def caddy(folder: Path) -> Iterator[Server]:
    """Run a Caddy that has nothing but its admin endpoint, which serves /debug/vars and /metrics."""

    def command(ports: Sequence[int]) -> list[str]:
        conf = folder / "caddy.json"
        admin = {"listen": f"127.0.0.1:{ports[0]}", "config": {"persist": False}}
        conf.write_text(json.dumps({"admin": admin}))
        return [str(components.find("caddy")), "run", "--config", str(conf)]

    with serving(command, folder / "caddy.log", ready_path="/debug/vars") as (program, port):
        yield Server(f"http://127.0.0.1:{port}", program)
