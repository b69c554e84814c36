"""The kinds of values that stand in a configuration."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from pushvar.config.values import Duration, SecretRef

MIB = 1024 * 1024

Text = Annotated[str, Meta(extra={"grammar": "text"})]
Path = Annotated[str, Meta(extra={"grammar": "path"})]
SdPattern = Annotated[str, Meta(extra={"grammar": "sd_pattern"})]
LabelName = Annotated[str, Meta(extra={"grammar": "label_name"})]
FileLabelName = Annotated[str, Meta(extra={"grammar": "file_label_name"})]
ExternalLabelName = Annotated[str, Meta(extra={"grammar": "external_label_name"})]
ExternalLabelValue = Annotated[str, Meta(extra={"grammar": "external_label_value"})]
LabelTemplate = Annotated[str, Meta(extra={"grammar": "label_template"})]
CustomerId = Annotated[str, Meta(extra={"grammar": "customer_id"})]
Span = Annotated[Duration, Meta(extra={"grammar": "duration"})]
PositiveSpan = Annotated[Duration, Meta(extra={"grammar": "positive_duration"})]
Secret = Annotated[SecretRef, Meta(extra={"grammar": "secret"})]
SizeBytes = Annotated[int, Meta(ge=0, extra={"grammar": "size"})]
Limit = Annotated[int, Meta(ge=0)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
Count = Annotated[int, Meta(ge=1)]
Fraction = Annotated[float, Meta(gt=0, lt=1)]
