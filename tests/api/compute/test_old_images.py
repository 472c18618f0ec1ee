"""Nova's images of before 2.36, which are the image service's."""

from typing import Any

from waiting import at

from clouds import TestCloud

OLD = at("2.35")


def test_images_are_listed_shown_and_deleted(cloud: TestCloud, image: str) -> None:
    def get(path: str) -> Any:
        answer = cloud.demo.get("compute", path, headers=OLD)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert [each["id"] for each in get("/images")["images"]] == [image]
    detail = get("/images/detail?status=ACTIVE&limit=1")
    assert [(each["id"], each["status"], each["progress"], each["minDisk"]) for each in detail["images"]] == [(image, "ACTIVE", 100, 0)]
    assert detail["images_links"][0]["rel"] == "next"
    assert get(f"/images/{image}")["image"] == detail["images"][0]
    assert cloud.demo.get("compute", f"/images/{image}", headers=at("2.36")).status_code == 404
    assert cloud.other.get("compute", f"/images/{image}", headers=OLD).status_code == 404

    spare = cloud.demo.post("image", "/images", {"name": "spare", "disk_format": "raw", "container_format": "bare"}).json()["id"]
    assert cloud.other.delete("compute", f"/images/{spare}", headers=OLD).status_code == 404
    assert cloud.demo.delete("compute", f"/images/{spare}", headers=OLD).status_code == 204
    assert cloud.demo.get("image", f"/images/{spare}").status_code == 404
