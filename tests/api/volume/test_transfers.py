"""Volumes that go from one project to another, by the API's two paths for it."""

import pytest
from volume_api import at, create, wait


@pytest.mark.parametrize(("path", "version"), [("os-volume-transfer", "3.0"), ("volume-transfers", "3.55")])
def test_a_transfer_is_accepted_with_its_key_or_given_up(cloud, path, version):
    volume, options = create(cloud.demo), at(version)

    def offer():
        answer = cloud.demo.post("volume", f"/{path}", {"transfer": {"volume_id": volume["id"]}}, **options)
        assert answer.status_code == 202, answer.text
        return answer.json()["transfer"]

    given_up = offer()
    assert cloud.demo.get("volume", f"/volumes/{volume['id']}").json()["volume"]["status"] == "awaiting-transfer"
    assert cloud.other.delete("volume", f"/{path}/{given_up['id']}", **options).status_code == 404
    assert cloud.demo.delete("volume", f"/{path}/{given_up['id']}", **options).status_code == 202
    assert wait(cloud.demo, f"/volumes/{volume['id']}", "volume", "available")

    offered = offer()
    accept = f"/{path}/{offered['id']}/accept"
    assert cloud.other.post("volume", accept, {"accept": {"auth_key": "guessed"}}, **options).status_code == 400
    taken = cloud.other.post("volume", accept, {"accept": {"auth_key": offered["auth_key"]}}, **options)
    assert (taken.status_code, taken.json()["transfer"]["volume_id"]) == (202, volume["id"])
    assert cloud.demo.get("volume", f"/volumes/{volume['id']}").status_code == 404
    assert cloud.other.get("volume", f"/volumes/{volume['id']}").json()["volume"]["status"] == "available"
    assert cloud.other.delete("volume", f"/volumes/{volume['id']}").status_code == 202
