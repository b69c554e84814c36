"""The configuration as a JSON schema (draft 2020-12), for editors: generated from the schema classes.

It knows keys, types and simple forms; what takes more than one value to judge, the loader alone knows.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import inspect

from pushvar.config.keys import keys_of, type_of, unwrapped
from pushvar.config.relabel import ACTIONS
from pushvar.config.schema import Config
from pushvar.config.values import Block, Duration

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TITLE = "pushvar configuration"

_DURATION = r"^(0|([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$"
_REFERENCE = r"^(env|file|ssm|secretsmanager):.+"
_SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}
_DURATION_SCHEMA: Schema = {
    "type": ["string", "integer"], "pattern": _DURATION, "maximum": 0,
    "description": "A duration: 100ms, 15s, 1m30s.",
}  # fmt: skip
_GRAMMARS: dict[str, Schema] = {
    "duration": _DURATION_SCHEMA,
    "positive_duration": {**_DURATION_SCHEMA, "type": "string"},
    "size": {
        "type": ["string", "integer"], "pattern": r"^(0|(([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i?B|B))+)$",
        "maximum": 0, "description": "A size: 512KB, 8MB; 0 is no limit.",
    },
    "secret": {
        "type": "string", "pattern": _REFERENCE,
        "description": "Where a secret is: env:NAME, file:PATH, ssm:/PATH, secretsmanager:NAME.",
    },
    "relabel_action": {"enum": [*ACTIONS, *(action.upper() for action in ACTIONS)]},
    "address": {"type": ["string", "number"], "description": "host, host:port or [v6]:port."},
    "metrics_path": {"type": "string", "pattern": "^/", "description": "A path without query."},
    "remote_url": {"type": "string", "pattern": "^https?://", "description": "An http or https URL."},
    "proxy_url": {"type": "string", "pattern": "^(http://[^@/]+/?)?$", "description": "An HTTP proxy."},
    "gateway_url": {"type": "string", "pattern": "^https?://", "description": "A URL without query."},
    "sd_pattern": {
        "type": "string", "pattern": r"\.(json|yml|yaml|JSON|YML|YAML)$",
        "description": "Files; * only after the last slash.",
    },
}  # fmt: skip
"""Grammar -> what an editor can check of it. Other grammars take any text."""

_UNITS = ((1024**3, "GB"), (1024**2, "MB"), (1024, "KB"))


def json_schema() -> Schema:
    """The schema of a whole configuration, one definition for each block."""
    definitions: dict[str, Schema] = {}
    top = _block(Config, definitions)
    return {"$schema": DIALECT, "title": TITLE, **top, "$defs": dict(sorted(definitions.items()))}


def _block(block: type, definitions: dict[str, Schema]) -> Schema:
    info = type_of(block)
    fields = {one.name: one for one in info.fields} if isinstance(info, inspect.StructType) else {}
    properties: dict[str, Schema] = {}
    for name, key in keys_of(block).items():
        if key.from_file:
            said = f"A file that holds it; the same as {key.field}: file:PATH."
            properties[name] = {"type": ["string", "null"], "description": said}
            continue
        schema = _of(key.type, definitions)
        if not key.required:
            schema = {**_or_null(schema), **_default(fields[key.field].default, unwrapped(key.type).grammar)}
        properties[name] = schema
    result: Schema = {
        "type": "object", "description": " ".join((block.__doc__ or "").replace("``", "").split()),
        "properties": properties, "additionalProperties": False,
    }  # fmt: skip
    required = [name for name, key in keys_of(block).items() if key.required]
    return {**result, **_required(required, properties)}


def _required(names: list[str], properties: Schema) -> Schema:
    """A secret that has to be given may be given as the file that holds it."""
    either = [name for name in names if f"{name}_file" in properties]
    plain = [name for name in names if name not in either]
    found: Schema = {"required": plain} if plain else {}
    if either:
        found["allOf"] = [
            {"anyOf": [{"required": [name]}, {"required": [f"{name}_file"]}]} for name in either
        ]
    return found


def _of(wrapped: inspect.Type, definitions: dict[str, Schema]) -> Schema:
    leaf = unwrapped(wrapped)
    kind: Any = leaf.type
    if isinstance(kind, inspect.VarTupleType):
        items = _list(kind, definitions)
        return {"anyOf": [_SCALAR, items]} if leaf.grammar else items
    if leaf.grammar:
        return _GRAMMARS.get(leaf.grammar, _SCALAR)
    if isinstance(kind, inspect.StructType):
        if kind.cls.__name__ not in definitions:
            definitions[kind.cls.__name__] = {}  # a block that holds itself would be named by now
            definitions[kind.cls.__name__] = _block(kind.cls, definitions)
        return {"$ref": f"#/$defs/{kind.cls.__name__}"}
    return _simple(kind)


def _list(kind: inspect.VarTupleType, definitions: dict[str, Schema]) -> Schema:
    if isinstance(kind.item_type, inspect.TupleType):
        return {"type": "object", "additionalProperties": _of(kind.item_type.item_types[1], definitions)}
    return {"type": "array", "items": _of(kind.item_type, definitions)}


def _simple(kind: Any) -> Schema:
    if isinstance(kind, inspect.BoolType):
        return {"type": "boolean"}
    if isinstance(kind, inspect.LiteralType):
        return {"enum": [*kind.values]}
    if isinstance(kind, inspect.IntType):
        return {"type": "integer", **({"minimum": kind.ge} if kind.ge is not None else {})}
    if isinstance(kind, inspect.FloatType):
        return {"type": "number", "exclusiveMinimum": kind.gt, "exclusiveMaximum": kind.lt}
    return _SCALAR


def _or_null(schema: Schema) -> Schema:
    """The schema of a key that may be left empty, which is the same as leaving it out."""
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    kinds = schema.get("type")
    if kinds is None:
        return {"anyOf": [schema, {"type": "null"}]}
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return {**schema, "type": [*kinds, *({"null"} - set(kinds))]}


def _default(value: Any, grammar: str) -> Schema:
    """The default of a key, as a person would write it; none where nothing means that it is not set."""
    if value is msgspec.NODEFAULT or value is None or isinstance(value, Block) or value in ((), ""):
        return {}
    if isinstance(value, Duration):
        return {"default": str(value)} if value else {}
    if isinstance(value, tuple):
        return {"default": _builtins(value)}
    if grammar == "size" and value:
        size, unit = next((one for one in _UNITS if not value % one[0]), (1, "B"))
        return {"default": f"{value // size}{unit}"}
    return {"default": value}


def _builtins(value: Any) -> Any:
    """Pairs as an object, blocks as theirs."""
    if isinstance(value, tuple):
        return {name: _builtins(below) for name, below in value}
    if isinstance(value, Block):
        return {name: _builtins(getattr(value, key.field)) for name, key in keys_of(type(value)).items()}
    return str(value) if isinstance(value, Duration) else value
