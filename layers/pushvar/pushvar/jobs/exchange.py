"""One request to the front door, whichever door it came by, and the answer to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class PushRequest:
    """What was asked.

    ``target`` is path and query as they came, still escaped; names of ``headers`` are lower case; ``body`` is
    as it was sent, perhaps compressed. ``principal`` is the ARN of the caller whose signature the door has
    checked, empty where it checks none.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    principal: str = ""


@dataclass(frozen=True, slots=True)
class PushReply:
    """What is answered.

    ``outcome`` is one of ``catalogue.PUSH_OUTCOMES``, for the counters; ``detail`` says in words what was
    wrong, for the log, and ``customer_id`` whose request it was, once that is known.
    """

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    outcome: str = ""
    detail: str = ""
    customer_id: str = ""
