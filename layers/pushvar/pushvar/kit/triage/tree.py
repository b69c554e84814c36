"""The decision tree for a target: fetch, document, configuration, pace, pushvar itself, backends."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from pushvar.catalogue import FAILURE_CLASSES
from pushvar.kit.triage.facts import SLOW_SHARE, Asked, Facts
from pushvar.kit.triage.fetching import bare, cause_step, document_step, fetch_step
from pushvar.kit.triage.pushing import backend_step
from pushvar.kit.triage.verdict import BAD, OK, UNKNOWN, WARN, Finding, Step, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pushvar.kit.triage.facts import Backend, History, Shards

_SILENT, _CONFIG, _SLOW, _FLAPS, _LOST = 3, 1, 4, 5, 6
_INTERVALS = 3


def triage(facts: Facts) -> Verdict:
    """The whole path; a failed fetch ends it, since nothing behind it can explain more."""
    return Verdict(bare(facts.asked.url) if facts.seen else facts.asked.url, tuple(_steps(facts)))


def _steps(facts: Facts) -> Iterator[Step]:
    asked, seen = facts.asked, facts.seen
    if seen is not None:
        yield fetch_step(facts, seen)
        if seen.reason != "ok":
            yield cause_step(asked, seen)
            return
        yield document_step(asked, seen)
    if seen is not None or asked.problem:
        yield config_step(asked)
    if facts.history is not None:
        yield pace_step(asked, facts.history)
    if facts.shards is not None:
        yield shards_step(asked, facts.shards, facts.now_ms)
    yield from backend_steps(facts)


def backend_verdict(name: str, backends: tuple[Backend, ...], shards: Shards | None, now_ms: int) -> Verdict:
    """The triage of one backend alone: what it answers, what waits for it, whether anybody pushes."""
    facts = Facts(Asked(""), now_ms, backends=backends)
    steps = tuple(backend_steps(facts))
    if shards is not None:
        steps = (*steps, shards_step(facts.asked, shards, now_ms))
    return Verdict(f"the backend {name}", steps)


def backend_steps(facts: Facts) -> Iterator[Step]:
    """A step for each backend that was asked."""
    backends = facts.backends or ()
    nowhere = not any(one.routed for one in backends)
    for backend in backends:
        yield backend_step(backend, facts.now_ms, nowhere=nowhere)


def config_step(asked: Asked) -> Step:
    """Whether the configuration has the target, and times that can work."""
    if asked.alone:
        return Step(
            "configuration",
            "none is named",
            UNKNOWN,
            then="with --config FILE its registry, limits and backends are looked at too",
        )
    found = _misconfigured(asked)
    lines = [f"job {asked.job}, every {asked.interval_s:g} s, timeout {asked.timeout_s:g} s"]
    return Step(
        "configuration",
        "is the target in it, and are its times right?",
        BAD if found else OK,
        (*lines, *([asked.problem] if asked.problem else [])),
        "" if found else "it would be fetched",
        finding=found,
        sound="" if found else "the registry",
    )


def _misconfigured(asked: Asked) -> Finding | None:
    if asked.problem:
        return Finding(
            f"the configuration leaves the target out: {asked.problem}",
            "mend its labels or relabel_configs; pushvar targets list shows what is left",
            _CONFIG,
        )
    if not asked.registered:
        return Finding(
            "the target answers, but no job of the configuration has it: it is never fetched",
            "add it: pushvar targets add, or static_configs of a job",
            _CONFIG,
        )
    if asked.timeout_s > asked.interval_s:
        return Finding(
            f"the job {asked.job} has a timeout longer than its interval",
            "lower scrape_timeout below scrape_interval",
            _CONFIG,
        )
    return None


def pace_step(asked: Asked, history: History) -> Step:
    """Durations against the timeout, and how often the recent scrapes failed."""
    looked = f"the last scrapes, by {history.source}"
    if history.measured:
        looked = f"{len(history.durations_s) + history.failed} fetches now; history needs --prometheus URL"
    if history.error:
        return Step("pace", looked, UNKNOWN, (history.error,), "the past is not known")
    if not history.durations_s and not history.ups and not history.failed:
        return Step(
            "pace",
            looked,
            BAD,
            ("no sample of this target",),
            "nothing arrives, or under other labels",
            finding=Finding(
                "the target answers and the backend has nothing of it",
                "look at the next steps: pushvar's own state and the backends",
                _SLOW + 3,
            ),
        )
    found = _paced(asked, history)
    return Step(
        "pace", looked, WARN if found else OK, _pace_lines(asked, history),
        "" if found else "there is time enough", finding=found,
        sound="" if found else "a target that is too slow",
    )  # fmt: skip


def _pace_lines(asked: Asked, history: History) -> tuple[str, ...]:
    lines = []
    if history.durations_s:
        p50, p95 = (quantile(history.durations_s, share) for share in (0.5, 0.95))
        lines.append(f"duration p50 {p50:.3f} s, p95 {p95:.3f} s: {p95 / asked.timeout_s:.0%} of the timeout")
    if history.ups:
        up = f"up in {sum(map(bool, history.ups))} of {len(history.ups)}"
        lines.append(f"{up}, the last {history.age_s:.0f} s ago")
    if history.failed:
        lines.append(f"{history.failed} failed")
    return tuple(lines)


def _paced(asked: Asked, history: History) -> Finding | None:
    failed = history.failed + sum(not up for up in history.ups)
    durations = history.durations_s
    if durations and quantile(durations, 0.95) > SLOW_SHARE * asked.timeout_s:
        p95 = quantile(durations, 0.95)
        return Finding(
            f"the target is slow: p95 {p95:.2f} s is {p95 / asked.timeout_s:.0%} of its timeout",
            "find what is slow in its handler, or raise scrape_timeout (below scrape_interval)",
            _SLOW,
        )
    if history.ups and history.age_s > _INTERVALS * asked.interval_s:
        return Finding(
            f"nothing of the target has arrived for {history.age_s:.0f} s",
            "see pushvar's own state: does it run?",
            _SLOW + 3,
        )
    if failed:
        return Finding(
            f"the target answers now, and failed in {failed} of the last scrapes",
            "pushvar_scrapes_total has the class; look at restarts and load of that time",
            _FLAPS,
        )
    return None


def shards_step(asked: Asked, shards: Shards, now_ms: int) -> Step:
    """What pushvar itself remembers: does it run, does it finish, what did its scrapes come to?"""
    looked = f"the state in {shards.place}"
    if shards.error or not shards.known:
        said = shards.error or "no cycle of this configuration was ever begun with this state"
        return Step(
            "pushvar", looked, UNKNOWN, (said,), "--state names another one; on AWS --stack looks there"
        )
    age_s = (now_ms - shards.finished_ms) / 1000
    lines = [f"{shards.count} shards"] if shards.count > 1 else []
    lines += [f"last finished cycle {age_s:,.0f} s ago" if shards.finished_ms else "no cycle has finished"]
    lines += [
        f"{count:,.0f} scrapes {reason}: {FAILURE_CLASSES.get(reason, ('', ''))[0] or 'fine'}"
        for reason, count in sorted(shards.scrapes.items())
    ]
    if shards.held_until_ms > now_ms:
        lines.append(f"its lease is held for another {(shards.held_until_ms - now_ms) / 1000:.0f} s")
    if shards.lost_cycles:
        lines.append(f"{shards.lost_cycles:,.0f} cycles began and never ended")
    found = _idle(asked, shards, now_ms, age_s)
    return Step(
        "pushvar",
        looked,
        OK if found is None else (BAD if found.rank == _SILENT else WARN),
        tuple(lines),
        "it runs" if found is None else "",
        finding=found,
        sound="" if found else "pushvar's own cycles",
    )


def _idle(asked: Asked, shards: Shards, now_ms: int, age_s: float) -> Finding | None:
    if shards.started_ms > shards.finished_ms and shards.held_until_ms <= now_ms:
        return Finding(
            "pushvar's last cycle began and never ended: the process died",
            "look at its log and memory; the next run goes on by itself",
            _SILENT,
        )
    if not shards.held_until_ms > now_ms and age_s > _INTERVALS * asked.interval_s:
        return Finding(
            f"pushvar does not run: its last cycle ended {age_s:,.0f} s ago",
            "start it: pushvar run, its unit, container or schedule",
            _SILENT,
        )
    if shards.lost_cycles:
        return Finding(
            f"{shards.lost_cycles:,.0f} cycles of pushvar died on the way",
            "look at the memory and the timeout of its process",
            _LOST,
        )
    return None


def quantile(values: Sequence[float], share: float) -> float:
    """The nearest-rank quantile of at least one value."""
    return sorted(values)[ceil(share * len(values)) - 1]
