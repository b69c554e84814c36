"""The grammars of what ``gateway`` says of callers, and what is wrong across its values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pushvar.config import grammar
from pushvar.config.grammar import quoted, refused
from pushvar.config.problems import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pushvar.config.problems import Path
    from pushvar.config.schema import Config, GatewayCredential

_ARN = re.compile(r"arn:aws[a-z-]*:(iam|sts)::([0-9]{12}|\*):[A-Za-z0-9_+=,.@/*-]+")
_BEARER = "bearer"
_SWITCHES = frozenset({"true", "false", "yes", "no", "on", "off"})


def principal(value: str) -> str:
    """The ARN of an IAM principal; ``*`` stands for any characters."""
    if not _ARN.fullmatch(value):
        hint = 'write "arn:aws:iam::123456789012:role/batch-*"'
        raise refused(f"{quoted(value)} is not the ARN of a user or role", hint)
    return value


def anonymous(value: str) -> str:
    """A customer_id, or nothing.

    A word for yes or no would open the door to everyone, for a customer of that name.
    """
    if value.lower() in _SWITCHES:
        hint = "name the customer whose pushes without a credential are, or leave the key out to refuse them"
        raise refused(f"{quoted(value)} is not a customer_id: this is no switch", hint)
    return grammar.customer_id(value) if value else ""


GRAMMARS: dict[str, Callable[[str], str]] = {
    function.__name__: function for function in (principal, anonymous)
}
"""Name in the schema -> function."""


def gateway_findings(config: Config) -> Iterator[Finding]:
    """Everything wrong across the values of the block."""
    block = config.gateway
    if block.ttl > block.max_ttl:
        hint = f"write {block.max_ttl} or less"
        problem = f"{block.ttl} is longer than max_ttl, {block.max_ttl}"
        yield Finding(("gateway", "ttl"), problem, hint, (("gateway", "max_ttl"),))
    for index, credential in enumerate(block.credentials):
        path: Path = ("gateway", "credentials", index)
        if credential.ttl > block.max_ttl:
            problem = f"{credential.ttl} is longer than max_ttl, {block.max_ttl}"
            yield Finding((*path, "ttl"), problem, f"write {block.max_ttl} or less")
        yield from _shown(path, credential)


def _shown(path: Path, credential: GatewayCredential) -> Iterator[Finding]:
    """A credential is exactly one thing that a caller can show."""
    ways = [name for name in ("basic_auth", "authorization", "principal") if getattr(credential, name)]
    if not ways:
        hint = "add basic_auth, authorization or principal"
        yield Finding(path, "shows nobody", hint, ((*path, "principal"),))
    for way in ways[1:]:
        yield Finding((*path, way), f"given together with {ways[0]}", "make two credentials of it")
    basic, bearer = credential.basic_auth, credential.authorization
    if basic is not None and basic.password is None:
        yield Finding((*path, "basic_auth", "password"), "required", "write password: env:NAME")
    if bearer is not None and bearer.type.lower() != _BEARER:
        yield Finding((*path, "authorization", "type"), "callers show a Bearer token", "remove the key")
