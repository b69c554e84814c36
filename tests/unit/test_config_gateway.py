"""The ``gateway`` block: what it takes, what it fills in, and what is said of wrong ones, to the letter."""
# ruff: noqa: E501 - a message stands on one line, as people see it

from __future__ import annotations

import pytest
from pushvar.config.load import load
from pushvar.config.values import Duration, SecretRef
from pushvar.errors import ConfigErrors

WITH_JOB = "scrape_configs: [{job_name: a}]\n"
ONE = WITH_JOB + "gateway:\n  credentials:\n  - customer_id: acme\n"


def test_a_gateway_alone_is_a_configuration() -> None:
    """Who only takes pushes needs no scrape config, but callers."""
    config = load("gateway: {anonymous: default}", source="p.yml")
    assert config.gateway.anonymous == "default"
    assert config.gateway.interval == config.global_.scrape_interval
    with pytest.raises(ConfigErrors, match="no scrape config"):
        load("gateway: {ttl: 1h}", source="p.yml")


def test_what_is_left_open_is_filled_in() -> None:
    """A credential without a ttl has the gateway's; files begin at the configuration's folder."""
    text = ONE + "    basic_auth: {username: u, password_file: secret}\n  ttl: 2h\n  interval: 30s\n"
    gateway = load(text, source="conf/p.yml", directory="conf").gateway
    credential = gateway.credentials[0]
    assert credential.ttl == gateway.ttl == Duration(7_200_000)
    assert gateway.interval == Duration(30_000)
    assert credential.basic_auth is not None
    assert credential.basic_auth.password == SecretRef("file", "conf/secret")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ONE, "4:5: gateway.credentials[0]: shows nobody; add basic_auth, authorization or principal"),
        (ONE + "    principal: batch", '5:16: gateway.credentials[0].principal: "batch" is not the ARN of a user or role; write "arn:aws:iam::123456789012:role/batch-*"'),
        (ONE + "    basic_auth: {username: u}", "5:17: gateway.credentials[0].basic_auth.password: required; write password: env:NAME"),
        (ONE + "    authorization: {type: Token, credentials: env:A}", "5:27: gateway.credentials[0].authorization.type: callers show a Bearer token; remove the key"),
        (ONE + "    principal: arn:aws:iam::123456789012:role/a\n    authorization: {credentials: env:A}", "5:16: gateway.credentials[0].principal: given together with authorization; make two credentials of it"),
        (ONE + "    authorization: {credentials: hunter2}", "5:34: gateway.credentials[0].authorization.credentials: a secret may not stand in a configuration; write where it is found: env:NAME, file:PATH, ssm:/PATH or secretsmanager:NAME"),
        (ONE + "    principal: arn:aws:iam::123456789012:role/a\n    ttl: 20w", "6:10: gateway.credentials[0].ttl: 20w is longer than max_ttl, 12w; write 12w or less"),
        (WITH_JOB + "gateway: {ttl: 20w}", "2:16: gateway.ttl: 20w is longer than max_ttl, 12w; write 12w or less"),
        (WITH_JOB + "gateway: {anonymous: a b}", '2:22: gateway.anonymous: "a b" is not a customer_id; letters, digits, \'_\', \'.\' and \'-\', at most 64, the first a letter or digit'),
        (WITH_JOB + "gateway: {anonymous: false}", '2:22: gateway.anonymous: "false" is not a customer_id: this is no switch; name the customer whose pushes without a credential are, or leave the key out to refuse them'),
        (WITH_JOB + "gateway: {group_limit: 0}", "2:24: gateway.group_limit: 0 is too small; the least is 1"),
        (WITH_JOB + "gateway: {ttls: 1h}", "2:11: gateway.ttls: unknown; did you mean ttl?"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_wrong_one(text: str, said: str) -> None:
    """Each mistake is named with its place and the right word."""
    with pytest.raises(ConfigErrors) as refused:
        load(text, source="p.yml")
    assert [str(one).removeprefix("p.yml:") for one in refused.value.problems] == [said]
