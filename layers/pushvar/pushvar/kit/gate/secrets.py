"""The check for secrets: whoever reaches the port reads the whole page, whatever pushvar leaves out of it.

A finding names the place and the kind, never the value or a part of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pushvar.kit.gate.facts import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushvar.kit.gate.facts import Facts, Limits

_WORD = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)"
)
_KEY = re.compile(rf"(?:^|[^a-z]){_WORD}s?(?:$|[^a-z])", re.IGNORECASE)
_FLAG = re.compile(rf"^--?[\w.-]*{_WORD}[\w.-]*(?P<given>=.+)?$", re.IGNORECASE | re.DOTALL)
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a JSON web token", re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_\w{30,}|github_pat_\w{30,})")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[\w-]{10,}")),
    ("a URL with a password", re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@]*:[^\s/@]+@", re.IGNORECASE)),
    ("a bearer token", re.compile(r"\bbearer\s+[\w.~+/-]{12,}", re.IGNORECASE)),
    ("a password in a text", re.compile(rf"\b{_WORD}\s*[=:]\s*[^\s,;&]{{3,}}", re.IGNORECASE)),
)
_NOTHING = re.compile(
    r"[*x.•-]*|<?(?:redacted|hidden|masked|removed|none|null|true|false|unset)>?", re.IGNORECASE
)
_REFERENCE = re.compile(r"(?:env|file|ssm|secretsmanager|vault|arn:aws):|[./~]|\$\{?\w")
_DEEP, _MANY = 32, 5
_MEND = "take it from a file or the environment; whoever reaches this port can read it"


def secrets(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """No password, token or key stands on the page: in cmdline, in a variable, in a label."""
    del limits
    document = facts.document
    assert document is not None
    found = [*_in_document(document.raw)] if document.raw is not None else []
    for name, labels in sorted(document.series):
        found += [
            (f"label {label} of {name}", kind) for label, value in labels for kind in _kinds(label, value)
        ]
    known = list(dict.fromkeys(found))
    for place, kind in known[:_MANY]:
        yield Finding(Level.FAIL, f"{place}: {kind}", _MEND)
    if len(known) > _MANY:
        yield Finding(Level.FAIL, f"and {len(known) - _MANY} more places with secrets")


def _in_document(raw: Any) -> Iterator[tuple[str, str]]:
    """Places and kinds in a document of expvar."""
    if isinstance(raw, dict) and isinstance(raw.get("cmdline"), list):
        yield from _in_arguments([str(one) for one in raw["cmdline"]])
        raw = {key: value for key, value in raw.items() if key != "cmdline"}
    yield from _walk(raw, "", "", _DEEP)


def _in_arguments(arguments: list[str]) -> Iterator[tuple[str, str]]:
    for place, argument in enumerate(arguments):
        flag = _FLAG.match(argument)
        given = ""
        if flag:
            after = arguments[place + 1] if place + 1 < len(arguments) else ""
            given = (flag["given"] or "").removeprefix("=") or ("" if after.startswith("-") else after)
        if given and _is_secret(given):
            yield f"cmdline[{place}]", f"the value of {argument.partition('=')[0]}"
        else:
            yield from ((f"cmdline[{place}]", kind) for kind in _kinds("", argument))


def _walk(value: Any, path: str, key: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield from ((path, kind) for kind in _kinds(key, value))
    elif depth and isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(inner, f"{path}.{name}" if path else name, name, depth - 1)
    elif depth and isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _walk(inner, f"{path}[{place}]", key, depth - 1)


def _kinds(key: str, value: str) -> Iterator[str]:
    shape = next((kind for kind, pattern in _SHAPES if pattern.search(value)), "")
    if shape:
        yield shape
    elif key and _KEY.search(_spaced(key)) and _is_secret(value):
        yield "a value under the name of a secret"


def _spaced(key: str) -> str:
    """``dbPassword`` as ``db_Password``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key)


def _is_secret(value: str) -> bool:
    """Whether a text under such a name may be one: not empty, not masked, no number, no reference to one."""
    plain = value.strip()
    return not (_NOTHING.fullmatch(plain) or _REFERENCE.match(plain) or plain.replace(".", "").isdigit())
