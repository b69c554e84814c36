"""A real Alertmanager on loopback, with receivers that keep what they are sent."""

from __future__ import annotations

import json
import shlex
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests import components
from tests.programs import loopback
from tests.programs.process import serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_SHARE = b"/usr/share/prometheus/alertmanager"
"""Where Debian's build looks for its templates, with no option to look elsewhere."""


@dataclass(slots=True)
class Alertmanager:
    """Its URL, and what arrived: the receiver and the name of each alert."""

    url: str = ""
    told: list[tuple[str, str]] = field(default_factory=list)

    def fire(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        """Send it alerts, as Prometheus does."""
        body = json.dumps(alerts).encode()
        headers = {"Content-Type": "application/json"}
        answer = loopback.request("POST", f"{self.url}/api/v2/alerts", body=body, headers=headers)
        assert answer.status == 200, answer.body


@contextmanager
def alertmanager(folder: Path, tree: Mapping[str, Any], receivers: Sequence[str]) -> Iterator[Alertmanager]:
    """Run it with these keys ``route`` and ``inhibit_rules``; each receiver is a webhook of its own here."""
    found = Alertmanager()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _hook(found))
    hook = f"http://127.0.0.1:{server.server_port}"
    listed = [{"name": name, "webhook_configs": [{"url": f"{hook}/{name}"}]} for name in receivers]
    (folder / "alertmanager.yml").write_text(json.dumps({**tree, "receivers": listed}), "utf-8")
    program = _program(folder)

    def command(ports: Sequence[int]) -> list[str]:
        address = f"--web.listen-address=127.0.0.1:{ports[0]}"
        run = f"cd {shlex.quote(str(folder))} && exec {program} {address} --cluster.listen-address="
        return ["sh", "-c", f"{run} --config.file=alertmanager.yml --storage.path=data"]

    with ExitStack() as stack:
        stack.enter_context(loopback.served(server))
        _, port = stack.enter_context(serving(command, folder / "log", ready_path="/-/ready"))
        found.url = f"http://127.0.0.1:{port}"
        yield found


def _program(folder: Path) -> str:
    """A copy that reads its templates from its own folder; empty ones will do, webhooks use none."""
    content = components.find("alertmanager").read_bytes()
    here = b"./" * (len(_SHARE) // 2)
    assert len(here) == len(_SHARE)
    path = folder / "alertmanager"
    path.write_bytes(content.replace(_SHARE, here))
    path.chmod(0o700)
    for name in ("default.tmpl", "email.tmpl"):
        (folder / name).touch()
    return "./alertmanager"


def _hook(found: Alertmanager) -> type[BaseHTTPRequestHandler]:
    class Hook(BaseHTTPRequestHandler):
        """Keeps what is sent to each receiver: the path is its name."""

        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.told += [(self.path[1:], alert["labels"]["alertname"]) for alert in told["alerts"]]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the test looks at what was kept."""

    return Hook
