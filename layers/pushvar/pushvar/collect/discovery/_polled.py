"""Lists that are asked for over the network: each in a thread of its own, none waited for too long. No kind.

A load never waits for a source that is known to be slow: what it answers is taken by the next load.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

from pushvar.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from pushvar.collect.discovery.protocol import Means
    from pushvar.config.schema import Config, FileGroup, ScrapeConfig, Tenancy

KEPT = "the targets that it gave last stay"
"""What to say of a source that gives no usable list."""

_GRACE_S = 1.0
"""What a thread gets above its own timeout before it counts as hanging."""


class Question(NamedTuple):
    """One list to ask for. Equal ``subject`` and ``place`` are one question, whichever jobs ask it.

    ``ask`` gives the groups and raises ConfigError when there is no usable answer.
    """

    place: str
    subject: Hashable
    refresh_s: float
    ask: Callable[[Tenancy], tuple[FileGroup, ...]]


class Polled:
    """All lists of one kind; ``questions`` gives those of a job."""

    def __init__(self, questions: Callable[[ScrapeConfig], Iterable[Question]], means: Means) -> None:
        self._questions = questions
        self._means = means
        self._tenancy: Tenancy | None = None
        self._lists: dict[Hashable, _List] = {}

    def refresh(self, config: Config) -> bool:
        """Ask what is due. Other tenancy rules make all lists unknown: they may not allow what is known."""
        before = self._state()
        if self._tenancy != config.tenancy:
            self._lists, self._tenancy = {}, config.tenancy
        wanted = {_key(one): one for job in config.scrape_configs for one in self._questions(job)}
        self._lists = {key: self._lists.get(key) or _List(one) for key, one in wanted.items()}
        now_s = self._means.monotonic()
        started = [one for one in self._lists.values() if one.start(now_s, config.tenancy)]
        self._wait(started)
        for one in self._lists.values():
            one.take(overdue=one.groups is None)
        return self._state() != before

    def _wait(self, started: list[_List]) -> None:
        """Give the answers time to come: where nothing is known yet, all that they may need."""
        begun_s = self._means.monotonic()
        for one in started:
            most_s = self._means.timeout_s + _GRACE_S if one.groups is None else self._means.patience_s
            one.wait(max(0.0, begun_s + most_s - self._means.monotonic()))

    def of(self, job: ScrapeConfig) -> Iterator[tuple[str, FileGroup]]:
        """See ``Source.of``."""
        for key in dict.fromkeys(map(_key, self._questions(job))):
            known = self._lists[key]
            for position, group in enumerate(known.groups or ()):
                yield f"{known.question.place}[{position}]", group

    def problems(self) -> tuple[ConfigError, ...]:
        """See ``Source.problems``."""
        return tuple(problem for one in self._lists.values() for problem in one.problems)

    def unheard(self) -> tuple[str, ...]:
        """See ``Source.unheard``."""
        return tuple(f"{one.question.place}[" for one in self._lists.values() if one.groups is None)

    def _state(self) -> object:
        """What is equal as long as nothing changed for a reader."""
        return [(key, one.groups, [str(why) for why in one.problems]) for key, one in self._lists.items()]


@dataclass(slots=True)
class _Answer:
    """What a thread leaves behind."""

    groups: tuple[FileGroup, ...] | None = None
    problems: tuple[ConfigError, ...] = ()


@dataclass(slots=True)
class _List:
    """One list: what it was last, what is wrong with it now, and the thread that asks for it."""

    question: Question
    groups: tuple[FileGroup, ...] | None = None
    problems: tuple[ConfigError, ...] = ()
    _due_s: float = float("-inf")
    _thread: Thread | None = None
    _answer: _Answer = field(default_factory=_Answer)

    def start(self, now_s: float, tenancy: Tenancy) -> bool:
        """Ask, if it is time and nobody is asking; says whether somebody is asking whom nobody waited for."""
        if self._thread is not None or now_s < self._due_s:
            return False
        self._due_s = now_s + self.question.refresh_s
        self._answer = _Answer()
        self._thread = Thread(target=_ask, args=(self.question, tenancy, self._answer), daemon=True)
        self._thread.start()
        return True

    def wait(self, at_most_s: float) -> None:
        """Wait for the answer."""
        if self._thread is not None:
            self._thread.join(at_most_s)

    def take(self, *, overdue: bool) -> None:
        """Take the answer if it is there; ``overdue``: it is a problem when it is not."""
        if self._thread is None:
            return
        if self._thread.is_alive():
            if overdue:
                self.problems = (ConfigError("", "no answer yet", place=self.question.place),)
            return
        self._thread = None
        self.problems = self._answer.problems
        if self._answer.groups is not None:
            self.groups = self._answer.groups


def _ask(question: Question, tenancy: Tenancy, answer: _Answer) -> None:
    try:
        answer.groups = question.ask(tenancy)
    except ConfigErrors as errors:
        answer.problems = errors.problems
    except ConfigError as error:
        answer.problems = (ConfigError("", error.problem, hint=error.hint, place=question.place),)
    except Exception as fault:  # noqa: BLE001 - a fault of ours or of a library costs this list alone
        text = f"{type(fault).__name__}: {fault}"
        answer.problems = (ConfigError("", text, place=question.place),)


def _key(question: Question) -> Hashable:
    return question.place, question.subject
