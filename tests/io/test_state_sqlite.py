"""The SQLite store on a real file: what the file is like, and what is said when it cannot be used."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pushvar.state
import pytest
from pushvar.errors import ConfigError, StateError
from pushvar.state import open_state, schemes
from pushvar.state._sqlite_file import APPLICATION_ID
from pushvar.state._sqlite_schema import SCHEMA
from pushvar.state._type_table import packed
from pushvar.state.protocol import Head, Lease, NewEntry
from pushvar.state.sqlite import SqliteStore

from tests.contract.pushed_groups import group, later, put, stored
from tests.contract.state_stores import append

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pushvar.model import Group


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store may be made; its folder does not exist yet."""
    return tmp_path / "var" / "state.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """A store on that path that waits for locks only shortly."""
    opened = SqliteStore(str(path), busy_timeout_s=0.2)
    yield opened
    opened.close()


def take(store: SqliteStore) -> Lease:
    """The lease of a free shard."""
    lease = store.acquire("0", "a", cycle=1, now_ms=0, ttl_ms=1_000)
    assert lease is not None
    return lease


def run_sql(path: Path, statement: str) -> list[tuple[object, ...]]:
    """Look into the file as another program would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


@pytest.mark.parametrize("prefix", ["sqlite:", ""])
def test_a_reference_names_the_file(path: Path, prefix: str) -> None:
    """``sqlite:PATH`` and a bare path are the same store; folder and file are made on first use."""
    store = open_state(f"{prefix}{path}")
    assert not path.parent.exists()
    store.set_pointer("a", "b")
    store.close()
    assert run_sql(path, "SELECT * FROM pointers") == [("a", "b")]


def test_a_path_may_look_like_a_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A leading ./ makes any file name a path."""
    monkeypatch.chdir(tmp_path)
    with closing(open_state("./dynamo:db")) as store:
        store.set_pointer("a", "b")
    assert (tmp_path / "dynamo:db").exists()


def test_an_unknown_scheme_lists_those_present() -> None:
    """The error names every store file of the folder, found by looking there."""
    files = {file.stem for file in Path(str(pushvar.state.__file__)).parent.glob("[!_]*.py")} - {"protocol"}
    assert set(schemes()) == files >= {"sqlite", "memory"}
    with pytest.raises(ConfigError, match="unknown scheme 'redis'") as caught:
        open_state("redis://localhost")
    assert all(f"{scheme}:" in caught.value.hint for scheme in files)


@pytest.mark.parametrize("reference", ["", "sqlite:", "memory:here", "protocol:x"])
def test_a_reference_that_names_no_store_is_refused(reference: str) -> None:
    """No place, a place that makes no sense, or a file that is no store is a configuration error."""
    with pytest.raises(ConfigError, match=r"^state: "):
        open_state(reference)


def test_importing_the_room_loads_no_database() -> None:
    """A cold start pays for SQLite only when the store is SQLite."""
    code = "import sys, pushvar.state, pushvar.state.protocol; print('sqlite3' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"


def test_the_file_is_in_wal_mode_with_a_schema_version(path: Path, store: SqliteStore) -> None:
    """Writers do not stop readers, and the version of the tables stands in the file."""
    take(store)
    assert run_sql(path, "PRAGMA journal_mode") == [("wal",)]
    assert run_sql(path, "PRAGMA user_version") == [(len(SCHEMA),)]


def test_a_document_goes_with_the_last_pointer_to_it(store: SqliteStore) -> None:
    """Versions come and go every minute; what no name points at any more is taken away, nothing else is."""
    bodies = [b"first", b"second", b"third"]
    first, second, third = (store.put_document(body) for body in bodies)
    store.set_pointer("a", first)
    store.set_pointer("b", first)
    store.set_pointer("a", second)
    assert [store.get_document(one) for one in (first, second, third)] == bodies
    store.set_pointer("a", second)
    store.set_pointer("b", second)
    assert [store.get_document(one) for one in (first, second, third)] == [None, b"second", b"third"]
    assert (store.get_pointer("a"), store.get_pointer("b")) == (second, second)


def test_only_series_memory_does_not_wait_for_the_disk(store: SqliteStore) -> None:
    """An append and a push are synced before they return (FULL); a series set with the next such write."""
    lease = take(store)
    levels = []
    for write in (
        lambda: append(store, lease, "main", b""),
        lambda: store.set_series(lease, {"t": b""}),
        lambda: store.set_fingerprints(lease, {}),
        lambda: store.set_series(lease, {"t": b""}),
        lambda: put(store, group()),
    ):
        write()
        levels += store._file.rows("PRAGMA synchronous")
    assert levels == [(2,), (1,), (2,), (1,), (2,)]


def test_a_newer_schema_is_refused_untouched(path: Path, store: SqliteStore) -> None:
    """A file of a later pushvar is neither read nor changed, and the message says which is newer."""
    take(store)
    store.close()
    run_sql(path, "PRAGMA user_version = 99")
    with pytest.raises(StateError, match=f"schema 99, this pushvar knows up to {len(SCHEMA)}; run the newer"):
        store.spool_entries("0")
    assert run_sql(path, "PRAGMA user_version") == [(99,)]


def test_the_database_of_another_program_is_refused_untouched(path: Path, store: SqliteStore) -> None:
    """We do not put our tables into a file that somebody else made."""
    path.parent.mkdir()
    run_sql(path, "CREATE TABLE bookmarks (url)")
    before = path.read_bytes()
    with pytest.raises(StateError, match="another program"):
        store.set_pointer("a", "b")
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_untouched(path: Path, store: SqliteStore) -> None:
    """A text file named by mistake stays as it is, and once it is gone the store works."""
    path.parent.mkdir()
    path.write_text("scrape_configs:\n" * 500)
    with pytest.raises(StateError, match="no SQLite database"):
        store.set_pointer("a", "b")
    assert path.read_text() == "scrape_configs:\n" * 500
    path.unlink()
    store.set_pointer("a", "b")
    assert store.get_pointer("a") == "b"


def test_a_damaged_file_is_reported_and_can_be_replaced(path: Path, store: SqliteStore) -> None:
    """Overwritten pages give a StateError with what to do; after doing it, the same store goes on."""
    lease = take(store)
    for number in range(50):
        append(store, lease, "main", bytes(5_000), time_ms=number)
    store.close()
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xff" * 4_096 * 10)
    with pytest.raises(StateError, match=r"is damaged.*move the file"):
        store.spool_entries("0")
    for part in path.parent.iterdir():
        part.unlink()
    assert take(store).fence == 1


def test_a_damaged_document_is_not_handed_out(path: Path, store: SqliteStore) -> None:
    """A document whose bytes no longer have its hash is an error, not a configuration."""
    digests = [store.put_document(body) for body in (b"short", b"long" * 1_000)]
    run_sql(path, "UPDATE documents SET body = x'00'")
    for digest in digests:
        with pytest.raises(StateError, match=f"{digest} .* is damaged"):
            store.get_document(digest)


def test_documents_are_stored_compressed(path: Path, store: SqliteStore) -> None:
    """A long document takes less room than it has bytes, a short one is kept as it is."""
    store.put_document(b"- targets: [a]\n" * 1_000)
    store.put_document(b"short")
    assert run_sql(path, "SELECT zipped, length(body) < 500 FROM documents ORDER BY 1") == [(0, 1), (1, 1)]


def test_a_full_disk_stores_nothing_and_says_so(store: SqliteStore) -> None:
    """When the file cannot grow the append fails as a whole, what was there stays, and space helps."""
    lease = take(store)
    kept = append(store, lease, "main", b"kept")
    connection = store._file._connection  # SQLite itself refuses to grow past this page
    assert connection is not None
    connection.execute("PRAGMA max_page_count = 30")
    with pytest.raises(StateError, match=r"disk is full.*free space"):
        append(store, lease, "main", bytes(1_000_000), time_ms=2)
    assert store.spool_entries("0") == (kept,)
    append(store, lease, "main", bytes(1_000_000), time_ms=2)  # opened anew: no limit
    assert len(store.spool_entries("0")) == 2


def test_a_full_disk_stores_no_part_of_several_batches(store: SqliteStore) -> None:
    """Several batches are one write: when one does not fit, none of them is stored, and space helps."""
    lease = take(store)
    kept = append(store, lease, "main", b"kept")
    assert store._file._connection is not None
    store._file._connection.execute("PRAGMA max_page_count = 60")
    new = [NewEntry(bytes(50_000), 1, number) for number in range(10)]
    with pytest.raises(StateError, match="disk is full"):
        store.spool_append(lease, "main", new)
    assert store.spool_entries("0") == (kept,)
    stored = store.spool_append(lease, "main", new)
    assert store.spool_entries("0") == (kept, *stored)
    assert [entry.time_ms for entry in store.spool_entries("0")] == [1, *range(10)]


def old_file(path: Path, version: int) -> None:
    """The file of an older pushvar, with something in it."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        for step in SCHEMA[:version]:
            for statement in step:
                old.execute(statement)
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute(f"PRAGMA user_version = {version}")
        old.execute("INSERT INTO pointers VALUES ('a', 'b')")
        old.execute("INSERT INTO shards VALUES ('0', NULL, 6, 0, 3, 3, '{\"sent\":5}', '{}')")
        old.execute("INSERT INTO spool VALUES (9, '0', 'main', 1, 1, 4, x'626f6479')")
        if version > 1:
            old.execute("INSERT INTO types VALUES ('t', ?)", (packed({"x": "counter"}),))


@pytest.mark.parametrize("version", range(1, len(SCHEMA)))
def test_a_file_of_an_older_schema_gets_the_new_tables(path: Path, store: SqliteStore, version: int) -> None:
    """An older pushvar's file goes on with all that is in it, and keeps what is new."""
    old_file(path, version)
    pushed = put(store, group())
    assert (stored(store, pushed), store.group_tenants()) == (pushed, {"t": 1})
    assert store.settle_types("t", {"x": "gauge"}) == {"x": "gauge" if version == 1 else "counter"}
    assert store.get_pointer("a") == "b"
    assert [store.spool_body(entry) for entry in store.spool_entries("0")] == [b"body"]
    lease = take(store)
    assert (lease.fence, lease.head) == (7, Head(3, 3, {"sent": 5}))
    assert run_sql(path, "PRAGMA user_version") == [(len(SCHEMA),)]
    assert run_sql(path, "PRAGMA integrity_check") == [("ok",)]


GROUP_STEPS: dict[str, Callable[[SqliteStore, Group], object]] = {
    "create": lambda store, _: put(store, group("new")),
    "create with a new shape": lambda store, _: put(store, group("new", labels={"new": ""})),
    "replace": lambda store, old: put(store, later(old), old),
    "refuse": lambda store, old: store.put_group(later(old), "never"),
    "forget": lambda store, old: store.forget_groups([old.head]),
    "get": lambda store, old: store.get_groups([old.head.key]),
    "get many": lambda store, _: store.get_groups([f"{number:020}" for number in range(1_000)]),
    "list": lambda store, _: store.groups("t"),
    "shapes": lambda store, _: store.group_shapes("t"),
}


@pytest.mark.parametrize("analysed", [False, True], ids=["fresh", "analysed"])
@pytest.mark.parametrize("step", GROUP_STEPS)
def test_no_step_looks_at_groups_that_it_is_not_asked_for(
    path: Path, store: SqliteStore, step: str, *, analysed: bool
) -> None:
    """Every statement finds its rows by an index, few statements do, and a listing touches no body."""
    old = put(store, group("old"))
    for number in range(20):
        put(store, group(str(number), f"t{number % 3}"))
    if analysed:  # which may lead SQLite to other plans: the tables are small
        run_sql(path, "ANALYZE")
        store.close()
        store.get_groups([])
    said: list[str] = []
    store.group_tenants()
    assert store._file._connection is not None
    store._file._connection.set_trace_callback(said.append)
    GROUP_STEPS[step](store, old)
    asked = [
        statement for statement in said if statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE"))
    ]
    plans = [row[3] for statement in asked for row in run_sql(path, f"EXPLAIN QUERY PLAN {statement}")]
    assert len(asked) in range(1, 8)
    assert not [plan for plan in map(str, plans) if re.search("SCAN(?! json_each)|AUTOMATIC", plan)], plans
    assert step != "list" or not any("group_bodies" in statement for statement in asked)


def test_a_locked_file_is_waited_for_then_reported(path: Path, store: SqliteStore) -> None:
    """Reads go on beside a writer of another process; a write gives up after the busy timeout."""
    lease = take(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert store.spool_entries("0") == ()
        with pytest.raises(StateError, match=r"locked by another process.*fuser"):
            store.commit(lease, Head())
    store.commit(lease, Head(1, 1))


def test_a_new_file_waits_for_its_readers(path: Path, store: SqliteStore) -> None:
    """The switch to WAL is tried until the busy timeout, then reported, and done when it is free."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM sqlite_master").fetchall()
        with pytest.raises(StateError, match="locked by another process"):
            take(store)
    assert take(store).fence == 1


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder outside the private ones of pytest, seen by a user whom permissions bind."""
    with tempfile.TemporaryDirectory() as name:
        folder, root = Path(name), os.geteuid() == 0
        folder.chmod(0o755)
        (folder / "locked").mkdir()
        with closing(SqliteStore(str(folder / "locked" / "state.db"))) as store:
            take(store)
        (folder / "locked" / "state.db").chmod(0o444)
        (folder / "locked").chmod(0o555)
        if root:
            os.seteuid(65_534)
        yield folder / "locked"
        if root:
            os.seteuid(0)
        (folder / "locked").chmod(0o755)


@pytest.mark.parametrize("name", ["state.db", "new.db", "folder/new.db"])
def test_missing_permissions_are_named(unprivileged: Path, name: str) -> None:
    """A read-only file, or a folder where none can be made: the StateError says whose right is missing."""
    with (
        closing(SqliteStore(str(unprivileged / name))) as store,
        pytest.raises(StateError, match="this user"),
    ):
        take(store)


def test_sql_mistakes_become_state_errors(path: Path, store: SqliteStore) -> None:
    """Whatever else SQLite says arrives as a StateError with its own words."""
    take(store)
    run_sql(path, "DROP TABLE pointers")
    with pytest.raises(StateError, match=r"failed \(no such table: pointers\)"):
        store.get_pointer("a")
