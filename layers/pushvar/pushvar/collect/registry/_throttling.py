"""Writes that Parameter Store throttles: it takes a few in a second, from the whole account together.

botocore tries a call a few times within seconds. A tree of hundreds of parameters needs more: the rate is
the quota's then, and whoever writes has to wait for it.
Source: the endpoints and quotas page of AWS Systems Manager (PutParameter: 3 in a second by default).
"""

from __future__ import annotations

import random
import time
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pushvar.errors import ConfigError
from pushvar.net.aws import error_code

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_S = 120.0
"""How long one call is waited for; a quota that gives nothing for so long is somebody else's."""

_FIRST_S, _LONGEST_S = 1.0, 15.0
_CODES = ("Throttl", "TooManyRequests", "TooManyUpdates", "RequestLimitExceeded")

_Answer = TypeVar("_Answer")


class Effects(NamedTuple):
    """The clock in seconds, how to sleep, and a chance from 0 to 1 that keeps two writers apart."""

    monotonic_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


def patiently(
    call: Callable[[], _Answer], what: str, waits: Callable[[float], None] | None, effects: Effects
) -> _Answer:
    """The answer of ``call``, made again as long as it is throttled; ``waits`` is told each pause in seconds.

    Raises ConfigError, which names ``what``, when ``MOST_S`` are over, and whatever else the call raises.
    """
    began_s = effects.monotonic_s()
    for tries in count():
        try:
            return call()
        except Exception as error:
            if not any(code in error_code(error) for code in _CODES):
                raise
            pause_s = min(_LONGEST_S, _FIRST_S * 2**tries) * (1 + effects.chance()) / 2
            if effects.monotonic_s() + pause_s > began_s + MOST_S:
                hint = "others use the same quota: try later, or ask AWS for a higher one"
                raise ConfigError("", f"{what}: throttled for {MOST_S:.0f} s", hint=hint) from error
        if waits is not None:
            waits(pause_s)
        effects.sleep(pause_s)
    raise AssertionError  # count() does not end
