"""What a tree of parameters may hold, read off the schema, and the names of its parameters.

A block that stands once is one parameter (``global``). A list of named blocks is a branch with one
parameter for each item (``scrape_configs/pay``), which a long list of targets continues in
``scrape_configs/pay.2``, ``.3``, ...; a mapping is a branch with one for each name (``mappings/vitess``).
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from msgspec import inspect

from pushvar.config.keys import keys_of, unwrapped
from pushvar.config.schema import Config
from pushvar.config.values import Block

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GROUPS = "static_configs"
"""The key of an item that continuations go on with."""

SEGMENT_CHARS = 200
"""The longest name of an item in the tree; Parameter Store takes 1,011 for the whole ARN."""

_NAME_KEYS = ("job_name", "name")
_CONTINUATION = re.compile(r"(?P<base>.*[^/])\.(?P<number>[1-9][0-9]{0,4})", re.DOTALL)
_ILLEGAL = re.compile(r"[^a-zA-Z0-9_.-]")
_HASH_CHARS = 8


class Branch(NamedTuple):
    """A top-level key of the configuration.

    ``name_key`` is the key that names the items of a list; a ``mapping`` has its names before them, a
    block that stands once has none.
    """

    key: str
    field: str
    name_key: str = ""
    continues: bool = False
    mapping: bool = False

    @property
    def many(self) -> bool:
        """Whether each item is a parameter of its own."""
        return bool(self.name_key) or self.mapping

    @property
    def form(self) -> str:
        """What its parameters are called."""
        return f"{self.key}/<name>" if self.many else self.key


@cache
def branches() -> dict[str, Branch]:
    """Key -> branch, in the order of the schema."""
    found = {}
    for key, filled in keys_of(Config).items():
        kind = unwrapped(filled.type).type
        many = isinstance(kind, inspect.VarTupleType)
        if many and isinstance(kind.item_type, inspect.TupleType):
            found[key] = Branch(key, filled.field, mapping=True)
            continue
        inner = unwrapped(kind.item_type).type if many else kind
        if isinstance(inner, inspect.StructType) and issubclass(inner.cls, Block):
            own = keys_of(inner.cls)
            name_key = next(name for name in _NAME_KEYS if name in own) if many else ""
            found[key] = Branch(key, filled.field, name_key, bool(name_key) and GROUPS in own)
    return found


def continuation(name: str) -> tuple[str, int]:
    """What a parameter goes on with by its name, and its number from 2; its own name and 0 for others."""
    found = _CONTINUATION.fullmatch(name)
    number = int(found["number"]) if found else 0
    return (found["base"], number) if found and number > 1 else (name, 0)


def in_order(names: Iterable[str]) -> list[str]:
    """The names sorted, and ``pay.10`` behind ``pay.2``."""
    return sorted(names, key=continuation)


def segments(names: Sequence[str]) -> list[str]:
    """The name in the tree of each item of a branch: its own where Parameter Store can take it.

    Other characters are replaced, long names cut, and names like those of another item's
    continuations kept apart; a hash of the whole name then keeps it unique.
    """
    given = set(names)
    taken = {name for name in names if _stays(name, given)}
    result = []
    for name in names:
        segment, chars = name, _HASH_CHARS
        while not _stays(name, given) and (segment is name or segment in taken):
            segment, chars = _hashed(name, chars), chars + 1
        taken.add(segment)
        result.append(segment)
    return result


def _hashed(name: str, chars: int) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:chars]
    return f"{_ILLEGAL.sub('_', name)[: SEGMENT_CHARS - chars - 1]}-{digest}"


def _stays(name: str, given: set[str]) -> bool:
    """Whether an item's name can be its parameter's."""
    base, number = continuation(name)
    return len(name) <= SEGMENT_CHARS and not _ILLEGAL.search(name) and not (number and base in given)
