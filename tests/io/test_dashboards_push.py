"""``pushvar kit dashboards --push``: what arrives at a server that answers as Grafana's API is documented."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.components import REPOSITORY
from tests.programs.commands import run_pushvar
from tests.programs.grafana import Stored, grafana

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.programs.commands import Completed
    from tests.programs.grafana import Grafana

FOLDER = REPOSITORY / "monitoring" / "dashboards"


@pytest.fixture
def server() -> Iterator[Grafana]:
    """Give a server with one folder and nothing in it."""
    with grafana() as made:
        made.folders["abc"] = "Prod"
        yield made


def push(server: Grafana, *options: str, token: str | None = None) -> Completed:
    """Run the command against it."""
    shown = {"PUSHVAR_GRAFANA_TOKEN": server.token if token is None else token}
    return run_pushvar("kit", "dashboards", "--push", server.url, *options, env=shown)


def test_all_are_posted_into_the_folder_of_that_title(server: Grafana) -> None:
    """Each arrives as its file is, with the folder's uid beside it, and is seen where the command says."""
    done = push(server, "--folder", "Prod", "--verify")
    assert done.returncode == 0, done.stderr
    assert "5 in folder Prod (abc), verified" in done.stderr
    files = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
    assert [body["dashboard"] for body in server.bodies] == [files[name] for name in sorted(files)]
    assert all((body["folderUid"], body["overwrite"]) == ("abc", True) for body in server.bodies)
    assert all("folderUid" not in body["dashboard"] for body in server.bodies)
    assert f"{server.url}/d/pushvar-go-runtime/go-runtime" in done.stdout


def test_a_second_push_replaces_and_moves(server: Grafana) -> None:
    """What lies elsewhere by its uid is replaced, gets a new version and lies in the folder then."""
    server.stored["pushvar-coverage"] = Stored({"uid": "pushvar-coverage", "title": "old"}, "", 4)
    done = push(server, "coverage", "--folder", "Prod", "--verify")
    assert done.returncode == 0, done.stderr
    assert (server.stored["pushvar-coverage"].folder, server.stored["pushvar-coverage"].version) == ("abc", 5)


def test_the_folder_is_made_only_when_asked(server: Grafana) -> None:
    """Without --create-folder a title that is not there is refused, told which are; with it, it is made."""
    refused = push(server, "--folder", "Tests")
    assert (refused.returncode, server.bodies) == (2, [])
    assert "--folder: there is no folder Tests among: Prod; --create-folder makes it" in refused.stderr
    made = push(server, "coverage", "--folder", "Tests", "--create-folder", "--verify")
    assert made.returncode == 0, made.stderr
    assert sorted(server.folders.values()) == ["Prod", "Tests"]


def test_without_a_folder_they_lie_in_the_root(server: Grafana) -> None:
    """No folder is the root folder, and that is verified too."""
    done = push(server, "coverage", "--verify")
    assert done.returncode == 0, done.stderr
    assert "1 in the root folder, verified" in done.stderr


def test_verify_finds_a_dashboard_that_was_moved(server: Grafana) -> None:
    """A dashboard that does not lie where it was posted is a failed delivery, said with both places."""
    server.mover = ""
    done = push(server, "coverage", "--folder", "Prod", "--verify")
    assert done.returncode == 4
    assert "coverage lies in folder root and not in abc" in done.stderr
    assert push(server, "coverage", "--folder", "Prod").returncode == 0


def test_two_folders_of_one_title(server: Grafana) -> None:
    """A title that does not name one folder is refused before anything is posted."""
    server.folders["def"] = "Prod"
    done = push(server, "--folder", "Prod")
    assert (done.returncode, server.bodies) == (2, [])
    assert "2 folders are called Prod" in done.stderr


def test_a_wrong_token(server: Grafana) -> None:
    """401 names what has to hold the token, and shows no token."""
    done = push(server, "--folder", "Prod", token="glsa_bad")
    assert done.returncode == 4
    assert "401 Invalid API key; PUSHVAR_GRAFANA_TOKEN has to hold" in done.stderr
    assert "glsa_bad" not in done.stdout + done.stderr


def test_the_token_may_be_kept_elsewhere(server: Grafana, tmp_path: Path) -> None:
    """The variable may say where the token is; none at all is wrong usage."""
    (tmp_path / "token").write_text(f"{server.token}\n")
    assert push(server, "coverage", token=f"file:{tmp_path / 'token'}").returncode == 0
    none = push(server, "coverage", token="")
    assert none.returncode == 2
    assert "PUSHVAR_GRAFANA_TOKEN: is not set" in none.stderr


def test_conflicts_and_provisioned_ones_are_told(server: Grafana) -> None:
    """What Grafana refuses is told in its words with what to do, as a failed delivery."""
    server.stored["another"] = Stored({"uid": "another", "title": "Coverage audit"}, "abc")
    conflict = push(server, "coverage", "--folder", "Prod")
    assert conflict.returncode == 4
    assert "412 A dashboard with the same name in the folder already exists" in conflict.stderr
    server.stored["pushvar-tenants"] = Stored({"uid": "pushvar-tenants", "title": "x"}, "", provisioned=True)
    provisioned = push(server, "tenants")
    assert provisioned.returncode == 4
    assert "400 Cannot save provisioned dashboard" in provisioned.stderr


def test_a_folder_that_vanished(server: Grafana) -> None:
    """A folder that is deleted between the list and the post is 404 and no silent move to the root."""
    listed = server.folders
    server.folders = _Vanishing(listed)
    done = push(server, "coverage", "--folder", "Prod")
    assert done.returncode == 4
    assert "404 folder not found" in done.stderr
    assert server.stored == {}


class _Vanishing(dict[str, str]):
    """Folders that are listed and not there."""

    def __contains__(self, _: object) -> bool:
        return False


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("grafana.example.org", 2, "is no address of a Grafana"),
        ("http://admin:secret@127.0.0.1:1", 2, "credentials may not stand in the address"),
        ("http://127.0.0.1:1", 4, "does Grafana run?"),
    ],
)
def test_addresses_that_cannot_work(url: str, code: int, said: str) -> None:
    """Each is told with its place and what to do, and no password is shown."""
    done = run_pushvar("kit", "dashboards", "--push", url, env={"PUSHVAR_GRAFANA_TOKEN": "glsa_t"})
    assert (done.returncode, said in done.stderr, "secret" in done.stderr) == (code, True, False), done.stderr


def test_something_else_answers(server: Grafana) -> None:
    """An address that is not Grafana's root says so."""
    shown = {"PUSHVAR_GRAFANA_TOKEN": server.token}
    done = run_pushvar("kit", "dashboards", "--push", f"{server.url}/grafana", "--folder", "Prod", env=shown)
    assert done.returncode == 4
    assert "404 Not found; is the URL that of Grafana itself" in done.stderr


def test_the_answer_in_json(server: Grafana) -> None:
    """One object with a schema says where each lies."""
    told = json.loads(push(server, "coverage", "--folder", "Prod", "--verify", "--json").stdout)
    (one,) = told.pop("dashboards")
    assert told == {"schema": 1, "folder": "Prod", "folder_uid": "abc", "verified": True}
    assert one == {"name": "coverage", "url": f"{server.url}/d/pushvar-coverage/coverage-audit", "version": 1}
