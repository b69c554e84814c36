"""The registry protocol: what a target source gives, whatever it reads.

A registry is asked once per cycle and gives one complete snapshot: a configuration that is checked,
and the target groups of all its jobs. What may be half of a change is marked so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pushvar.model import Labels  # noqa: TC001 - stored groups are read back by these types

if TYPE_CHECKING:
    from pushvar.config.schema import Config
    from pushvar.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """Targets of one job that share labels.

    ``source`` says where the group stands (``scrape_configs[0].static_configs[1]``,
    ``targets/pay.yml[0]``). ``addresses`` are ``host:port``; the port may be missing where the job has
    relabel_configs. ``labels`` are those of the group alone, sorted: legal names, no empty value, ``__*``
    for relabelling among them; ``job`` and ``instance`` only where the document sets them.
    """

    job: str
    source: str
    addresses: tuple[str, ...]
    labels: Labels


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a cycle needs to know of its targets, at one moment.

    ``version`` changes when the configuration or any group does. ``problems`` are those that cost
    no target yet: a file of targets that cannot be used and keeps its previous content. ``unsettled``
    is the digest of what was read when it may be half of a change (a tree of parameters that does not
    match its manifest, or has none); otherwise it is empty. ``unheard`` is how the ``source`` of groups
    begins whose origin has not answered this process yet: their absence says nothing. An ``outdated``
    one stands in for a newer one that may not be used, for reasons that are among its problems.
    ``taken_ms`` is when this version came into use (Unix ms), where somebody remembers that; otherwise 0.
    """

    config: Config
    groups: tuple[TargetGroup, ...]
    version: str
    problems: tuple[ConfigError, ...] = ()
    unsettled: str = ""
    unheard: tuple[str, ...] = ()
    outdated: bool = False
    taken_ms: int = 0


class Registry(Protocol):
    """One target source. It does no I/O when it is constructed, only when it is loaded."""

    def load(self) -> Snapshot:
        """The registry's present content; cheap, and the same object, when nothing changed.

        Raises ConfigError (ConfigErrors for a document that may not be used) when there is no
        usable configuration; what a previous call gave stays valid.
        """
