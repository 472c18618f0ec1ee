"""Whether groups are stateful of which nobody says it: by the project's setting, else by the cloud's."""

from network_api import Net

from clouds import TestCloud

KIND = "security-groups-default-statefulness"
PATH = f"/{KIND}"


def _set(user: Net, **values: object) -> dict[str, object]:
    answer = user.client.post("network", PATH, {"security_group_default_statefulness": values})
    assert answer.status_code == 201, answer.text
    return answer.json()["security_group_default_statefulness"]


def _list(user: Net) -> list[dict[str, object]]:
    return user.client.get("network", PATH).json()["security_groups_default_statefulness"]


def test_new_groups_are_as_the_settings_say(cloud: TestCloud, admin: Net, demo: Net) -> None:
    assert demo.create("security-groups", name="before")["stateful"] is True
    everywhere = _set(admin, stateful=False, project_id=None)
    mine = None
    try:
        assert demo.create("security-groups", name="after")["stateful"] is False
        assert demo.create("security-groups", name="said", stateful=True)["stateful"] is True
        cloud._create_user("stateless", "stateless", "member")
        newcomer = Net(cloud.client("stateless", "stateless-password", "stateless"))
        assert newcomer.list("security-groups")[0]["stateful"] is False, "the default group, too"
        mine = _set(admin, stateful=True, project_id=demo.project_id)
        assert demo.create("security-groups", name="own")["stateful"] is True
        assert newcomer.create("security-groups", name="theirs")["stateful"] is False
        changed = admin.client.put("network", f"{PATH}/{mine['id']}", {"security_group_default_statefulness": {"stateful": False}})
        assert changed.json()["security_group_default_statefulness"] == {**mine, "stateful": False}
        assert demo.create("security-groups", name="changed")["stateful"] is False
    finally:
        for one in (everywhere, mine):
            if one is not None:
                admin.delete(KIND, str(one["id"]))
    assert demo.create("security-groups", name="again")["stateful"] is True
    assert _list(admin) == []


def test_whose_settings_are_whose(admin: Net, demo: Net, other: Net) -> None:
    body = {"security_group_default_statefulness": {"stateful": False}}
    assert demo.refused("POST", PATH, 403, body)["type"] == "PolicyNotAuthorized"
    everywhere, mine = _set(admin, project_id=None), _set(admin, project_id=demo.project_id)
    try:
        assert (everywhere["stateful"], everywhere["project_id"]) == (True, None)
        assert _list(demo) == [mine] and _list(other) == []
        again = {"security_group_default_statefulness": {"project_id": demo.project_id}}
        assert admin.refused("POST", PATH, 409, again)["message"].endswith(f"already exists for project '{demo.project_id}'.")
        again["security_group_default_statefulness"]["project_id"] = None
        assert admin.refused("POST", PATH, 409, again)["message"].endswith("already exists for project 'system-wide'.")
        assert demo.refused("PUT", f"{PATH}/{mine['id']}", 403, body)["type"] == "PolicyNotAuthorized"
        assert demo.refused("GET", f"{PATH}/{everywhere['id']}", 404)["type"] == "SecurityGroupDefaultStatefulnessNotFound"
    finally:
        admin.delete(KIND, str(everywhere["id"]))
        admin.delete(KIND, str(mine["id"]))
    assert admin.refused("DELETE", f"{PATH}/{mine['id']}", 404)["message"] == (
        f"Security group default statefulness {mine['id']} could not be found."
    )
