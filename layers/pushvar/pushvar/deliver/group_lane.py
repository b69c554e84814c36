"""The groups of one Pushgateway in one cycle: what waits goes out, or gives way to what is newer.

A gateway keeps no history, so only the newest undelivered state of a group waits. Groups do not depend on
each other: one that is refused costs itself. A gateway that does not answer costs its time once; then what
is left is in the spool, or counted as dropped, when the cycle ends.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from pushvar.deliver.group_spool import GroupSpool
from pushvar.deliver.group_states import GroupState
from pushvar.deliver.outages import digest
from pushvar.deliver.queue import NO_TIME
from pushvar.deliver.tally import Tally
from pushvar.deliver.verdicts import UNAUTHORIZED, verdict_of
from pushvar.errors import EncodeError, PushError, StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pushvar.deliver.groups import Group
    from pushvar.deliver.patience import Patience
    from pushvar.deliver.queue import Push
    from pushvar.deliver.spool import Record, Spool
    from pushvar.model import Delivery


class GroupLane:
    """The lane ``key`` of the Pushgateway ``name``; ``push`` makes a group what a state says.

    ``render`` gives the text of a group or raises EncodeError. ``renewed`` fetches the credentials anew
    and says whether they changed. ``settled`` are the groups whose newest state is out, refused or stored.
    """

    def __init__(
        self, name: str, key: str, spool: Spool, push: Push[GroupState], render: Callable[[Group], bytes],
        now_ms: int, *, renewed: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self.settled: set[tuple[str, ...]] = set()
        self._tally = Tally(name)
        self._waiting = GroupSpool(spool, key, self._tally, now_ms)
        self._push = push
        self._render = render
        self._now_ms = now_ms
        self._renewed = renewed
        self._probing = self.waits
        self._blocked = False

    @property
    def waits(self) -> bool:
        """Whether something waits: the gateway did not take all of the last cycle."""
        return bool(self._waiting)

    @property
    def delivery(self) -> Delivery:
        """What became of the samples."""
        return self._tally.delivery(*self._waiting.waiting())

    def record(self) -> Record:
        """What the lane is to remember of what waits."""
        return self._waiting.record()

    def block(self, error: PushError) -> None:
        """Push nothing more in this cycle, for this reason."""
        self._blocked = True
        self._tally.error = str(error)

    def run(self, wanted: Sequence[Group], patience: Patience) -> None:
        """Deliver what waits of other groups, oldest first, then the groups that are ``wanted``."""
        newer = {digest(group.key) for group in wanted}
        for name in self._waiting.groups:
            if name not in newer and not self._stopped:
                self._replay(name, patience)
        groups = iter(wanted)
        for group in groups:
            if self._stopped or not self._deliver(group, patience):
                rest = chain([group], groups) if self._stopped else [group]
                for state in self._waiting.keep(self._states(rest)):
                    self._tally.spooled += state.samples
                    self.settled.add(state.key)
        self._waiting.bound()

    @property
    def _stopped(self) -> bool:
        return self._blocked or self._waiting.failed is not None

    def _replay(self, name: str, patience: Patience) -> None:
        """Push what waits of a group of which nothing newer is known."""
        try:
            state = self._waiting.read(name)
        except StateError as error:
            self._tally.error = str(error)
            return
        refusal = self._attempts(state, patience)
        if refusal is None:
            if self._waiting.forget([name], ""):
                self._tally.replayed += state.samples
        elif reason := self._final(state, refusal):
            self._waiting.forget([name], reason, str(refusal))

    def _deliver(self, group: Group, patience: Patience) -> bool:
        """Push a group; False when its state has to wait."""
        for state in self._states([group]):
            error = self._attempts(state, patience)
            if error is None:
                self._tally.sent += state.samples
            elif reason := self._final(state, error):
                self._give_up(reason, state.samples, str(error))
            else:
                return False
            self._settle(state.key)
        return True

    def _states(self, groups: Iterable[Group]) -> Iterator[GroupState]:
        """The groups as they are to be, less those that cannot be said in text."""
        for group in groups:
            times_ms = [scrape.time_ms for scrape in group.scrapes]
            try:
                text = self._render(group) if group.scrapes else None
            except EncodeError as error:
                self._tally.error = f"group {'/'.join(group.key)}: {error}"
                self._give_up("fault", group.samples, self._tally.error)
                self._settle(group.key)
                continue
            yield GroupState(group.key, group.samples, min(times_ms, default=self._now_ms), text)

    def _attempts(self, state: GroupState, patience: Patience) -> PushError | None:
        """Push until it is taken, refused for good, or time is over; gives the last error.

        A gateway that was down is tried once only.
        """
        before, attempt, last = self._tally.error, 0, PushError(NO_TIME, retryable=True)
        while patience.left_s > 0:
            self._tally.requests += 1
            try:
                self._tally.wire_bytes += self._push(state, attempt, min(patience.timeout_s, patience.left_s))
            except PushError as error:
                last = error
            else:
                self._tally.error, self._probing = before, False  # what a retry overcame is no error
                return None
            if not (last.status in UNAUTHORIZED and not attempt and self._renewed()):
                wait_s = max(last.retry_after_s or 0.0, patience.backoff_s(attempt))
                again = last.retryable and not self._probing
                if not again or not patience.wait_until(patience.monotonic_s() + wait_s):
                    break
            self._tally.error = str(last)
            attempt += 1
            self._tally.retries += 1
        self._tally.error = str(last)
        return last

    def _final(self, state: GroupState, error: PushError) -> str:
        """Why a state is given up; "" when it waits, and the others too if they would fare no better."""
        verdict = verdict_of(error)
        if verdict is None:
            self.block(error)
            return ""
        self._probing = False  # it answers
        return "" if state.text is None and error.status in UNAUTHORIZED else verdict.reason

    def _settle(self, key: tuple[str, ...]) -> None:
        """The newest state of a group is out or refused: what waited before has no use any more."""
        self.settled.add(key)
        self._waiting.forget([digest(key)], "superseded")

    def _give_up(self, reason: str, samples: int, words: str) -> None:
        if samples:
            self._tally.give_up(reason, samples, words)
