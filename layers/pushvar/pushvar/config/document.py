"""Text to nodes: a YAML (or JSON) document as a tree in which every node knows its line and column.

The tree is composed here from the parser's events, not by the YAML library: its composer recurses, so that
deep nesting kills the process, and it gives cyclic trees for cyclic aliases.

Nothing here knows the schema. Messages never show values: any of them may be a secret.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from pushvar.config.nodes import ListNode, MappingNode, ScalarNode, merged_entries, own_entries
from pushvar.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.config.nodes import Node

MAX_DEPTH = 32
"""Deeper nesting than any configuration needs."""

MAX_VALUES = 2_000_000
"""Most values one document may have once its aliases are expanded; a bound for hostile documents."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser is about ten times as fast
_UNPRINTABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # YAML 1.1, 5.1
_QUOTED = re.compile(" ?'.*'")
_SURROGATE = re.compile("[\ud800-\udfff]")
_JSON_PAIR = re.compile(r"(?i)(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})")
_CORE_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = tuple(_CORE_TAG + name for name in ("int", "float", "bool", "null"))
_KNOWN_TAGS = (*_PLAIN_TAGS, "!", *(_CORE_TAG + name for name in ("str", "map", "seq")))

_YAML_PROBLEMS = {
    "found character that cannot start any token": (
        "a value begins with a character that YAML reserves (@ or `)",
        "put the value in quotes",
    ),
    "mapping values are not allowed in this context": (
        "a colon stands where no key can be",
        "check the indentation, or put the value in quotes",
    ),
    "did not find expected key": ("a key is expected here", "check the indentation of this line"),
    "did not find expected '-' indicator": (
        "a list item is expected here",
        "check the indentation of this line",
    ),
    "did not find expected node content": ("a value is missing", "is a [ or { not closed?"),
    "could not find expected ':'": ("a key without a colon", "write key: value"),
    "did not find expected ',' or '}'": ("a { is not closed", "close it with }"),
    "did not find expected ',' or ']'": ("a [ is not closed", "close it with ]"),
    "found unexpected end of stream": ("a quote is opened here and never closed", "close it"),
    "found unknown escape character": (
        "a \\ that YAML does not know, in double quotes",
        "write \\\\, or use single quotes",
    ),
}
"""What the parser says -> what is wrong in words, and what to do."""

_WRONG_AT_BEGIN = frozenset(["could not find expected ':'", "found unexpected end of stream"])
"""What is found out at the end of a text, but wrong where the text begins."""


def parse(text: str, source: str) -> Node:
    """The root of the document in ``text``; ``source`` names it in the errors' places.

    Raises ConfigErrors when the text is empty, is not one YAML document, nests deeper than
    MAX_DEPTH, or has more than MAX_VALUES values.
    """
    if unprintable := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, unprintable.start())
        column = unprintable.start() - (text.rfind("\n", 0, unprintable.start()) + 1)
        code = f"a character that YAML does not allow (U+{ord(unprintable[0]):04X})"
        raise _at(source, line, column, code, "remove it; is the file text in UTF-8?")
    if text.lstrip()[:1] in {"{", "["}:
        text = _JSON_PAIR.sub(_one_escape, text)
    composer = _Composer(source)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            composer.take(event)
    except yaml.MarkedYAMLError as error:
        raise _unreadable(error, text, source) from None
    if composer.root is None:
        raise _at(source, 0, 0, "the document is empty", "")
    return composer.root


def _one_escape(pair: re.Match[str]) -> str:
    """The one code point of a JSON surrogate pair, as the escape that YAML has for it."""
    code = 0x10000 + ((int(pair[2], 16) - 0xD800) << 10) + int(pair[3], 16) - 0xDC00
    return f"{pair[1]}\\U{code:08x}"


def _at(source: str, line: int, column: int, problem: str, hint: str) -> ConfigErrors:
    return ConfigErrors([ConfigError("", problem, hint=hint, place=f"{source}:{line + 1}:{column + 1}")])


def _unreadable(error: yaml.MarkedYAMLError, text: str, source: str) -> ConfigErrors:
    said = str(error.problem)
    mark = error.context_mark if said in _WRONG_AT_BEGIN else error.problem_mark
    line, column = getattr(mark, "line", 0), getattr(mark, "column", 0)
    unquoted = _QUOTED.sub("", said)  # the slow parser quotes the document
    problem, hint = _YAML_PROBLEMS.get(said, (unquoted, "check the YAML of this line"))
    lines = text.split("\n")
    if line < len(lines) and lines[line][column : column + 1] == "\t":
        problem, hint = "a tab in the indentation", "YAML allows only spaces there"
    if error.context_mark is not None and error.context_mark.line != line:
        problem += f", in what begins on line {error.context_mark.line + 1}"
    return _at(source, line, column, f"not valid YAML: {problem}", hint)


class _Open(NamedTuple):
    """A collection whose end has not come yet; a mapping's keys and values alternate in ``children``."""

    event: Any
    children: list[Node]


class _Composer:
    """Takes parser events in order and builds the tree, without recursion."""

    def __init__(self, source: str) -> None:
        self.root: Node | None = None
        self._source = source
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._values = 0
        self._steps: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.SequenceStartEvent: self._begin,
            yaml.MappingStartEvent: self._begin,
            yaml.SequenceEndEvent: self._end_list,
            yaml.MappingEndEvent: self._end_mapping,
            yaml.DocumentStartEvent: self._document,
        }

    def take(self, event: Any) -> None:
        """Add one event to the tree."""
        step = self._steps.get(type(event))
        if step is not None:
            step(event)

    def _fail(self, event: Any, problem: str, hint: str) -> ConfigErrors:
        return _at(self._source, event.start_mark.line, event.start_mark.column, problem, hint)

    def _document(self, event: Any) -> None:
        if self.root is not None:
            raise self._fail(event, "a second document begins here", "keep one; remove the --- line")

    def _scalar(self, event: Any) -> None:
        mark, tag = event.start_mark, event.tag
        if not event.value.isascii() and _SURROGATE.search(event.value):
            raise self._fail(event, "half of a surrogate pair", "write the character itself")
        plain = not event.style and (tag is None or tag in _PLAIN_TAGS)
        tagged = tag is not None and tag not in _KNOWN_TAGS
        self._add(event, ScalarNode(event.value, plain, mark.line, mark.column, tagged))

    def _alias(self, event: Any) -> None:
        node = self._anchors.get(event.anchor)
        if node is None:
            raise self._fail(
                event,
                "an alias (*name) without its anchor (&name) before it",
                "define the anchor first; put a value that begins with * in quotes",
            )
        self._attach(event, node)

    def _begin(self, event: Any) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise self._fail(event, f"nested deeper than {MAX_DEPTH} levels", "is a bracket not closed?")
        self._open.append(_Open(event, []))

    def _end_list(self, _end: Any) -> None:
        event, children = self._open.pop()
        mark = event.start_mark
        self._add(event, ListNode(children, mark.line, mark.column, _unknown_tag(event)))

    def _end_mapping(self, _end: Any) -> None:
        event, children = self._open.pop()
        mark = event.start_mark
        entries, merged = own_entries(children)
        if merged:
            self._count(event, sum(len(mapping.entries) for mapping in merged))
            entries = merged_entries(entries, merged)
        self._add(event, MappingNode(entries, mark.line, mark.column, _unknown_tag(event)))

    def _add(self, event: Any, node: Node) -> None:
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        self._attach(event, node)

    def _attach(self, event: Any, node: Node) -> None:
        self._count(event, 1)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node

    def _count(self, event: Any, values: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise self._fail(event, f"more than {MAX_VALUES} values", "use fewer aliases, or several files")


def _unknown_tag(event: Any) -> bool:
    return event.tag is not None and event.tag not in _KNOWN_TAGS
