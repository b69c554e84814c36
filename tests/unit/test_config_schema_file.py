"""The JSON schema for editors: fresh, a schema, and of one mind with the loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from pushvar.config.json_schema import json_schema
from pushvar.config.keys import keys_of
from pushvar.config.load import load
from pushvar.config.schema import Config, ScrapeConfig
from pushvar.errors import ConfigErrors

from tests.unit.test_config_tree import _blocks as blocks

EXAMPLES = Path(__file__).parents[2] / "examples"
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def refusals(document: Any) -> list[str]:
    """What the schema says of a document."""
    return [error.message for error in VALIDATOR.iter_errors(document)]


def test_the_file_is_fresh() -> None:
    """The committed file is what ``pushvar config schema`` prints."""
    stored = (EXAMPLES / "pushvar.schema.json").read_text("utf-8")
    assert stored == json.dumps(json_schema(), indent=2) + "\n", (
        "pushvar config schema > examples/pushvar.schema.json"
    )


def test_it_is_a_schema() -> None:
    """It keeps the rules of its own dialect, and every block and key of ours is in it."""
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert json_schema()["properties"].keys() == keys_of(Config).keys()
    job = json_schema()["$defs"]["ScrapeConfig"]
    assert job["properties"].keys() == keys_of(ScrapeConfig).keys()
    assert job["properties"]["metrics_path"]["default"] == "/debug/vars"
    assert job["description"].startswith("One job.")


def test_the_example_is_valid() -> None:
    """Our own example, in which every key stands, has nothing that the schema refuses."""
    text = (EXAMPLES / "pushvar.yml").read_text("utf-8")
    assert refusals(yaml.safe_load(text)) == []
    assert text.startswith("# yaml-language-server: $schema=pushvar.schema.json\n")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"scrape_config": []}, "'scrape_config' was unexpected"),
    ({"scrape_configs": [{}]}, "'job_name' is a required property"),
    ({"scrape_configs": [{"job_name": "a", "scheme": "htps"}]}, "'htps' is not one of"),
    ({"scrape_configs": [{"job_name": "a", "scrape_interval": "5"}]}, "'5' does not match"),
    ({"scrape_configs": [{"job_name": "a", "scrape_interval": 5}]}, "5 is greater than the maximum of 0"),
    ({"scrape_configs": [{"job_name": "a", "sample_limit": -1}]}, "-1 is less than the minimum of 0"),
    ({"scrape_configs": [{"job_name": "a", "honor_labels": "yes"}]}, "'yes' is not of type"),
    ({"remote_write": [{"url": "http://h", "sigv4": {"secret_key": "hunter2"}}]}, "is not valid under any"),
]


@pytest.mark.parametrize(("document", "words"), WRONG)
def test_what_is_wrong_is_refused(document: dict[str, Any], words: str) -> None:
    """A wrong key, a wrong form and a missing key are seen, as the loader sees them."""
    assert any(words in one for one in refusals(document)), refusals(document)
    with pytest.raises(ConfigErrors):
        load(json.dumps(document), source="p.yml")


@settings(max_examples=60, deadline=None)
@given(blocks(Config))
def test_what_the_loader_takes_is_valid(document: dict[str, Any]) -> None:
    """No document that loads is refused; only an action in mixed case is, which no editor offers."""
    try:
        load(json.dumps(document), source="p.yml")
    except ConfigErrors:
        return
    assert [
        one for one in refusals(document) if "LabelMap" not in one and "is not valid under" not in one
    ] == []
