"""The blocks of a prometheus.yml, walked with the schema: kept, completed, or remarked upon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from msgspec import inspect

from pushvar.config import nodes
from pushvar.config.import_fates import SKIPPED, UNIT_LEFT_OUT, fate_of
from pushvar.config.import_secrets import Variables, is_reference, leaks
from pushvar.config.keys import keys_of, unknown_key, unwrapped
from pushvar.config.nodes import Entry, ListNode, MappingNode, ScalarNode
from pushvar.config.problems import rendered
from pushvar.config.schema import Config, QueueConfig, ScrapeConfig
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from pushvar.config.keys import Key
    from pushvar.config.nodes import Node
    from pushvar.config.problems import Path
    from pushvar.config.values import Block

REFERENCED = "a reference stands in its place"
"""What became of a secret in clear text."""

_JOB_DEFAULTS = {"metrics_path": "/metrics", "format": "prometheus"}
"""What Prometheus assumes of a job and pushvar does not; both are written behind job_name."""

_GLOBAL_DEFAULTS = {"body_size_limit": "0"}
"""The same of all jobs: Prometheus reads bodies of any size."""

_NO_LIMIT = {"0", "0s", "0ms"}
_BEARER = {"bearer_token": "credentials", "bearer_token_file": "credentials_file"}
_PATHS = {"path", "sd_pattern"}


class Remark(NamedTuple):
    """Something that was not kept as it stands: where and what it is, and its fate."""

    error: ConfigError
    fate: str

    def __str__(self) -> str:
        one = self.error
        where = f"{one.place}: {one.path}" if one.path else one.place
        if self.fate == SKIPPED:
            return f"{where}: {SKIPPED}"
        return f"{where}: {one.problem}: {self.fate}" + (f"; {one.hint}" if one.hint else "")


class BlockImport:
    """Walks blocks. Paths of files begin with ``folder`` afterwards; secrets become variables."""

    def __init__(self, source: str, folder: str) -> None:
        self._source = source
        self._folder = folder
        self._variables = Variables()
        self._remarks: list[Remark] = []
        self._unit = ("", "")

    def top(self, node: MappingNode) -> tuple[MappingNode, list[Remark]]:
        """The document without its jobs and backends, with the defaults of all jobs, and the remarks."""
        self._remarks, self._unit = [], ("configuration", "")
        kept = self._block(node, Config, ())
        found = nodes.value_at(kept, "global")
        if found is None or isinstance(found, MappingNode):
            block = found or MappingNode([], node.line, node.column)
            kept = _with_global(kept, _with_defaults(block, _GLOBAL_DEFAULTS, len(block.entries)))
        return kept, self._remarks

    def unit(self, node: Node, path: Path, called: str) -> tuple[Node, list[Remark]]:
        """One job or backend, and the remarks; one of them may say that it is to be left out."""
        self._remarks, self._unit = [], (called, _name_of(node))
        block: Any = unwrapped(unwrapped(keys_of(Config)[str(path[0])].type).type.item_type).type
        for where, place in leaks(node, path):
            self._remark(where, place, "may hold a key, and pushvar keeps none here", _NO_KEYS, self._lost)
        if not isinstance(node, MappingNode):
            return node, self._remarks
        kept = self._block(node, block.cls, path)
        if block.cls is ScrapeConfig:
            at = next((n + 1 for n, one in enumerate(kept.entries) if _text(one.key) == "job_name"), 0)
            kept = _with_defaults(kept, _JOB_DEFAULTS, at)
        return kept, self._remarks

    @property
    def _lost(self) -> str:
        return UNIT_LEFT_OUT.format(unit=self._unit[0])

    def _remark(self, node: Node, path: Path, problem: str, hint: str, fate: str) -> None:
        place = f"{self._source}:{node.line + 1}:{node.column + 1}"
        self._remarks.append(Remark(ConfigError(rendered(path), problem, hint=hint, place=place), fate))

    def _block(self, node: MappingNode, block: type[Block], path: Path) -> MappingNode:
        keys = keys_of(block)
        entries: list[Entry] = []
        for entry in node.entries:
            name = _text(entry.key)
            if name is None:
                entries.append(entry)
            elif name in keys:
                value = self._value(entry, keys[name], block, (*path, name))
                entries += [entry._replace(value=value)] if value is not None else []
            elif name in _BEARER and "authorization" in keys:
                entries += self._bearer(entry, _BEARER[name], (*path, name))
            elif not nodes.is_null(entry.value):
                self._unknown(entry, block, (*path, name))
        return node._replace(entries=entries)

    def _unknown(self, entry: Entry, block: type[Block], path: Path) -> None:
        fate = fate_of(str(path[-1]), block, _text(entry.value))
        if fate == UNIT_LEFT_OUT:
            fate = self._lost
        self._remark(entry.key, path, *unknown_key(str(path[-1]), block, path), fate)

    def _bearer(self, entry: Entry, key: str, path: Path) -> list[Entry]:
        """Prometheus' old words for an Authorization header, as the block that took their place."""
        own = Entry(_plain(key, entry.key), entry.value)
        block: Any = unwrapped(keys_of(ScrapeConfig)["authorization"].type).type
        value = self._value(own, keys_of(block.cls)[key], block.cls, path)
        if value is None:
            return []
        inner = MappingNode([own._replace(value=value)], entry.key.line, entry.key.column)
        return [Entry(_plain("authorization", entry.key), inner)]

    def _value(self, entry: Entry, key: Key, block: type[Block], path: Path) -> Node | None:
        """The value of a key that pushvar has; None when it says nothing."""
        node, leaf = entry.value, unwrapped(key.type)
        if isinstance(node, ScalarNode):
            if leaf.grammar == "secret":
                return self._secret(node, path)
            if block is QueueConfig and path[-1] == "sample_age_limit" and node.text in _NO_LIMIT:
                self._remark(entry.key, path, "there is always a limit", "", SKIPPED)
                return None
            return self._moved(node) if leaf.grammar in _PATHS else node
        return self._inner(node, leaf.type, path)

    def _inner(self, node: Node, kind: Any, path: Path) -> Node:
        if isinstance(kind, inspect.StructType) and isinstance(node, MappingNode):
            block: Any = kind.cls
            return self._block(node, block, path)
        if not isinstance(kind, inspect.VarTupleType):
            return node
        if isinstance(node, ListNode):
            leaf = unwrapped(kind.item_type)
            items = [
                self._moved(item)
                if leaf.grammar in _PATHS and isinstance(item, ScalarNode)
                else self._inner(item, leaf.type, (*path, index))
                for index, item in enumerate(node.items)
            ]
            return node._replace(items=items)
        if isinstance(node, MappingNode) and isinstance(kind.item_type, inspect.TupleType):
            inner = unwrapped(kind.item_type.item_types[1]).type
            pairs = [
                one._replace(value=self._inner(one.value, inner, (*path, _text(one.key) or "")))
                for one in node.entries
            ]
            return node._replace(entries=pairs)
        return node

    def _secret(self, node: ScalarNode, path: Path) -> ScalarNode | None:
        if node.is_null or not node.text:
            return None
        if is_reference(node.text):
            moved = self._moved(node._replace(text=node.text.removeprefix("file:")))
            return moved._replace(text=f"file:{moved.text}") if node.text.startswith("file:") else node
        name = self._variables.name_for(self._unit[1] or self._unit[0], str(path[-1]))
        hint = f"set the environment variable {name} to it"
        self._remark(node, path, "a secret in clear text", hint, REFERENCED)
        return node._replace(text=f"env:{name}", plain=True)

    def _moved(self, node: ScalarNode) -> ScalarNode:
        stays = not self._folder or self._folder == "." or not node.text or node.text.startswith("/")
        return node if stays else node._replace(text=f"{self._folder}/{node.text}")


_NO_KEYS = "use authorization or basic_auth; rename it if it is no key"


def _with_defaults(node: MappingNode, defaults: dict[str, str], at: int) -> MappingNode:
    """The block with what Prometheus assumes, written out from position ``at`` where it is not given."""
    missing = {key for key in defaults if nodes.is_null(nodes.value_at(node, key))}
    new = [Entry(_plain(key, node), _plain(value, node)) for key, value in defaults.items() if key in missing]
    left = [one for one in node.entries if _text(one.key) not in missing]
    return node._replace(entries=[*left[:at], *new, *left[at:]])


def _with_global(root: MappingNode, block: MappingNode) -> MappingNode:
    """The document with this block before all others."""
    rest = [one for one in root.entries if _text(one.key) != "global"]
    return root._replace(entries=[Entry(_plain("global", root), block), *rest])


def _plain(text: str, near: Node) -> ScalarNode:
    return ScalarNode(text, plain=True, line=near.line, column=near.column)


def _text(node: Node) -> str | None:
    return node.text if isinstance(node, ScalarNode) else None


def _name_of(unit: Node) -> str:
    """The name of a job or backend; the host of its URL where it has none."""
    for key in ("job_name", "name"):
        if name := _text(nodes.value_at(unit, key) or _plain("", unit)):
            return name
    try:
        return urlsplit(_text(nodes.value_at(unit, "url") or _plain("", unit)) or "").hostname or ""
    except ValueError:
        return ""
