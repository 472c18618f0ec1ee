"""Downloads: whole and in parts, by clients and by hosts."""

import os

import httpx
import pytest

from clouds import TestCloud
from monostack.services.image import facade

BITS = bytes(range(256)) * 4


@pytest.fixture(scope="module")
def image(cloud: TestCloud) -> dict[str, str]:
    made = cloud.demo.post("image", "/images", {"name": "to download", "disk_format": "raw", "container_format": "bare"}).json()
    octets = {"content-type": "application/octet-stream"}
    assert cloud.demo.put("image", f"/images/{made['id']}/file", content=BITS, headers=octets).status_code == 204
    return cloud.demo.get("image", f"/images/{made['id']}").json()


def test_the_whole(cloud: TestCloud, image: dict[str, str]) -> None:
    answer = cloud.demo.get("image", f"/images/{image['id']}/file")
    assert answer.status_code == 200
    assert answer.content == BITS
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-md5"] == image["checksum"]
    assert answer.headers["content-length"] == str(len(BITS))


def test_more_than_a_block(cloud: TestCloud, make_image) -> None:
    bits = os.urandom((5 << 20) + 1)
    large = make_image(cloud.demo, bits, name="large")
    assert cloud.demo.get("image", f"/images/{large['id']}/file").content == bits


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ({"range": "bytes=0-9"}, 0, 10),
        ({"range": "bytes=1000-"}, 1000, 1024),
        ({"range": "bytes=1000-5000"}, 1000, 1024),
        ({"range": "bytes=-24"}, 1000, 1024),
        ({"range": "bytes=-5000"}, 0, 1024),
        ({"content-range": "bytes 10-19/*"}, 10, 20),
        ({"content-range": "bytes 10-19/1024"}, 10, 20),
    ],
)
def test_parts(cloud: TestCloud, image: dict[str, str], asked: dict[str, str], start: int, end: int) -> None:
    answer = cloud.demo.get("image", f"/images/{image['id']}/file", headers=asked)
    assert answer.status_code == 206
    assert answer.content == BITS[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/1024"


@pytest.mark.parametrize(
    ("asked", "status", "message"),
    [
        ({"range": "bytes=1024-"}, 416, "Start position MUST be in the inclusive range [0, 1023]."),
        ({"range": "lines=1-2"}, 416, "Invalid Range header."),
        ({"range": "bytes=9-3"}, 416, "Invalid Range header."),
        ({"range": "bytes=1-2,4-5"}, 400, "Requests with multiple ranges are not supported"),
        ({"content-range": "bytes 1-5000/*"}, 416, "Invalid stop position in Content-Range header."),
        ({"content-range": "bytes x"}, 416, "Invalid Content-Range header."),
    ],
)
def test_parts_that_are_none(cloud: TestCloud, image: dict[str, str], asked: dict[str, str], status: int, message: str) -> None:
    answer = cloud.demo.get("image", f"/images/{image['id']}/file", headers=asked)
    assert answer.status_code == status
    assert message in answer.text


def test_an_image_without_bits_is_empty(cloud: TestCloud, make_image) -> None:
    queued = make_image(cloud.demo, name="nothing yet")
    answer = cloud.demo.get("image", f"/images/{queued['id']}/file")
    assert (answer.status_code, answer.content) == (204, b"")


def test_deactivated_images_are_for_administrators(cloud: TestCloud, make_image) -> None:
    image = make_image(cloud.demo, b"bits", name="deactivated")
    url = f"/images/{image['id']}"
    assert cloud.demo.post("image", url + "/actions/deactivate").status_code == 204
    refused = cloud.demo.get("image", url + "/file")
    assert refused.status_code == 403
    assert "The requested image has been deactivated. Image data download is forbidden." in refused.text
    assert cloud.admin.get("image", url + "/file").content == b"bits"
    assert cloud.demo.get("image", url).json()["status"] == "deactivated"
    assert cloud.demo.post("image", url + "/actions/reactivate").status_code == 204
    assert cloud.demo.get("image", url + "/file").content == b"bits"


def test_preferred_stores(cloud: TestCloud, image: dict[str, str]) -> None:
    assert cloud.demo.get("image", f"/images/{image['id']}/file?prefer=file").content == BITS
    answer = cloud.demo.get("image", f"/images/{image['id']}/file?prefer=elsewhere")
    assert answer.status_code == 400
    assert "Store &#x27;elsewhere&#x27; is not configured." in answer.text


def test_missing_bits_are_told(cloud: TestCloud, make_image, store) -> None:
    image = make_image(cloud.demo, b"bits", name="lost bits")
    (store / image["id"]).unlink()
    answer = cloud.demo.get("image", f"/images/{image['id']}/file")
    assert answer.status_code == 500
    assert "are missing from the image store" in answer.text


def test_hosts_download_with_a_token_for_one_image(cloud: TestCloud, image: dict[str, str], make_image) -> None:
    async def look(image_id: str):
        return await cloud.app.db.read(lambda tx: facade.source(tx, cloud.app.cloud, image_id))

    source = cloud.run(look(image["id"]))
    assert (source.disk_format, source.size, source.sha512) == ("raw", 1024, image["os_hash_value"])
    with open(source.path, "rb") as file:
        assert file.read() == BITS
    url = source.url.replace(cloud.config.api.public_url, cloud.url)
    bearer = {"authorization": f"Bearer {source.token}"}
    assert httpx.get(url, headers=bearer).content == BITS
    assert httpx.get(url, headers={**bearer, "range": "bytes=0-3"}).content == BITS[:4]
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers={"authorization": f"Bearer {source.token}x"}).status_code == 401
    elsewhere = make_image(cloud.demo, b"other", name="not for that token")
    assert httpx.get(url.replace(image["id"], elsewhere["id"]), headers=bearer).status_code == 401
    assert httpx.get(f"{cloud.url}/image/v2/images", headers={"x-auth-token": source.token}).status_code == 401
