"""Uploads: streamed, hashed, inspected; all or nothing."""

import hashlib
import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from image_bodies import GIB, OCTETS, iso, qcow2, vdi

from clouds import TestCloud
from models import Model
from monostack.core.errors import Conflict
from monostack.services.image import facade


def test_bits_are_hashed_and_kept(cloud: TestCloud, make_image, store) -> None:
    bits = os.urandom(3 * (1 << 20) + 17)
    image = make_image(cloud.demo, bits, name="hashed")
    assert image["status"] == "active"
    assert image["size"] == image["virtual_size"] == len(bits)
    assert image["checksum"] == hashlib.md5(bits).hexdigest()
    assert (image["os_hash_algo"], image["os_hash_value"]) == ("sha512", hashlib.sha512(bits).hexdigest())
    assert image["stores"] == "file"
    path = store / image["id"]
    assert path.read_bytes() == bits
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.stat().st_mode) == 0o700
    assert not any((store / ".incoming").iterdir())


def test_chunks_of_unknown_number(cloud: TestCloud, make_image) -> None:
    image = make_image(cloud.demo, name="chunked")

    def chunks() -> Iterator[bytes]:
        for number in range(300):
            yield bytes([number % 256]) * 10_000

    answer = cloud.demo.put("image", f"/images/{image['id']}/file", content=chunks(), headers=OCTETS)
    assert answer.status_code == 204, answer.text
    assert cloud.demo.get("image", f"/images/{image['id']}").json()["size"] == 3_000_000


@pytest.mark.parametrize(
    ("disk_format", "bits", "virtual_size"),
    [
        ("qcow2", qcow2(5 * GIB), 5 * GIB),
        ("vdi", vdi(2 * GIB), 2 * GIB),
        ("iso", iso(40), 40 * 2048),
        ("raw", b"\0" * 4096, 4096),
        ("raw", vdi(), len(vdi())),
        ("ami", b"anything", None),
        ("raw", b"", None),
    ],
)
def test_known_formats(cloud: TestCloud, make_image, disk_format: str, bits: bytes, virtual_size: int | None) -> None:
    image = make_image(cloud.demo, bits, name="known", disk_format=disk_format)
    assert (image["status"], image["size"], image["virtual_size"]) == ("active", len(bits), virtual_size)


@pytest.mark.parametrize(
    ("disk_format", "bits", "message"),
    [
        ("qcow2", b"not an image at all", "Image disk_format qcow2 does not match stream data raw"),
        ("qcow2", qcow2()[:40], "Image disk_format qcow2 does not match stream data raw"),
        ("qcow2", b"", "Image disk_format qcow2 does not match stream data raw"),
        ("vmdk", qcow2(), "Image disk_format vmdk does not match stream data qcow2"),
        ("qcow2", qcow2(backing=b"/etc/passwd"), "Image failed safety checks"),
        ("qcow2", qcow2(data_file=True), "Image failed safety checks"),
        ("raw", qcow2(backing=b"/etc/passwd"), "Image failed safety checks"),
        ("qcow2", qcow2(2**63), "Image failed safety checks"),
    ],
)
def test_unfit_bits_are_refused(cloud: TestCloud, make_image, store, disk_format: str, bits: bytes, message: str) -> None:
    image = make_image(cloud.demo, name="unfit", disk_format=disk_format)
    url = f"/images/{image['id']}"
    answer = cloud.demo.put("image", url + "/file", content=bits, headers=OCTETS)
    assert answer.status_code == 415
    assert message in answer.text
    assert "The request media type application/octet-stream is not supported by this server." in answer.text
    shown = cloud.demo.get("image", url).json()
    assert (shown["status"], shown["size"], shown["checksum"]) == ("queued", None, None)
    assert not (store / image["id"]).exists()
    again = cloud.demo.put("image", url + "/file", content=qcow2() if disk_format == "qcow2" else b"", headers=OCTETS)
    assert again.status_code == (415 if disk_format == "vmdk" else 204)


def test_containers_are_not_inspected(cloud: TestCloud, make_image) -> None:
    image = make_image(cloud.demo, b"an archive", name="boxed", disk_format="qcow2", container_format="ovf")
    assert (image["status"], image["virtual_size"]) == ("active", None)


def test_formats_come_first(cloud: TestCloud) -> None:
    image = cloud.demo.post("image", "/images", {"name": "formless"}).json()
    url = f"/images/{image['id']}"
    answer = cloud.demo.put("image", url + "/file", content=b"x", headers=OCTETS)
    assert answer.status_code == 400
    assert "Properties disk_format, container_format must be set prior to saving data." in answer.text
    assert cloud.demo.get("image", url).json()["status"] == "queued"


def test_bits_are_uploaded_once(cloud: TestCloud, make_image) -> None:
    image = make_image(cloud.demo, b"first", name="once")
    answer = cloud.demo.put("image", f"/images/{image['id']}/file", content=b"second", headers=OCTETS)
    assert answer.status_code == 409
    assert "Image status transition from active to saving is not allowed" in answer.text
    assert cloud.demo.get("image", f"/images/{image['id']}/file").content == b"first"


def test_wrong_media_types(cloud: TestCloud, make_image) -> None:
    image = make_image(cloud.demo, name="typed-bits")
    url = f"/images/{image['id']}/file"
    answer = cloud.demo.put("image", url, content=b"x", headers={"content-type": "text/plain"})
    assert answer.status_code == 415
    assert "Invalid content type text/plain" in answer.text
    wrong_size = cloud.demo.put("image", url, content=b"x", headers={**OCTETS, "x-openstack-image-size": "big"})
    assert wrong_size.status_code == 400
    assert "Invalid or missing image size in request headers." in wrong_size.text


def test_readers_may_not_upload(cloud: TestCloud, make_image) -> None:
    image = make_image(cloud.demo, name="read only bits")
    answer = cloud.reader.put("image", f"/images/{image['id']}/file", content=b"x", headers=OCTETS)
    assert answer.status_code == 403
    assert "You are not authorized to complete upload_image action." in answer.text
    assert cloud.demo.get("image", f"/images/{image['id']}").json()["status"] == "queued"


def _begin_upload(cloud: TestCloud, image_id: str, part: bytes) -> socket.socket:
    """Send the beginning of an upload by hand, and wait until the image is held."""
    host, port = cloud.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    head = (
        f"PUT /image/v2/images/{image_id}/file HTTP/1.1\r\nhost: {host}\r\nx-auth-token: {cloud.demo.token}\r\n"
        "content-type: application/octet-stream\r\ncontent-length: 50000000\r\n\r\n"
    )
    connection.sendall(head.encode() + part)
    _wait(lambda: cloud.demo.get("image", f"/images/{image_id}").json()["status"] == "saving")
    return connection


def _wait(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_client_that_goes_away_leaves_nothing(cloud: TestCloud, make_image, store) -> None:
    image = make_image(cloud.demo, name="interrupted")
    url = f"/images/{image['id']}"
    connection = _begin_upload(cloud, image["id"], b"x" * 3_000_000)
    second = cloud.demo.put("image", url + "/file", content=b"y", headers=OCTETS)
    assert second.status_code == 409
    connection.close()
    _wait(lambda: cloud.demo.get("image", url).json()["status"] == "queued")
    assert not list((store / ".incoming").glob(f"{image['id']}*"))
    assert not (store / image["id"]).exists()
    assert cloud.demo.put("image", url + "/file", content=b"whole", headers=OCTETS).status_code == 204


def test_an_image_deleted_during_its_upload_is_gone(cloud: TestCloud, make_image, store) -> None:
    image = make_image(cloud.demo, name="deleted meanwhile")
    connection = _begin_upload(cloud, image["id"], b"x" * 10_000_000)
    assert cloud.demo.delete("image", f"/images/{image['id']}").status_code == 204
    connection.sendall(b"x" * 40_000_000)
    answer = connection.recv(65536).decode()
    connection.close()
    assert answer.startswith("HTTP/1.1 410 ")
    _wait(lambda: not list((store / ".incoming").glob(f"{image['id']}*")))
    assert not (store / image["id"]).exists()


def test_other_content_is_kept_where_that_is_allowed_but_not_used(tmp_path: Path, begun: Model) -> None:
    lenient = TestCloud(tmp_path, begun.copy(tmp_path), hosts=0, **{"image.require_format_match": False}).start()
    try:
        results = {}
        for name, bits in (("other", b"not qcow2"), ("unsafe", qcow2(backing=b"/etc/passwd"))):
            image = lenient.demo.post("image", "/images", {"disk_format": "qcow2", "container_format": "bare"}).json()
            answer = lenient.demo.put("image", f"/images/{image['id']}/file", content=bits, headers=OCTETS)
            results[name] = (image["id"], answer.status_code)
        assert (results["other"][1], results["unsafe"][1]) == (204, 415)

        async def source() -> object:
            return await lenient.app.db.read(lambda tx: facade.source(tx, lenient.app.cloud, results["other"][0]))

        with pytest.raises(Conflict, match="its content is not"):
            lenient.run(source())
    finally:
        lenient.stop()


def test_no_more_than_an_image_may_have(tmp_path: Path, begun: Model) -> None:
    small = TestCloud(tmp_path, begun.copy(tmp_path), hosts=0, **{"image.max_size": 1000}).start()
    try:
        image = small.demo.post("image", "/images", {"disk_format": "raw", "container_format": "bare"}).json()
        url = f"/images/{image['id']}"

        def chunks() -> Iterator[bytes]:
            yield b"x" * 600
            yield b"x" * 600

        for content in (b"x" * 1001, chunks()):
            answer = small.demo.put("image", url + "/file", content=content, headers=OCTETS)
            assert answer.status_code == 413
            assert "The incoming image is too large: The provided image is too large." in answer.text
            assert small.demo.get("image", url).json()["status"] == "queued"
        assert small.demo.put("image", url + "/file", content=b"x" * 1000, headers=OCTETS).status_code == 204
    finally:
        small.stop()
