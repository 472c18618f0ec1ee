"""Sharing images with projects."""

import pytest

from clouds import TestCloud


@pytest.fixture
def shared(cloud: TestCloud, make_image) -> str:
    """The path of an image of demo that is offered to the project other."""
    image = make_image(cloud.demo, name="shared one")
    answer = cloud.demo.post("image", f"/images/{image['id']}/members", {"member": cloud.other.project_id})
    assert answer.status_code == 200, answer.text
    return f"/images/{image['id']}"


def test_an_offered_image_may_be_accepted(cloud: TestCloud, shared: str) -> None:
    image_id = shared.rpartition("/")[2]
    mine = f"{shared}/members/{cloud.other.project_id}"
    offered = cloud.other.get("image", mine).json()
    assert offered == {
        "member_id": cloud.other.project_id, "image_id": image_id, "status": "pending", "created_at": offered["created_at"],
        "updated_at": offered["updated_at"], "schema": "/v2/schemas/member",
    }  # fmt: skip

    def listed(query: str = "") -> bool:
        images = cloud.other.get("image", f"/images?limit=1000{query}").json()["images"]
        return image_id in {image["id"] for image in images}

    assert cloud.other.get("image", shared).status_code == 200
    assert not listed()
    assert listed("&member_status=pending") and listed("&member_status=all")
    accepted = cloud.other.put("image", mine, {"status": "accepted"})
    assert (accepted.status_code, accepted.json()["status"]) == (200, "accepted")
    assert listed() and not listed("&member_status=pending")
    assert cloud.other.put("image", mine, {"status": "rejected"}).json()["status"] == "rejected"
    assert not listed() and listed("&member_status=rejected")
    assert cloud.other.get("image", shared).status_code == 200


def test_the_owner_shares_and_unshares(cloud: TestCloud, shared: str) -> None:
    listing = cloud.demo.get("image", shared + "/members").json()
    assert listing["schema"] == "/v2/schemas/members"
    assert [member["member_id"] for member in listing["members"]] == [cloud.other.project_id]
    twice = cloud.demo.post("image", shared + "/members", {"member": cloud.other.project_id})
    assert twice.status_code == 409
    assert f"Member {cloud.other.project_id} is duplicated for image" in twice.text
    assert cloud.demo.delete("image", f"{shared}/members/{cloud.other.project_id}").status_code == 204
    assert cloud.other.get("image", shared).status_code == 404
    gone = cloud.demo.delete("image", f"{shared}/members/{cloud.other.project_id}")
    assert gone.status_code == 404
    assert f"{cloud.other.project_id} not found in the member list of the image" in gone.text


def test_members_know_only_of_themselves(cloud: TestCloud, shared: str) -> None:
    third = "c" * 32
    assert cloud.demo.post("image", shared + "/members", {"member": third}).status_code == 200
    members = cloud.other.get("image", shared + "/members").json()["members"]
    assert [member["member_id"] for member in members] == [cloud.other.project_id]
    assert cloud.other.get("image", f"{shared}/members/{third}").status_code == 404
    assert cloud.other.put("image", f"{shared}/members/{third}", {"status": "accepted"}).status_code == 404
    assert len(cloud.admin.get("image", shared + "/members").json()["members"]) == 2


def test_each_decides_for_itself(cloud: TestCloud, shared: str) -> None:
    mine = f"{shared}/members/{cloud.other.project_id}"
    by_owner = cloud.demo.put("image", mine, {"status": "accepted"})
    assert by_owner.status_code == 403
    assert "You are not authorized to complete modify_member action." in by_owner.text
    for answer in (
        cloud.other.post("image", shared + "/members", {"member": "d" * 32}),
        cloud.other.delete("image", mine),
        cloud.other.patch(
            "image", shared, [{"op": "replace", "path": "/name", "value": "x"}],
            headers={"content-type": "application/openstack-images-v2.1-json-patch"},
        ),
    ):  # fmt: skip
        assert answer.status_code == 403
    assert cloud.other.get("image", mine).json()["status"] == "pending"


def test_only_shared_images_have_members(cloud: TestCloud, make_image) -> None:
    image = make_image(cloud.demo, name="not shared", visibility="private")
    url = f"/images/{image['id']}/members"
    added = cloud.demo.post("image", url, {"member": cloud.other.project_id})
    assert added.status_code == 403
    assert f"Not allowed to create members for image {image['id']}." in added.text
    listed = cloud.demo.get("image", url)
    assert listed.status_code == 403
    assert f"Not allowed to list members for image {image['id']}: Only shared images have members." in listed.text
    assert cloud.demo.get("image", f"{url}/{cloud.other.project_id}").status_code == 404
    assert cloud.demo.put("image", f"{url}/{cloud.other.project_id}", {"status": "accepted"}).status_code == 403
    assert cloud.demo.delete("image", f"{url}/{cloud.other.project_id}").status_code == 403


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Member to be added not specified"),
        ({"member": ""}, "Member can't be empty"),
        ({"member": 7}, "Expected a member in the form"),
        ([], "Expected a member in the form"),
        ({"member": "m" * 256}, "Member must not be longer than 255 characters"),
    ],
)
def test_bad_members(cloud: TestCloud, shared: str, body: object, message: str) -> None:
    answer = cloud.demo.post("image", shared + "/members", body, headers={"accept": "application/json"})
    assert answer.status_code == 400
    assert message in answer.json()["message"]


def test_bad_statuses(cloud: TestCloud, shared: str) -> None:
    mine = f"{shared}/members/{cloud.other.project_id}"
    answer = cloud.other.put("image", mine, {"status": "maybe"})
    assert answer.status_code == 400
    assert "Incorrect request: Status must be &quot;pending&quot;, &quot;accepted&quot; or &quot;rejected&quot;." in answer.text
    assert "Status not specified" in cloud.other.put("image", mine, {}).text
    assert cloud.other.put("image", mine, []).status_code == 400


def test_images_that_are_not_there_have_no_members(cloud: TestCloud, make_image) -> None:
    image = make_image(cloud.demo, name="somebody else's")
    answer = cloud.other.get("image", f"/images/{image['id']}/members")
    assert answer.status_code == 404
    assert f"Image {image['id']} not found." in answer.text


def test_an_image_has_at_most_128_members(cloud: TestCloud, make_image) -> None:
    image = make_image(cloud.demo, name="popular")
    url = f"/images/{image['id']}/members"
    for number in range(128):
        assert cloud.demo.post("image", url, {"member": f"{number:032}"}).status_code == 200
    answer = cloud.demo.post("image", url, {"member": "f" * 32})
    assert answer.status_code == 413
    assert "Attempted: 129, Maximum: 128" in answer.text
