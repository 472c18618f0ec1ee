"""What flavors and images say of a guest's devices: guests get it, and what does not go together is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from asking import image_with, make_flavors, refusal
from guests import act, guest
from waiting import at, wait_for

from clouds import TestCloud

Boot = Callable[..., dict[str, Any]]
FLAVORS: dict[str, dict[str, str]] = {
    "plain-hardware": {},
    "limited": {"hw:cpu_max_sockets": "1", "hw:serial_port_count": "2", "hw:watchdog_action": "reset", "hw_rng:allowed": "false",
                "hw_video:ram_max_mb": "16", "hw:boot_menu": "true", "quota:disk_total_iops_sec": "100"},
    "impossible-cpus": {"hw:cpu_max_sockets": "1", "hw:cpu_max_cores": "1", "hw:cpu_max_threads": "1"},
    "no-number": {"hw:cpu_sockets": "some"},
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def flavors(cloud: TestCloud) -> None:
    make_flavors(cloud, FLAVORS, vcpus=2)


def test_a_guest_has_what_its_flavor_and_image_say(cloud: TestCloud, boot: Boot) -> None:
    asks = image_with(
        cloud, hw_cpu_threads="2", hw_watchdog_action="pause", hw_video_model="vga", hw_video_ram="8", hw_scsi_model="lsilogic",
        hw_pointer_model="usbtablet", hw_serial_port_count="1",
    )  # fmt: skip
    server_id = boot("with-hardware", flavorRef="limited", imageRef=asks)["id"]
    has = guest(cloud, server_id).devices
    assert (has.sockets, has.cores, has.threads) == (1, 1, 2)
    assert (has.watchdog, has.rng, has.serial_ports, has.boot_menu) == ("pause", False, 1, True)
    assert (has.video, has.video_ram_mib, has.scsi, has.pointer_bus, has.keyboard_bus) == ("vga", 8, "lsilogic", "usb", None)
    assert has.disk_limits == {"total_iops_sec": 100}


def test_resize_and_rebuild_change_it(cloud: TestCloud, boot: Boot) -> None:
    server_id = boot("changing", flavorRef="plain-hardware")["id"]
    has = guest(cloud, server_id).devices
    assert ((has.sockets, has.cores, has.threads), has.watchdog, has.rng, has.serial_ports) == ((2, 1, 1), None, True, 1)
    assert act(cloud.demo, server_id, {"resize": {"flavorRef": "limited"}}).status_code == 202
    wait_for(cloud.demo, server_id, "VERIFY_RESIZE")
    assert act(cloud.demo, server_id, {"confirmResize": None}).status_code == 204
    wait_for(cloud.demo, server_id, "ACTIVE")
    has = guest(cloud, server_id).devices
    assert ((has.sockets, has.cores, has.threads), has.watchdog, has.rng, has.serial_ports) == ((1, 2, 1), "reset", False, 2)
    assert act(cloud.demo, server_id, {"rebuild": {"imageRef": image_with(cloud, hw_watchdog_action="disabled")}}).status_code == 202
    wait_for(cloud.demo, server_id, "ACTIVE")
    assert guest(cloud, server_id).devices.watchdog is None


@pytest.mark.parametrize(
    ("chosen", "properties", "message"),
    [
        ("limited", {"hw_cpu_max_sockets": "2"}, "Image vCPU topology limits (sockets=2, cores=0, threads=0) exceeds the limits of the "
         "flavor (sockets=1, cores=0, threads=0)"),
        ("limited", {"hw_cpu_sockets": "2"}, "Image vCPU topology (sockets=2, cores=0, threads=0) exceeds the limits of the flavor or "
         "image (sockets=1, cores=65536, threads=65536)"),
        ("limited", {"hw_serial_port_count": "3"}, "Forbidden to exceed flavor value of number of serial ports passed in image meta."),
        ("limited", {"hw_video_model": "moving"}, "Invalid image metadata. Error: Field value moving is invalid"),
        ("limited", {"hw_cpu_cores": "x"}, "Invalid image metadata. Error: invalid literal for int() with base 10: 'x'"),
        ("no-number", {"hw_cpu_cores": "1"}, "Invalid flavor extra spec. Error: invalid literal for int() with base 10: 'some'"),
    ],
)  # fmt: skip
def test_what_does_not_go_together(cloud: TestCloud, chosen: str, properties: dict[str, str], message: str) -> None:
    asks = image_with(cloud, **properties)
    body = {"name": "refused", "flavorRef": chosen, "imageRef": asks, "networks": "none"}
    assert refusal(cloud.demo.post("compute", "/servers", {"server": body}, headers=at("2.96"))) == message


def test_a_resize_to_what_does_not_go_together(cloud: TestCloud, boot: Boot) -> None:
    asks = image_with(cloud, hw_cpu_sockets="2")
    server_id = boot("stays", flavorRef="plain-hardware", imageRef=asks)["id"]
    assert refusal(act(cloud.demo, server_id, {"resize": {"flavorRef": "limited"}})).startswith("Image vCPU topology (sockets=2, ")
    assert refusal(act(cloud.demo, server_id, {"resize": {"flavorRef": "no-number"}})) == "Invalid instance image."
    assert cloud.demo.get("compute", f"/servers/{server_id}").json()["server"]["status"] == "ACTIVE"


def test_what_no_host_has(cloud: TestCloud, boot: Boot) -> None:
    server = boot("impossible", flavorRef="impossible-cpus", status="ERROR")
    assert server["fault"]["message"].endswith("Requested vCPU limits 1:1:1 are impossible to satisfy for vcpus count 2")
    server = boot("vram", flavorRef="limited", imageRef=image_with(cloud, hw_video_ram="17"), status="ERROR")
    assert server["fault"]["message"].endswith("The requested amount of video memory 17 is higher than the maximum allowed by flavor 16.")
