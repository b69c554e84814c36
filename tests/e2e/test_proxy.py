"""A run whose every request takes a real proxy: a Go program's numbers arrive in a real Prometheus."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.programs.commands import run_pushvar
from tests.programs.http_proxy import http_proxy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.programs.databases import Database
    from tests.programs.servers import Server


@pytest.mark.parametrize(
    "keys", [{"proxy_url": ""}, {"proxy_from_environment": True}], ids=["key", "environment"]
)
def test_a_run_behind_a_proxy(
    keys: dict[str, Any], go_program: Server, prometheus: Database, tmp_path: Path
) -> None:
    """Names that only the proxy knows are scraped and written to, by the key or by the environment."""
    job = f"behind {next(iter(keys))}"
    target = f"target.test:{urlsplit(go_program.url).port}"
    written = urlsplit(prometheus.write_url)
    url = f"http://backend.test:{written.port}{written.path}"
    with http_proxy() as proxy:
        own = {"proxy_url": proxy.url} if "proxy_url" in keys else keys
        config = tmp_path / "pushvar.yml"
        scrape = {"job_name": job, "static_configs": [{"targets": [target]}], **own}
        config.write_text(json.dumps({"scrape_configs": [scrape], "remote_write": [{"url": url, **own}]}))
        done = run_pushvar(
            "run", "--config", config, "--once", "--json", "--state", tmp_path / "state.db",
            env={"HTTP_PROXY": proxy.url},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert proxy.lines[0] == f"GET http://{target}/debug/vars"
        assert set(proxy.lines[1:]) == {f"POST {url}"}
    ((labels, value),) = prometheus.query(f'up{{job="{job}"}}')
    assert (labels["instance"], float(value)) == (target, 1)
