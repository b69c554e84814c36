"""Right documents: what each key becomes, what is filled in, and what a loaded configuration promises."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import yaml
from msgspec import inspect
from pushvar.config import document, reader
from pushvar.config.keys import keys_of, unwrapped
from pushvar.config.load import load, load_groups
from pushvar.config.schema import DEFAULT_TIERS, Config, OAuth2, SigV4, StaticConfig, Tenancy, TlsConfig
from pushvar.config.values import Duration, SecretRef
from pushvar.errors import ConfigErrors

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = (Path(__file__).parents[2] / "examples" / "pushvar.yml").read_text("utf-8")
MINIMAL = "scrape_configs: [{job_name: a}]"


def _one(text: str) -> Config:
    return load(text, source="p.yml")


def test_the_example_says_everything() -> None:
    """The shipped example uses every key that the schema has."""

    def used(value: Any) -> Iterator[str]:
        for key, below in value.items() if isinstance(value, dict) else ():
            yield key
            yield from used(below)
        for item in value if isinstance(value, list) else ():
            yield from used(item)

    def known(block: type) -> Iterator[str]:
        for name, key in keys_of(block).items():
            yield name
            inner = unwrapped(key.type).type
            while isinstance(inner, (inspect.VarTupleType, inspect.TupleType)):
                item = inner.item_type if isinstance(inner, inspect.VarTupleType) else inner.item_types[1]
                inner = unwrapped(item).type
            if isinstance(inner, inspect.StructType) and not unwrapped(key.type).grammar:
                yield from known(inner.cls)

    given_otherwise = {"password", "credentials_file", "secret_key_file", "client_secret_file"}
    assert set(known(Config)) - set(used(yaml.safe_load(EXAMPLE))) == given_otherwise


def test_the_example_loads() -> None:
    """What the example says is what comes out, durations in ms, sizes in bytes, secrets as references."""
    config = load(EXAMPLE, source="examples/pushvar.yml", directory="/etc/pushvar/")
    short, full = config.scrape_configs
    main, amp, derived = config.remote_write
    assert dict(config.global_.external_labels) == {"region": "eu-west-1"}
    assert amp.sigv4 == SigV4(
        region="eu-west-1", access_key="AKIDEXAMPLE", secret_key=SecretRef("env", "AMP_SECRET_KEY")
    )
    assert short.static_configs[0].targets == ("10.0.1.5:8080", "10.0.1.6:8080")
    assert dict(short.static_configs[0].labels) == {
        "customer_id": "cust-789",
        "sla_tier": "gold",
        "env": "prod",
    }
    assert (short.metrics_path, short.scheme, short.format) == ("/debug/vars", "http", "auto")
    assert full.params == (("verbose", ("1",)),)
    assert (full.scrape_interval, full.scrape_timeout) == (Duration(30_000), Duration(5_000))
    assert full.authorization is not None
    assert full.authorization.credentials == SecretRef("env", "ORDERS_TOKEN")
    assert full.http_headers[0][1].values == ("pushvar",)
    assert full.tls_config.ca_file == "/etc/pushvar/tls/ca.pem"
    assert full.body_size_limit == 1024 * 1024
    assert full.file_sd_configs[0].files == ("/etc/pushvar/targets/*.yml", "/etc/pushvar/targets/orders.json")
    assert main.basic_auth is not None
    assert main.basic_auth.password == SecretRef("file", "/etc/pushvar/secrets/mimir")
    assert main.queue_config.sample_age_limit.s == 600
    assert dict(main.headers) | dict(main.match) == {
        "X-Scope-OrgID": "{customer_id}",
        "sla_tier": "gold|silver",
    }
    assert derived.name == "victoria.example"
    assert derived.oauth2 == OAuth2(
        client_id="pushvar",
        client_secret=SecretRef("env", "VICTORIA_CLIENT_SECRET"),
        scopes=("metrics.write",),
        token_url="https://login.example/oauth2/token",
        endpoint_params=(("audience", "metrics"),),
        tls_config=TlsConfig(ca_file="/etc/pushvar/tls/login.pem"),
    )
    assert [(one.name, one.url) for one in config.pushgateways] == [
        ("legacy", "http://pushgateway.example:9091")
    ]
    assert config.tenancy.tiers == DEFAULT_TIERS


@pytest.mark.parametrize("message", ["prometheus.WriteRequest", "io.prometheus.write.v2.Request", "auto"])
def test_versions_of_remote_write(message: str) -> None:
    """Prometheus' words for 1.0 and 2.0 are taken, and our own that finds out; 1.0 is the default."""
    text = f"{MINIMAL}\nremote_write: [{{url: 'http://a/push'%s}}]"
    assert _one(text % "").remote_write[0].protobuf_message == "prometheus.WriteRequest"
    assert _one(text % f", protobuf_message: {message}").remote_write[0].protobuf_message == message


def test_defaults() -> None:
    """A document that says the least has Prometheus' defaults, and ours for path, limit and tenants."""
    config = _one(MINIMAL)
    job = config.scrape_configs[0]
    assert (job.scrape_interval.s, job.scrape_timeout.s) == (60, 10)
    assert (job.body_size_limit, job.sample_limit) == (8 * 1024 * 1024, 0)
    assert (job.static_configs, config.remote_write) == ((), ())
    assert (config.tenancy.default_customer_id, config.tenancy.strict) == ("default", False)


@pytest.mark.parametrize(
    ("defaults", "job", "interval_s", "timeout_s"),
    [
        ("", "", 60, 10),
        ("scrape_interval: 5s", "", 5, 5),
        ("scrape_interval: 0", "", 60, 10),
        ("scrape_timeout: 30s", "", 60, 30),
        ("scrape_timeout: 30s", "scrape_interval: 15s", 15, 15),
        ("scrape_timeout: 30s", "scrape_interval: 15s, scrape_timeout: 1s", 15, 1),
        ("scrape_interval: 2m", "scrape_timeout: 2m", 120, 120),
    ],
)
def test_intervals_are_inherited(defaults: str, job: str, interval_s: float, timeout_s: float) -> None:
    """A job takes the global interval and timeout, the timeout never above the interval."""
    config = _one(f"global: {{{defaults}}}\nscrape_configs: [{{job_name: a, {job}}}]")
    scrape = config.scrape_configs[0]
    assert (scrape.scrape_interval.s, scrape.scrape_timeout.s) == (interval_s, timeout_s)


def test_limits_are_inherited() -> None:
    """A limit that a job does not set is the global one."""
    config = _one(
        "global: {sample_limit: 5, body_size_limit: 0}\nscrape_configs: [{job_name: a, label_limit: 3}]"
    )
    job = config.scrape_configs[0]
    assert (job.sample_limit, job.label_limit, job.body_size_limit) == (5, 3, 0)


def test_own_metrics_can_be_switched_off() -> None:
    """They go out unless the document says no; a word that is no bool is refused."""
    assert _one(MINIMAL).global_.self_metrics
    assert not _one(f"global: {{self_metrics: false}}\n{MINIMAL}").global_.self_metrics
    with pytest.raises(ConfigErrors, match=r"global\.self_metrics"):
        _one(f"global: {{self_metrics: some}}\n{MINIMAL}")


def test_backends_without_a_name_get_one() -> None:
    """The host names a backend, with its index where the name is taken."""
    urls = "{url: http://a/1}, {url: http://a/2}, {url: http://b}, {url: http://c, name: b}"
    config = _one(f"{MINIMAL}\nremote_write: [{urls}]")
    assert [remote.name for remote in config.remote_write] == ["a", "a-1", "b-2", "b"]


def test_backends_of_both_kinds_have_names_of_their_own() -> None:
    """A Pushgateway is named like any backend, and never like a remote_write."""
    both = "remote_write: [{url: http://a/1}]\npushgateways: [{url: http://a:9091}, {url: http://b}, {url: http://b}]"
    config = _one(f"{MINIMAL}\n{both}")
    assert config.remote_write[0].name == "a"
    assert [gateway.name for gateway in config.pushgateways] == ["a-1", "b", "b-3"]
    named = _one(f"{MINIMAL}\n{both.replace('a:9091', 'a:9091, name: a')}")
    assert (named.remote_write[0].name, named.pushgateways[0].name) == ("a-0", "a")


def test_a_pushgateway_is_completed() -> None:
    """It has remote_write's timeout and its files lie in the configuration's folder."""
    keys = "basic_auth: {username: u, password_file: key}, tls_config: {ca_file: ca.pem}"
    text = f"{MINIMAL}\npushgateways: [{{url: 'http://a/prefix/', {keys}}}]"
    config = load(text, source="p.yml", directory="/etc/pushvar")
    (gateway,) = config.pushgateways
    assert (gateway.url, gateway.remote_timeout.s, gateway.headers) == ("http://a/prefix/", 30, ())
    assert gateway.basic_auth is not None
    assert gateway.basic_auth.password == SecretRef("file", "/etc/pushvar/key")
    assert gateway.tls_config.ca_file == "/etc/pushvar/ca.pem"


def test_a_tier_joins_the_defaults() -> None:
    """A tier of the document replaces the one of its name or is added; the others stay."""
    tiers = "gold: {latency_p95: 50ms, availability: 0.9}, platinum: {latency_p95: 9ms, availability: .9}"
    config = _one(f"{MINIMAL}\ntenancy: {{tiers: {{{tiers}}}}}")
    assert [name for name, _tier in config.tenancy.tiers] == ["bronze", "gold", "platinum", "silver"]
    assert dict(config.tenancy.tiers)["gold"].latency_p95 == Duration(50)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1.10", "1.10"),
        ("yes", "yes"),
        ("0x1F", "0x1F"),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("", ""),
        ("~", ""),
        ("'null'", "null"),
        ('"\\u263a"', "☺"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!!int 5", "5"),
    ],
)
def test_label_values_are_texts(written: str, value: str) -> None:
    """A label's value is what is written, whatever YAML 1.1 would make of it."""
    config = _one(
        f"scrape_configs: [{{job_name: a, static_configs: [{{targets: [], labels: {{v: {written}}}}}]}}]"
    )
    assert config.scrape_configs[0].static_configs[0].labels == (("v", value),)


@pytest.mark.parametrize(
    ("written", "value"), [("true", True), ("Yes", True), ("off", False), ("FALSE", False)]
)
def test_truth_values(written: str, value: bool) -> None:  # noqa: FBT001 the value under test
    """YAML 1.1's words for true and false are taken."""
    config = _one(f"{MINIMAL}\ntenancy: {{strict: {written}}}")
    assert config.tenancy.strict is value


def test_anchors_and_merge_keys() -> None:
    """Anchors, aliases and merge keys work; own keys win, and of merged mappings the first."""
    config = _one("""\
scrape_configs:
  - &base { job_name: a, scheme: https, unmatched: drop, static_configs: &targets [{ targets: [x] }] }
  - { <<: *base, job_name: b, scheme: http }
  - { <<: [{ honor_labels: yes, unmatched: auto }, *base], job_name: c }
  - { job_name: d, static_configs: *targets }
  - { <<: [], job_name: e }
""")
    first, second, third, fourth, _fifth = config.scrape_configs
    assert (second.scheme, second.unmatched, second.static_configs) == ("http", "drop", first.static_configs)
    assert (third.honor_labels, third.unmatched, third.scheme) == (True, "auto", "https")
    assert fourth.static_configs == (StaticConfig(targets=("x",)),)


def test_nothing_is_the_default() -> None:
    """A key with nothing behind it is a key that is not there."""
    config = _one(f"{MINIMAL}\nglobal:\nremote_write:\ntenancy: {{tiers: , strict: ~}}")
    assert config == _one(MINIMAL)


def test_json_is_yaml() -> None:
    """A JSON document loads like YAML: tabs, escaped slashes and surrogate pairs too."""
    text = '{\n\t"scrape_configs":[{"job_name":"\\ud83d\\ude00 \\\\ud83d \\/","metrics_path":"\\/x"}]}'
    config = _one(text)
    assert config.scrape_configs[0].job_name == "😀 \\ud83d /"
    assert config.scrape_configs[0].metrics_path == "/x"


def test_the_version_follows_the_values() -> None:
    """Comments, order and spelling leave the version alone; a changed value changes it."""
    version = _one("global: {scrape_interval: 90s, sample_limit: 1}\n" + MINIMAL).version
    assert version == _one(MINIMAL + " # x\nglobal: {sample_limit: 1, scrape_interval: 1m30s}").version
    assert version != _one("global: {scrape_interval: 91s, sample_limit: 1}\n" + MINIMAL).version
    assert len(version) == 16


def test_a_configuration_never_changes() -> None:
    """Every part is frozen and hashable, and survives a round trip through JSON."""
    config = load(EXAMPLE, source="examples/pushvar.yml")
    assert hash(config) == hash(load(EXAMPLE, source="x"))
    with pytest.raises((AttributeError, FrozenInstanceError)):
        config.tenancy = Tenancy()  # type: ignore[misc]
    assert msgspec.json.decode(msgspec.json.encode(config), type=Config) == config


@pytest.mark.parametrize("directory", ["", "."])
def test_paths_stay_without_a_directory(directory: str) -> None:
    """Relative paths are left alone when the configuration lies where the process runs."""
    config = load(EXAMPLE, source="pushvar.yml", directory=directory)
    assert config.scrape_configs[1].tls_config.ca_file == "tls/ca.pem"


def test_a_document_of_aliases_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Aliases cannot make a small document large: merged, or merely repeated."""
    monkeypatch.setattr(document, "MAX_VALUES", 2_000)
    monkeypatch.setattr(reader, "MAX_VALUES", 2_000)
    keys = ", ".join(f"k{index}: x" for index in range(200))
    for text in (
        "a: &a {" + keys + "}\nb: [" + ", ".join("{<<: *a}" for _ in range(20)) + "]",
        "a: [" + "x, " * 3_000 + "]",
        "scrape_configs: [{job_name: a, static_configs: [&a {targets: ["
        + "x, " * 500 + "]}, " + "*a, " * 20 + "]}]",
    ):  # fmt: skip
        with pytest.raises(ConfigErrors, match="more than 2000 values"):
            _one(text)


def test_the_slow_parser_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the YAML library comes without its C parser, everything is read alike."""
    fast = load(EXAMPLE, source="p.yml")
    monkeypatch.setattr(document, "_LOADER", yaml.SafeLoader)
    assert load(EXAMPLE, source="p.yml") == fast
    with pytest.raises(ConfigErrors, match="half of a surrogate pair"):
        load_groups('- targets: ["\\ud83d"]', source="t.yml", tenancy=Tenancy())
    with pytest.raises(ConfigErrors, match=r"^p\.yml:1:4: not valid YAML: found undefined tag handle; check"):
        _one("a: !hunter2!x b")
