"""Pushed groups against a model of plain dicts: any order of calls gives the same answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from pushvar.state import open_state

from tests.contract.pushed_groups import group, later
from tests.contract.state_stores import KINDS, StoreKind

if TYPE_CHECKING:
    from pushvar.model import Group

TENANTS = ("", "t")
PLACES = [group(job, tenant) for tenant in TENANTS for job in "ab"]
PLACES += [group("a", tenant, labels={"instance": "i"}) for tenant in TENANTS]
BODIES = st.sampled_from([b"", b"small", b"large" * 20_000, b"larger" * 20_000])
HEADS = st.fixed_dictionaries(
    {
        "expires_ms": st.integers(0, 2**45),
        "pushed_ms": st.integers(0, 9),
        "failed_ms": st.integers(0, 9),
        "deleted": st.booleans(),
        "samples": st.integers(0, 9),
        "types": st.binary(max_size=3),
    }
)


class GroupMachine(RuleBasedStateMachine):
    """Calls a store and the model side by side, with versions that are stored, are old, or never were."""

    def __init__(self, kind: StoreKind, request: pytest.FixtureRequest) -> None:
        super().__init__()
        self.kind = kind
        self.reference = kind.reference(request)
        self.store = open_state(self.reference)
        self.groups: dict[str, Group] = {}
        self.old: list[Group] = []
        self.numbers: dict[str, int] = {}
        self.changed: set[str] = set()
        self.shapes: dict[str, set[tuple[str, ...]]] = {tenant: set() for tenant in TENANTS}

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.store.close()

    @rule(place=st.sampled_from(PLACES), body=BODIES, head=HEADS, known=st.booleans())
    def put(self, place: Group, body: bytes, head: dict[str, int], *, known: bool) -> None:
        """A put succeeds exactly when what it replaces is what is stored, be it nothing."""
        new, now = later(place, body, **head), self.groups.get(place.head.key)
        version = now.head.version if now else ""
        if not known:
            version = self.old[-1].head.version if self.old and now is None else ("" if now else "never")
        taken = self.store.put_group(new, version)
        assert taken is known
        if taken:
            self.keep(new, now)

    def keep(self, new: Group, now: Group | None) -> None:
        """The model's side of a put."""
        self.old += [now] if now else []
        self.groups[new.head.key] = new
        self.changed.add(new.head.tenant)
        self.shapes[new.head.tenant].add(tuple(name for name, _ in new.head.grouping))

    @precondition(lambda machine: machine.groups)
    @rule(choice=st.data())
    def forget(self, choice: st.DataObject) -> None:
        """Those that still have the version go; what is old or gone is passed by."""
        here = choice.draw(st.lists(st.sampled_from(sorted(self.groups)), max_size=3, unique=True))
        gone = [self.groups.pop(key) for key in here]
        stale = [each for each in self.old[-2:] if each.head.key not in here][:1]
        self.store.forget_groups([each.head for each in (*stale, *gone)])
        self.old += gone
        self.changed |= {each.head.tenant for each in gone}

    @rule()
    def reopen(self) -> None:
        """A new opening of a shared store changes nothing."""
        if self.kind.shared:
            self.store.close()
            self.store = open_state(self.reference)

    @invariant()
    def reads_agree(self) -> None:
        """All that can be read is what the model holds, and the numbers of changed tenants have grown."""
        keys = [place.head.key for place in PLACES]
        assert self.store.get_groups(keys) == self.groups
        numbers = self.store.group_tenants()
        for tenant in TENANTS:
            heads = [self.groups[key].head for key in sorted(self.groups)]
            assert self.store.groups(tenant) == tuple(head for head in heads if head.tenant == tenant)
            assert self.store.group_shapes(tenant) == self.shapes[tenant]
            assert numbers.get(tenant, 0) >= self.numbers.get(tenant, 0) + (tenant in self.changed)
        self.numbers, self.changed = dict(numbers), set()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_any_order_of_calls_agrees_with_the_model(kind: StoreKind, request: pytest.FixtureRequest) -> None:
    """The store answers like a few dicts, whatever is called in whatever order."""
    shrink = () if kind.effort < 1 else (Phase.shrink,)  # which takes minutes where a call takes milliseconds
    run_machine(
        cast("type[GroupMachine]", partial(GroupMachine, kind, request)),
        settings=settings(
            max_examples=int(40 * kind.effort),
            stateful_step_count=30,
            deadline=None,
            phases=(Phase.reuse, Phase.generate, *shrink),
        ),
    )
