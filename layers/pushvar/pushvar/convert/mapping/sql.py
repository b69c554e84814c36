"""``sql.DBStats`` wherever a program publishes it: the series of client_golang's DBStatsCollector.

Source: prometheus/client_golang ``prometheus/collectors/dbstats_collector.go``; golang/go
``src/database/sql/sql.go``, DBStats.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pushvar.catalogue import NANOSECONDS
from pushvar.convert.mapping.rules import Claim
from pushvar.convert.structure import NUMBER
from pushvar.labels.sets import label_set
from pushvar.model import Family, MetricType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pushvar.convert.mapping.rules import Payload
    from pushvar.convert.structure import Leaf, Path

_C, _G = MetricType.COUNTER, MetricType.GAUGE
_NEEDED = ("OpenConnections", "InUse", "Idle", "WaitCount", "WaitDuration")
_FIELDS: dict[str, tuple[Family, int]] = {
    "MaxOpenConnections": (
        Family("go_sql_max_open_connections", _G, "Maximum number of open connections to the database."), 1),
    "OpenConnections": (
        Family("go_sql_open_connections", _G, "Connections to the database, in use and idle."), 1),
    "InUse": (Family("go_sql_in_use_connections", _G, "Connections in use."), 1),
    "Idle": (Family("go_sql_idle_connections", _G, "Idle connections."), 1),
    "WaitCount": (Family("go_sql_wait_count_total", _C, "Connections that were waited for."), 1),
    "WaitDuration": (
        Family("go_sql_wait_duration_seconds_total", _C, "Time spent waiting for connections.", "seconds"),
        NANOSECONDS),
    "MaxIdleClosed": (
        Family("go_sql_max_idle_closed_total", _C, "Connections closed by SetMaxIdleConns."), 1),
    "MaxIdleTimeClosed": (
        Family("go_sql_max_idle_time_closed_total", _C, "Connections closed by SetConnMaxIdleTime."), 1),
    "MaxLifetimeClosed": (
        Family("go_sql_max_lifetime_closed_total", _C, "Connections closed by SetConnMaxLifetime."), 1),
}  # fmt: skip


class SqlDbStats:
    """Takes the fields of every object that has those of DBStats.

    ``db_name`` is the object's key, or its path where several have that key.
    """

    def __init__(self, name: str = "sql_db_stats") -> None:
        self.name = name

    def take(self, leaves: Mapping[Path, Leaf], payload: Payload) -> Iterator[Claim]:
        """The series of each object."""
        del payload
        found = [path[:-1] for path in leaves if path[-1] == _NEEDED[-1] and _is_db_stats(leaves, path[:-1])]
        names = Counter(path[-1] for path in found if path)
        for path in found:
            own = path[-1] if path and names[path[-1]] == 1 else "/".join(path)
            labels = label_set([("db_name", own.encode("utf-8", "replace").decode())])
            for name, (family, divisor) in _FIELDS.items():
                leaf = leaves.get((*path, name))
                if leaf is not None and leaf.kind == NUMBER:
                    yield Claim(leaf, family.name, family, labels, divisor)


def _is_db_stats(leaves: Mapping[Path, Leaf], path: Path) -> bool:
    fields = [leaves.get((*path, name)) for name in _NEEDED]
    return all(leaf is not None and leaf.kind == NUMBER for leaf in fields)
