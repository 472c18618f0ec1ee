"""The demo's stages against simulated hosts: everything but the guest itself, which the demo's own last stage logs in to."""

import subprocess
from pathlib import Path

import pytest

from clouds import TestCloud
from monostack.cli.demo import resources
from monostack.cli.demo.client import Client, Failure
from monostack.cli.demo.progress import Progress


@pytest.fixture
def image(tmp_path: Path) -> Path:
    file = tmp_path / "guest.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(file), "64M"], check=True)
    return file


def run(cloud: TestCloud, image: Path) -> dict[str, str]:
    with Client(Progress()) as client:
        client.log_in(cloud.url, "admin", cloud.admin.password, "admin")
        return {title: work() for title, work in resources(client, cloud.config, image)}


def test_the_second_run_finds_everything(cloud: TestCloud, image: Path) -> None:
    first = run(cloud, image)
    assert first["server"] == "first-server, m1.nano, from monostack-guest: booted"
    before = inventory(cloud)
    second = run(cloud, image)
    assert second["server"].endswith("there")
    assert second["floating IP"].split(":")[0] == first["floating IP"].split(":")[0]
    assert inventory(cloud) == before


def test_another_image_takes_the_name(cloud: TestCloud, image: Path) -> None:
    run(cloud, image)
    subprocess.run(["qemu-img", "resize", "-q", str(image), "65M"], check=True)
    run(cloud, image)
    names = [one["name"] for one in cloud.admin.get("image", "/images").json()["images"]]
    assert names.count("monostack-guest") == 1


def test_a_missing_image_says_what_to_do(cloud: TestCloud, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="there is no file") as raised:
        run(cloud, tmp_path / "none.qcow2")
    assert raised.value.remedy == "build it with `make guest-image`"


def inventory(cloud: TestCloud) -> dict[str, int]:
    collections = {
        "compute": ("/servers", "/flavors", "/os-keypairs"),
        "network": ("/networks", "/subnets", "/ports", "/routers", "/floatingips", "/security-groups", "/security-group-rules"),
        "volume": ("/volumes",),
        "image": ("/images",),
    }
    return {
        path: len(next(value for value in cloud.admin.get(service, path).json().values() if isinstance(value, list)))
        for service, paths in collections.items()
        for path in paths
    }
