"""Checks of mapping rules: keys that do not go together, references to nothing, unknown names.

Each gives findings; a rule without findings compiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushvar.config.grammar import quoted
from pushvar.config.mapping_grammar import checked_pattern
from pushvar.config.mappings import KEYS, MappingRule
from pushvar.config.patterns import TAIL, Reference, reference, segment, template
from pushvar.config.problems import Finding
from pushvar.config.programs import ready_names
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.config.mappings import Rules
    from pushvar.config.patterns import Segment
    from pushvar.config.problems import Path
    from pushvar.config.schema import Config

_DEFAULTS = MappingRule()
_ROLE_TYPES = {
    "value": ("counter", "gauge", "info", "unknown", None),
    "bucket": ("histogram", None),
    "quantile": ("summary", None),
    "sum": ("histogram", "summary"),
    "count": ("histogram", "summary"),
}
_NEEDED_CAPTURE = {"bucket": "le", "quantile": "q"}
_ONLY_WITH: dict[str, tuple[str, ...]] = {
    "quantiles": ("quantile",),
    "le_scale": ("bucket",),
    "value_label": ("value",),
    "parse": ("value", "sum"),
    "scale": ("value", "sum", "quantile"),
    "buckets": ("bucket",),
}
_NOT_BESIDE_HISTOGRAM = ("role", "quantiles", "le_scale", "scale", "value_label", "parse")


def mapping_findings(config: Config) -> Iterator[Finding]:
    """Everything wrong with the rule sets of a configuration and with the names of those it uses."""
    for name, rules in config.mappings:
        yield from rules_findings(rules, ("mappings", name))
    own = {name for name, _rules in config.mappings}
    for position, job in enumerate(config.scrape_configs):
        for index, name in enumerate(job.mappings):
            if name not in own | ready_names():
                path: Path = ("scrape_configs", position, "mappings", index)
                known = ", ".join(sorted(own | ready_names()))
                hint = f"there are {known}" if known else "add it under mappings"
                yield Finding(path, f"no mappings called {quoted(name)}", hint, (("mappings",),))


def rules_findings(rules: Rules, path: Path) -> Iterator[Finding]:
    """Everything wrong with one list of rules that stands at ``path``."""
    types: dict[str, str] = {}
    for index, rule in enumerate(rules):
        here: Path = (*path, index)
        yield from _rule(rule, here)
        kind = type_of_rule(rule)
        if rule.name and "{" not in rule.name and types.setdefault(rule.name, kind) != kind:
            problem = f"{rule.name} is a {types[rule.name]} in an earlier rule, a {kind} here"
            yield Finding((*here, "type"), problem, "give a name one type", ((*here, "name"),))


def type_of_rule(rule: MappingRule) -> str:
    """The type of the family that a rule makes: what it says, or what its role implies."""
    implied = {"bucket": "histogram", "quantile": "summary"}.get(rule.role, "unknown")
    return rule.type or ("histogram" if rule.histogram else implied)


def _rule(rule: MappingRule, path: Path) -> Iterator[Finding]:
    if rule.preset is not None or rule.action == "drop":
        yield from _alone(rule, path)
        return
    if not rule.match:
        yield Finding((*path, "match"), "required", "add match, or a preset")
        return
    try:
        checked_pattern(rule.match)
    except ConfigError as error:
        yield Finding((*path, "match"), error.problem, error.hint)
        return
    if not rule.name:
        yield Finding((*path, "name"), "required", "add name, or action: drop")
    for check in (_roles, _histogram, _references, _labels, _names):
        yield from check(rule, path)


def _alone(rule: MappingRule, path: Path) -> Iterator[Finding]:
    """A preset stands alone; what drops has a pattern and nothing else."""
    allowed = {"preset"} if rule.preset is not None else {"match", "action"}
    for key in MappingRule.__struct_fields__:
        if key not in allowed and getattr(rule, key) != getattr(_DEFAULTS, key):
            word = "a preset" if rule.preset is not None else "action: drop"
            yield Finding((*path, key), f"not together with {word}", "remove one of them")
    if rule.preset is None and not rule.match:
        yield Finding((*path, "match"), "required", "add match")
    try:
        checked_pattern(rule.match)
    except ConfigError as error:
        yield Finding((*path, "match"), error.problem, error.hint)


def _roles(rule: MappingRule, path: Path) -> Iterator[Finding]:
    types = _ROLE_TYPES[rule.role]
    if rule.type not in types and not rule.histogram:
        words = " or ".join(kind for kind in types if kind)
        said = f"type {rule.type}" if rule.type else "no type"
        yield Finding((*path, "type"), f"{said} with role {rule.role}", f"write {words}")
    needed = _NEEDED_CAPTURE.get(rule.role)
    if needed and needed not in _captures(rule):
        yield Finding((*path, "match"), f"role {rule.role} without a capture {needed}", f"write {{{needed}}}")
    if rule.role == "quantile" and not rule.quantiles:
        yield Finding((*path, "quantiles"), "required", 'write {"99": 0.99}')
    for key, roles in _ONLY_WITH.items():
        if getattr(rule, key) and rule.role not in roles and not rule.histogram:
            yield Finding((*path, key), f"not for role {rule.role}", f"it is for {' or '.join(roles)}")
    if rule.value_label and (rule.parse or rule.scale or rule.type == "counter"):
        yield Finding((*path, "value_label"), "its value is always 1", "remove parse, scale and type counter")


def _histogram(rule: MappingRule, path: Path) -> Iterator[Finding]:
    block = rule.histogram
    if block is None:
        return
    for key in _NOT_BESIDE_HISTOGRAM:
        if getattr(rule, key) != getattr(_DEFAULTS, key):
            yield Finding((*path, key), "not beside histogram", "write it into histogram, or remove it")
    if rule.type not in {"histogram", None}:
        yield Finding((*path, "type"), f"type {rule.type} with histogram", "write histogram")
    here: Path = (*path, "histogram")
    if (block.bounds == KEYS) == bool(block.counts):
        problem = "not with bounds: keys" if block.counts else "required"
        yield Finding((*here, "counts"), problem, "lists have bounds and counts, objects bounds: keys")


def _references(rule: MappingRule, path: Path) -> Iterator[Finding]:
    try:
        names = [part for part in template(rule.name) if isinstance(part, Reference)]
        values = [(name, reference(value)) for name, value in rule.labels]
        tags = reference(rule.label_map) if rule.label_map else None
    except ConfigError:
        return  # each was told at its own place
    segments = _segments(rule)
    many = any(one.many for one in segments)
    known = {capture for one in segments for capture in one.captures} | ({TAIL} if many else set())
    for found in names:
        if not found.level and found.name not in known:
            problem = f"{quoted('{' + found.name + '}')} is captured nowhere"
            yield Finding((*path, "name"), problem, f"match captures {', '.join(sorted(known)) or 'nothing'}")
    deep = len(segments) + bool(rule.histogram)
    places: list[tuple[Path, Reference | None]] = [
        *(((*path, "name"), found) for found in names),
        *(((*path, "labels", name), found) for name, found in values),
        ((*path, "label_map"), tags),
    ]
    for place, one in places:
        if one is not None and one.level > deep and not many:
            yield Finding(place, "has more @ than match has segments", "use fewer")


def _labels(rule: MappingRule, path: Path) -> Iterator[Finding]:
    captures = _captures(rule)
    for name, _value in rule.labels:
        if name in captures:
            yield Finding((*path, "labels", name), "captured too", "rename one")
    if rule.value_label and rule.value_label in {*captures, *(name for name, _value in rule.labels)}:
        yield Finding((*path, "value_label"), "the name of another label", "rename one")
    if rule.label_exclude and not rule.label_map:
        yield Finding((*path, "label_exclude"), "without label_map", "remove it")


def _names(rule: MappingRule, path: Path) -> Iterator[Finding]:
    literal = rule.name.rpartition("}")[2]
    if rule.type == "gauge" and literal.endswith("_total"):
        yield Finding((*path, "name"), "a gauge may not end in _total", "make it a counter, or rename it")
    if type_of_rule(rule) in {"histogram", "summary"} and literal.endswith(("_bucket", "_sum", "_count")):
        yield Finding((*path, "name"), "the role adds _bucket, _sum and _count", "remove the suffix")


def _segments(rule: MappingRule) -> list[Segment]:
    return [segment(one) for one in rule.match]


def _captures(rule: MappingRule) -> set[str]:
    return {capture for one in _segments(rule) for capture in one.captures}
