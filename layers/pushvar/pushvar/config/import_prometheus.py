"""A prometheus.yml in, the nodes of a pushvar configuration that scrapes the same out.

What Prometheus assumes and pushvar does not is written out; what pushvar has is kept; everything else is
remarked upon. What cannot be kept without changing what is scraped or sent leaves with its whole job or
backend. No secret is copied: see ``config.import_secrets``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pushvar.config import nodes
from pushvar.config.document import parse
from pushvar.config.import_blocks import REFERENCED, BlockImport, Remark
from pushvar.config.import_fates import LEFT_OUT, SKIPPED, UNIT_LEFT_OUT
from pushvar.config.layout import layout
from pushvar.config.load import checked
from pushvar.config.nodes import ListNode, MappingNode, ScalarNode
from pushvar.config.problems import Problems
from pushvar.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from pushvar.config.nodes import Node
    from pushvar.config.problems import Path
    from pushvar.config.schema import Config

HEAD = """\
# yaml-language-server: $schema=pushvar.schema.json
# Imported from a prometheus.yml by pushvar config import.
"""
"""What every imported file begins with: always the same, so that importing again changes nothing."""

_UNITS = {"scrape_configs": "job", "remote_write": "backend", "pushgateways": "backend"}
"""Top-level list -> what its items are called."""


class Imported(NamedTuple):
    """The text of the configuration, how many jobs it has, and a remark for each thing that was not kept."""

    text: str
    config: Config
    remarks: tuple[Remark, ...]

    @property
    def findings(self) -> tuple[Remark, ...]:
        """The remarks that somebody has to look at."""
        return tuple(one for one in self.remarks if one.fate != SKIPPED)


def import_prometheus(text: str, *, source: str, folder: str = "") -> Imported:
    """The configuration that scrapes what the prometheus.yml in ``text`` does.

    Relative paths in it begin with ``folder`` afterwards. Raises ConfigErrors for a text that is no
    document, and for one of which no job is left.
    """
    root = parse(text, source)
    if not isinstance(root, MappingNode):
        checked(root, Problems(source))
    assert isinstance(root, MappingNode), "the reader refuses anything else"
    work = _Import(source, folder)
    kept = work.document(root)
    config, kept = work.mended(kept)
    remarks = sorted(work.remarks, key=lambda remark: _position(remark.error))
    return Imported(HEAD + layout(kept), config, tuple(remarks))


def _position(error: ConfigError) -> tuple[int, ...]:
    return tuple(int(number) for number in error.place.rsplit(":", 2)[1:])


class _Import:
    """One document on its way; ``remarks`` grows."""

    def __init__(self, source: str, folder: str) -> None:
        self.remarks: list[Remark] = []
        self._source = source
        self._blocks = BlockImport(source, folder)
        self._positions: dict[str, list[int]] = {}

    def document(self, root: MappingNode) -> MappingNode:
        """The whole document: units one by one, the rest as a block."""
        units = {key: nodes.value_at(root, key) for key in _UNITS}
        rest = root._replace(entries=[one for one in root.entries if _key(one.key) not in units])
        kept, remarks = self._blocks.top(rest)
        self.remarks += remarks
        for key, found in units.items():
            if isinstance(found, ListNode):
                kept = nodes.with_value(kept, key, found._replace(items=self._units(key, found)))
            elif not nodes.is_null(found):
                assert found is not None, "is_null says so"
                kept = nodes.with_value(kept, key, found)
        return kept

    def _units(self, key: str, block: ListNode) -> list[Node]:
        """The items of a list that are kept."""
        kept: list[Node] = []
        self._positions[key] = []
        for index, item in enumerate(block.items):
            node, remarks = self._blocks.unit(item, (key, index), _UNITS[key])
            lost = any(one.fate == UNIT_LEFT_OUT.format(unit=_UNITS[key]) for one in remarks)
            self.remarks += [one for one in remarks if not (lost and one.fate == REFERENCED)]
            if not lost:
                kept.append(node)
                self._positions[key].append(index)
        return kept

    def mended(self, root: MappingNode) -> tuple[Config, MappingNode]:
        """The configuration of the nodes, and the nodes without what the reader or a check refuses."""
        while True:
            problems = Problems(self._source)
            try:
                return checked(root, problems), root
            except ConfigErrors:
                found = problems.in_order()
            root = self._without(root, found)

    def _without(self, root: MappingNode, found: list[tuple[Path, ConfigError]]) -> MappingNode:
        """The nodes without the units, or outside of units the keys, in which something is wrong."""
        fatal = [error for path, error in found if len(path) < 2]  # noqa: PLR2004 - a key and what is in it
        if fatal:
            raise ConfigErrors([*(one.error for one in self.remarks if one.fate != SKIPPED), *fatal])
        lost: dict[str, set[int]] = {}
        for path, error in found:
            key, index = path[0], path[1]
            if isinstance(key, str) and key in _UNITS and isinstance(index, int):
                fate = UNIT_LEFT_OUT.format(unit=_UNITS[key])
                lost.setdefault(key, set()).add(index)
                own = self._positions[key][index]
                error = _moved(error, f"{key}[{index}]", f"{key}[{own}]")  # noqa: PLW2901 - as it was written
                self.remarks = [one for one in self.remarks if not _of_lost(one, f"{key}[{own}]")]
            else:
                fate, root = LEFT_OUT, _cut(root, path)
            self.remarks.append(Remark(error, fate))
        for key, indexes in lost.items():
            block = nodes.value_at(root, key)
            assert isinstance(block, ListNode), "it had items"
            left = [item for index, item in enumerate(block.items) if index not in indexes]
            positions = self._positions[key]
            self._positions[key] = [own for index, own in enumerate(positions) if index not in indexes]
            root = nodes.with_value(root, key, block._replace(items=left))
        return root


def _of_lost(remark: Remark, unit: str) -> bool:
    """Whether it tells somebody to set a variable that nothing names any more."""
    return remark.fate == REFERENCED and remark.error.path.startswith(f"{unit}.")


def _moved(error: ConfigError, now: str, own: str) -> ConfigError:
    path = own + error.path.removeprefix(now)
    return ConfigError(path, error.problem, hint=error.hint, place=error.place)


def _cut(root: MappingNode, path: Path) -> MappingNode:
    """The nodes without the entry at the path, or the nearest one above it that is there."""
    key, *rest = path
    value = nodes.value_at(root, str(key))
    if rest and isinstance(value, MappingNode) and nodes.value_at(value, str(rest[0])) is not None:
        return nodes.with_value(root, str(key), _cut(value, tuple(rest)))
    return root._replace(entries=[one for one in root.entries if _key(one.key) != key])


def _key(node: Node) -> str | None:
    return node.text if isinstance(node, ScalarNode) else None
