"""Which of the two formats a body is in: the configuration says it, or the body does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TEXT_RULE: Final = "text"
"""What reports call the rule that named the series of a text: none, the document did."""

_TEXT_TYPES: Final = ("application/openmetrics-text", "text/plain;version=0.0.4")
_NEVER_TEXT: Final = (b"{", b"[", b"<", b'"', b"")


@dataclass(frozen=True, slots=True)
class InputFormat:
    """What a job's targets serve: ``expvar``, ``prometheus`` (text 0.0.4, OpenMetrics) or ``auto``.

    With ``honor_timestamps`` samples keep the times that the text gives them.
    """

    name: str = "expvar"
    honor_timestamps: bool = True

    def is_text(self, body: bytes, content_type: str) -> bool:
        """Whether this body is to be read as text.

        In ``auto`` a Content-Type of either text format says so; else what begins like JSON or HTML is not.
        """
        if self.name != "auto":
            return self.name == "prometheus"
        if content_type.lower().replace(" ", "").startswith(_TEXT_TYPES):
            return True
        return body[:_LOOK_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in _NEVER_TEXT and not _is_word(body)


_LOOK_BYTES: Final = 4096


def _is_word(body: bytes) -> bool:
    """Whether it is a JSON number or word, which is better refused as such than as a bad line."""
    return b"\n" not in body.strip() and b" " not in body.strip()


EXPVAR: Final = InputFormat()
