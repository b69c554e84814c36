"""The one error tree of pushvar.

    PushvarError
    ├── ConfigError      the configuration is wrong: where, what, what to write instead
    │   └── ConfigErrors several of them at once
    ├── EventError       an event or a queue message that says nothing usable
    ├── BodyRefused      a batch job pushed what may not be taken; says it in the words its clients know
    ├── FetchError       a target gave no usable body (it carries the failure class)
    │   └── DecodeError  the body came, but is no document that we can read
    ├── EncodeError      series that may not be sent
    ├── PushError        a backend did not take a request; says whether a retry can help
    ├── StateError       the state store failed
    │   └── LeaseLost    somebody else writes this shard now
    └── ComponentMissing a program that this command needs is not on the machine

Steps raise these; only the cycle turns one into a field of its report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class PushvarError(Exception):
    """Base of all errors that pushvar raises on purpose.

    ``hint`` is the next step for the person who reads the message; it may be empty.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class ConfigError(PushvarError):
    """A configuration that may not be used.

    ``path`` names the place in the document (``scrape_configs[2].metric_path``), ``problem`` says
    what is wrong there, ``place`` is ``file:line:column`` where a file is behind it.
    """

    def __init__(self, path: str, problem: str, *, hint: str = "", place: str = "") -> None:
        text = f"{path}: {problem}" if path else problem
        super().__init__(f"{place}: {text}" if place else text, hint=hint)
        self.path = path
        self.problem = problem
        self.place = place


class ConfigErrors(ConfigError):
    """All problems of one configuration at once, in the order they stand in the document."""

    def __init__(self, problems: Sequence[ConfigError]) -> None:
        first = problems[0]
        super().__init__(first.path, first.problem, hint=first.hint, place=first.place)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class EventError(PushvarError):
    """An event or a queue message that cannot be taken: what is wrong with which field."""


class BodyRefused(PushvarError):
    """A pushed body that is not taken, in the words of a Pushgateway where it has some."""


class FetchError(PushvarError):
    """A target gave no usable body.

    ``reason`` is one of the failure classes in ``catalogue.FAILURE_CLASSES``.
    """

    def __init__(self, reason: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class DecodeError(FetchError):
    """The body is neither JSON nor anything that Go's expvar prints in its place."""


class EncodeError(PushvarError):
    """Series that no receiver may be sent: an illegal name, a duplicate label, no type."""


class PushError(PushvarError):
    """A backend did not take a request.

    ``status`` is the HTTP status (0 when none arrived); ``retryable`` says whether sending the
    same bytes again can help; ``retry_after_s`` is what the receiver asked for, if it did.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        retryable: bool = False,
        retry_after_s: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.retryable = retryable
        self.retry_after_s = retry_after_s


class StateError(PushvarError):
    """The state store cannot be read or written."""


class LeaseLost(StateError):
    """The lease of a shard expired or was taken over; nothing more may be written under it."""


class ComponentMissing(PushvarError):
    """A program that the command needs (Go, for the demo) is not here; the hint says how to get it."""
