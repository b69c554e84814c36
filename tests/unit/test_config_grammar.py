"""The grammars of single texts: what each takes, and what it says of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect
from pushvar.config.gateway_checks import GRAMMARS as GATEWAY_GRAMMARS
from pushvar.config.grammar import GRAMMARS as TEXT_GRAMMARS
from pushvar.config.grammar import duration, legal_label_name, secret, size
from pushvar.config.keys import keys_of, type_of, unwrapped
from pushvar.config.mapping_grammar import GRAMMARS as MAPPING_GRAMMARS
from pushvar.config.relabel import GRAMMARS as RELABEL_GRAMMARS
from pushvar.config.schema import Config, FileGroup
from pushvar.config.tenant_checks import GRAMMARS as TENANT_GRAMMARS
from pushvar.config.unsupported import UNSUPPORTED
from pushvar.config.values import Duration, SecretRef
from pushvar.config.web import GRAMMARS as WEB_GRAMMARS
from pushvar.config.web import address, with_port
from pushvar.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

ARN = "arn:aws:secretsmanager:eu-west-1:1:secret:a-Xy"
GRAMMARS: dict[str, Any] = {
    **TEXT_GRAMMARS, **RELABEL_GRAMMARS, **WEB_GRAMMARS, **MAPPING_GRAMMARS, **TENANT_GRAMMARS,
    **GATEWAY_GRAMMARS,
}  # fmt: skip

TAKEN: list[tuple[str, str, Any]] = [
    ("duration", "0", Duration(0)),
    ("duration", "15s", Duration(15_000)),
    ("duration", "1m30s", Duration(90_000)),
    ("duration", "100ms", Duration(100)),
    ("duration", "1y2w3d4h5m6s7ms", Duration(33_019_506_007)),
    ("duration", "0s", Duration(0)),
    ("duration", "90m", Duration(5_400_000)),
    ("duration", "292y", Duration(292 * 365 * 86_400_000)),
    ("positive_duration", "1ms", Duration(1)),
    ("size", "0", 0),
    ("size", "512B", 512),
    ("size", "8MB", 8_388_608),
    ("size", "8MiB", 8_388_608),
    ("size", "1GiB", 2**30),
    ("size", "1.5KB", 1536),
    ("size", ".5KB", 512),
    ("size", "1MiB512KiB", 1_572_864),
    ("size", "7EB", 7 * 2**60),
    ("secret", "env:PAY_TOKEN", SecretRef("env", "PAY_TOKEN")),
    ("secret", "file:/run/secrets/a b", SecretRef("file", "/run/secrets/a b")),
    ("secret", "ssm:/a/b-c.d_e", SecretRef("ssm", "/a/b-c.d_e")),
    ("secret", "secretsmanager:prod/pay", SecretRef("secretsmanager", "prod/pay")),
    ("secret", f"secretsmanager:{ARN}#my key", SecretRef("secretsmanager", f"{ARN}#my key")),
    ("label_name", "env", "env"),
    ("label_name", "__meta_x", "__meta_x"),
    ("file_label_name", "app.kubernetes.io/name", "app_kubernetes_io_name"),
    ("file_label_name", "2nd", "_2nd"),
    ("external_label_name", "region", "region"),
    ("external_label_value", "5$ each", "5$ each"),
    ("customer_id", "a", "a"),
    ("customer_id", "Cust-789_x.y", "Cust-789_x.y"),
    ("customer_id", "a" * 64, "a" * 64),
    ("address", "localhost", "localhost"),
    ("address", "10.0.1.5:8080", "10.0.1.5:8080"),
    ("address", "my_app-1.internal.:65535", "my_app-1.internal.:65535"),
    ("address", "[::1]:9000", "[::1]:9000"),
    ("address", "[fe80::1.2.3.4]", "[fe80::1.2.3.4]"),
    ("metrics_path", "/debug/vars", "/debug/vars"),
    ("remote_url", "https://mimir.example:8443/api/v1/push?a=b", "https://mimir.example:8443/api/v1/push?a=b"),
    ("remote_url", "http://[::1]:9090/api/v1/write", "http://[::1]:9090/api/v1/write"),
    ("remote_url", "http://vm/insert/{id}:0/p?t={env|prod}", "http://vm/insert/{id}:0/p?t={env|prod}"),
    ("header_template", "{customer_id}", "{customer_id}"),
    ("header_template", "a {{b}} {c:lower}", "a {{b}} {c:lower}"),
    ("sd_pattern", "targets/*.yml", "targets/*.yml"),
    ("sd_pattern", "/etc/pay-*.JSON", "/etc/pay-*.JSON"),
    ("auth_type", "", "Bearer"),
    ("auth_type", " Token ", "Token"),
    ("header_name", "X-Scope-OrgID", "X-Scope-OrgID"),
    ("header_value", 'a "quoted" {VALUE}', 'a "quoted" {VALUE}'),
    ("path", "", ""),
    ("path", "ca.pem", "ca.pem"),
    ("text", " a ", " a "),
]  # fmt: skip

NO_SECRET = (
    "a secret may not stand in a configuration; "
    "write where it is found: env:NAME, file:PATH, ssm:/PATH or secretsmanager:NAME"
)
NO_PARAMETER = "not the full name of a parameter; write ssm:/pushvar/prod/secrets/NAME"
NO_NAMED_SECRET = (
    "not the name of a secret; "
    "write secretsmanager:NAME (or its ARN), and #KEY for one value of a JSON object"
)
NO_CUSTOMER = "letters, digits, '_', '.' and '-', at most 64, the first a letter or digit"
NO_PATTERN = "is not a file pattern; it ends in .json, .yml or .yaml; * may stand only after the last /"
NO_PATH = "is not a path; begin with /, and write other characters as %XX"
NO_TEMPLATE = "only remote_write takes labels of the target; write a fixed"
NO_REFERENCE = (
    "a brace begins no label of the target; write {customer_id}, {env|prod} or {team:lower}; {{ is a brace"
)
IN_HOST = "a label of the target in the host; only path and query may depend on the target"

REFUSED: list[tuple[str, str, str]] = [
    ("duration", "", '"" is not a duration; write 15s or 1m30s'),
    ("duration", "15 sec", '"15 sec" is not a duration; write 15s or 1m30s'),
    ("duration", "15", '"15" is not a duration; a duration has a unit: 15s'),
    ("duration", "1.5h", '"1.5h" is not a duration; write 15s or 1m30s'),
    ("duration", "-5s", '"-5s" is not a duration; write 15s or 1m30s'),
    ("duration", "30s1m", '"30s1m" is not a duration; write 15s or 1m30s'),
    ("duration", "１５s", '"１５s" is not a duration; write 15s or 1m30s'),  # noqa: RUF001 wide digits are the point
    ("duration", "293y", '"293y" is too long a time; the longest is 292y'),
    ("duration", "9" * 100 + "s", f'"{"9" * 60}..." is too long a time; the longest is 292y'),
    ("positive_duration", "0ms", '"0ms" is not above 0; write a duration such as 30s'),
    ("size", "8 MB", '"8 MB" is not a size; write 512KB or 8MB'),
    ("size", "8000000", '"8000000" is not a size; a size has a unit: B, KB, MB, GB'),
    ("size", "8kB", '"8kB" is not a size; write 512KB or 8MB'),
    ("size", "-1MB", '"-1MB" is not a size; write 512KB or 8MB'),
    ("size", "8MBx", '"8MBx" is not a size; write 512KB or 8MB'),
    ("size", "8EB", '"8EB" is too large; the largest is 7EB'),
    ("secret", "hunter2", NO_SECRET),
    ("secret", "env:my pw", NO_SECRET),
    ("secret", "file:", NO_SECRET),
    ("secret", "ssm:a", NO_PARAMETER),
    ("secret", "ssm:/a/", NO_PARAMETER),
    ("secret", "ssm:/a b", NO_PARAMETER),
    ("secret", "secretsmanager:", NO_NAMED_SECRET),
    ("secret", "secretsmanager:a b", NO_NAMED_SECRET),
    ("secret", "secretsmanager:a#", NO_NAMED_SECRET),
    ("secret", "vault:a", NO_SECRET),
    ("label_name", "a-b", '"a-b" is not a label name; write a_b'),
    ("label_name", "", '"" is not a label name'),
    ("label_name", "__scheme__", "not supported as a label; give scheme in the scrape config"),
    ("label_name", "__param_module", "not supported as a label; give params in the scrape config"),
    ("file_label_name", "", "a label has no name"),
    ("external_label_name", "__x", '"__x" is not a label name; write x'),
    ("external_label_value", "${REGION}", "environment variables are not expanded; write the value itself"),
    ("customer_id", "-a", f'"-a" is not a customer_id; {NO_CUSTOMER}'),
    ("address", "10.0.1.5:0", '"10.0.1.5:0" is not host:port; write "10.0.1.5:8080" or "my-host:8080"'),
    ("address", "a:99999", '"a:99999" is not host:port; write "10.0.1.5:8080" or "my-host:8080"'),
    ("address", "::1", '"::1" is not host:port; write an IPv6 address in brackets: "[::1]:8080"'),
    ("metrics_path", "debug/vars", f'"debug/vars" {NO_PATH}'),
    ("metrics_path", "/probe?a=b", '"/probe?a=b" holds more than a path; give the query as params'),
    ("remote_url", "mimir:9009/push", '"mimir:9009/push" is not a URL; write https://host/path'),
    ("remote_url", "http://a:99999/", '"http://a:99999/" is not a URL; write https://host/path'),
    ("remote_url", "http://[::1/", '"http://[::1/" is not a URL; write https://host/path'),
    ("remote_url", "ftp://a?key=hunter2", '"ftp://a" is not a URL; write https://host/path'),
    ("gateway_url", "https://a/{customer_id}/push", f"{NO_TEMPLATE} URL"),
    ("remote_url", "http://a{x|b}/", IN_HOST),
    ("remote_url", "{x}://a/", '"x://a/" is not a URL; write https://host/path'),
    ("remote_url", "http://a:{x|80}/", '"http://a:x/" is not a URL; write https://host/path'),
    ("remote_url", "http://a?{x:title}", NO_REFERENCE),
    ("header_template", "}", NO_REFERENCE),
    ("header_template", "{}", NO_REFERENCE),
    ("header_template", "{a b}", NO_REFERENCE),
    ("header_template", "{a|}", NO_REFERENCE),
    ("header_template", "{a}\n", "is not a header value; use printable ASCII on one line"),
    ("sd_pattern", "targets/*/a.yml", f'"targets/*/a.yml" {NO_PATTERN}'),
    ("sd_pattern", "targets.txt", f'"targets.txt" {NO_PATTERN}'),
    ("auth_type", "Basic", '"Basic" has a block of its own; write basic_auth: {username, password}'),
    ("auth_type", "a b", "is not an authorization type; write Bearer"),
    ("header_name", "AUTHORIZATION", "set by the authentication alone; use basic_auth or authorization"),
    ("header_name", "User-Agent", "a reserved header, which pushvar sets itself; remove it"),
    ("header_name", "X Key", "is not a header name; use letters, digits and -"),
    ("header_value", "a\r\nX: y", "is not a header value; use printable ASCII on one line"),
    ("header_value", "{labels.env|prod}", f"{NO_TEMPLATE} value"),
    ("path", "a\0b", '"a\\u0000b" is not a path'),
    ("text", " ", "is empty; write a name"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "value"), TAKEN)
def test_taken(name: str, text: str, value: object) -> None:
    """A text that fits its grammar gives its value."""
    assert GRAMMARS[name](text) == value


@pytest.mark.parametrize(("name", "text", "message"), REFUSED)
def test_refused(name: str, text: str, message: str) -> None:
    """A text that does not fit is refused with what is wrong and what to write."""
    with pytest.raises(ConfigError) as refused:
        GRAMMARS[name](text)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://a:1/x", '"a:1"'),
        ("https://user:hunter2@a:1/x", '"a:1"'),
        ("user:hunter2@a:80", '"a:80"'),
        ("a/x", '"a"'),
        ("/metrics", '"10.0.1.5:8080"'),
    ],
)
def test_a_url_is_no_target(text: str, shown: str) -> None:
    """A URL given as a target is answered with its host and port, never with a password in it."""
    with pytest.raises(ConfigError) as refused:
        address(text)
    assert refused.value.problem == "a target is host:port, without scheme, user and path"
    assert refused.value.hint.startswith(f"write {shown}; scheme, metrics_path and basic_auth are keys")
    assert "hunter2" not in str(refused.value)


@settings(deadline=None)
@given(st.integers(0, 2**63 // 1_000_000))
def test_durations_read_what_they_print(length_ms: int) -> None:
    """The text of a duration is read as the same duration."""
    assert duration(str(Duration(length_ms))) == Duration(length_ms)


@settings(deadline=None)
@given(st.integers(0, 2**20), st.sampled_from("BKMGT"), st.booleans())
def test_sizes_are_powers_of_1024(number: int, unit: str, binary: bool) -> None:  # noqa: FBT001 an argument of the property
    """Every unit is 1024 times the one before, with and without the i."""
    suffix = unit if unit == "B" else unit + "iB" * binary + "B" * (not binary)
    assert size(f"{number}{suffix}") == number * 1024 ** "BKMGT".index(unit)


@settings(deadline=None)
@given(st.sampled_from(sorted(GRAMMARS)), st.text(max_size=80))
def test_any_text_is_taken_or_refused(name: str, text: str) -> None:
    """No text makes a grammar fail in another way than a ConfigError."""
    try:
        GRAMMARS[name](text)
    except ConfigError as refused:
        assert refused.problem  # noqa: PT017 the error is one of two allowed ends


@settings(deadline=None)
@given(st.text(min_size=12, max_size=40, alphabet="abcdefgh0123456789!@#:/ "))
def test_a_refused_secret_is_not_shown(text: str) -> None:
    """No part of a literal secret comes back in the message."""
    try:
        secret(text)
    except ConfigError as refused:
        assert text not in str(refused)  # noqa: PT017 the error is one of two allowed ends


@settings(deadline=None)
@given(st.text(min_size=1))
def test_legal_label_names_are_legal(text: str) -> None:
    """Whatever a label was called, its legal name is one that receivers take."""
    assert legal_label_name(text).isascii()
    assert legal_label_name(text).isidentifier()


def test_ports_are_added_by_scheme() -> None:
    """A target without a port gets 80 or 443; one with a port keeps it, IPv6 too."""
    addresses = ["a", "a:1", "[::1]", "[::1]:1"]
    assert [with_port(each, "http") for each in addresses] == ["a:80", "a:1", "[::1]:80", "[::1]:1"]
    assert with_port("a", "https") == "a:443"


def test_a_secret_shows_its_reference() -> None:
    """A reference prints as it is written, also inside other objects."""
    assert str(SecretRef("env", "A")) == "env:A"
    assert repr([SecretRef("file", "/a")]) == "[SecretRef('file:/a')]"


def test_durations_have_seconds_and_order() -> None:
    """A duration gives seconds, sorts by length and is falsy when it is none."""
    assert Duration(1_500).s == 1.5
    assert min(Duration(2), Duration(1)) == Duration(1)
    assert not Duration()
    assert str(Duration()) == "0s"


def _grammars(info: inspect.Type) -> Iterator[str]:
    leaf = unwrapped(info)
    if leaf.grammar:
        yield leaf.grammar
    elif isinstance(leaf.type, inspect.StructType):
        for key in keys_of(leaf.type.cls).values():
            yield from _grammars(key.type)
    elif isinstance(leaf.type, inspect.VarTupleType):
        yield from _grammars(leaf.type.item_type)
    elif isinstance(leaf.type, inspect.TupleType):
        for item in leaf.type.item_types:
            yield from _grammars(item)


def test_schema_and_grammars_name_each_other() -> None:
    """Every grammar that the schema names exists, and none is left over."""
    assert {*_grammars(type_of(Config)), *_grammars(type_of(FileGroup))} == set(GRAMMARS)


def test_no_supported_key_is_called_unsupported() -> None:
    """The table of what is missing names no key that is there."""
    for block, keys in UNSUPPORTED.items():
        assert not set(keys) & set(keys_of(block)), block
