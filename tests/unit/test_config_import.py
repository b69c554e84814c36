"""A prometheus.yml brought in: what is kept, what is written out, what is said of the rest."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pushvar.config.import_prometheus import import_prometheus
from pushvar.config.keys import keys_of
from pushvar.config.load import load
from pushvar.config.schema import (
    Authorization,
    BasicAuth,
    Config,
    Global,
    OAuth2,
    QueueConfig,
    RemoteWrite,
    ScrapeConfig,
    SigV4,
    TlsConfig,
)
from pushvar.config.unsupported import UNSUPPORTED
from pushvar.errors import ConfigErrors

from tests.golden.prometheus_yml import FOLDER, NAMES, expected, imported

if TYPE_CHECKING:
    from pushvar.config.values import Block

JOB = {"job_name": "a", "static_configs": [{"targets": ["h:1"]}]}
SECRET = "hunter2"


def said(document: object) -> list[str]:
    """What importing a document says."""
    return [str(one) for one in import_prometheus(json.dumps(document), source="p.yml").remarks]


@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str) -> None:
    """Each file gives the expected text and words; the text loads, and importing it again changes nothing."""
    text, words = imported(name)
    files = expected(name)
    assert text == files[0].read_text("utf-8")
    assert words == files[1].read_text("utf-8")
    assert load(text, source=name).scrape_configs
    again = import_prometheus(text, source=name)
    assert (again.text, again.remarks) == (text, ())


def test_no_secret_is_copied() -> None:
    """Whatever a file holds in clear text, neither the result nor a message has it."""
    assert SECRET in (FOLDER / "credentials.yml").read_text("utf-8")
    for name in NAMES:
        assert SECRET not in "".join(imported(name))


SCENES: dict[type[Block], Any] = {
    Config: lambda key, value: {"scrape_configs": [JOB], key: value},
    Global: lambda key, value: {"scrape_configs": [JOB], "global": {key: value}},
    ScrapeConfig: lambda key, value: {"scrape_configs": [JOB, {**JOB, "job_name": "b", key: value}]},
    RemoteWrite: lambda key, value: remote({key: value}),
    QueueConfig: lambda key, value: remote({"queue_config": {key: value}}),
    TlsConfig: lambda key, value: remote({"tls_config": {key: value}}),
    BasicAuth: lambda key, value: remote({"basic_auth": {key: value}}),
    Authorization: lambda key, value: remote({"authorization": {"credentials": "env:A", key: value}}),
    OAuth2: lambda key, value: remote({"oauth2": {"client_id": "a", "token_url": "http://h/t", key: value}}),
    SigV4: lambda key, value: remote({"sigv4": {key: value}}),
}
"""Block -> a document in which it has a key; other blocks are none of Prometheus'."""

TAKEN = {"bearer_token", "bearer_token_file"}
"""What pushvar does not have and import translates."""

KEYS = [(block, key) for block in SCENES for key in UNSUPPORTED.get(block, {}) if key not in TAKEN]


def remote(block: dict[str, Any]) -> dict[str, Any]:
    """A document with a backend."""
    return {"scrape_configs": [JOB], "remote_write": [{"url": "http://h/w", **block}]}


@pytest.mark.parametrize(("block", "key"), KEYS, ids=lambda one: getattr(one, "__name__", one))
def test_every_unsupported_key_is_named(block: type[Block], key: str) -> None:
    """The loader refuses it by name and import says what becomes of it; the result has it nowhere."""
    document = SCENES[block](key, SECRET)
    problem, hint = UNSUPPORTED[block][key]
    with pytest.raises(ConfigErrors) as refused:
        load(json.dumps(document), source="p.yml")
    told = next(one for one in refused.value.problems if one.path.rpartition(".")[2] == key)
    assert (told.problem, told.hint) == (problem, hint)
    found = import_prometheus(json.dumps(document), source="p.yml")
    (remark,) = (one for one in found.remarks if one.error.path.rpartition(".")[2] == key)
    assert re.search(r"skipped$|left out", str(remark))
    assert SECRET not in str(remark)
    assert SECRET not in found.text
    assert f"{key}:" not in found.text


def test_the_table_has_what_prometheus_documents() -> None:
    """Every key of Prometheus' documentation is one of ours or is known by name."""
    documented: dict[type[Block], str] = {
        Config: "global runtime rule_files scrape_config_files scrape_configs alerting remote_write "
        "remote_read storage tracing otlp",
        Global: "scrape_interval scrape_timeout scrape_protocols evaluation_interval rule_query_offset "
        "external_labels query_log_file scrape_failure_log_file body_size_limit sample_limit label_limit "
        "label_name_length_limit label_value_length_limit target_limit keep_dropped_targets "
        "metric_name_validation_scheme always_scrape_classic_histograms convert_classic_histograms_to_nhcb",
        ScrapeConfig: "job_name scrape_interval scrape_timeout scrape_protocols fallback_scrape_protocol "
        "metrics_path honor_labels honor_timestamps track_timestamps_staleness scheme params "
        "enable_compression scrape_failure_log_file basic_auth authorization oauth2 follow_redirects "
        "enable_http2 tls_config proxy_url no_proxy proxy_from_environment proxy_connect_header http_headers "
        "azure_sd_configs consul_sd_configs digitalocean_sd_configs docker_sd_configs dockerswarm_sd_configs "
        "dns_sd_configs ec2_sd_configs eureka_sd_configs file_sd_configs gce_sd_configs hetzner_sd_configs "
        "http_sd_configs ionos_sd_configs kubernetes_sd_configs kuma_sd_configs lightsail_sd_configs "
        "linode_sd_configs marathon_sd_configs nerve_sd_configs nomad_sd_configs openstack_sd_configs "
        "ovhcloud_sd_configs puppetdb_sd_configs scaleway_sd_configs serverset_sd_configs stackit_sd_configs "
        "triton_sd_configs uyuni_sd_configs static_configs relabel_configs metric_relabel_configs "
        "body_size_limit sample_limit label_limit label_name_length_limit label_value_length_limit "
        "target_limit keep_dropped_targets native_histogram_bucket_limit native_histogram_min_bucket_factor "
        "bearer_token bearer_token_file",
        RemoteWrite: "url protobuf_message remote_timeout headers write_relabel_configs name send_exemplars "
        "send_native_histograms basic_auth authorization sigv4 oauth2 azuread google_iam tls_config "
        "proxy_url no_proxy proxy_from_environment proxy_connect_header follow_redirects enable_http2 "
        "queue_config metadata_config round_robin_dns http_headers",
        QueueConfig: "capacity max_shards min_shards max_samples_per_send batch_send_deadline min_backoff "
        "max_backoff retry_on_http_429 sample_age_limit",
        TlsConfig: "ca ca_file cert cert_file key key_file server_name insecure_skip_verify min_version "
        "max_version",
        OAuth2: "client_id client_secret client_secret_file scopes token_url endpoint_params tls_config "
        "proxy_url no_proxy proxy_from_environment proxy_connect_header",
        SigV4: "region access_key secret_key profile role_arn",
    }
    for block, keys in documented.items():
        known = keys_of(block).keys() | UNSUPPORTED.get(block, {}).keys()
        assert set(keys.split()) <= known, block


WORDS: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"scrape_configs": [JOB], "globl": {}},
        ["p.yml:1:83: globl: unknown: left out; did you mean global?"],
    ),
    (
        {"scrape_configs": [JOB, {"job_name": "b", "scheme": "ftp"}]},
        ['p.yml:1:110: scrape_configs[1].scheme: "ftp" is not http or https: the job is left out'],
    ),
    (
        {"scrape_configs": [{**JOB, "ec2_sd_configs": []}, {**JOB, "job_name": "b", "job": "x"}, JOB]},
        [
            (
                "p.yml:1:81: scrape_configs[0].ec2_sd_configs: not supported by pushvar: the job is left out"
                "; use static_configs or file_sd_configs"
            ),
            "p.yml:1:164: scrape_configs[1].job: unknown: the job is left out; did you mean job_name?",
        ],
    ),
]


@pytest.mark.parametrize(("document", "words"), WORDS)
def test_words(document: dict[str, Any], words: list[str]) -> None:
    """A finding says where, what, what became of it and what to do; indexes are those of the file."""
    assert said(document) == words


def test_nothing_left() -> None:
    """A file of which no job can be kept is refused, with every reason."""
    document = {"scrape_configs": [{"job_name": "b", "consul_sd_configs": [{}]}]}
    with pytest.raises(ConfigErrors) as refused:
        import_prometheus(json.dumps(document), source="p.yml")
    assert [one.problem for one in refused.value.problems] == ["not supported by pushvar", "no scrape config"]


def test_paths_begin_at_the_new_folder() -> None:
    """Relative paths are those of the new file: of targets, of secrets, of TLS; absolute ones stay."""
    job = {
        **JOB,
        "file_sd_configs": [{"files": ["t/*.yml", "/etc/t.json"]}],
        "basic_auth": {"username": "u", "password_file": "s/p"},
        "tls_config": {"ca_file": "ca.pem"},
    }
    found = import_prometheus(json.dumps({"scrape_configs": [job]}), source="p.yml", folder="../old")
    (kept,) = yaml.safe_load(found.text)["scrape_configs"]
    assert kept["file_sd_configs"] == [{"files": ["../old/t/*.yml", "/etc/t.json"]}]
    assert kept["basic_auth"]["password_file"] == "../old/s/p"
    assert kept["tls_config"] == {"ca_file": "../old/ca.pem"}


def test_variables_have_names_of_their_own() -> None:
    """Two jobs whose names give one variable get two."""
    jobs = [
        {**JOB, "job_name": name, "basic_auth": {"username": "u", "password": SECRET}}
        for name in ("a b", "a-b")
    ]
    text = import_prometheus(json.dumps({"scrape_configs": jobs}), source="p.yml").text
    assert re.findall(r"env:\w+", text) == ["env:PUSHVAR_A_B_PASSWORD", "env:PUSHVAR_A_B_PASSWORD_2"]


def test_proxies_are_kept() -> None:
    """A proxy goes on being one; one that pushvar cannot speak to takes its job, and no password is told."""
    jobs = [
        {**JOB, "job_name": "a", "proxy_url": "http://p:3128", "no_proxy": "10.0.0.0/8"},
        {**JOB, "job_name": "b", "proxy_from_environment": True},
        {**JOB, "job_name": "c", "proxy_url": f"http://user:{SECRET}@p"},
    ]
    found = import_prometheus(json.dumps({"scrape_configs": jobs}), source="p.yml")
    first, second = found.config.scrape_configs
    assert (first.proxy_url, first.no_proxy) == ("http://p:3128", "10.0.0.0/8")
    assert second.proxy_from_environment
    (remark,) = found.remarks
    assert "scrape_configs[2].proxy_url: the URL of a proxy may not hold a user" in str(remark)
    assert SECRET not in str(remark)
