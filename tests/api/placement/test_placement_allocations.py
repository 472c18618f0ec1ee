"""Allocations: who holds what, never more than there is."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest


def _usage(placement, provider: str) -> dict[str, int]:
    return placement.get(f"/resource_providers/{provider}/usages")["usages"]


def test_allocations_come_and_go(placement) -> None:
    name = placement.custom_class()
    provider, consumer = placement.provider({name: 5}), str(uuid.uuid4())
    assert placement.get(f"/allocations/{consumer}") == {"allocations": {}}
    generation = placement.get(f"/resource_providers/{provider}")["generation"]
    assert placement.allocate({provider: {name: 2}}, consumer).status_code == 204
    assert placement.get(f"/allocations/{consumer}") == {
        "allocations": {provider: {"generation": generation + 1, "resources": {name: 2}}},
        "project_id": "a-project", "user_id": "a-user", "consumer_generation": 1, "consumer_type": "INSTANCE",
    }  # fmt: skip
    assert _usage(placement, provider) == {name: 2}
    stale = placement.allocate({provider: {name: 4}}, consumer)
    assert (stale.status_code, stale.json()["errors"][0]["code"]) == (409, "placement.concurrent_update")
    assert placement.allocate({provider: {name: 4}}, consumer, 1).status_code == 204
    assert _usage(placement, provider) == {name: 4}
    held = placement.get(f"/resource_providers/{provider}/allocations")["allocations"]
    assert held == {consumer: {"resources": {name: 4}, "consumer_generation": 2}}
    assert placement.allocate({}, consumer, 2).status_code == 204
    assert placement.get(f"/allocations/{consumer}") == {"allocations": {}}
    assert placement.call("DELETE", f"/allocations/{consumer}").status_code == 404


def test_a_consumer_holds_of_the_oldest_provider_first(placement) -> None:
    name, consumer = placement.custom_class(), str(uuid.uuid4())
    providers = [placement.provider({name: 1}) for _ in range(5)]
    assert placement.allocate({provider: {name: 1} for provider in reversed(providers)}, consumer).status_code == 204
    assert list(placement.get(f"/allocations/{consumer}")["allocations"]) == providers


@pytest.mark.parametrize(("amount", "text"), [(6, "would exceed the capacity"), (3, "would violate inventory constraints")])
def test_no_more_than_there_is(placement, amount: int, text: str) -> None:
    name = placement.custom_class()
    provider = placement.provider({name: {"total": 4, "step_size": 2}})
    consumer = str(uuid.uuid4())
    refused = placement.allocate({provider: {name: amount}}, consumer)
    assert refused.status_code == 409
    assert text in refused.json()["errors"][0]["detail"]
    assert placement.get(f"/allocations/{consumer}") == {"allocations": {}}
    assert placement.allocate({provider: {name: 4}}, consumer).status_code == 204


def test_the_last_unit_is_given_once(placement) -> None:
    name = placement.custom_class()
    provider = placement.provider({name: 3})
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: placement.allocate({provider: {name: 1}}).status_code, range(16)))
    assert sorted(statuses) == [204] * 3 + [409] * 13
    assert _usage(placement, provider) == {name: 3}


def test_several_consumers_change_together_or_not_at_all(placement) -> None:
    name = placement.custom_class()
    provider, other = placement.provider({name: 2}), placement.provider({name: 2})
    server, migration = str(uuid.uuid4()), str(uuid.uuid4())
    assert placement.allocate({provider: {name: 2}}, server).status_code == 204

    def body(consumer_type: str, generation: int | None, amounts: dict[str, int]) -> dict[str, object]:
        return {
            "allocations": {uuid: {"resources": {name: amount}} for uuid, amount in amounts.items()}, "project_id": "a-project",
            "user_id": "a-user", "consumer_generation": generation, "consumer_type": consumer_type,
        }  # fmt: skip

    too_much = {server: body("INSTANCE", 1, {other: 3}), migration: body("MIGRATION", None, {provider: 2})}
    assert placement.call("POST", "/allocations", too_much).status_code == 409
    assert (_usage(placement, provider), _usage(placement, other)) == ({name: 2}, {name: 0})
    good = {server: body("INSTANCE", 1, {other: 2}), migration: body("MIGRATION", None, {provider: 2})}
    assert placement.call("POST", "/allocations", good).status_code == 204
    assert placement.get(f"/allocations/{migration}")["consumer_type"] == "MIGRATION"
    generation = placement.get(f"/resource_providers/{provider}")["generation"]
    done = {migration: body("MIGRATION", 1, {})}
    assert placement.call("POST", "/allocations", done).status_code == 204
    assert placement.get(f"/resource_providers/{provider}")["generation"] == generation + 1
    assert (_usage(placement, provider), _usage(placement, other)) == ({name: 0}, {name: 2})


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"allocations": {"nonsense": {"resources": {"VCPU": 1}}}}, 400),
        ({"allocations": {"11111111-1111-1111-1111-111111111111": {"resources": {"VCPU": 1}}}}, 400),
        ({"allocations": {"11111111-1111-1111-1111-111111111111": {"resources": {"VCPU": 0}}}}, 400),
        ({"allocations": {"11111111-1111-1111-1111-111111111111": {"resources": {}}}}, 400),
        ({"project_id": ""}, 400),
        ({"project_id": "x" * 256}, 400),
        ({"consumer_type": "lower"}, 400),
        ({"consumer_generation": "old"}, 400),
        ({"consumer_generation": 3}, 409),
        ({"more": 1}, 400),
    ],
)
def test_bad_allocations(placement, change: dict[str, object], status: int) -> None:
    body = {"allocations": {}, "project_id": "p", "user_id": "u", "consumer_generation": None, "consumer_type": "INSTANCE", **change}
    assert placement.call("PUT", f"/allocations/{uuid.uuid4()}", body).status_code == status
    assert placement.call("PUT", "/allocations/nonsense", body).status_code == 400


def test_older_clients_send_lists(placement) -> None:
    name = placement.custom_class()
    provider, consumer = placement.provider({name: 5}), str(uuid.uuid4())
    listed = {"allocations": [{"resource_provider": {"uuid": provider}, "resources": {name: 2}}]}
    assert placement.call("PUT", f"/allocations/{consumer}", listed, version="1.7").status_code == 204
    shown = placement.get(f"/allocations/{consumer}")
    assert (shown["project_id"], shown["consumer_type"]) == ("00000000-0000-0000-0000-000000000000", "unknown")


def test_usages_of_projects(placement) -> None:
    name, project = placement.custom_class(), f"project-{uuid.uuid4()}"
    provider = placement.provider({name: 9})
    for user, consumer_type, amount in (("ann", "INSTANCE", 1), ("ann", "MIGRATION", 2), ("bob", "INSTANCE", 3)):
        body = {
            "allocations": {provider: {"resources": {name: amount}}}, "project_id": project, "user_id": user,
            "consumer_generation": None, "consumer_type": consumer_type,
        }  # fmt: skip
        assert placement.call("PUT", f"/allocations/{uuid.uuid4()}", body).status_code == 204
    url = f"/usages?project_id={project}"
    assert placement.get(url, version="1.37")["usages"] == {name: 6}
    assert placement.get(url)["usages"] == {"INSTANCE": {name: 4, "consumer_count": 2}, "MIGRATION": {name: 2, "consumer_count": 1}}
    assert placement.get(f"{url}&user_id=ann&consumer_type=all")["usages"] == {"all": {name: 3, "consumer_count": 2}}
    assert placement.get(f"{url}&consumer_type=MIGRATION")["usages"] == {"MIGRATION": {name: 2, "consumer_count": 1}}


def test_projects_may_see_their_own_usage(placement, cloud) -> None:
    own = f"/usages?project_id={cloud.demo.project_id}"
    assert placement.call("GET", own, user="demo").status_code == 200
    assert placement.call("GET", own, user="reader").status_code == 200
    assert placement.call("GET", own, user="other").status_code == 403
