"""The fault matrix: under every fault, every sample is delivered, still waiting, or dropped and counted.

All rows run side by side, once for all tests. What was offered is counted by the targets' own log, what
was delivered by the receiver's, what waits by the state file; only drops are the program's word.
"""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from pushvar.catalogue import DROPPED

from tests.components import REPOSITORY
from tests.e2e import fault_count, fault_messages, fault_rows, fault_scene
from tests.programs.stepping_targets import JOBS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.fault_count import Outcome
    from tests.e2e.fault_rows import Fault

ROWS = (*fault_rows.FAULTS, *fault_rows.ENDINGS)
DOCUMENT = REPOSITORY / "docs" / "reliability.md"
NAMES = [fault.name for fault in fault_rows.FAULTS]
EACH = pytest.mark.parametrize("fault", fault_rows.FAULTS, ids=NAMES)

Outcomes = dict[str, "Outcome | BaseException"]


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """Give what became of each row; only the rows that are asked for are run, all at the same time."""
    asked = {
        call.params["fault"].name if call and "fault" in call.params else ""
        for item in request.session.items
        if "outcomes" in getattr(item, "fixturenames", ())
        for call in [getattr(item, "callspec", None)]
    }
    wanted = [fault for fault in ROWS if "" in asked or fault.name in asked]
    folder = tmp_path_factory.mktemp("faults")

    def run(number: int, fault: Fault) -> Outcome | BaseException:
        own = folder / str(number)
        own.mkdir()
        try:
            return _run(fault, own)
        except BaseException as error:  # noqa: BLE001 - it belongs to its row's own test
            return error

    with ThreadPoolExecutor(len(wanted)) as pool:
        results = pool.map(run, range(len(wanted)), wanted)
        return {fault.name: result for fault, result in zip(wanted, results, strict=True)}


def _run(fault: Fault, folder: Path) -> Outcome:
    gate = nullcontext() if fault.drive == "killed" else fault_scene.GATE  # the dead wait outside
    with gate, fault_scene.staged(fault, folder) as scene:
        fault_messages.DRIVES[fault.drive](scene)
        return fault_count.outcome_of(scene)


def _outcome(outcomes: Outcomes, fault: Fault) -> Outcome:
    found = outcomes[fault.name]
    if isinstance(found, BaseException):
        raise found
    return found


@EACH
def test_every_sample_is_accounted_for(outcomes: Outcomes, fault: Fault) -> None:
    """Offered is delivered and spooled and dropped, to the sample; only a killed process loses its cycle."""
    found = _outcome(outcomes, fault)
    assert found.requests, "nothing was sent, so nothing was tested"
    assert found.missing == fault.lost, found
    assert found.lost_cycles == fault.died
    assert set(found.dropped) == fault.reasons, found.errors
    assert fault.waits in {None, bool(found.spooled)}, found


@EACH
def test_the_receiver_sees_time_go_forward(outcomes: Outcomes, fault: Fault) -> None:
    """No series gets an older sample, or another value for a time that it has."""
    assert _outcome(outcomes, fault).violations == ()


@EACH
def test_what_arrives_is_what_was_served(outcomes: Outcomes, fault: Fault) -> None:
    """Each value is that of the document which the target served at the sample's time."""
    assert _outcome(outcomes, fault).untrue == ()


@EACH
def test_the_program_tells_the_truth(outcomes: Outcomes, fault: Fault) -> None:
    """What it says it delivered, keeps and dropped is what the logs and the state file say."""
    found = _outcome(outcomes, fault)
    assert found.waiting == found.held
    assert found.counters == found.dropped
    assert found.counted_cycles == fault.died
    if fault.drive != "killed":  # who is killed between a push and its commit cannot tell
        assert found.told == found.delivered - (found.held - found.spooled)


def _row(name: str) -> pytest.MarkDecorator:
    """The one row of that name."""
    return pytest.mark.parametrize("fault", [fault_rows.FAULTS[NAMES.index(name)]], ids=[name])


@_row("500 for ever")
def test_a_backend_that_is_down_costs_one_request(outcomes: Outcomes, fault: Fault) -> None:
    """From the second cycle of an outage on there is one probe for each cycle, whatever waits."""
    requests = Counter(cycle for cycle, _ in _outcome(outcomes, fault).times)
    assert requests[fault_rows.BAD_FROM] > 1
    later = range(fault_rows.BAD_FROM + 1, fault.cycles + 1)
    assert [requests[cycle] for cycle in later] == [1] * len(later)


@_row("429 for one of two tenants")
def test_a_tenant_does_not_hold_up_another(outcomes: Outcomes, fault: Fault) -> None:
    """While one tenant is refused, each sample of the other arrives in its own cycle."""
    found = _outcome(outcomes, fault)
    assert found.behind[JOBS[1]] == 0
    assert found.behind[JOBS[0]] > 0


@_row("503 with Retry-After")
def test_retry_after_is_honoured_across_cycles(outcomes: Outcomes, fault: Fault) -> None:
    """After a 503 that asks for a second nothing is sent for a second, though a cycle is shorter."""
    times = _outcome(outcomes, fault).times
    refused = [at_s for cycle, at_s in times if fault_rows.BAD_FROM <= cycle < 4]
    assert refused
    for at_s in refused:
        assert min((later for _, later in times if later > at_s), default=at_s + 1) - at_s >= 0.95


@_row("500 for three cycles")
def test_retries_say_so(outcomes: Outcomes, fault: Fault) -> None:
    """A request that is tried again carries Retry-Attempt, counted from 1."""
    attempts = _outcome(outcomes, fault).attempts
    assert attempts[0] == ""
    assert "1" in attempts
    assert "2" in attempts


@pytest.mark.parametrize("fault", fault_rows.ENDINGS, ids=[fault.name for fault in fault_rows.ENDINGS])
def test_a_series_ends_though_the_process_dies(outcomes: Outcomes, fault: Fault) -> None:
    """Its marker arrives once, or twice where nobody can know of the first, and nothing comes behind it."""
    found = _outcome(outcomes, fault)
    assert len(found.ended) in {1, 2}
    assert found.violations == ()


def test_the_table(outcomes: Outcomes, capsys: pytest.CaptureFixture[str]) -> None:
    """Print what docs/reliability.md holds: every row, as it came out this time."""
    lines = [
        "| fault | offered | delivered | spooled | dropped by reason | lost in flight | requests |",
        "|---|---:|---:|---:|---|---:|---:|",
    ]
    for fault in fault_rows.FAULTS:
        cells = (fault.name, *_outcome(outcomes, fault).row)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    with capsys.disabled():
        print("", *lines, sep="\n")  # noqa: T201 - the table is for people
    assert len(lines) == len(fault_rows.FAULTS) + 2


def test_the_document_is_fresh() -> None:
    """docs/reliability.md has each fault of the matrix, with the reasons under which samples are dropped."""
    rows = re.findall(
        r"^\| (.+?) \| \d+ \| \d+ \| \d+ \| (.*?) ?\| (\d+) \| \d+ \|$", DOCUMENT.read_text(), re.MULTILINE
    )
    found = {name: (frozenset(re.findall(r"[a-z_]+", reasons)), int(lost)) for name, reasons, lost in rows}
    assert found == {fault.name: (fault.reasons, fault.lost) for fault in fault_rows.FAULTS}


def test_every_reason_is_explained() -> None:
    """docs/reliability.md has a word on each reason for which samples are dropped."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [reason for reason in DROPPED if f"`{reason}`" not in text] == []
