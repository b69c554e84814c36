"""Configurations for runs of the real command, written into a test's own folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_config(
    folder: Path,
    targets: Mapping[str, str],
    backends: Mapping[str, str],
    *,
    labels: Mapping[str, str] | None = None,
    **blocks: Any,
) -> Path:
    """One job for each name in ``targets`` (host:port, a path may follow), all ``backends`` (name to URL).

    ``blocks`` are further top-level blocks. JSON is YAML, so no quoting rule is in the way.
    """
    jobs = []
    for name, target in targets.items():
        address, slash, path = target.partition("/")
        job: dict[str, Any] = {
            "job_name": name,
            "static_configs": [{"targets": [address], "labels": dict(labels or {})}],
        }
        if slash:
            job["metrics_path"] = f"/{path}"
        jobs.append(job)
    document = {
        "global": {"scrape_interval": "2s", "scrape_timeout": "1s", "self_metrics": False},
        "scrape_configs": jobs,
        "remote_write": [{"name": name, "url": url} for name, url in backends.items()],
        **blocks,
    }
    config = folder / "pushvar.yml"
    config.write_text(json.dumps(document, indent=1))
    return config
