"""Flavors and service profiles."""

from network_api import Net

NOBODY = "00000000-0000-0000-0000-000000000000"


def test_a_flavor_leads_to_the_driver_of_its_profile(admin: Net, demo: Net) -> None:
    flavor = admin.create("flavors", name="plain", service_type="L3_ROUTER_NAT")
    assert admin.refused("GET", f"/flavors/{flavor['id']}/next_providers", 404)["type"] == "FlavorServiceProfileBindingNotFound"
    profile = admin.create("service_profiles", driver="monostack")
    path = f"/flavors/{flavor['id']}/service_profiles"
    body = {"service_profile": {"id": profile["id"]}}
    assert demo.refused("POST", path, 403, body)["type"] == "PolicyNotAuthorized"
    assert admin.client.post("network", path, body).status_code == 201
    assert admin.refused("POST", path, 409, body)["type"] == "FlavorServiceProfileBindingExists"
    assert demo.show("flavors", flavor["id"])["service_profiles"] == [profile["id"]]
    providers = demo.client.get("network", f"/flavors/{flavor['id']}/next_providers").json()["next_providers"]
    assert providers == [{"driver": "monostack", "provider": "monostack"}]
    assert admin.refused("DELETE", f"/service_profiles/{profile['id']}", 409)["type"] == "ServiceProfileInUse"
    assert admin.client.delete("network", f"{path}/{profile['id']}").status_code == 204
    assert admin.refused("DELETE", f"{path}/{profile['id']}", 404)["type"] == "FlavorServiceProfileBindingNotFound"
    admin.update("service_profiles", profile["id"], description="unused")
    assert admin.show("service_profiles", profile["id"])["description"] == "unused"
    admin.delete("service_profiles", profile["id"])
    admin.delete("flavors", flavor["id"])


def test_what_no_driver_makes_is_refused(admin: Net, demo: Net) -> None:
    def fault(collection: str, status: int, **values: str) -> str:
        singular = collection[:-1]
        return admin.refused("POST", f"/{collection}", status, {singular: values})["type"]

    assert fault("flavors", 400, name="x", service_type="MILK") == "InvalidServiceType"
    assert fault("service_profiles", 400) == "ServiceProfileEmpty"
    assert fault("service_profiles", 404, driver="cow") == "ServiceProfileDriverNotFound"
    assert admin.refused("GET", f"/flavors/{NOBODY}", 404)["type"] == "FlavorNotFound"
    assert demo.list("service_profiles") == []


def test_a_router_of_a_flavor(admin: Net, demo: Net) -> None:
    flavor = admin.create("flavors", name="for routers", service_type="L3_ROUTER_NAT")
    profile = admin.create("service_profiles", driver="monostack")
    wanted = {"router": {"name": "r", "flavor_id": flavor["id"]}}
    assert demo.refused("POST", "/routers", 404, wanted)["type"] == "FlavorServiceProfileBindingNotFound"
    admin.client.post("network", f"/flavors/{flavor['id']}/service_profiles", {"service_profile": {"id": profile["id"]}})
    router = demo.create("routers", **wanted["router"])
    assert router["flavor_id"] == flavor["id"]
    assert admin.refused("DELETE", f"/flavors/{flavor['id']}", 409)["type"] == "FlavorInUse"
    demo.delete("routers", router["id"])
    admin.delete("flavors", flavor["id"])
    admin.delete("service_profiles", profile["id"])
