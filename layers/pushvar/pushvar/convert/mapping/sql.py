"""``sql.DBStats`` wherever a program publishes it: the series of client_golang's DBStatsCollector.

The names stand in ``catalogue/sql.py``.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pushvar.catalogue.sql import SQL_POOL
from pushvar.convert.mapping.rules import Claim
from pushvar.convert.structure import NUMBER
from pushvar.labels.sets import label_set

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pushvar.convert.mapping.rules import Payload
    from pushvar.convert.structure import Leaf, Path

_NEEDED = ("OpenConnections", "InUse", "Idle", "WaitCount", "WaitDuration")


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
            for name, (family, divisor, _) in SQL_POOL.items():
                leaf = leaves.get((*path, name))
                if leaf is not None and leaf.kind == NUMBER:
                    yield Claim(leaf, family.name, family, labels, divisor)


def _is_db_stats(leaves: Mapping[Path, Leaf], path: Path) -> bool:
    fields = [leaves.get((*path, name)) for name in _NEEDED]
    return all(leaf is not None and leaf.kind == NUMBER for leaf in fields)
