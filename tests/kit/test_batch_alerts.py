"""Every alert for batch jobs: when it fires, when it does not, and when it ends. promtool judges.

Jobs are hourly unless said otherwise, begin in minute 1 and take two minutes. Missed is due after two
intervals and a usual run, 122 minutes after the last success, and has to hold for five.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.kit.batch_scenes import DAY, HOUR, ONCE, WAYS, Job, Run, of, play, regular

if TYPE_CHECKING:
    from pathlib import Path

NOTHING: set[str] = set()
both_ways = pytest.mark.parametrize("way", WAYS)
skewed = pytest.mark.parametrize("skew_s", [-60.0, 60.0], ids=["behind", "ahead"])

DIES = Run(1, 90, dies=30)  # its last heartbeat is that of minute 29


class TestMissed:
    @both_ways
    def test_two_runs_are_missed(self, tmp_path: Path, way: str) -> None:
        """It fires after the time of two runs, not before, and ends with the next success."""
        runs = (*regular(3), Run(280, 282))  # the third ends in minute 123
        fired = {200: NOTHING, 250: NOTHING, 251: {"Missed"}, 281: {"Missed"}, 283: NOTHING, 300: NOTHING}
        play(tmp_path, Job(runs, way=way), fired)

    @both_ways
    def test_one_run_is_missed(self, tmp_path: Path, way: str) -> None:
        """One missed run wakes nobody, wherever one looks."""
        runs = (Run(1, 3), Run(121, 123), Run(181, 183))
        play(tmp_path, Job(runs, way=way), dict.fromkeys(range(0, 240, 4), NOTHING))

    @both_ways
    def test_on_time(self, tmp_path: Path, way: str) -> None:
        """Nothing fires while runs come on time, nor in the first minutes of a job."""
        play(tmp_path, Job(regular(6), way=way), dict.fromkeys(range(0, 361, 5), NOTHING))

    @both_ways
    def test_no_success_since_the_first_start(self, tmp_path: Path, way: str) -> None:
        """A job that began and never came to an end is missed two intervals after its first start."""
        job = Job(tuple(Run(1 + n * HOUR, 5, dies=5) for n in range(3)), way=way, beat=0)
        play(tmp_path, job, {100: NOTHING, 126: NOTHING, 127: {"Missed"}, 180: {"Missed"}})

    @both_ways
    def test_deleted_while_well(self, tmp_path: Path, way: str) -> None:
        """A job that was taken away on purpose is not missed afterwards."""
        job = Job(regular(3), way=way, ends=126)
        play(tmp_path, job, dict.fromkeys((127, 130, 135, 140, 251, 300, 400), NOTHING))

    @both_ways
    def test_deleted_while_late(self, tmp_path: Path, way: str) -> None:
        """A DELETE ends the alert with the next evaluation, although last_over_time still sees the job.

        Who sends things once marks their end within the minutes in which they are seen, or waits.
        """
        runs = (*regular(3), Run(270, 272, good=False))
        job = Job(runs, way=way, ends=274)
        fired = {260: {"Missed"}, 274: NOTHING, 275: NOTHING, 276: NOTHING, 279: NOTHING, 290: NOTHING}
        play(tmp_path, job, fired)

    @both_ways
    def test_no_interval(self, tmp_path: Path, way: str) -> None:
        """A job that declares no interval is run when somebody wants it."""
        job = Job(regular(2), every=0, way=way)
        play(tmp_path, job, dict.fromkeys((100, 200, 300, 400), NOTHING))

    def test_few_and_far_between(self, tmp_path: Path) -> None:
        """What is sent thrice a day is remembered for a day, and stays missed all that time."""
        runs = regular(2, every=8 * HOUR)  # the last success is that of minute 483
        due = 483 + 16 * HOUR + 2
        fired = {483: NOTHING, 1000: NOTHING, due: NOTHING, due + 6: {"Missed"}, 480 + DAY: {"Missed"}}
        play(tmp_path, Job(runs, every=8 * HOUR, way=ONCE), fired)

    @both_ways
    @skewed
    def test_clock_skew(self, tmp_path: Path, way: str, skew_s: float) -> None:
        """A minute of skew does not make a job late that comes back in the last minute."""
        runs = (Run(1, 3), Run(121, 124), Run(181, 183))
        play(tmp_path, Job(runs, way=way, skew_s=skew_s), dict.fromkeys(range(110, 240), NOTHING))

    @both_ways
    def test_two_tenants(self, tmp_path: Path, way: str) -> None:
        """Of two jobs with one name, the alert names the tenant whose job is late."""
        well, late = Job(regular(6), way=way), Job(regular(3), way=way)
        jobs = (of(well, customer_id="acme"), of(late, customer_id="bolt"))
        play(tmp_path, jobs, {200: NOTHING, 260: {"Missed/bolt"}, 300: {"Missed/bolt"}})

    @both_ways
    def test_another_client(self, tmp_path: Path, way: str) -> None:
        """The time of the last success and the interval are enough."""
        job = Job(regular(3), way=way, only=("last_success_timestamp_seconds", "interval_seconds"))
        play(tmp_path, job, {200: NOTHING, 248: NOTHING, 249: {"Missed"}, 300: {"Missed"}})


class TestFailing:
    @both_ways
    def test_a_failed_run(self, tmp_path: Path, way: str) -> None:
        """It fires five minutes after a bad run and ends with a good one."""
        runs = (*regular(2), Run(121, 123, good=False), Run(181, 183))
        fired = {120: NOTHING, 127: NOTHING, 128: {"Failing"}, 182: {"Failing"}, 183: NOTHING, 200: NOTHING}
        play(tmp_path, Job(runs, way=way), fired)

    @both_ways
    def test_a_retry(self, tmp_path: Path, way: str) -> None:
        """A bad run that is mended by a retry wakes nobody."""
        job = Job((Run(1, 3, good=False), Run(4, 6)), way=way)
        play(tmp_path, job, dict.fromkeys(range(60), NOTHING))

    @both_ways
    def test_deleted(self, tmp_path: Path, way: str) -> None:
        """A DELETE ends it."""
        job = Job((Run(1, 3), Run(61, 63, good=False), Run(71, 73, good=False)), way=way, ends=74)
        play(tmp_path, job, {70: {"Failing"}, 74: NOTHING, 77: NOTHING, 80: NOTHING, 90: NOTHING})

    @both_ways
    def test_without_an_interval(self, tmp_path: Path, way: str) -> None:
        """It needs no schedule; without one it is remembered for a day."""
        job = Job((Run(1, 3, good=False),), every=0, way=way)
        play(tmp_path, job, {7: NOTHING, 8: {"Failing"}, 400: {"Failing"}})

    def test_two_tenants(self, tmp_path: Path) -> None:
        """The failure of one tenant is not that of another."""
        jobs = (of(Job(regular(2)), customer_id="acme"), of(Job(regular(2, good=False)), customer_id="bolt"))
        play(tmp_path, jobs, {100: {"Failing/bolt"}})


class TestKeepsFailing:
    @both_ways
    def test_every_run_fails(self, tmp_path: Path, way: str) -> None:
        """After two intervals of bad runs it fires, and Missed does not: the job does run."""
        runs = (Run(1, 3), *regular(4, first=61, good=False), Run(301, 303))
        fired = {100: {"Failing"}, 125: {"Failing"}, 131: {"Failing", "KeepsFailing"}}
        fired |= {300: {"Failing", "KeepsFailing"}, 303: NOTHING}
        play(tmp_path, Job(runs, way=way), fired)

    @both_ways
    def test_a_job_that_never_succeeded(self, tmp_path: Path, way: str) -> None:
        """Its first start is what counts, not its last."""
        job = Job(regular(5, good=False), way=way)
        play(
            tmp_path,
            job,
            {126: {"Failing"}, 127: {"Failing", "KeepsFailing"}, 250: {"Failing", "KeepsFailing"}},
        )

    @both_ways
    def test_failed_and_given_up(self, tmp_path: Path, way: str) -> None:
        """A job that failed and is then started no more becomes a missed one, two runs after it failed."""
        runs = (Run(1, 3), Run(61, 63, good=False))
        fired = {
            131: {"Failing", "KeepsFailing"},
            182: {"Failing", "KeepsFailing"},
            191: {"Failing", "Missed"},
        }
        play(tmp_path, Job(runs, way=way), fired)


class TestTooLong:
    @both_ways
    def test_longer_than_declared(self, tmp_path: Path, way: str) -> None:
        """It fires five minutes after the declared timeout and ends with the run."""
        job = Job((Run(1, 3), Run(61, 100)), timeout=20, way=way)
        fired = {60: NOTHING, 86: NOTHING, 87: {"TooLong"}, 99: {"TooLong"}, 100: NOTHING, 110: NOTHING}
        play(tmp_path, job, fired)

    @both_ways
    def test_longer_than_usual(self, tmp_path: Path, way: str) -> None:
        """Without a timeout, twice the usual time is too long; one shorter run does not change that."""
        runs = (Run(1, 11), Run(61, 63), Run(121, 170))
        play(tmp_path, Job(runs, way=way), {139: NOTHING, 144: NOTHING, 147: {"TooLong"}, 171: NOTHING})

    @both_ways
    def test_a_bad_run_is_not_the_usual_one(self, tmp_path: Path, way: str) -> None:
        """A run that broke off early makes no later one too long."""
        runs = (Run(1, 21), Run(61, 62, good=False), Run(121, 151))
        fired = {minute: {"Failing"} for minute in (125, 135, 145, 150)}
        play(tmp_path, Job(runs, way=way), {**fired, 151: NOTHING})

    @both_ways
    def test_short_runs(self, tmp_path: Path, way: str) -> None:
        """Ten minutes at least are no reason for a call where nothing is declared."""
        runs = (Run(1, 2), Run(61, 75), Run(121, 122))
        play(tmp_path, Job(runs, way=way), dict.fromkeys(range(60, 130), NOTHING))

    @both_ways
    def test_the_first_run(self, tmp_path: Path, way: str) -> None:
        """Nobody knows how long the first run may take."""
        play(tmp_path, Job((Run(1, 100),), way=way), dict.fromkeys(range(0, 100, 5), NOTHING))

    @both_ways
    @skewed
    def test_clock_skew(self, tmp_path: Path, way: str, skew_s: float) -> None:
        """A minute of skew does not make a run too long that ends in time."""
        job = Job((Run(1, 21), Run(61, 81)), timeout=20, way=way, skew_s=skew_s)
        play(tmp_path, job, dict.fromkeys(range(90), NOTHING))

    def test_without_heartbeats(self, tmp_path: Path) -> None:
        """A client that has none says when it began, and that is enough."""
        job = Job((Run(1, 100),), timeout=20, beat=0)
        play(tmp_path, job, {26: NOTHING, 27: {"TooLong"}, 99: {"TooLong"}, 100: NOTHING})


class TestStuck:
    @both_ways
    def test_it_dies(self, tmp_path: Path, way: str) -> None:
        """It fires when heartbeats were missing for five minutes and two, and is not also too long."""
        job = Job((DIES,), timeout=20, way=way)
        fired = {29: {"TooLong"}, 34: {"TooLong"}, 36: NOTHING, 37: {"Stuck"}, 100: {"Stuck"}}
        play(tmp_path, job, fired)

    @both_ways
    def test_the_next_run_ends_it(self, tmp_path: Path, way: str) -> None:
        """A new run shows that the job works again."""
        job = Job((DIES, Run(61, 63)), way=way)
        play(tmp_path, job, {60: {"Stuck"}, 61: NOTHING, 62: NOTHING, 80: NOTHING})

    @both_ways
    @skewed
    def test_long_and_alive(self, tmp_path: Path, way: str, skew_s: float) -> None:
        """Nothing fires while heartbeats come, late and from a machine whose clock is a minute off."""
        job = Job((Run(1, 50),), way=way, skew_s=skew_s, beat=4)
        play(tmp_path, job, dict.fromkeys(range(60), NOTHING))

    def test_an_old_heartbeat(self, tmp_path: Path) -> None:
        """A run that has not had time for a heartbeat is not judged by that of the run before."""
        job = Job((Run(1, 10), Run(61, 65, dies=61)))
        play(tmp_path, job, {61: NOTHING, 64: NOTHING, 67: NOTHING, 68: NOTHING, 69: {"Stuck"}})

    def test_without_heartbeats(self, tmp_path: Path) -> None:
        """Who never sends a heartbeat is not missed for it."""
        job = Job((DIES,), beat=0)
        play(tmp_path, job, {40: NOTHING, 100: NOTHING, 120: NOTHING})

    @both_ways
    def test_deleted(self, tmp_path: Path, way: str) -> None:
        """A DELETE ends it, as soon as it is seen."""
        job = Job((DIES, Run(45, 60, dies=46)), way=way, ends=48)
        play(tmp_path, job, {44: {"Stuck"}, 48: NOTHING, 55: NOTHING, 60: NOTHING, 90: NOTHING})


class TestOverlapping:
    @both_ways
    def test_it_overlaps(self, tmp_path: Path, way: str) -> None:
        """It fires when a run begins beside another, until one begins alone."""
        runs = (Run(1, 3), Run(61, 63, overlapping=True), Run(121, 123))
        fired = {61: NOTHING, 62: {"Overlapping"}, 120: {"Overlapping"}, 121: NOTHING, 130: NOTHING}
        play(tmp_path, Job(runs, way=way), fired)

    def test_no_longer_said(self, tmp_path: Path) -> None:
        """A metric that ends in a group that lives is not kept: what a PUT leaves out is no longer so."""
        job = Job((Run(1, 3, overlapping=True),), left_out={"overlapping": 30})
        play(tmp_path, job, {29: {"Overlapping"}, **dict.fromkeys(range(30, 60), NOTHING)})

    def test_two_tenants(self, tmp_path: Path) -> None:
        """It names whose job it is."""
        mine, other = Job(regular(1)), Job((Run(1, 3, overlapping=True),))
        play(
            tmp_path,
            (of(mine, customer_id="acme"), of(other, customer_id="bolt")),
            {20: {"Overlapping/bolt"}},
        )


class TestDisappeared:
    EXPIRES = 63 + DAY  # a day after the end of the second run

    def test_a_group_expires(self, tmp_path: Path) -> None:
        """The alerts of a group end with it; this one takes over, for a day or until the job runs again.

        What was sent once is forgotten after the same time. A job without an interval goes without a word.
        """
        ended = Job(regular(2), ends=self.EXPIRES)
        back = replace(ended, runs=(*ended.runs, Run(self.EXPIRES + 60, self.EXPIRES + 62)))
        jobs = (
            of(ended, customer_id="acme"),
            of(replace(ended, way=ONCE, ends=None), customer_id="bolt"),
            of(back, customer_id="cello"),
            of(replace(ended, every=0), customer_id="dory"),
        )
        missed = {f"Missed/{customer}" for customer in ("acme", "bolt", "cello")}
        gone = {f"Disappeared/{customer}" for customer in ("acme", "bolt", "cello")}
        fired = {self.EXPIRES - 1: missed, self.EXPIRES + 8: gone, self.EXPIRES + 59: gone}
        fired |= {self.EXPIRES + 60: gone - {"Disappeared/cello"}}
        play(tmp_path, jobs, {**fired, self.EXPIRES + 100: gone - {"Disappeared/cello"}})

    def test_it_ends(self, tmp_path: Path) -> None:
        """Who has not done anything about it in a day is not reminded for ever."""
        fired = {self.EXPIRES + DAY - 2: {"Disappeared"}, self.EXPIRES + DAY + 3: NOTHING}
        play(tmp_path, Job(regular(2), ends=self.EXPIRES), fired)

    def test_a_delete(self, tmp_path: Path) -> None:
        """Clearing out is no disappearance: before the expiry, or where nothing ever expires, or never."""
        jobs = (
            of(Job(regular(2), ends=600), customer_id="acme"),
            of(Job(regular(2), ends=self.EXPIRES + 60), customer_id="bolt"),
            of(Job(regular(2)), customer_id="cello"),
        )
        missed = {f"Missed/{customer}" for customer in ("acme", "bolt", "cello")}
        fired = {599: missed, 600: missed - {"Missed/acme"}, 610: missed - {"Missed/acme"}}
        fired |= {self.EXPIRES + 59: missed - {"Missed/acme"}}
        fired |= {self.EXPIRES + later: {"Missed/cello"} for later in (60, 61, 62, 65, 70, 80)}
        play(tmp_path, jobs, fired)
