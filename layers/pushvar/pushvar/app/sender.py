"""A plain sender: one target, one backend, no configuration file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from pushvar.collect.registry._given import GivenRegistry
from pushvar.config.load import load
from pushvar.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

_TIMEOUT_MS = 10_000
_OPTIONS = (("remote_write", "--remote-write"), ("scrape_configs[0].job_name", "--job"))
"""Where something of the document is wrong -> the option it came from; all else is the target's."""


@dataclass(frozen=True, slots=True)
class Sender:
    """What a plain sender is told; ``message`` is one of the words of ``protobuf_message``."""

    target: str
    remote_write: str
    job: str = "pushvar"
    message: str = "prometheus.WriteRequest"
    every_s: float = 15.0

    def registry(self) -> GivenRegistry:
        """The registry of its one target. Raises ConfigError, which names the option that is wrong."""
        document = self._document()
        try:
            return GivenRegistry(load(json.dumps(document), source="options"))
        except ConfigErrors as errors:
            raise ConfigErrors([_of_option(error) for error in errors.problems]) from None

    def _document(self) -> Mapping[str, Any]:
        """The configuration that says the same; one target was asked for, not what pushvar counts."""
        where = _split(self.target, "--target", "http://10.0.1.5:8080/metrics")
        _split(self.remote_write, "--remote-write", "http://10.0.1.9:9090/api/v1/write")
        every_ms = int(self.every_s * 1000)
        job = {
            "job_name": self.job,
            "scheme": where.scheme,
            "metrics_path": where.path or "/debug/vars",
            "params": parse_qs(where.query, keep_blank_values=True),
            "static_configs": [{"targets": [where.netloc]}],
        }
        times = {
            "scrape_interval": f"{every_ms}ms",
            "scrape_timeout": f"{min(every_ms, _TIMEOUT_MS)}ms",
        }
        backend = {"name": "backend", "url": self.remote_write, "protobuf_message": self.message}
        return {
            "global": {**times, "self_metrics": False},
            "scrape_configs": [job],
            "remote_write": [backend],
        }


def _split(url: str, option: str, example: str) -> SplitResult:
    """The parts of a URL; raises ConfigError for what is none, or holds a password."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        known = False
    if not known:
        raise ConfigError(option, "is no URL", hint=f"write {example}")
    if "@" in parts.netloc:
        hint = "write a configuration with basic_auth and give it with --config"
        raise ConfigError(option, "a URL with a user in it is not taken: others can read it", hint=hint)
    return parts


def _of_option(error: ConfigError) -> ConfigError:
    option = next((option for path, option in _OPTIONS if error.path.startswith(path)), "--target")
    return ConfigError(option, error.problem, hint=error.hint)
