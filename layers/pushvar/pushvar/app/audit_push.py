"""The metrics of an audit, pushed to the configuration's own backends by each tenant's route.

Each owner of targets is a group without an endpoint, as a batch job is, so labels, external labels,
``match`` and tenant headers are those of every other series of that customer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.app.backends import Backends
from pushvar.app.engine import Engine
from pushvar.app.stamps import PUSHED
from pushvar.config.checks import demand_backend
from pushvar.deliver.spool import Spool
from pushvar.errors import StateError
from pushvar.kit.audit.metrics import owned, owner_text, time_text
from pushvar.labels.sets import label_set
from pushvar.model import GROUP_KEY, Load, Scrape, Target
from pushvar.net.secrets import Secrets
from pushvar.state.memory import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.app.world import World
    from pushvar.config.schema import Config
    from pushvar.kit.audit.audit import Audit
    from pushvar.model import Delivery, Labels

JOB = "pushvar-audit"
"""The label ``job`` of the series."""

PATIENCE_S = 30.0
"""How long a backend is tried."""

_TEXT = "text/plain; version=0.0.4"
_SHARD = "audit"


class AuditPush:
    """The backends of a configuration, checked before anything is fetched. Raises ConfigError."""

    def __init__(self, config: Config, world: World) -> None:
        demand_backend(config)
        secrets = Secrets(world.environment, world.read_file, world.monotonic_s)
        self._world = world
        self._engine = Engine(config, (), secrets)
        self._backends = Backends(config, secrets, world)
        self._backends.check()

    def push(self, audit: Audit) -> tuple[Delivery, ...]:
        """Send the metrics of the audit; what a backend does not take is not kept for later."""
        now_ms = self._world.now_ms()
        scrapes = [self._scrape(labels, text, audit.time_ms) for labels, text in self._documents(audit)]
        state = open_store("")
        try:
            ttl_ms = int(PATIENCE_S * 2000)
            lease = state.acquire(_SHARD, JOB, cycle=now_ms, now_ms=now_ms, ttl_ms=ttl_ms)
            if lease is None:
                raise StateError("a new store has a lease already")
            deadline_s = self._world.monotonic_s() + PATIENCE_S
            spool = Spool(state, lease)
            return self._backends.deliver(Load(scrapes), self._engine.families, deadline_s, spool)
        finally:
            state.close()

    def close(self) -> None:
        """Close the connections."""
        self._backends.close()

    def _documents(self, audit: Audit) -> Iterator[tuple[Labels, bytes]]:
        """The labels of each group and what it says."""
        for labels, count in owned(audit):
            yield labels, owner_text(count)
        default = self._engine.config.tenancy.default_customer_id
        yield (("customer_id", default),), time_text(audit)

    def _scrape(self, labels: Labels, text: bytes, time_ms: int) -> Scrape:
        own = label_set((*labels, ("job", JOB)))
        key = GROUP_KEY + "/".join(f"{name}={value}" for name, value in own)
        converted = self._engine.convert(Target(key, PUSHED, "", own), text, _TEXT)
        return Scrape(converted.plan, converted.values, time_ms)
