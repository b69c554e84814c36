"""Ten thousand targets in Parameter Store: what a cold start and a cycle without change cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.components import REPOSITORY
from tests.programs.commands import run_pushvar

if TYPE_CHECKING:
    from pathlib import Path

    from tests.programs.aws import Aws

LOCATION = "/pushvar-large/tree"
JOBS, EACH = 50, 200
COLD_CPU_S = 5.0

COLD_START = f"""
import time
from pushvar.app.last_good import LastGood
from pushvar.app.planner import Planner
from pushvar.collect.registry.ssm import SsmRegistry
from pushvar.net.aws import aws_client
from pushvar.state import open_state

calls = []
client = aws_client("ssm")
client.meta.events.register("before-call.ssm", lambda model, **_more: calls.append(model.name))
state = open_state("memory:")
now_ms = lambda: time.time_ns() // 1_000_000
registry = LastGood(SsmRegistry("{LOCATION}", client=client), state, now_ms)
planner = Planner(registry, state, lambda _messages: {{}}, now_ms, time.monotonic)
first = planner.plan(None)
cold_s, cold_calls = time.process_time(), len(calls)
calls.clear()
planner.plan(None)
print(first.targets, cold_s, cold_calls, *calls)
"""


def test_a_cold_start_with_ten_thousand_targets(aws: Aws, tmp_path: Path) -> None:
    """A new process loads, checks and cuts them within 5 s of CPU; a cycle without change makes one call."""
    jobs = [
        {
            "job_name": f"job-{job}",
            "static_configs": [
                {"targets": [f"10.{job}.0.{n}:8080"], "labels": {"customer_id": f"c-{n}", "env": "prod"}}
                for n in range(EACH)
            ],
        }
        for job in range(JOBS)
    ]
    document = {"scrape_configs": jobs, "remote_write": [{"url": "http://127.0.0.1:9/"}]}
    (tmp_path / "p.yml").write_text(json.dumps(document))
    push = ("config", "push", "p.yml", "--to", f"ssm:{LOCATION}")
    pushed = run_pushvar(*push, env=aws.environment, folder=tmp_path, timeout_s=120)
    assert pushed.returncode == 0, pushed.stderr
    done = subprocess.run(
        [sys.executable, "-c", COLD_START],
        cwd=REPOSITORY, env={**os.environ, **aws.environment}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    targets, cold_s, cold_calls, *warm = done.stdout.split()
    assert (int(targets), warm) == (JOBS * EACH, ["GetParameter"])
    assert float(cold_s) < COLD_CPU_S
    assert int(cold_calls) < JOBS
