"""How long a group lives: what its push says, else its customer's time, never longer than the longest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushvar.config.grammar import positive_duration, quoted
from pushvar.errors import ConfigError
from pushvar.jobs.refusals import malformed

if TYPE_CHECKING:
    from pushvar.config.schema import Gateway
    from pushvar.jobs.credentials import Customer


TTL_HEADER: Final = "X-Pushvar-TTL"
"""The header that says it."""


def lifetime_ms(said: str, customer: Customer, settings: Gateway, place: str) -> int:
    """The time of a push; ``said`` is a Prometheus duration or whole seconds, and stands in ``place``.

    Raises Refusal for what is neither.
    """
    wanted_ms = customer.ttl_ms
    if said:
        text = said.strip()
        try:
            wanted_ms = positive_duration(f"{text}s" if text.isascii() and text.isdigit() else text).ms
        except ConfigError as error:
            shown = error.problem if text != said or not text.isdigit() else f"{quoted(said)} is no time"
            raise malformed(f"{place}: {shown}; write a duration such as 48h, or seconds") from None
    return min(wanted_ms, settings.max_ttl.ms)
