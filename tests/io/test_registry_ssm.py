"""The registry in Parameter Store: what is read and how often, half of a change, and writing."""

from __future__ import annotations

import itertools
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config as ClientConfig
from pushvar.cli.edits import Edit
from pushvar.collect.registry import open_registry
from pushvar.collect.registry._throttling import Effects
from pushvar.collect.registry.parameters import ParameterTree, Stored, changes
from pushvar.collect.registry.protocol import TargetGroup
from pushvar.collect.registry.ssm import SsmRegistry
from pushvar.config.edit import with_targets
from pushvar.config.manifest import digest_of, manifest_of
from pushvar.config.packing import MAX_BYTES, items_of
from pushvar.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pushvar.collect.registry.protocol import Snapshot


pytestmark = pytest.mark.usefixtures("aws")

PAY, SHOP = "scrape_configs/pay", "scrape_configs/shop"
ITEMS = {
    "global": "{scrape_interval: 15s}",
    PAY: "{job_name: pay, static_configs: [{targets: [a, 'b:1'], labels: {env: prod, x: ''}}]}",
    f"{PAY}.2": "{static_configs: [{targets: [c]}]}",
    SHOP: "{scheme: https, static_configs: [{targets: [d]}]}",
}
LOCATIONS = (f"/pushvar-test/tree-{n}" for n in itertools.count())


@lru_cache
def session() -> Any:
    """A boto3 session that all tests of this file share: the descriptions of services are read once."""
    import boto3

    return boto3.session.Session()


def client(**more: Any) -> Any:
    """A client of a test's own, of the AWS that the environment names."""
    return session().client("ssm", **more)


class Store:
    """One tree of the session's Parameter Store, with a clock and a count of what a registry asks."""

    def __init__(self) -> None:
        self.location = next(LOCATIONS)
        self.own = client()
        self.client = client()
        self.calls: list[str] = []
        self.now_s = 0.0
        self.client.meta.events.register("before-call.ssm", self._count)
        self.registry = SsmRegistry(
            self.location, client=self.client, monotonic=lambda: self.now_s, chance=lambda: 0.5
        )

    def _count(self, model: Any, **_more: Any) -> None:
        self.calls.append(model.name)

    def put(self, items: Mapping[str, str], kind: str = "String") -> None:
        """Write parameters, as somebody else would."""
        for name, value in items.items():
            self.own.put_parameter(
                Name=f"{self.location}/config/{name}", Value=value, Type=kind, Overwrite=True
            )

    def fill(self, items: Mapping[str, str]) -> None:
        """Write parameters and the manifest of these."""
        self.put({**items, "manifest": manifest_of(items)})

    def delete(self, *names: str) -> None:
        """Delete parameters."""
        self.own.delete_parameters(Names=[f"{self.location}/config/{name}" for name in names])

    def load(self, *, after_s: float = 0.0) -> Snapshot:
        """What the registry gives after some time; ``calls`` are then those of this load."""
        self.now_s += after_s
        self.calls.clear()
        return self.registry.load()

    def names(self) -> dict[str, str]:
        """All parameters that are there, with their values."""
        pages = self.own.get_paginator("get_parameters_by_path").paginate(Path=self.location, Recursive=True)
        return {
            one["Name"].removeprefix(f"{self.location}/config/"): one["Value"]
            for page in pages
            for one in page["Parameters"]
        }

    def tree(self) -> ParameterTree:
        """The tree as a writer sees it."""
        return ParameterTree(self.location, self.client)


@pytest.fixture
def store() -> Store:
    """An empty tree."""
    return Store()


def scripted(store: Store, answer: Callable[[str, dict[str, Any]], tuple[int, Any] | None]) -> None:
    """Let ``answer`` answer requests before they are sent; None sends them."""

    def before_send(request: Any, **_more: Any) -> AWSResponse | None:
        operation = request.headers["X-Amz-Target"]
        name = (operation.decode() if isinstance(operation, bytes) else operation).partition(".")[2]
        found = answer(name, json.loads(request.body))
        if found is None:
            return None
        status, body = found
        response = AWSResponse(request.url, status, {"Content-Type": "application/x-amz-json-1.1"}, None)
        response._content = json.dumps(body).encode()
        return response

    store.client.meta.events.register("before-send.ssm", before_send)


def failing(code: str, status: int = 400) -> tuple[int, dict[str, str]]:
    """An answer of AWS that refuses."""
    return status, {"__type": code, "message": "no."}


# Reading


def test_a_tree_is_a_snapshot(store: Store) -> None:
    """Configuration and groups, each group with the parameter it stands in."""
    store.fill(ITEMS)
    snapshot = store.load()
    where = f"{store.location}/config"
    assert snapshot.groups == (
        TargetGroup("pay", f"{where}/{PAY}", ("a:80", "b:1"), (("env", "prod"),)),
        TargetGroup("pay", f"{where}/{PAY}.2", ("c:80",), ()),
        TargetGroup("shop", f"{where}/{SHOP}", ("d:443",), ()),
    )
    assert [job.job_name for job in snapshot.config.scrape_configs] == ["pay", "shop"]
    assert (snapshot.unsettled, snapshot.problems) == ("", ())


def test_the_scheme_opens_it(store: Store) -> None:
    """A reference with ssm: is a tree of the AWS that the environment names."""
    store.fill(ITEMS)
    assert open_registry(f"ssm:{store.location}").load() == store.load()


def test_while_the_manifest_is_the_same_it_alone_is_read(store: Store) -> None:
    """And the snapshot is the same object; now and then the whole tree is read all the same."""
    store.fill(ITEMS)
    first = store.load()
    assert store.calls == ["GetParametersByPath"]
    for _ in range(3):
        assert store.load(after_s=60) is first
        assert store.calls == ["GetParameter"]
    assert store.load(after_s=200) is first
    assert store.calls == ["GetParametersByPath"]


def test_reads_of_the_whole_tree_are_spread(store: Store) -> None:
    """Chance moves them by a tenth of the time, so that many processes do not ask at once."""
    store.fill(ITEMS)
    for chance, seconds in ((0.0, 271), (1.0, 331)):
        registry = SsmRegistry(
            store.location, client=store.client, monotonic=lambda: store.now_s, chance=[chance].pop
        )
        registry.load()
        store.calls.clear()
        store.now_s += seconds - 2
        registry.load()
        store.now_s += 2
        with pytest.raises(IndexError):  # chance is asked once for each read of the tree
            registry.load()
        assert store.calls == ["GetParameter", "GetParametersByPath"]


def test_a_new_manifest_is_a_new_snapshot(store: Store) -> None:
    """A pushed change is seen at the next load."""
    store.fill(ITEMS)
    first = store.load()
    store.fill({**ITEMS, SHOP: "{static_configs: [{targets: [e]}]}"})
    second = store.load()
    assert second.version != first.version
    assert second.groups[-1].addresses == ("e:80",)
    assert second.unsettled == ""
    assert store.load() is second


def test_the_same_tree_is_the_same_version(store: Store) -> None:
    """Two processes that read one tree agree on its version."""
    store.fill(ITEMS)
    other = SsmRegistry(store.location, client=client())
    assert other.load() == store.load()


def test_a_tree_without_a_manifest_is_unsettled(store: Store) -> None:
    """It is given with the digest of what was read, and read again at every load until it has a manifest."""
    store.put(ITEMS)
    first = store.load()
    assert first.unsettled == digest_of(ITEMS)
    assert store.load() is first
    assert store.calls == ["GetParametersByPath"]
    store.put({SHOP: "{static_configs: [{targets: [e]}]}"})
    second = store.load()
    assert second.unsettled not in {"", first.unsettled}
    store.put({"manifest": manifest_of({**ITEMS, SHOP: "{static_configs: [{targets: [e]}]}"})})
    third = store.load()
    assert (third.unsettled, third.version, third.groups) == ("", second.version, second.groups)


@pytest.mark.parametrize("manifest", ["x", '{"schema": 9}', manifest_of({"a": "b"})])
def test_a_manifest_of_another_tree_is_none(store: Store, manifest: str) -> None:
    """What does not match is unsettled, whatever stands there."""
    store.put({**ITEMS, "manifest": manifest})
    assert store.load().unsettled == digest_of(ITEMS)


def test_half_of_a_push_is_not_seen_while_the_old_manifest_stands(store: Store) -> None:
    """Until the refresh, the snapshot in use stays; then it is given as unsettled."""
    store.fill(ITEMS)
    first = store.load()
    store.delete(f"{PAY}.2")
    assert store.load(after_s=60) is first
    late = store.load(after_s=600)
    assert late.unsettled == digest_of({name: ITEMS[name] for name in ITEMS if name != f"{PAY}.2"})


def test_a_manifest_that_goes(store: Store) -> None:
    """Without it the tree is unsettled, though nothing else changed."""
    store.fill(ITEMS)
    first = store.load()
    store.delete("manifest")
    second = store.load()
    assert store.calls == ["GetParameter", "GetParametersByPath"]
    assert (second.version, second.unsettled) == (first.version, digest_of(ITEMS))


def test_a_refused_tree(store: Store) -> None:
    """It is refused with every problem at every load, and read again until it is mended."""
    store.fill(ITEMS)
    good = store.load()
    store.fill({**ITEMS, PAY: "{schema: https}", "global": "["})
    for _ in range(2):
        with pytest.raises(ConfigErrors) as refused:
            store.load()
        assert [problem.place for problem in refused.value.problems] == [
            f"{store.location}/config/global:2:1",
            f"{store.location}/config/{PAY}:1:2",
        ]
        assert store.calls[-1] == "GetParametersByPath"
    store.fill(ITEMS)
    assert store.load() == good


def test_an_empty_tree(store: Store) -> None:
    """Nothing there is an error that shows the command which fills it; a manifest alone is nothing too."""
    message = (
        f"ssm:{store.location}: no configuration there; "
        f"fill it: pushvar config push pushvar.yml --to ssm:{store.location}"
    )
    for _ in range(2):
        with pytest.raises(ConfigError) as refused:
            store.load()
        assert str(refused.value) == message
        store.put({"manifest": manifest_of({})})


def test_a_secret_in_the_tree(store: Store) -> None:
    """A SecureString is named, all of them at once, and where secrets belong; its value is not asked for."""
    store.put(ITEMS)
    store.put({"remote_write/a": "hunter2", "remote_write/b": "hunter2"}, "SecureString")
    store.put({"tenancy": "a,b"}, "StringList")
    with pytest.raises(ConfigErrors) as refused:
        store.load()
    secret = (
        "a SecureString; no secret belongs into the configuration; "
        f"move it to {store.location}/secrets/ and refer to it as ssm:{store.location}/secrets/NAME"
    )
    assert str(refused.value).splitlines() == [
        f"{store.location}/config/remote_write/a: {secret}",
        f"{store.location}/config/remote_write/b: {secret}",
        f"{store.location}/config/tenancy: a StringList; delete it, and write it as a String",
    ]
    assert "hunter2" not in str(refused.value)


def test_secrets_beside_the_tree_are_not_read(store: Store) -> None:
    """The path that is asked for is the configuration's alone, and nothing is decrypted."""
    store.fill(ITEMS)
    asked: list[dict[str, Any]] = []
    scripted(store, lambda _name, body: asked.append(body))
    store.load()
    store.load()
    assert asked == [
        {"Path": f"{store.location}/config", "Recursive": True, "WithDecryption": False, "MaxResults": 10},
        {"Name": f"{store.location}/config/manifest"},
    ]


# Pages


def page(*names: str, token: str | None = None) -> tuple[int, Any]:
    """An answer of GetParametersByPath."""
    found = [{"Name": f"/t/config/{name}", "Type": "String", "Value": ITEMS[name]} for name in names]
    return 200, {"Parameters": found} | ({"NextToken": token} if token else {})


@pytest.fixture
def paged() -> Callable[[Mapping[str | None, tuple[int, Any]]], Store]:
    """A registry that is given these pages, by the token with which they are asked for."""

    def made(pages: Mapping[str | None, tuple[int, Any]]) -> Store:
        store = Store()
        store.registry = SsmRegistry("/t", client=store.client)
        scripted(store, lambda _name, body: pages[body.get("NextToken")])
        return store

    return made


def test_an_empty_page_is_not_the_last(paged: Callable[..., Store]) -> None:
    """The token alone says that there is more."""
    store = paged(
        {None: page(token="1"), "1": page(PAY, f"{PAY}.2", token="2"), "2": page(token="3"), "3": page(SHOP)}
    )
    assert len(store.load().groups) == 3
    assert len(store.calls) == 4


def test_a_token_that_comes_again_is_an_error(paged: Callable[..., Store]) -> None:
    """It would never end."""
    store = paged({None: page(PAY, token="1"), "1": page(SHOP, token="2"), "2": page(token="1")})
    with pytest.raises(ConfigError) as refused:
        store.load()
    assert str(refused.value) == "ssm:/t/config: Parameter Store gives the same page again; try again later"
    assert len(store.calls) == 3


def test_a_thousand_targets_cost_few_calls(store: Store) -> None:
    """A thousand targets, each with labels of its own, are some thirty parameters: three or four pages."""
    groups = [
        {
            "targets": [f"10.0.{n // 250}.{n % 250}:8080"],
            "labels": {"customer_id": f"cust-{n:04}", "sla_tier": "gold"},
        }
        for n in range(1000)
    ]
    document = {"scrape_configs": [{"job_name": "pay", "static_configs": groups}]}
    config, items = items_of(json.dumps(document), source="p.yml")
    store.fill(items)
    snapshot = store.load()
    assert len(store.calls) == len(items) // 10 + 1 <= 5
    assert sum(len(group.addresses) for group in snapshot.groups) == 1000
    assert [group.labels for group in snapshot.groups] == [
        group.labels for group in config.scrape_configs[0].static_configs
    ]
    store.load()
    assert store.calls == ["GetParameter"]


# What AWS refuses


def test_throttling_is_waited_out(store: Store) -> None:
    """Two refusals cost two tries of the client, not the read."""
    store.fill(ITEMS)
    refusals = iter([failing("ThrottlingException"), failing("ThrottlingException")])
    scripted(store, lambda _name, _body: next(refusals, None))
    assert len(store.load().groups) == 3


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ThrottlingException", "others use the same quota; it is tried again in the next cycle"),
        ("AccessDeniedException", "allow this action to the role that runs pushvar"),
        ("ExpiredTokenException", "renew the credentials"),
    ],
)
def test_a_refusal_in_plain_words(code: str, words: str) -> None:
    """The error names what cannot be read, the code and what to do; what was good before stays so."""
    store = Store()
    store.client = client(config=ClientConfig(retries={"total_max_attempts": 1}))
    store.client.meta.events.register("before-call.ssm", store._count)
    store.registry = SsmRegistry(store.location, client=store.client, monotonic=lambda: store.now_s)
    store.fill(ITEMS)
    first = store.load()
    broken = [True]
    scripted(store, lambda _name, _body: failing(code) if broken else None)
    for after_s, what in ((0.0, "/config/manifest"), (600.0, "/config")):
        with pytest.raises(ConfigError) as refused:
            store.load(after_s=after_s)
        assert str(refused.value) == f"ssm:{store.location}{what}: {code}: no; {words}"
    broken.clear()
    assert store.load() is first


def test_no_region_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands before any answer is told in the same way."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    registry = SsmRegistry("/t", client=None)
    monkeypatch.setattr("pushvar.net.aws.ATTEMPTS", 1)
    with pytest.raises(ConfigError, match=r"^ssm:/t/config: EndpointConnection: .*; is the network there"):
        registry.load()
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(ConfigError, match=r"^ssm:/t/config: NoRegion: .*; set AWS_REGION$"):
        SsmRegistry("/t").load()


@pytest.mark.parametrize(
    "location",
    [
        "",
        "/",
        "pushvar/dev",
        "/pushvar/",
        "//x",
        "/a b",
        "/aws/x",
        "/SSM-x",
        "/é",
        "/" + "x" * 700,
        "/a" * 13,
        "/x\n",
    ],
)
def test_a_location_that_no_tree_can_have(location: str) -> None:
    """It is refused before anything is asked."""
    with pytest.raises(ConfigError) as refused:
        SsmRegistry(location)
    assert str(refused.value).startswith(
        f"ssm:{location}: not a place for a configuration in Parameter Store; write ssm:/"
    )


# Writing


def written(store: Store, items: Mapping[str, str]) -> list[tuple[int, int]]:
    """Make the tree hold these items; gives what the progress was."""
    tree, told = store.tree(), []
    store.calls.clear()
    tree.write(tree.read(), items, lambda done, total: told.append((done, total)))
    return told


def test_only_what_differs_is_written(store: Store) -> None:
    """Changed and new items are put, others deleted, the manifest comes last; then there is nothing to do."""
    told = written(store, ITEMS)
    assert told == [(n, 5) for n in range(1, 6)]
    assert store.names() == {**ITEMS, "manifest": manifest_of(ITEMS)}
    assert store.load().unsettled == ""
    other = {"global": ITEMS["global"], PAY: "{}", "tenancy": "{}"}
    puts: list[str] = []
    scripted(
        store,
        lambda name, body: (
            puts.append(body["Name"].rpartition("config/")[2]) if name == "PutParameter" else None
        ),
    )
    assert written(store, other) == [(1, 5), (2, 5), (4, 5), (5, 5)]
    assert puts == [PAY, "tenancy", "manifest"]
    assert store.names() == {**other, "manifest": manifest_of(other)}
    assert written(store, other) == []
    assert store.calls == ["GetParametersByPath"]


def test_a_missing_manifest_is_written_alone(store: Store) -> None:
    """The items being right, nothing else is touched."""
    store.put(ITEMS)
    assert written(store, ITEMS) == [(1, 1)]
    assert store.load().unsettled == ""


def test_what_is_written_costs_nothing(store: Store) -> None:
    """Every parameter is a standard one, of plain text."""
    written(store, ITEMS)
    pages = store.own.get_paginator("describe_parameters").paginate(
        ParameterFilters=[{"Key": "Path", "Option": "Recursive", "Values": [store.location]}]
    )
    found = [(one["Tier"], one["DataType"], one["Type"]) for page in pages for one in page["Parameters"]]
    assert found == [("Standard", "text", "String")] * 5


def test_many_are_deleted_ten_at_a_time(store: Store) -> None:
    """As many as one call takes; continuations before what they continue."""
    items = {f"{PAY}.{n}" if n > 1 else PAY: "static_configs: []" for n in range(1, 26)}
    written(store, {**items, SHOP: "{}"})
    deleted: list[list[str]] = []
    scripted(store, lambda name, body: deleted.append(body["Names"]) if name == "DeleteParameters" else None)
    assert written(store, {SHOP: "{}"}) == [(10, 26), (20, 26), (25, 26), (26, 26)]
    assert [len(names) for names in deleted] == [10, 10, 5]
    assert [name.rpartition("pay")[2] for name in itertools.chain(*deleted)] == [
        *(f".{n}" for n in range(25, 1, -1)), "",
    ]  # fmt: skip


@pytest.mark.parametrize("stop", [1, 2, 3, 4])
def test_a_push_that_was_cut_off_is_mended_by_the_next(store: Store, stop: int) -> None:
    """Wherever it stops, readers see that the tree is not whole, and the next push completes it."""
    written(store, ITEMS)
    other = {PAY: "{}", "scrape_configs/new": "{}", f"{PAY}.2": "static_configs: []"}
    left = [stop]

    def answer(name: str, _body: Any) -> tuple[int, Any] | None:
        left[0] -= name in {"PutParameter", "DeleteParameters"}
        return failing("AccessDeniedException") if left[0] < 0 else None

    scripted(store, answer)
    with pytest.raises(ConfigError) as cut:
        written(store, other)
    assert f" ({min(stop, 3) + 2 * (stop > 3)} of 6 were written)" in str(cut.value)
    assert str(cut.value).endswith("; do the same again: it writes what is missing")
    assert SsmRegistry(store.location, client=store.own).load().unsettled
    left[0] = 100
    written(store, other)
    assert store.names() == {**other, "manifest": manifest_of(other)}
    assert SsmRegistry(store.location, client=store.own).load().unsettled == ""


def throttled_tree(store: Store, refused: Callable[[str, dict[str, Any]], bool]) -> tuple[Any, list[float]]:
    """The store's tree, throttled where ``refused`` says so, on a clock that only its pauses move."""
    store.client = client(config=ClientConfig(retries={"total_max_attempts": 1}))
    throttled = failing("ThrottlingException")
    scripted(store, lambda name, body: throttled if refused(name, body) else None)
    pauses: list[float] = []
    return ParameterTree(
        store.location, store.client, Effects(lambda: sum(pauses), pauses.append, lambda: 0.5)
    ), pauses


def test_a_push_waits_while_it_is_throttled(store: Store) -> None:
    """Puts and deletions are made again, with growing pauses that are told, until all is written."""
    store.fill({**ITEMS, "scrape_configs/old": "{}"})
    left, before = {"PutParameter": 4, "DeleteParameters": 2}, store.tree().read()

    def refused(name: str, _body: dict[str, Any]) -> bool:
        left[name] = left.get(name, 0) - 1
        return left[name] >= 0

    tree, pauses = throttled_tree(store, refused)
    told: list[float] = []
    changed = {**ITEMS, "global": "{scrape_interval: 20s}"}
    assert tree.write(before, changed, waits=told.append)
    assert pauses == told == [0.75, 1.5, 3.0, 6.0, 0.75, 1.5]
    assert store.tree().read() == Stored(changed, manifest_of(changed))


def test_a_push_does_not_wait_for_ever(store: Store) -> None:
    """Two minutes for one parameter; what was written before is told, and that doing it again goes on."""
    store.fill(ITEMS)
    tree, pauses = throttled_tree(
        store, lambda name, body: name == "PutParameter" and body["Name"].endswith("manifest")
    )
    with pytest.raises(ConfigError) as raised:
        tree.write(store.tree().read(), {**ITEMS, "global": "{scrape_interval: 20s}"})
    assert 100 < sum(pauses) <= 120
    assert "config/manifest: throttled for 120 s (1 of 2 were written)" in str(raised.value)
    assert "ask AWS for a higher one; do the same again" in str(raised.value)


def test_a_push_that_fails_at_once(store: Store) -> None:
    """Nothing was written, and nothing is said of it."""
    scripted(store, lambda name, _body: failing("AccessDeniedException") if name == "PutParameter" else None)
    with pytest.raises(ConfigError) as refused:
        written(store, ITEMS)
    assert str(refused.value) == (
        f"ssm:{store.location}/config/global: AccessDeniedException: no; "
        "allow this action to the role that runs pushvar"
    )


def test_a_deletion_that_did_not_happen(store: Store) -> None:
    """AWS answers well and names those that stay; the manifest is then not written."""
    written(store, ITEMS)
    scripted(
        store,
        lambda name, body: (
            (200, {"DeletedParameters": [], "InvalidParameters": body["Names"]})
            if name == "DeleteParameters"
            else None
        ),
    )
    with pytest.raises(ConfigError, match=f"could not delete {store.location}/config/{SHOP}"):
        written(store, {name: ITEMS[name] for name in ITEMS if name != SHOP})
    assert store.names()["manifest"] == manifest_of(ITEMS)


def test_an_advanced_parameter_is_named(store: Store) -> None:
    """A large one is refused before anything is written, one that AWS refuses when it does."""
    advanced = "a parameter of the advanced tier, which never becomes standard again; delete it first"
    store.own.put_parameter(
        Name=f"{store.location}/config/{PAY}", Value="x" * (MAX_BYTES + 1), Type="String", Tier="Advanced"
    )
    with pytest.raises(ConfigErrors) as refused:
        written(store, ITEMS)
    assert str(refused.value) == f"{store.location}/config/{PAY}: {advanced}"
    assert set(store.names()) == {PAY}
    store.put({PAY: "{}"})
    said = "This parameter uses the advanced-parameter tier. You can't downgrade a parameter"

    def answer(name: str, body: Any) -> tuple[int, Any] | None:
        refuses = name == "PutParameter" and body["Name"].endswith(PAY)
        return (400, {"__type": "ValidationException", "message": said}) if refuses else None

    scripted(store, answer)
    with pytest.raises(ConfigError) as late:
        written(store, ITEMS)
    assert "advanced tier" in str(late.value)
    assert f"{store.location}/config/{PAY}" in str(late.value)


def test_a_secret_is_not_written_over(store: Store) -> None:
    """A SecureString in the tree stops a push as it stops a reader."""
    store.put({PAY: "x"}, "SecureString")
    with pytest.raises(ConfigErrors, match="a SecureString; no secret belongs into the configuration"):
        written(store, ITEMS)


def test_an_edit_does_not_write_over_another(store: Store) -> None:
    """When the manifest changed since it was read, nothing is written."""
    store.fill(ITEMS)
    edit = Edit(f"ssm:{store.location}")
    job, node = edit.jobs()[0]
    edit.replace(job.job_name, with_targets(node, ["new"], {}))
    other = {**ITEMS, SHOP: "{static_configs: [{targets: [e]}]}"}
    store.fill(other)
    with pytest.raises(ConfigError) as refused:
        edit.write()
    assert str(refused.value) == (
        f"ssm:{store.location} was changed by somebody else just now; do the same again"
    )
    assert store.names() == {**other, "manifest": manifest_of(other)}


def test_changes() -> None:
    """What becomes of each parameter, by name."""
    found = changes({"a": "1", "b": "2", "c": "3"}, {"b": "2", "c": "4", "d": "5"})
    assert [(one.name, one.kind) for one in found] == [
        ("a", "removed"), ("b", "unchanged"), ("c", "changed"), ("d", "added"),
    ]  # fmt: skip
    assert Stored({"a": "1"}, manifest_of({"a": "1"})).settled
    assert not Stored({"a": "1"}, "").settled
