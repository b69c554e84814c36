"""The grammars of single texts in mapping rules: patterns, names, label values, scales, quantiles.

Like those of ``config.grammar``: text in, value out, or a ConfigError that waits for its path.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from pushvar.config.grammar import label_name, quoted, refused
from pushvar.config.patterns import reference, segment, split, template

_SET_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}", re.ASCII)
_SCALE = re.compile(r"(\d{1,18}(\.\d{0,18})?|\.\d{1,18})([eE][-+]?\d{1,2})?|1/[1-9]\d{0,17}", re.ASCII)
_QUANTILE = re.compile(r"0?\.\d{1,15}|[01](\.0{1,15})?", re.ASCII)
_SCALE_BOUND = 10**30


def mapping_name(value: str) -> str:
    """The name of a rule set: it can be the name of a parameter and of a file."""
    if not _SET_NAME.fullmatch(value):
        raise refused(f"{quoted(value)} is no name for mappings", "use letters, digits, _, . and -")
    return value


def pattern(value: str) -> tuple[str, ...]:
    """A pattern in one text, as its segments."""
    return checked_pattern(split(value))


def checked_pattern(segments: tuple[str, ...]) -> tuple[str, ...]:
    """The same segments when they can be compiled and name no capture twice."""
    seen: set[str] = set()
    for one in segments:
        parsed = segment(one)
        for capture in parsed.captures:
            if capture in seen:
                raise refused(f"captures {capture} twice", "give each capture a name of its own")
            seen.add(capture)
        if parsed.regex:
            compiled(parsed.regex)
    return segments


def compiled(regex: str) -> Any:
    """The RE2 expression; it is matched fully. Raises ConfigError without path."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    try:
        return re2.compile(regex, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise refused(f"not an RE2 expression: {text}", "see github.com/google/re2/wiki/Syntax") from None


def metric_template(value: str) -> str:
    """A name with references: ``{capture}``, ``{@field}``, ``{tail}``."""
    if not value.strip():
        raise refused("is empty", "write a name")
    template(value)
    return value


def mapping_label(value: str) -> str:
    """The name of a label that a rule sets."""
    if value.startswith("__"):
        raise refused(f"{quoted(value)} is a reserved label name", "do not begin with __")
    return label_name(value)


def mapping_label_value(value: str) -> str:
    """A static text, or ``@field``."""
    reference(value)
    return value


def field_reference(value: str) -> str:
    """``@field``, ``@@field``, ...: nothing else."""
    if reference(value) is None:
        raise refused(f"{quoted(value)} is no reference", 'write "@tags" or "@@tags"')
    return value


def scale(value: str) -> str:
    """A factor above 0, as an exact fraction: ``1e-9`` is ``1/1000000000``."""
    if not _SCALE.fullmatch(value):
        raise refused(f"{quoted(value)} is not a scale", "write a factor such as 1e-9 or 1024")
    factor = Fraction(value)
    if not factor > 0 or max(factor.numerator, factor.denominator) > _SCALE_BOUND:
        raise refused(f"{quoted(value)} is out of range", "write a factor between 1e-30 and 1e30")
    return str(factor)


def quantile(value: str) -> str:
    """A quantile from 0 to 1, as its label spells it."""
    if not _QUANTILE.fullmatch(value) or not 0 <= float(value) <= 1:
        raise refused(f"{quoted(value)} is not a quantile", "write a number from 0 to 1, such as 0.99")
    return f"{float(value):.15g}"


def _grammars() -> dict[str, Any]:
    functions = (
        mapping_name, pattern, metric_template, mapping_label, mapping_label_value, field_reference, scale,
        quantile,
    )  # fmt: skip
    return {function.__name__: function for function in functions}


GRAMMARS = _grammars()
"""Name in the schema -> function."""
