"""Single values: a text of the document as the type that the schema has for it.

What a quoted or plain text means follows from the type: a plain ``yes`` is true where a truth value
is expected and the text "yes" in a label. Source: YAML 1.1, types bool and null.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import inspect

from pushvar.config import gateway_checks, grammar, mapping_grammar, relabel, tenant_checks, web
from pushvar.config.grammar import quoted, refused
from pushvar.config.unsupported import LATER_VALUES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushvar.config.keys import Leaf
    from pushvar.config.nodes import ScalarNode

_TRUE = frozenset(["true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"])
_FALSE = frozenset(["false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"])
_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_NUMBER = re.compile(r"[-+]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][-+]?[0-9]{1,2})?")
_GRAMMARS: dict[str, Callable[[str], Any]] = {
    **grammar.GRAMMARS,
    **web.GRAMMARS,
    **relabel.GRAMMARS,
    **mapping_grammar.GRAMMARS,
    **tenant_checks.GRAMMARS,
    **gateway_checks.GRAMMARS,
}


def scalar(node: ScalarNode, leaf: Leaf, key: str) -> Any:
    """The value of a text that stands under ``key``; raises ConfigError, without path, when it is none.

    Nothing (``key:``) is the empty text where a text is expected.
    """
    if node.is_null:
        if not isinstance(leaf.type, inspect.StrType):
            raise refused("is empty", "write a value, or remove the key")
        node = node._replace(text="")
    if leaf.grammar:
        return _GRAMMARS[leaf.grammar](node.text)
    return _KINDS[type(leaf.type)](node, leaf.type, key)


def _text(node: ScalarNode, _info: inspect.StrType, _key: str) -> str:
    return node.text


def _truth(node: ScalarNode, _info: inspect.BoolType, _key: str) -> bool:
    if node.text not in _TRUE | _FALSE:
        raise refused(f"{quoted(node.text)} is not true or false")
    if not node.plain:
        raise refused("a text in quotes is not true or false", "remove the quotes")
    return node.text in _TRUE


def _whole_number(node: ScalarNode, info: inspect.IntType, _key: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(node.text):
        raise refused(f"{quoted(node.text)} is not a whole number", "write digits only")
    if not node.plain:
        raise refused("a text in quotes is not a number", "remove the quotes")
    number = int(node.text)
    if info.ge is not None and number < info.ge:
        raise refused(f"{number} is too small", f"the least is {info.ge}")
    if info.le is not None and number > info.le:
        raise refused(f"{number} is too large", f"the most is {info.le}")
    return number


def _number(node: ScalarNode, info: inspect.FloatType, _key: str) -> float:
    if not node.plain or not _NUMBER.fullmatch(node.text):
        raise refused(f"{quoted(node.text)} is not a number", "write it like 0.999, without quotes")
    number = float(node.text)
    if info.gt is not None and info.lt is not None and not info.gt < number < info.lt:
        raise refused(f"{node.text} is not between {info.gt} and {info.lt}")
    return number


def _choice(node: ScalarNode, info: inspect.LiteralType, key: str) -> str:
    if node.text in info.values:
        return node.text
    options = " or ".join(str(value) for value in info.values)
    known = LATER_VALUES.get((key, node.text))
    raise refused(*(known or (f"{quoted(node.text)} is not {options}", "")))


_KINDS: dict[type, Callable[[ScalarNode, Any, str], Any]] = {
    inspect.StrType: _text,
    inspect.BoolType: _truth,
    inspect.IntType: _whole_number,
    inspect.FloatType: _number,
    inspect.LiteralType: _choice,
}
