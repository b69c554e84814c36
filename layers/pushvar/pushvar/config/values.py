"""What blocks are made of: their base, a duration, a reference to a secret. Nothing here parses."""

from __future__ import annotations

import msgspec

_UNITS_MS = (
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
)


class Block(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping of the document."""


class Duration(msgspec.Struct, frozen=True, order=True):
    """A length of time in whole milliseconds. Zero is falsy: in a document it means "not set"."""

    ms: int = 0

    @property
    def s(self) -> float:
        """The same in seconds."""
        return self.ms / 1000

    def __bool__(self) -> bool:
        return self.ms != 0

    def __str__(self) -> str:
        """The shortest text in Prometheus' duration grammar (``1m30s``), ``0s`` for none."""
        rest, text = self.ms, ""
        for unit, size_ms in _UNITS_MS:
            count, rest = divmod(rest, size_ms)
            text += f"{count}{unit}" if count else ""
        return text or "0s"


class SecretRef(msgspec.Struct, frozen=True):
    """Where a secret is found; never the secret itself.

    ``scheme`` is ``env``, ``file``, ``ssm`` or ``secretsmanager``; ``name`` is the environment variable,
    the path of the file, the parameter's full name, or the secret's name or ARN with ``#key`` where
    one value of a JSON object is meant. Resolving it is ``net.secrets``' work.
    """

    scheme: str
    name: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.name}"

    def __repr__(self) -> str:
        return f"SecretRef({str(self)!r})"
