"""Writes the expected files anew."""

from tests.golden.prometheus_yml import write

write()
