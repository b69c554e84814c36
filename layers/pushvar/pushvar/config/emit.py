"""Nodes to text: compact flow YAML that reads back as the same values.

Aliases and merge keys are gone by now. A mapping that is the item of a list begins a line, which costs
nothing (a space would stand there) and keeps long lists readable and their problems easy to find.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from pushvar.config.nodes import ListNode, MappingNode, ScalarNode

if TYPE_CHECKING:
    from pushvar.config.nodes import Node

_SAFE = re.compile(r"[-+]?\.?[A-Za-z0-9_][A-Za-z0-9_.+-]*", re.ASCII)
"""Plain texts that are plain in flow YAML too: only plain ones can be numbers, truth values or nothing."""

_LONGEST_KEY = 1000
"""A longer key is marked as one (``? key : value``): parsers give up looking for its colon after 1,024."""

_ESCAPED = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")
"""What JSON lets stand and YAML does not take, or takes for a line break."""


def emit(node: Node) -> str:
    """The node as one text; it is one that the reader took without problems."""
    if isinstance(node, MappingNode):
        return "{" + ", ".join(f"{key_text(one.key)}: {emit(one.value)}" for one in node.entries) + "}"
    if isinstance(node, ListNode):
        mappings = node.items and all(isinstance(item, MappingNode) for item in node.items)
        return "[" + (",\n" if mappings else ", ").join(map(emit, node.items)) + "]"
    assert isinstance(node, ScalarNode), "a broken document is not emitted"
    return "null" if node.is_null else _text(node)


def size_bytes(text: str) -> int:
    """What the text takes as UTF-8."""
    return len(text.encode())


def key_text(node: Node) -> str:
    """A key is always a text: quotes around it say nothing, and nothing is the empty one."""
    assert isinstance(node, ScalarNode), "the reader refuses other keys"
    bare = node._replace(plain=True)
    text = node.text if node.is_null and node.text else _text(node if bare.is_null else bare)
    return f"? {text} " if len(text) > _LONGEST_KEY else text


def _text(node: ScalarNode) -> str:
    if node.plain and _SAFE.fullmatch(node.text):
        return node.text
    quoted = _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(node.text, ensure_ascii=False))
    return quoted.replace("{{", "{\\u007b")  # Parameter Store refuses values that name another in {{...}}
