"""One AWS service as the store uses it: a client made late and once, errors in plain words, tries."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from pushvar.errors import StateError
from pushvar.net.aws import aws_client, in_plain_words

if TYPE_CHECKING:
    from collections.abc import Iterator

READ_TIMEOUT_S: Final = 4.0
"""Both services answer in milliseconds: who waits longer has a connection that died while we slept."""
_TRIES: Final = 8
_FIRST_PAUSE_S: Final = 0.01


class AwsService:
    """A client of one service, shared by threads; ``what`` names the table or bucket in messages."""

    def __init__(self, service: str, what: str) -> None:
        self.what = what
        self._service = service
        self._lock = Lock()
        self._client: Any = None

    @contextmanager
    def client(self) -> Iterator[Any]:
        """The client; whatever AWS refuses inside, and is not caught there, becomes a StateError."""
        with in_plain_words(self.what, self.refusal):
            with self._lock:
                if self._client is None:
                    self._client = aws_client(self._service, read_timeout_s=READ_TIMEOUT_S)
                client = self._client
            yield client

    def close(self) -> None:
        """Let go of the connections; the next question opens new ones."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    @staticmethod
    def refusal(message: str, hint: str) -> StateError:
        """A refusal of AWS as our error, always with a next step."""
        return StateError(message, hint=hint or "it is tried again in the next cycle")


def tries() -> Iterator[bool]:
    """Yield once per try, True on the last; waits in between, longer each time, 1.3 s in all on average.

    For two writers that met (a transaction in the way, a conflicting upload): botocore's own retries
    do not know these, and the other one is done in milliseconds.
    """
    for number in range(_TRIES - 1):
        yield False
        time.sleep(_FIRST_PAUSE_S * 2**number * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
    yield True
