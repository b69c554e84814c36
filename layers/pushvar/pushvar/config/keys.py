"""The keys of a block, and what to say of a key that it does not have."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import inspect

from pushvar.config.schema import Config
from pushvar.config.unsupported import UNSUPPORTED
from pushvar.config.values import Block

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.config.problems import Path
    from pushvar.config.unsupported import Instead

_FILE_SUFFIX = "_file"
_MAX_LISTED = 9


class Key(NamedTuple):
    """A key of a block: the field it fills and its type.

    ``from_file`` marks ``password_file`` and its kind: a path that becomes a reference to a secret.
    """

    field: str
    type: inspect.Type
    required: bool
    from_file: bool = False


class Leaf(NamedTuple):
    """A type without its wrappers: what it is, and the grammar that reads it, if it names one."""

    type: Any
    grammar: str


@cache
def type_of(cls: Any) -> inspect.Type:
    """The type of a class or annotation as msgspec describes it."""
    return inspect.type_info(cls)


def unwrapped(info: inspect.Type) -> Leaf:
    """The type inside ``Annotated[...]`` and ``... | None``."""
    grammar = ""
    while isinstance(info, (inspect.Metadata, inspect.UnionType)):
        if isinstance(info, inspect.Metadata):
            grammar = (info.extra or {}).get("grammar", "")
            info = info.type
        else:
            info = info.types[0]
    return Leaf(info, grammar)


@cache
def keys_of(block: type) -> dict[str, Key]:
    """Key -> what it fills, for one block; each secret has a ``<key>_file`` beside it."""
    info = type_of(block)
    keys: dict[str, Key] = {}
    for field in info.fields if isinstance(info, inspect.StructType) else ():
        keys[field.encode_name] = Key(field.name, field.type, field.required)
        if unwrapped(field.type).grammar == "secret":
            path = inspect.Metadata(inspect.StrType(), extra={"grammar": "path"})
            keys[field.encode_name + _FILE_SUFFIX] = Key(field.name, path, required=False, from_file=True)
    return keys


def unknown_key(key: str, block: type, path: Path) -> Instead:
    """Problem and hint for a key that the block at ``path`` does not have.

    It is one that we do not support, one that belongs elsewhere, or one that is mistyped.
    """
    if known := UNSUPPORTED.get(block, {}).get(key):
        return known
    if ":" in key:  # "password:secret" in braces: only what stands before the colon may be shown
        return "unknown", "write a space after the colon"
    own = "".join("[]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
    homes = [home for name, home in _homes(Config, "") if name == key and _related(home, own)]
    if homes:
        return "unknown here", "it belongs " + " or ".join(
            f"in {home}" if home else "at the top" for home in homes
        )
    return "unknown", _nearest(key, sorted(keys_of(block)))


def _related(home: str, own: str) -> bool:
    """Whether one block stands in the other; a file of target groups has no home."""
    return not own.startswith("[") and (home.startswith(own) or own.startswith(home))


def _nearest(key: str, known: list[str]) -> str:
    from difflib import get_close_matches

    wanted = key.lower().replace("-", "_")
    near = get_close_matches(wanted, known, n=1) or [name for name in known if wanted in name.split("_")]
    if near:
        return f"did you mean {near[0]}?"
    return "its keys are " + ", ".join(known) if len(known) <= _MAX_LISTED else ""


def _homes(block: type, home: str) -> Iterator[tuple[str, str]]:
    """Every key below ``block`` and its place: ``("targets", "scrape_configs[].static_configs[]")``."""
    for name, key in keys_of(block).items():
        yield name, home
        inner = unwrapped(key.type).type
        is_list = isinstance(inner, inspect.VarTupleType)
        inner = unwrapped(inner.item_type).type if is_list else inner
        if isinstance(inner, inspect.StructType) and issubclass(inner.cls, Block):
            yield from _homes(inner.cls, f"{home}.{name}".lstrip(".") + "[]" * is_list)
