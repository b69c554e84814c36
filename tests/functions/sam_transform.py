"""Run by SAM's own Python: the template as SAM turns it into CloudFormation, for sets of parameters.

Standard input: ``{"template": PATH, "sets": [{PARAMETER: VALUE}, ...], "uploads": {LOGICAL ID: KEY}}``, where
uploads say what ``sam deploy`` would have uploaded; standard output: one transformed template for each set.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import boto3
from samtranslator.parser.parser import Parser  # type: ignore[import-not-found]
from samtranslator.translator.translator import Translator  # type: ignore[import-not-found]
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-not-found]

logging.disable(logging.WARNING)
asked = json.load(sys.stdin)
session = boto3.session.Session(region_name="eu-west-1")
made = []
for parameters in asked["sets"]:
    template = yaml_parse(Path(asked["template"]).read_text())
    for name, resource in template["Resources"].items():
        for place in {"CodeUri", "ContentUri"} & set(resource["Properties"]):
            resource["Properties"][place] = f"s3://uploads/{asked['uploads'].get(name, name)}"
    made.append(Translator({}, Parser(), None, session).translate(template, parameters))
json.dump(made, sys.stdout)
