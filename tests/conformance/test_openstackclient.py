"""The newest openstackclient, unmodified, drives every command that the services answer. One script a service, in commands/."""

import os
import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml
from shell import Shell

from clouds import TestCloud

SCRIPTS = sorted((Path(__file__).parent / "commands").glob("*.sh"))
GROUPS = ("common", "compute.v2", "identity.v3", "image.v2", "network.v2", "volume.v3")
# Commands that no script runs, by how they begin, and why.
NOT_RUN = {
    "access token": "needs oauthlib, which the client does without; tests/api/identity signs by itself",
    "request token": "needs oauthlib, which the client does without; tests/api/identity signs by itself",
    "consumer": "needs oauthlib, which the client does without; tests/api/identity signs by itself",
    "server ssh": "starts ssh, which finds no guest behind a simulated host",
    "cloud cache": "removes the client's own files",
    "cached image": "there is no cache of images",
    "federation": "there is no federation",
    "identity provider": "there is no federation",
    "mapping": "there is no federation",
    "service provider": "there is no federation",
    "network agent router set": "Neutron's extension l3_agent_scheduler is only read: routers are not moved",
}


@pytest.fixture(scope="module")
def directory(cloud: TestCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A user's directory with a clouds.yaml."""
    home = tmp_path_factory.mktemp("home")
    users = {}
    for name in ("admin", "demo", "other"):
        client = getattr(cloud, name)
        auth = {"auth_url": f"{cloud.url}/identity/v3", "username": name, "password": client.password, "project_name": client.project}
        auth |= {"user_domain_id": "default", "project_domain_id": "default"}
        versions = {"compute_api_version": "2.latest", "volume_api_version": "3.71", "identity_api_version": "3"}
        users[name] = {"auth": auth, "region_name": cloud.config.region, **versions}
    (home / "clouds.yaml").write_text(yaml.safe_dump({"clouds": users}))
    (home / "disk.raw").write_bytes(os.urandom(8192))
    (home / "filters.json").write_text('{"interface": "public"}')
    (home / "rules.json").write_text('{"everybody": "@"}')
    yield home


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.stem for script in SCRIPTS])
def test_it_does_as_the_script_says(script: Path, directory: Path, cloud: TestCloud) -> None:
    shell = Shell(directory)
    shell.variables.update(zip(("host", "second", "third"), sorted(cloud.app.cloud.hosts.connected()), strict=True))
    shell.run(script.read_text())


GUIDES = [guide for guide in sorted((Path(__file__).parents[2] / "docs" / "guides").glob("*.md")) if "\n```sh\n" in guide.read_text()]


@pytest.mark.parametrize("guide", GUIDES, ids=[guide.stem for guide in GUIDES])
def test_the_guides_work_as_they_are_written(guide: Path, directory: Path) -> None:
    Shell(directory).run("\n".join(re.findall(r"^```sh\n(.*?)^```$", guide.read_text(), re.M | re.S)))


def test_every_command_is_run_or_said_not_to_be() -> None:
    text = " ".join(script.read_text() for script in SCRIPTS)
    text = re.sub(r"openstack (--os-\S+ \S+ )+", "openstack ", re.sub(r"[)\n]", " ", text)) + " "
    names = {one.name.replace("_", " ") for group in GROUPS for one in entry_points(group=f"openstack.{group}")}
    run = {name for name in names if f"openstack {name} " in text}
    assert not [name for name in names - run if not name.startswith(tuple(NOT_RUN))], "neither run nor named with a reason"
    assert not [name for name in run if name.startswith(tuple(NOT_RUN))], "run, though a reason says why not"
    assert not [begun for begun in NOT_RUN if not any(name.startswith(begun) for name in names)], "a reason for no command"
