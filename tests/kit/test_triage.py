"""The tables and the tree of the triage: every class has words, of several findings the right one wins."""

from __future__ import annotations

import pytest
from pushvar.catalogue import FAILURE_CLASSES
from pushvar.kit.triage.causes import CAUSES
from pushvar.kit.triage.deployment import stack_verdict
from pushvar.kit.triage.facts import Asked, Backend, Facts, History, Seen, Shards, Stack
from pushvar.kit.triage.looks import kind_of, shown
from pushvar.kit.triage.tree import quantile, triage
from pushvar.net.probe import Probe

NOW_MS = 1_000_000_000
ASKED = Asked("http://a:1/debug/vars", "pay", registered=True)
GOOD = Seen(Probe(ASKED.url, "ok", "", "done", {"dns": 0.1}, status=200, body=b"{}"), "ok", scraped=3, kept=3)
RUNS = Shards("sqlite:x", known=True, finished_ms=NOW_MS - 1000, started_ms=NOW_MS - 1000)


def failed(reason: str, detail: str) -> Facts:
    """What is known of a fetch that failed so."""
    stage = detail if reason == "timeout" and detail else "wait"
    return Facts(
        ASKED, NOW_MS, Seen(Probe(ASKED.url, reason, "words", stage, {}, detail=detail), reason, "words")
    )


class TestCauses:
    @pytest.mark.parametrize("reason", sorted(set(FAILURE_CLASSES) - {"ok"}))
    def test_every_class(self, reason: str) -> None:
        """Each failure class ends in a cause and a next step without a brace left in them."""
        found = triage(failed(reason, "")).found
        assert found is not None
        assert found.cause
        assert found.next
        assert "{" not in found.cause + found.next

    def test_every_row_is_of_a_class(self) -> None:
        """No row of the table stands under a class that does not exist."""
        assert {key.partition("/")[0] for key in CAUSES} <= FAILURE_CLASSES.keys()


class TestTree:
    def test_a_failed_fetch_ends_it(self) -> None:
        """Nothing behind a failed fetch is told, even if it is known."""
        facts = failed("refused", "")
        assert [step.title for step in triage(facts).steps] == ["fetch", "class"]

    def test_nearest_to_the_target_wins(self) -> None:
        """A backend that is down explains more than a target that is slow, a relabelling more than both."""
        slow = History("p", (1.0,), (9.5,))
        down = Backend("main", "remote_write", "http://b/", error="no answer: refused")
        facts = Facts(ASKED, NOW_MS, GOOD, slow, RUNS, (down,))
        found = triage(facts).found
        assert found is not None
        assert "backend main" in found.cause
        dropped = Seen(GOOD.probe, "ok", scraped=3, kept=0)
        found = triage(Facts(ASKED, NOW_MS, dropped, slow, RUNS, (down,))).found
        assert found is not None
        assert "drop every series" in found.cause

    @pytest.mark.parametrize(
        ("shards", "words"),
        [
            (Shards("x", known=True, finished_ms=NOW_MS - 999_000, started_ms=1), "does not run"),
            (Shards("x", known=True, finished_ms=1, started_ms=2), "the process died"),
            (Shards("x", known=True, finished_ms=NOW_MS, started_ms=NOW_MS, lost_cycles=2), "2 cycles"),
        ],
    )
    def test_pushvar_itself(self, shards: Shards, words: str) -> None:
        """A forwarder that stands still, died in its cycle, or lost some is the cause."""
        found = triage(Facts(ASKED, NOW_MS, GOOD, shards=shards, backends=())).found
        assert found is not None
        assert words in found.cause

    def test_the_share_of_the_timeout(self) -> None:
        """80 % of the timeout at p95 is still well, more is slow."""
        for took_s, slow in ((8.0, False), (8.1, True)):
            found = triage(Facts(ASKED, NOW_MS, GOOD, History("p", (1.0,), (took_s,)))).found
            assert (found is not None) is slow

    def test_quantile(self) -> None:
        """The nearest rank: p95 of twenty values is the second largest."""
        assert quantile([float(one) for one in range(1, 21)], 0.95) == 19


class TestLooks:
    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (b" \n", "empty"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"<html><body>hi", "html"),
            (b"<!doctype html><input type=password>", "login"),
            (b'{"a": 1', "object"),
            (b"[1]", "array"),
            (b"\x00\x01", "binary"),
            ("é".encode() * 3, "text"),
        ],
    )
    def test_kinds(self, body: bytes, kind: str) -> None:
        """The beginning of a body says what it is."""
        assert kind_of(body) == kind

    @pytest.mark.parametrize(
        "body",
        [
            b'{"cmdline": ["x-y-z"]}',
            b"-----BEGIN PRIVATE KEY-----\nx-y-z",
            b"token=x-y-z",
            b"Authorization: Bearer x-y-z",
        ],
    )
    def test_nothing_secret(self, body: bytes) -> None:
        """Documents, keys and what follows a secret's name are not shown."""
        assert "x-y-z" not in shown(body)


class TestStack:
    @pytest.mark.parametrize(
        ("stack", "words"),
        [
            (Stack("s", status="ROLLBACK_COMPLETE"), "the stack is ROLLBACK_COMPLETE"),
            (Stack("s", status="CREATE_COMPLETE", schedule="DISABLED"), "the schedule is DISABLED"),
            (Stack("s", status="CREATE_COMPLETE", queues={"ShardQueueUrl": 9}), "does not keep up"),
            (Stack("s", status="CREATE_COMPLETE", queues={"MissedTicksUrl": 1}), "made no plan"),
        ],
    )
    def test_causes(self, stack: Stack, words: str) -> None:
        """Each thing that can stand still in a deployment is named."""
        found = stack_verdict(stack, None, NOW_MS).found
        assert found is not None
        assert words in found.cause

    def test_what_may_not_be_read(self) -> None:
        """What is not readable is no cause, and is said to be unseen."""
        stack = Stack("s", status="UPDATE_COMPLETE", queues={"ShardQueueUrl": -1}, alarms=None)
        told = stack_verdict(stack, None, NOW_MS)
        assert told.found is None
        assert told.not_seen == ("schedule", "queue ShardQueue", "alarms")
