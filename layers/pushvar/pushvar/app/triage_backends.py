"""The backends of a configuration, each asked with a request that stores nothing, and what waits for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.app.backends import Backends
from pushvar.collect.targets import build_targets
from pushvar.convert.own_metrics.keys import read_key
from pushvar.deliver.spool import backend_of
from pushvar.kit.triage.facts import Backend
from pushvar.kit.triage.fetching import bare
from pushvar.model import Scrape, Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pushvar.app.engine import Engine
    from pushvar.app.http_backend import HttpBackend
    from pushvar.app.world import World
    from pushvar.collect.registry.protocol import Snapshot
    from pushvar.kit.triage.facts import Shards
    from pushvar.net.secrets import Secrets

TIMEOUT_S = 10.0
"""How long a backend is waited for at most; its own remote_timeout may be shorter."""

_DROPPED = "pushvar_samples_dropped_total"


def asked_backends(
    snapshot: Snapshot, engine: Engine, secrets: Secrets, world: World, target: Target | None,
    name: str | None, shards: Shards | None,
) -> tuple[Backend, ...]:  # fmt: skip
    """Ask the backends, or the one of that name, by the routes of the target, or of any target."""
    config = snapshot.config
    if target is None:
        known = build_targets(config, snapshot.groups).targets
        default = (("customer_id", config.tenancy.default_customer_id), ("job", "pushvar"))
        job = config.scrape_configs[0].job_name if config.scrape_configs else "pushvar"
        target = known[0] if known else Target("triage", job, "", default)
    scrape = Scrape(engine.failed(target), b"", world.now_ms())
    backends = Backends(config, secrets, world)
    kinds = {one.name: "pushgateway" for one in config.pushgateways}
    try:
        chosen = [one for one in backends.each() if name in (None, one.name)]
        return tuple(
            found
            for one in chosen
            for found in _asked(one, kinds.get(one.name, "remote_write"), scrape, shards)
        )
    finally:
        backends.close()


def _asked(backend: HttpBackend, kind: str, scrape: Scrape, shards: Shards | None) -> Iterator[Backend]:
    lanes: Mapping[str, Sequence[Mapping[str, int]]] = shards.lanes if shards else {}
    own = [one for lane, records in lanes.items() if backend_of(lane) == backend.name for one in records]
    waiting = sum(record.get("waiting", 0) for record in own)
    since_ms = min((record.get("since_ms", 0) for record in own if record.get("waiting")), default=0)
    for answer in backend.ask([scrape], TIMEOUT_S):
        error = answer.error
        yield Backend(
            backend.name,
            kind,
            bare(answer.url),
            error=error.message if error else "",
            hint=error.hint if error else "",
            status=error.status if error else 0,
            duration_s=answer.duration_s,
            routed=not answer.unrouted,
            why=answer.unrouted,
            waiting=waiting,
            since_ms=since_ms,
            dropped=_dropped(backend.name, shards),
        )


def _dropped(name: str, shards: Shards | None) -> dict[str, float]:
    """Samples given up for this backend, by reason."""
    found: dict[str, float] = {}
    for key, count in (shards.counters if shards else {}).items():
        read = read_key(key)
        if read is not None and read[0] == _DROPPED and count:
            labels = dict(read[1])
            if labels["backend"] == name:
                found[labels["reason"]] = count
    return found
