"""One environment of a function as a process: events come in as lines, answers go out as lines.

``python -u -m benchmarks.scaling_container FUNCTION``. What the handler logs goes to the same output before
the line of the answer, which alone has the key ``invocation``. It says what the invocation took: wall and CPU
seconds, memory, and the calls of AWS with the bytes of their bodies.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from pushvar.net import aws

from tests.functions.deployment import Container

Calls = list[tuple[str, int]]

_PAGE_BYTES = resource.getpagesize()


def main(function: str) -> None:
    """Answer events until standard input ends."""
    calls: Calls = []
    _listen_to(calls)
    container = Container(function)
    _say({"ready": True, "rss_mb": rss_mb()})
    for line in sys.stdin:
        calls.clear()
        event = json.loads(line)
        cpu_s, started_s = time.process_time(), time.monotonic()
        answer, error = None, ""
        try:
            answer = container(event)
        except Exception as failure:  # noqa: BLE001 - the parent judges it
            error = repr(failure)
        _say(
            {
                "answer": answer,
                "error": error,
                "wall_s": time.monotonic() - started_s,
                "cpu_s": time.process_time() - cpu_s,
                "rss_mb": rss_mb(),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
                "calls": calls,
            }
        )
    container.close()


def rss_mb() -> float:
    """What this process has in memory now, in MB of 10^6 bytes. Linux only."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * _PAGE_BYTES / 1e6


def emitter() -> Any:
    """What tells of the calls that clients of this process make, for those that are made from now on."""
    session = aws._session()  # noqa: SLF001 - the one that all clients share
    return session.events if hasattr(session, "events") else session.get_component("event_emitter")


def _listen_to(calls: Calls) -> None:
    """Note each call of AWS: ``dynamodb.UpdateItem`` and the size of its body."""

    def note(model: Any, params: dict[str, Any], **_: Any) -> None:
        body = params.get("body") or b""
        size = len(body) if isinstance(body, bytes | str) else body.seek(0, os.SEEK_END)
        if not isinstance(body, bytes | str):
            body.seek(0)
        calls.append((f"{model.service_model.service_name}.{model.name}", size))

    emitter().register("before-call", note)


def _say(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"invocation": said}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
