"""A layer is its source: built twice, elsewhere and by somebody else, it is the same, and SAM sees that."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import yaml

from tests.components import sam
from tests.programs import builds

if TYPE_CHECKING:
    from pathlib import Path

    from tests.programs.aws import Aws

A_YEAR_S = 365 * 24 * 3600
DATE = (1980, 1, 2)
TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  PushvarLayer:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layer}
"""


def build(folder: Path, *, umask: int, age_s: int) -> Path:
    """A layer for this Python, from a checkout of its own whose files are that old."""
    source, layer = folder / "checkout", folder / "layer"
    shutil.copytree(builds.LAYER, source, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    for path in source.rglob("*"):
        os.utime(path, times=(path.stat().st_mtime - age_s,) * 2)
        path.chmod(path.stat().st_mode & ~umask)
    version = "{}.{}".format(*sys.version_info)
    layer.mkdir()
    builds.layer(layer, source, umask=umask, PYV=version, BYTECODE_PYTHON=sys.executable, RELEASE="1")
    (folder / "template.yaml").write_text(TEMPLATE)
    return layer


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give two builds of one source, in folders of different depth, with different umasks and file times."""
    deep = tmp_path_factory.mktemp("deep") / "with a blank" / "and more"
    deep.mkdir(parents=True)
    shallow = tmp_path_factory.mktemp("shallow")
    return build(shallow, umask=0o022, age_s=0), build(deep, umask=0o077, age_s=A_YEAR_S)


def tree(layer: Path) -> dict[str, tuple[int, float, str]]:
    """Path -> rights, time and hash, of every file and folder that Lambda gets."""

    def facts(path: Path) -> tuple[int, float, str]:
        known = path.stat()
        body = path.read_bytes() if path.is_file() else b""
        return known.st_mode, known.st_mtime, hashlib.sha256(body).hexdigest()

    return {str(path.relative_to(layer)): facts(path) for path in (layer / "python").rglob("*")}


def packaged(layer: Path, aws: Aws, bucket: str) -> str:
    """Where `sam package` puts a layer."""
    own = {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(layer.parent)}
    done = subprocess.run(
        [
            sam.find_sam(), "package", "--template-file", "template.yaml",
            "--s3-bucket", bucket, "--output-template-file", "packaged.yaml",
        ],
        cwd=layer.parent,
        env={**os.environ, **aws.environment, **own},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    place: str = yaml.safe_load((layer.parent / "packaged.yaml").read_text())["Resources"]["PushvarLayer"][
        "Properties"
    ]["ContentUri"]
    return place


def test_two_builds_are_one(twins: tuple[Path, Path]) -> None:
    """The same names, bytes (bytecode among them), rights and times."""
    one, other = (tree(layer) for layer in twins)
    assert len(one) > 1000
    assert sum(name.endswith(".pyc") for name in one) > 300
    assert {name for name in one | other if one.get(name) != other.get(name)} == set()


def test_rights_and_times_say_nothing(twins: tuple[Path, Path]) -> None:
    """Everybody may read, as Lambda demands, and no file is younger than a zip's oldest year."""
    seen = {(stat.filemode(mode), time_s) for mode, time_s, _ in tree(twins[0]).values()}
    assert {mode for mode, _ in seen} == {"-rw-r--r--", "drwxr-xr-x"}
    assert len({time_s for _, time_s in seen}) == 1


def test_another_source_is_another_layer(twins: tuple[Path, Path], tmp_path: Path) -> None:
    """The comparison sees one changed constant, in the source and in its bytecode."""
    shutil.copytree(builds.LAYER, tmp_path / "checkout", ignore=shutil.ignore_patterns("*.egg-info"))
    words = tmp_path / "checkout" / "pushvar" / "errors.py"
    words.write_text(words.read_text() + "\nCHANGED = 1\n")
    version = "{}.{}".format(*sys.version_info)
    (tmp_path / "layer").mkdir()
    builds.layer(
        tmp_path / "layer", tmp_path / "checkout", PYV=version, BYTECODE_PYTHON=sys.executable, RELEASE="1"
    )
    one, other = tree(twins[0]), tree(tmp_path / "layer")
    compiled = f"python/pushvar/__pycache__/errors.{sys.implementation.cache_tag}.pyc"
    changed = {name for name in one | other if one.get(name) != other.get(name)}
    assert changed == {"python/pushvar/errors.py", compiled}


def test_sam_uploads_a_layer_once(twins: tuple[Path, Path], aws_server: Aws) -> None:
    """Both builds have one name in the bucket, so that the second is no new version of the layer."""
    s3, bucket = aws_server.client("s3"), f"packages-{uuid4().hex}"
    place = {"LocationConstraint": aws_server.environment["AWS_REGION"]}
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    assert packaged(twins[0], aws_server, bucket) == packaged(twins[1], aws_server, bucket)
    (stored,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert stored["Size"] < 50_000_000  # what Lambda takes zipped


def test_the_zip_itself_is_the_same(twins: tuple[Path, Path], aws_server: Aws) -> None:
    """In buckets of two people, the zips hold the same, but perhaps in another order."""
    zips = []
    for layer in twins:
        s3, bucket = aws_server.client("s3"), f"packages-{uuid4().hex}"
        place = {"LocationConstraint": aws_server.environment["AWS_REGION"]}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        key = packaged(layer, aws_server, bucket).rpartition("/")[2]
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        entries = zipfile.ZipFile(BytesIO(body)).infolist()
        zips.append(sorted((one.filename, one.date_time, one.external_attr, one.CRC) for one in entries))
    assert zips[0] == zips[1]
    assert len(zips[0]) > 1000
