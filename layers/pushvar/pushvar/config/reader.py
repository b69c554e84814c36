"""Nodes to frozen objects, driven by the types of the schema.

Every node is read with the type that the schema has for its place, and what is wrong with it is
noted at its line. A wrong value is replaced by a blank of its type, so that the rest is still read
and all problems come at once. An object read without problems satisfies its type.

This module knows types, not single keys; checks across values stand in ``config.checks``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import inspect

from pushvar.config.document import MAX_VALUES
from pushvar.config.grammar import quoted, refused
from pushvar.config.keys import keys_of, unknown_key, unwrapped
from pushvar.config.nodes import BrokenNode, ListNode, MappingNode, ScalarNode
from pushvar.config.scalars import scalar
from pushvar.config.values import Duration, SecretRef
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from pushvar.config.keys import Key
    from pushvar.config.nodes import Entry, Node
    from pushvar.config.problems import Path, Problems

_BLANKS: dict[Any, Any] = {
    Duration: Duration(),
    SecretRef: SecretRef("env", ""),
    inspect.StrType: "",
    inspect.BoolType: False,
    inspect.IntType: 0,
    inspect.FloatType: 0.0,
    inspect.VarTupleType: (),
}
_IN_WORDS = {MappingNode: "a mapping", ListNode: "a list", ScalarNode: "a single value"}
_SHOWN_KEYS = 3


def blank(wrapped: inspect.Type) -> Any:
    """A value of the type that stands for one that could not be read."""
    info = unwrapped(wrapped).type
    if isinstance(info, inspect.LiteralType):
        return info.values[0]
    kind: Any = info.cls if isinstance(info, inspect.StructType) else type(info)
    if kind in _BLANKS:
        return _BLANKS[kind]
    return kind(**{key.field: blank(key.type) for key in keys_of(kind).values() if key.required})


class Reader:
    """Reads one document; what is wrong goes to ``problems``."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._values = 0

    def read(self, node: Node, wrapped: inspect.Type, path: Path) -> Any:
        """The value of ``node`` as the type says, or a blank of that type when it is wrong.

        Raises ConfigErrors at once when aliases make the document larger than MAX_VALUES.
        """
        self._values += 1
        if self._values > MAX_VALUES:
            self._problems.add(node, path, f"more than {MAX_VALUES} values", "use fewer aliases")
            self._problems.raise_all()
        try:
            return self._value(node, wrapped, path)
        except ConfigError as error:
            self._problems.add(node, path, error.problem, error.hint)
            return blank(wrapped)

    def _value(self, node: Node, wrapped: inspect.Type, path: Path) -> Any:
        if isinstance(node, BrokenNode):
            raise refused(node.problem, node.hint)
        if node.tagged:
            raise refused("has a YAML tag (!name)", "write the value alone; quote one that begins with !")
        leaf = unwrapped(wrapped)
        in_one_text = bool(leaf.grammar) and isinstance(node, ScalarNode)
        if isinstance(leaf.type, inspect.VarTupleType) and not in_one_text:
            return self._tuple(node, leaf.type, path)
        if isinstance(leaf.type, inspect.StructType) and not leaf.grammar:
            return self._block(node, leaf.type.cls, path)
        if isinstance(node, ScalarNode):
            return scalar(node, leaf, str(path[-1]))
        raise refused(f"expected a single value, found {_found(node)}")

    def _block(self, node: Node, block: type, path: Path) -> Any:
        keys = keys_of(block)
        if not isinstance(node, MappingNode):
            names = ", ".join(list(keys)[:_SHOWN_KEYS])
            raise refused(f"expected a mapping, found {_found(node)}", f"its keys are {names}, ...")
        values: dict[str, Any] = {}
        for entry in node.entries:
            name = self._name(entry, path)
            if name in keys:
                self._field(entry, keys[name], values, (*path, name))
            elif name is not None and _may_be_secret(entry, block):
                self._problems.add(entry.key, path, "a key without a value", "write key: value")
            elif name is not None:
                self._problems.add(entry.key, (*path, name), *unknown_key(name, block, path))
        for name, key in keys.items():
            if key.required and key.field not in values:
                self._problems.add(node, (*path, name), "required", f"add {name}")
                values[key.field] = blank(key.type)
        return block(**values)

    def _field(self, entry: Entry, key: Key, values: dict[str, Any], path: Path) -> None:
        if isinstance(entry.value, ScalarNode) and entry.value.is_null and not key.required:
            return
        if key.field in values:  # the secret and its file
            self._problems.add(entry.key, path, f"given twice: {key.field} and {key.field}_file", "keep one")
        value = self.read(entry.value, key.type, path)
        values[key.field] = SecretRef("file", value) if key.from_file else value

    def _tuple(self, node: Node, info: inspect.VarTupleType, path: Path) -> tuple[Any, ...]:
        if isinstance(node, ScalarNode) and node.is_null:
            return ()
        if isinstance(info.item_type, inspect.TupleType):
            return self._pairs(node, info.item_type, path)
        if isinstance(node, ListNode):
            kind = info.item_type
            return tuple(self.read(item, kind, (*path, index)) for index, item in enumerate(node.items))
        hint = 'begin each item with "- "' if isinstance(node, MappingNode) else "write it in brackets: [...]"
        raise refused(f"expected a list, found {_found(node)}", hint)

    def _pairs(self, node: Node, info: inspect.TupleType, path: Path) -> tuple[Any, ...]:
        if not isinstance(node, MappingNode):
            raise refused(f"expected a mapping, found {_found(node)}", "write name: value")
        key_type, value_type = info.item_types
        pairs: dict[str, Any] = {}
        for entry in node.entries:
            name = self._name(entry, path)
            if name is None:
                continue
            key = self.read(entry.key, key_type, (*path, name))
            if key and key in pairs:
                problem = f"the same name as another once it is made legal: {quoted(key)}"
                self._problems.add(entry.key, (*path, name), problem, "rename one")
            pairs[key] = self.read(entry.value, value_type, (*path, name))
        return tuple(sorted(pairs.items()))

    def _name(self, entry: Entry, path: Path) -> str | None:
        """The key of an entry, or None after noting that it is none or stands there twice."""
        if not isinstance(entry.key, ScalarNode):
            self._problems.add(entry.key, path, f"a key is a single value, not {_found(entry.key)}")
            return None
        if entry.again:
            self._problems.add(entry.key, (*path, entry.key.text), "given twice", "keep one")
            return None
        return entry.key.text


def _may_be_secret(entry: Entry, block: type) -> bool:
    """Whether a key is not to be shown: ``{password hunter2}``, without the colon, is a key."""
    nothing_behind = isinstance(entry.value, ScalarNode) and entry.value.is_null
    return nothing_behind and any(key.from_file for key in keys_of(block).values())


def _found(node: Node) -> str:
    return "nothing" if isinstance(node, ScalarNode) and node.is_null else _IN_WORDS[type(node)]
