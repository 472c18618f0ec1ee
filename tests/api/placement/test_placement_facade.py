"""What other services ask of placement, and the reshaper."""

import uuid

import pytest

from monostack.core.errors import Conflict
from monostack.services.placement import facade
from monostack.services.placement.facade import Inventory
from statements import seen_statements

STOCK = {"VCPU": Inventory(8, allocation_ratio=2.0), "MEMORY_MB": Inventory(1024, reserved=24), "DISK_GB": Inventory(100)}


@pytest.fixture
def host(in_database) -> str:
    made = str(uuid.uuid4())
    in_database(lambda tx: facade.ensure_provider(tx, made, f"host-{made}", STOCK, ["HW_CPU_X86_VMX"]))
    return made


def test_providers_are_refreshed(placement, in_database, host: str) -> None:
    before = placement.get(f"/resource_providers/{host}")["generation"]
    in_database(lambda tx: facade.ensure_provider(tx, host, f"host-{host}", STOCK, ["HW_CPU_X86_VMX"]))
    assert placement.get(f"/resource_providers/{host}")["generation"] == before
    url = f"/resource_providers/{host}/inventories/VCPU"
    placement.put(url, {"resource_provider_generation": before, "total": 8, "allocation_ratio": 5.0})
    bigger = {"VCPU": Inventory(16, allocation_ratio=2.0), "VGPU": Inventory(1)}
    keep = ("allocation_ratio",)
    in_database(lambda tx: facade.ensure_provider(tx, host, f"renamed-{host}", bigger, ["CUSTOM_NEW"], keep=keep))
    shown = placement.get(f"/resource_providers/{host}/inventories")["inventories"]
    assert set(shown) == {"VCPU", "VGPU"}
    assert (shown["VCPU"]["total"], shown["VCPU"]["allocation_ratio"]) == (16, 5.0)
    assert placement.get(f"/resource_providers/{host}/traits")["traits"] == ["CUSTOM_NEW"]
    assert placement.get(f"/resource_providers/{host}")["name"] == f"renamed-{host}"


def test_what_is_used_survives_a_refresh(placement, in_database, host: str) -> None:
    in_database(lambda tx: facade.claim(tx, str(uuid.uuid4()), {host: {"DISK_GB": 5}}, "p", "u"))
    in_database(lambda tx: facade.ensure_provider(tx, host, f"host-{host}", {"VCPU": Inventory(8)}))
    assert set(placement.get(f"/resource_providers/{host}/inventories")["inventories"]) == {"VCPU", "DISK_GB"}
    with pytest.raises(Conflict, match="has allocations"):
        in_database(lambda tx: facade.remove_provider(tx, host))


def test_a_claim_that_fails_leaves_another_to_be_tried(in_database, host: str) -> None:
    second, consumer = str(uuid.uuid4()), str(uuid.uuid4())

    def boot(tx) -> dict[str, dict[str, dict[str, int]]]:
        facade.ensure_provider(tx, second, f"host-{second}", STOCK)
        facade.claim(tx, str(uuid.uuid4()), {host: {"MEMORY_MB": 900}}, "p", "u")
        with pytest.raises(Conflict, match="MEMORY_MB"):
            facade.claim(tx, consumer, {host: {"VCPU": 1, "MEMORY_MB": 200}}, "p", "u")
        facade.claim(tx, consumer, {second: {"VCPU": 1, "MEMORY_MB": 200}}, "p", "u")
        return facade.allocations_of(tx, [consumer])

    assert in_database(boot) == {consumer: {second: {"VCPU": 1, "MEMORY_MB": 200}}}
    assert in_database(lambda tx: facade.usages(tx, [host, second])) == {host: {"MEMORY_MB": 900}, second: {"VCPU": 1, "MEMORY_MB": 200}}


def test_a_move_hands_the_old_place_to_the_migration(in_database, host: str) -> None:
    target, server, migration = (str(uuid.uuid4()) for _ in range(3))

    def move(tx) -> dict[str, dict[str, dict[str, int]]]:
        facade.ensure_provider(tx, target, f"host-{target}", STOCK)
        facade.claim(tx, server, {host: {"VCPU": 2}}, "p", "u")
        facade.move(tx, server, migration, {target: {"VCPU": 2}}, "p", "u")
        return facade.allocations_of(tx, [server, migration])

    assert in_database(move) == {server: {target: {"VCPU": 2}}, migration: {host: {"VCPU": 2}}}
    in_database(lambda tx: facade.release(tx, migration))
    in_database(lambda tx: facade.release(tx, migration))
    assert in_database(lambda tx: facade.usages(tx, [host])) == {}


def test_candidates_show_their_room(in_database, host: str) -> None:
    in_database(lambda tx: facade.claim(tx, str(uuid.uuid4()), {host: {"VCPU": 3, "MEMORY_MB": 100}}, "p", "u"))
    wanted = {"VCPU": 1, "MEMORY_MB": 100, "DISK_GB": 0}
    (found,) = in_database(lambda tx: facade.candidates(tx, wanted, ["HW_CPU_X86_VMX"], only=[host]))
    assert (found.uuid, found.name) == (host, f"host-{host}")
    assert {name: room.free for name, room in found.room.items()} == {"VCPU": 13, "MEMORY_MB": 900}
    assert in_database(lambda tx: facade.candidates(tx, {"VCPU": 14}, only=[host])) == []
    assert in_database(lambda tx: facade.candidates(tx, wanted, ["CUSTOM_UNHEARD_OF"], only=[host])) == []
    assert in_database(lambda tx: facade.candidates(tx, wanted, forbidden=["HW_CPU_X86_VMX"], only=[host])) == []
    assert in_database(lambda tx: facade.candidates(tx, wanted, member_of=[[str(uuid.uuid4())]], only=[host])) == []
    assert in_database(lambda tx: facade.candidates(tx, wanted, only=[])) == []


def test_the_search_takes_few_statements_however_many_hosts(cloud, in_database) -> None:
    trait = f"CUSTOM_CROWD_{uuid.uuid4().hex[:8].upper()}"

    def enrol(tx) -> None:
        for _ in range(50):
            made = str(uuid.uuid4())
            facade.ensure_provider(tx, made, f"crowd-{made}", STOCK, [trait])

    in_database(enrol)
    with seen_statements("resource_providers", "inventories") as seen:
        found = in_database(lambda tx: facade.candidates(tx, {"VCPU": 1, "MEMORY_MB": 1}, [trait], limit=40))
        places = {candidate.uuid for candidate in found}
        again = {c.uuid for c in in_database(lambda tx: facade.candidates(tx, {"VCPU": 1, "MEMORY_MB": 1}, [trait], limit=40))}
    assert len(places) == len(again) == 40
    assert 2 <= len(seen) <= 6


def test_reshaping_moves_inventory_and_allocations_together(placement, cloud, in_database) -> None:
    assert placement.call("POST", "/reshaper", {}).status_code == 403
    role = cloud.admin.get("identity", "/roles", params={"name": "service"}).json()["roles"][0]["id"]
    grant = f"/projects/{cloud.admin.project_id}/users/{cloud.admin.user_id}/roles/{role}"
    assert cloud.admin.put("identity", grant).status_code == 204
    service = type(cloud.admin)(cloud, "admin", cloud.admin.password, "admin")
    name = placement.custom_class()
    host = placement.provider({name: 4})
    child = placement.provider(parent=host)
    consumer = str(uuid.uuid4())
    assert placement.allocate({host: {name: 3}}, consumer).status_code == 204
    generation = placement.get(f"/resource_providers/{host}")["generation"]
    below = placement.get(f"/resource_providers/{child}")["generation"]

    def reshape(amount: int, seen: int) -> int:
        body = {
            "inventories": {
                host: {"resource_provider_generation": seen, "inventories": {}},
                child: {"resource_provider_generation": below, "inventories": {name: {"total": 4}}},
            },
            "allocations": {
                consumer: {
                    "allocations": {child: {"resources": {name: amount}}}, "project_id": "a-project", "user_id": "a-user",
                    "consumer_generation": 1, "consumer_type": "INSTANCE",
                }
            },
        }  # fmt: skip
        headers = {"openstack-api-version": "placement 1.39"}
        return service.post("placement", "/reshaper", body, headers=headers).status_code

    assert reshape(3, generation - 1) == 409
    assert reshape(5, generation) == 409
    assert placement.get(f"/resource_providers/{host}/usages")["usages"] == {name: 3}
    assert reshape(3, generation) == 204
    assert placement.get(f"/resource_providers/{host}/inventories")["inventories"] == {}
    # What gets inventories is written twice, and once with the allocations: three generations.
    assert placement.get(f"/resource_providers/{child}/usages") == {"resource_provider_generation": below + 3, "usages": {name: 3}}
    assert placement.get(f"/resource_providers/{host}")["generation"] == generation + 1
    assert cloud.admin.delete("identity", grant).status_code == 204
