"""Wrong documents and what is said of them, to the letter: structure, types, keys, secrets, YAML."""
# ruff: noqa: E501 - a message stands on one line, as people see it

from __future__ import annotations

import pytest
from pushvar.config.load import load
from pushvar.errors import ConfigErrors

JOB = "scrape_configs:\n- job_name: a\n"
WITH_JOB = "scrape_configs: [{job_name: a}]\n"
BACKEND = WITH_JOB + "remote_write:\n- url: https://a/push\n"
GATEWAY = WITH_JOB + "pushgateways:\n- url: http://a:9091\n"
NO_SECRET = "a secret may not stand in a configuration; write where it is found: env:NAME, file:PATH, ssm:/PATH or secretsmanager:NAME"
NO_JOB = "scrape_configs: no scrape config; add one with job_name and static_configs"
SERVICES = "use static_configs or file_sd_configs"

YAML: list[tuple[str, str]] = [
    ("", "1:1: the document is empty"),
    ("# only a comment\n", "1:1: the document is empty"),
    ("\tglobal: {}", "1:1: not valid YAML: a tab in the indentation; YAML allows only spaces there"),
    ("global:\n\tx: 1", "2:1: not valid YAML: a tab in the indentation; YAML allows only spaces there"),
    ("a: b: c", "1:5: not valid YAML: a colon stands where no key can be; check the indentation, or put the value in quotes"),
    ("a: {b: c\n", "2:1: not valid YAML: a { is not closed, in what begins on line 1; close it with }"),
    ("a: [b\n", "2:1: not valid YAML: a [ is not closed, in what begins on line 1; close it with ]"),
    ("a: [", "2:1: not valid YAML: a value is missing; is a [ or { not closed?"),
    ("a:\n- b\nc\n", "3:1: not valid YAML: a key without a colon; write key: value"),
    ('a: "b', "1:4: not valid YAML: a quote is opened here and never closed; close it"),
    ('a: "\\q"', "1:5: not valid YAML: a \\ that YAML does not know, in double quotes; write \\\\, or use single quotes"),
    ("a: @b", "1:4: not valid YAML: a value begins with a character that YAML reserves (@ or `); put the value in quotes"),
    ("- a\nb: c", "2:1: not valid YAML: a list item is expected here, in what begins on line 1; check the indentation of this line"),
    ("%x\n---\na: b", "1:3: not valid YAML: found unknown directive name; check the YAML of this line"),
    ("a: *hunter2", "1:4: an alias (*name) without its anchor (&name) before it; define the anchor first; put a value that begins with * in quotes"),
    ("a: &a [*a]", "1:8: an alias (*name) without its anchor (&name) before it; define the anchor first; put a value that begins with * in quotes"),
    ("a: b\n---\nc: d", "2:1: a second document begins here; keep one; remove the --- line"),
    ("a: b\nc: \x07", "2:4: a character that YAML does not allow (U+0007); remove it; is the file text in UTF-8?"),
    ("a: \ud83d", "1:4: a character that YAML does not allow (U+D83D); remove it; is the file text in UTF-8?"),
    ("[" * 40, "1:33: nested deeper than 32 levels; is a bracket not closed?"),
]  # fmt: skip

STRUCTURE: list[tuple[str, str]] = [
    ("- a", "1:1: expected a mapping, found a list; its keys are global, scrape_configs, remote_write, ..."),
    ("hello", "1:1: expected a mapping, found a single value; its keys are global, scrape_configs, remote_write, ..."),
    ("null", "1:1: expected a mapping, found nothing; its keys are global, scrape_configs, remote_write, ..."),
    ("global: {}", f"1:1: {NO_JOB}"),
    ("scrape_configs:\n", f"1:16: {NO_JOB}"),
    ("scrape_configs: {job_name: a}", '1:17: scrape_configs: expected a list, found a mapping; begin each item with "- "'),
    ("scrape_configs: a", "1:17: scrape_configs: expected a list, found a single value; write it in brackets: [...]"),
    ("scrape_configs: [{}]", "1:18: scrape_configs[0].job_name: required; add job_name"),
    ("scrape_configs:\n-\n", "2:2: scrape_configs[0]: expected a mapping, found nothing; its keys are job_name, format, metrics_path, ..."),
    (JOB + "  job_name: b", "3:3: scrape_configs[0].job_name: given twice; keep one"),
    (JOB + "  [a]: b", "3:3: scrape_configs[0]: a key is a single value, not a list"),
    (JOB + "  <<: 5", '3:3: scrape_configs[0]["<<"]: unknown'),
    (JOB + "  scrape_interval: [5s]", "3:20: scrape_configs[0].scrape_interval: expected a single value, found a list"),
    (JOB + "  static_configs: [{targets: a:1}]", "3:30: scrape_configs[0].static_configs[0].targets: expected a list, found a single value; write it in brackets: [...]"),
    (JOB + "  static_configs: [{labels: {}}]", "3:20: scrape_configs[0].static_configs[0].targets: required; add targets"),
    (JOB + "  static_configs: [{targets: [~]}]", '3:31: scrape_configs[0].static_configs[0].targets[0]: "" is not host:port; write "10.0.1.5:8080" or "my-host:8080"'),
    (JOB + "  static_configs: [{targets: [], labels: [a]}]", "3:42: scrape_configs[0].static_configs[0].labels: expected a mapping, found a list; write name: value"),
    (JOB + "  static_configs: [{targets: [], labels: {a.b: c}}]", '3:43: scrape_configs[0].static_configs[0].labels["a.b"]: "a.b" is not a label name; write a_b'),
    (JOB + "  static_configs: [{targets: [], labels: {a: b, a: c}}]", "3:49: scrape_configs[0].static_configs[0].labels.a: given twice; keep one"),
    (JOB + "  params: {module: http}", "3:20: scrape_configs[0].params.module: expected a list, found a single value; write it in brackets: [...]"),
    (JOB + "  honor_labels: maybe", '3:17: scrape_configs[0].honor_labels: "maybe" is not true or false'),
    (JOB + "  honor_labels: 'true'", "3:17: scrape_configs[0].honor_labels: a text in quotes is not true or false; remove the quotes"),
    (JOB + "  sample_limit: 1e3", '3:17: scrape_configs[0].sample_limit: "1e3" is not a whole number; write digits only'),
    (JOB + "  sample_limit: '5'", "3:17: scrape_configs[0].sample_limit: a text in quotes is not a number; remove the quotes"),
    (JOB + "  sample_limit: -1", "3:17: scrape_configs[0].sample_limit: -1 is too small; the least is 0"),
    (JOB + "  scheme: htps", '3:11: scrape_configs[0].scheme: "htps" is not http or https'),
    (JOB + "  format: prom", '3:11: scrape_configs[0].format: "prom" is not auto or expvar or prometheus'),
    (JOB + "  track_timestamps_staleness: true", "3:3: scrape_configs[0].track_timestamps_staleness: not supported by pushvar; every series that vanishes is marked stale; remove it"),
    (JOB + "  job: !Ref x", "3:3: scrape_configs[0].job: unknown; did you mean job_name?"),
    (JOB + "  unmatched: !Ref x", "3:14: scrape_configs[0].unmatched: has a YAML tag (!name); write the value alone; quote one that begins with !"),
    (JOB + "  params: !x {}", "3:11: scrape_configs[0].params: has a YAML tag (!name); write the value alone; quote one that begins with !"),
    (JOB + "  params: !x []", "3:11: scrape_configs[0].params: has a YAML tag (!name); write the value alone; quote one that begins with !"),
    (JOB + "  http_headers: {A: {values: x}}", "3:30: scrape_configs[0].http_headers.A.values: expected a list, found a single value; write it in brackets: [...]"),
    (BACKEND + "  protobuf_message: v2", '4:21: remote_write[0].protobuf_message: "v2" is not auto or io.prometheus.write.v2.Request or prometheus.WriteRequest'),
    (BACKEND + "  queue_config: {max_shards: 0}", "4:30: remote_write[0].queue_config.max_shards: 0 is too small; the least is 1"),
    (BACKEND + "  headers: {Host: b}", "4:13: remote_write[0].headers.Host: a reserved header, which pushvar sets itself; remove it"),
    (BACKEND + "  tls_config: {min_version: TLS10}", "4:29: remote_write[0].tls_config.min_version: TLS10 is too old to be safe; write TLS12 or TLS13"),
    (WITH_JOB + "remote_write: [{name: a}]", "2:16: remote_write[0].url: required; add url"),
    (WITH_JOB + "pushgateways: [{name: a}]", "2:16: pushgateways[0].url: required; add url"),
    (WITH_JOB + "pushgateways: [{url: a:9091}]", '2:22: pushgateways[0].url: "a:9091" is not a URL; write https://host/path'),
    (WITH_JOB + "pushgateways: [{url: 'http://a/?key=hunter2'}]", '2:22: pushgateways[0].url: "http://a/" goes on with a query; write https://host/prefix'),
    (WITH_JOB + "pushgateways: [{url: 'http://a/#x'}]", '2:22: pushgateways[0].url: "http://a/#x" is not a URL; write https://host/path'),
    (WITH_JOB + "pushgateways: [{url: 'http://u:hunter2@a/?x'}]", "2:22: pushgateways[0].url: a URL may not hold a user or password; give them in basic_auth; write %40 for an @ in a path"),
    (WITH_JOB + "pushgateways: [{url: 'http://{customer_id}/'}]", "2:22: pushgateways[0].url: only remote_write takes labels of the target; write a fixed URL"),
    (GATEWAY + "  headers: {Content-Encoding: b}", "4:13: pushgateways[0].headers.Content-Encoding: a reserved header, which pushvar sets itself; remove it"),
    (GATEWAY + "  remote_timeout: 0s", '4:19: pushgateways[0].remote_timeout: "0s" is not above 0; write a duration such as 30s'),
    (WITH_JOB + "tenancy: {tiers: {gold: {latency_p95: 1s, availability: 99.9}}}", "2:57: tenancy.tiers.gold.availability: 99.9 is not between 0 and 1"),
    (WITH_JOB + "tenancy: {tiers: {gold: {latency_p95: 1s, availability: high}}}", '2:57: tenancy.tiers.gold.availability: "high" is not a number; write it like 0.999, without quotes'),
    (WITH_JOB + "tenancy: {tiers: {gold: {latency_p95: ~, availability: 0.9}}}", "2:39: tenancy.tiers.gold.latency_p95: is empty; write a value, or remove the key"),
]  # fmt: skip

KEYS: list[tuple[str, str]] = [
    (JOB + "  metric_path: /x", "3:3: scrape_configs[0].metric_path: unknown; did you mean metrics_path?"),
    (JOB + "  Scrape-Interval: 5s", "3:3: scrape_configs[0].Scrape-Interval: unknown; did you mean scrape_interval?"),
    (JOB + "  name: x", "3:3: scrape_configs[0].name: unknown; did you mean job_name?"),
    (JOB + "  headers: {}", "3:3: scrape_configs[0].headers: unknown; did you mean http_headers?"),
    ("scrape_configs: [{job_name: a, scheme:https}]", '1:32: scrape_configs[0]["scheme:"]: unknown; write a space after the colon'),
    (JOB + "  xyz: 1", "3:3: scrape_configs[0].xyz: unknown"),
    (JOB + "  targets: [a]", "3:3: scrape_configs[0].targets: unknown here; it belongs in scrape_configs[].static_configs[]"),
    (JOB + "  static_configs: [{targets: [], scheme: https}]", "3:34: scrape_configs[0].static_configs[0].scheme: unknown here; it belongs in scrape_configs[]"),
    (WITH_JOB + "scrape_interval: 5s", "2:1: scrape_interval: unknown here; it belongs in global or in scrape_configs[]"),
    (WITH_JOB + "global: {remote_write: []}", "2:10: global.remote_write: unknown here; it belongs at the top"),
    (WITH_JOB + "x: 1", "2:1: x: unknown; its keys are global, mappings, pushgateways, remote_write, scrape_configs, tenancy"),
    (JOB + "  kubernetes_sd_configs: []", f"3:3: scrape_configs[0].kubernetes_sd_configs: not supported by pushvar; {SERVICES}"),
    (WITH_JOB + "global: {target_policy: {allow: [10.0.0.1/8]}}", '2:34: global.target_policy.allow[0]: "10.0.0.1/8" is not a network; write 10.0.0.0/8'),
    (WITH_JOB + "global: {target_policy: {deny: [metadata]}}", '2:33: global.target_policy.deny[0]: "metadata" is not a network; write 10.0.0.0/8 or fd00::/8'),
    (WITH_JOB + "global: {target_policy: {ports: [9-8]}}", '2:34: global.target_policy.ports[0]: "9-8" is not a port; write 8080 or 9000-9999'),
    (JOB + "  http_sd_configs: [{}]", "3:21: scrape_configs[0].http_sd_configs[0].url: required; add url"),
    (JOB + "  http_sd_configs: [{url: a:80}]", '3:27: scrape_configs[0].http_sd_configs[0].url: "a:80" is not a URL; write https://host/path'),
    (JOB + "  http_sd_configs: [{url: 'http://u:hunter2@a/'}]", "3:27: scrape_configs[0].http_sd_configs[0].url: a URL may not hold a user or password; give them in basic_auth; write %40 for an @ in a path"),
    (JOB + "  http_sd_configs: [{url: http://a/, refresh_interval: 0s}]", '3:56: scrape_configs[0].http_sd_configs[0].refresh_interval: "0s" is not above 0; write a duration such as 30s'),
    (JOB + "  http_sd_configs: [{url: http://a/, proxy_url: http://b}]", "3:38: scrape_configs[0].http_sd_configs[0].proxy_url: not supported yet; remove it"),
    (JOB + "  http_sd_configs: [{url: http://a/, authorization: {credentials: hunter2}}]", f"3:67: scrape_configs[0].http_sd_configs[0].authorization.credentials: {NO_SECRET}"),
    (JOB + "  http_sd_configs: [{url: http://a/, basic_auth: {username: u}, authorization: {credentials: env:A}}]", "3:80: scrape_configs[0].http_sd_configs[0].authorization: given together with basic_auth; keep one"),
    (JOB + "  http_sd_configs: [{url: http://a/, tls_config: {cert_file: a}}]", "3:50: scrape_configs[0].http_sd_configs[0].tls_config.key_file: required; cert_file and key_file belong together"),
    (JOB + "  http_sd_configs: [{url: http://a/, http_headers: {X-A: {values: [a]}, x-a: {values: [b]}}}]", "3:78: scrape_configs[0].http_sd_configs[0].http_headers.x-a: the same header as X-A; keep one"),
    (JOB + "  dns_sd_configs: [{names: []}]", "3:28: scrape_configs[0].dns_sd_configs[0].names: no name; write [_metrics._tcp.example.com]"),
    (JOB + "  dns_sd_configs: [{names: [a], type: A}]", "3:20: scrape_configs[0].dns_sd_configs[0].port: required: A records say no port; write the port of the targets"),
    (JOB + "  dns_sd_configs: [{names: [a], type: NS}]", '3:39: scrape_configs[0].dns_sd_configs[0].type: "NS" is not A or AAAA or MX or SRV'),
    (JOB + "  dns_sd_configs: [{names: [a], port: 70000}]", "3:39: scrape_configs[0].dns_sd_configs[0].port: 70000 is too large; the most is 65535"),
    (JOB + "  dns_sd_configs: [{names: [a..b]}]", '3:29: scrape_configs[0].dns_sd_configs[0].names[0]: "a..b" is not a name of the DNS'),
    (JOB + "  relabel_config: []", "3:3: scrape_configs[0].relabel_config: unknown; did you mean relabel_configs?"),
    (WITH_JOB + "relabel_configs: []", "2:1: relabel_configs: unknown here; it belongs in scrape_configs[]"),
    (JOB + "  oauth2: {}", "3:3: scrape_configs[0].oauth2: not supported yet; use authorization or basic_auth"),
    (JOB + "  bearer_token: hunter2", "3:3: scrape_configs[0].bearer_token: not supported by pushvar; use authorization: {credentials: env:NAME}"),
    (WITH_JOB + "rule_files: [a.yml]", "2:1: rule_files: not supported by pushvar; rules and alerts belong to the backend; remove it"),
    (WITH_JOB + "alerting: {}", "2:1: alerting: not supported by pushvar; rules and alerts belong to the backend; remove it"),
    (GATEWAY + "  match: []", "4:10: pushgateways[0].match: expected a mapping, found a list; write name: value"),
    (GATEWAY + "  match: {env: '('}", '4:16: pushgateways[0].match.env: "(" is not a regular expression: missing ): ^(?s:()$; the dialect is RE2: no look-around, no back references'),
    (GATEWAY + "  write_relabel_configs: []", "4:3: pushgateways[0].write_relabel_configs: not supported by pushvar; a gateway has one type for a name; use metric_relabel_configs or match"),
    (GATEWAY + "  headers: {A: '{env}'}", "4:16: pushgateways[0].headers.A: only remote_write takes labels of the target; write a fixed value"),
    (GATEWAY + "  oauth2: {}", "4:3: pushgateways[0].oauth2: not supported yet; use authorization or basic_auth"),
    (GATEWAY + "  sigv4: {}", "4:3: pushgateways[0].sigv4: not supported by pushvar; use authorization or basic_auth"),
    (GATEWAY + "  timeout: 5s", "4:3: pushgateways[0].timeout: not supported by pushvar; use remote_timeout"),
    (GATEWAY + "  http_headers: {}", "4:3: pushgateways[0].http_headers: not supported by pushvar; use headers: {NAME: VALUE}"),
    (GATEWAY + "  queue_config: {}", "4:3: pushgateways[0].queue_config: not supported by pushvar; each group of targets is one request; remove it"),
    (GATEWAY + "  metadata_config: {}", "4:3: pushgateways[0].metadata_config: not supported by pushvar; each group of targets is one request; remove it"),
    (GATEWAY + "  protobuf_message: auto", "4:3: pushgateways[0].protobuf_message: not supported by pushvar; a Pushgateway is sent text; remove it"),
    (GATEWAY + "  job: x", "4:3: pushgateways[0].job: unknown; its keys are authorization, basic_auth, delete_down_after, headers, match, name, remote_timeout, tls_config, url"),
    (GATEWAY + "  delete_down_after: never", '4:22: pushgateways[0].delete_down_after: "never" is not a duration; write 15s or 1m30s'),
    (WITH_JOB + "pushgateway: []", "2:1: pushgateway: unknown; did you mean pushgateways?"),
    (BACKEND + "  azuread: {}", "4:3: remote_write[0].azuread: not supported yet; use authorization, basic_auth or sigv4"),
    (BACKEND + "  sigv4: {access_key: x}", "4:10: remote_write[0].sigv4.secret_key: required; access_key and secret_key belong together"),
    (BACKEND + "  sigv4: {secret_key: env:X}", "4:10: remote_write[0].sigv4.access_key: required; access_key and secret_key belong together"),
    (BACKEND + "  basic_auth: {username: u}\n  sigv4: {region: x}", "5:10: remote_write[0].sigv4: given together with basic_auth; keep one"),
    (BACKEND + "  sigv4: {role_arn: x}", "4:11: remote_write[0].sigv4.role_arn: not supported yet; give the credentials of the role"),
    (BACKEND + "  match: {__name__: a}", '4:11: remote_write[0].match.__name__: "__name__" is not a label name; write name__'),
    (BACKEND + "  match: {env: [a]}", "4:16: remote_write[0].match.env: expected a single value, found a list"),
    (BACKEND + "  write_relabel_configs: [{action: hashmod, target_label: a}]", "4:27: remote_write[0].write_relabel_configs[0].modulus: required; hashmod needs a number above 0"),
    (BACKEND + "  write_relabel_configs: [{regex: '(?=a)', target_label: a}]", '4:35: remote_write[0].write_relabel_configs[0].regex: "(?=a)" is not a regular expression: invalid perl operator: (?=; the dialect is RE2: no look-around, no back references'),
    (BACKEND + "  headers: {A: 'hunter2 {customer-id}'}", "4:16: remote_write[0].headers.A: a brace begins no label of the target; write {customer_id}, {env|prod} or {team:lower}; {{ is a brace"),
    (BACKEND + "  headers: {A: '{labels.env}'}", "4:16: remote_write[0].headers.A: labels stand in a template by their names; write {NAME} without labels."),
    (BACKEND + "  headers: {A: '{__name__}'}", '4:16: remote_write[0].headers.A: "__name__" is no label of a target; __* labels are gone when series are sent'),
    (WITH_JOB + "remote_write: [{url: 'http://{customer_id}.a/'}]", "2:22: remote_write[0].url: a label of the target in the host; only path and query may depend on the target"),
    (WITH_JOB + "remote_write: [{url: 'http://a/{env'}]", "2:22: remote_write[0].url: a brace begins no label of the target; write {customer_id}, {env|prod} or {team:lower}; {{ is a brace"),
    (WITH_JOB + "global: {evaluation_interval: 1m}", "2:10: global.evaluation_interval: not supported by pushvar; no rules are evaluated; remove it"),
]  # fmt: skip

SECRETS: list[tuple[str, str]] = [
    (JOB + "  basic_auth: {password: hunter2}", f"3:26: scrape_configs[0].basic_auth.password: {NO_SECRET}"),
    (JOB + "  basic_auth: {password:hunter2}", "3:16: scrape_configs[0].basic_auth: a key without a value; write key: value"),
    (JOB + "  basic_auth: {password hunter2}", "3:16: scrape_configs[0].basic_auth: a key without a value; write key: value"),
    (JOB + "  basic_auth: hunter2", "3:15: scrape_configs[0].basic_auth: expected a mapping, found a single value; its keys are username, password, password_file, ..."),
    (JOB + "  basic_auth: {password: !hunter2 x}", "3:26: scrape_configs[0].basic_auth.password: has a YAML tag (!name); write the value alone; quote one that begins with !"),
    (JOB + "  basic_auth: {password: env:A, password_file: hunter2}", "3:33: scrape_configs[0].basic_auth.password_file: given twice: password and password_file; keep one"),
    (JOB + "  authorization: {credentials: ssm:hunter2}", "3:32: scrape_configs[0].authorization.credentials: not the full name of a parameter; write ssm:/pushvar/prod/secrets/NAME"),
    (JOB + "  authorization: {credentials: 'secretsmanager:hunter 2'}", "3:32: scrape_configs[0].authorization.credentials: not the name of a secret; write secretsmanager:NAME (or its ARN), and #KEY for one value of a JSON object"),
    (JOB + "  authorization: {type: Basic, credentials: env:A}", '3:25: scrape_configs[0].authorization.type: "Basic" has a block of its own; write basic_auth: {username, password}'),
    (JOB + "  authorization: {}", "3:18: scrape_configs[0].authorization.credentials: required; add credentials"),
    (WITH_JOB + "remote_write: [{url: 'https://u:hunter2@a/'}]", "2:22: remote_write[0].url: a URL may not hold a user or password; give them in basic_auth; write %40 for an @ in a path"),
    (GATEWAY + "  basic_auth: {password: hunter2}", f"4:26: pushgateways[0].basic_auth.password: {NO_SECRET}"),
    (BACKEND + '  headers: {X-Key: "hunter2\\n"}', "4:20: remote_write[0].headers.X-Key: is not a header value; use printable ASCII on one line"),
    (BACKEND + "  headers: {X-Key:hunter2}", '4:13: remote_write[0].headers["X-Key:"]: is not a header name; use letters, digits and -'),
]  # fmt: skip


@pytest.mark.parametrize(("document", "message"), [*YAML, *STRUCTURE, *KEYS, *SECRETS])
def test_message(document: str, message: str) -> None:
    """A document with one thing wrong gives one message: place, path, problem, what to do."""
    with pytest.raises(ConfigErrors) as refused:
        load(document, source="p.yml")
    assert str(refused.value) == f"p.yml:{message}"
    assert "hunter2" not in str(refused.value)
