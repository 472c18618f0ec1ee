"""Allocation candidates: trees, shared providers, groups."""

import uuid

import pytest

SHARING = "MISC_SHARES_VIA_AGGREGATE"


def _sets(candidates: list[dict[str, dict[str, int]]]) -> set[frozenset[tuple[str, str, int]]]:
    return {frozenset((uuid, name, n) for uuid, one in found.items() for name, n in one.items()) for found in candidates}


def test_providers_alone(placement) -> None:
    name = placement.custom_class()
    small, large = placement.provider({name: 2}), placement.provider({name: {"total": 4, "allocation_ratio": 2.0, "max_unit": 6}})
    assert _sets(placement.candidates(f"resources={name}:2")) == {frozenset({(small, name, 2)}), frozenset({(large, name, 2)})}
    assert _sets(placement.candidates(f"resources={name}:6")) == {frozenset({(large, name, 6)})}
    assert placement.candidates(f"resources={name}:7") == []
    assert placement.allocate({large: {name: 6}}).status_code == 204
    assert placement.candidates(f"resources={name}:3") == []
    found = placement.get(f"/allocation_candidates?resources={name}:1")
    assert found["provider_summaries"][large]["resources"][name] == {"capacity": 8, "used": 6}
    assert len(placement.candidates(f"resources={name}:1&limit=1")) == 1
    assert len(placement.candidates(f"resources={name}:1&limit=5")) == 2


def test_a_candidate_is_a_body_for_allocations(placement) -> None:
    name = placement.custom_class()
    provider = placement.provider({name: 1})
    (request,) = placement.get(f"/allocation_candidates?resources={name}:1")["allocation_requests"]
    assert request["mappings"] == {"": [provider]}
    body = {**request, "project_id": "p", "user_id": "u", "consumer_generation": None, "consumer_type": "INSTANCE"}
    assert placement.call("PUT", f"/allocations/{uuid.uuid4()}", body).status_code == 204
    assert placement.candidates(f"resources={name}:1") == []


def test_the_providers_of_a_tree_work_together(placement) -> None:
    cpu, card, fast = placement.custom_class(), placement.custom_class(), placement.trait()
    host = placement.provider({cpu: 4})
    left = placement.provider({card: 1}, parent=host)
    right = placement.provider({card: 2}, parent=host, traits=[fast])
    lonely = placement.provider({cpu: 4})
    both = _sets(placement.candidates(f"resources={cpu}:1,{card}:1"))
    assert both == {frozenset({(host, cpu, 1), (left, card, 1)}), frozenset({(host, cpu, 1), (right, card, 1)})}
    assert _sets(placement.candidates(f"resources={cpu}:1,{card}:1&required={fast}")) == {frozenset({(host, cpu, 1), (right, card, 1)})}
    assert _sets(placement.candidates(f"resources={cpu}:1,{card}:1&required=!{fast}")) == {frozenset({(host, cpu, 1), (left, card, 1)})}
    assert _sets(placement.candidates(f"resources={cpu}:1")) == {frozenset({(host, cpu, 1)}), frozenset({(lonely, cpu, 1)})}
    assert placement.candidates(f"resources={cpu}:1,{card}:1", version="1.28") == []
    summaries = placement.get(f"/allocation_candidates?resources={cpu}:1,{card}:2")["provider_summaries"]
    assert set(summaries) == {host, left, right}
    assert summaries[left]["parent_provider_uuid"] == summaries[left]["root_provider_uuid"] == host


def test_shared_providers_reach_through_aggregates(placement) -> None:
    cpu, disk = placement.custom_class(), placement.custom_class()
    near, far = str(uuid.uuid4()), str(uuid.uuid4())
    share = placement.provider({disk: 100}, traits=[SHARING], aggregates=[near])
    reached = placement.provider({cpu: 4}, aggregates=[near])
    placement.provider({cpu: 4}, aggregates=[far])
    assert _sets(placement.candidates(f"resources={cpu}:1,{disk}:10")) == {frozenset({(reached, cpu, 1), (share, disk, 10)})}
    granular = f"resources1={cpu}:1&resources2={disk}:10&group_policy=isolate"
    assert _sets(placement.candidates(granular)) == {frozenset({(reached, cpu, 1), (share, disk, 10)})}
    assert placement.candidates(f"resources={cpu}:1,{disk}:10&in_tree={reached}") == []


def test_groups_with_a_suffix_have_one_provider_each(placement) -> None:
    card = placement.custom_class()
    host = placement.provider()
    left = placement.provider({card: 2}, parent=host)
    right = placement.provider({card: 2}, parent=host)
    query = f"resources_A={card}:1&resources_B={card}:1"
    apart = {frozenset({(left, card, 1), (right, card, 1)})}
    together = {frozenset({(left, card, 2)}), frozenset({(right, card, 2)})}
    assert _sets(placement.candidates(f"{query}&group_policy=isolate")) == apart
    assert _sets(placement.candidates(f"{query}&group_policy=none")) == apart | together
    assert _sets(placement.candidates(f"resources_A={card}:2&resources_B={card}:1&group_policy=none")) == {
        frozenset({(left, card, 2), (right, card, 1)}), frozenset({(right, card, 2), (left, card, 1)}),
    }  # fmt: skip
    refused = placement.call("GET", f"/allocation_candidates?{query}")
    assert refused.status_code == 400 and "group_policy" in refused.text


def test_groups_in_one_subtree(placement) -> None:
    cpu, card, marked = placement.custom_class(), placement.custom_class(), placement.trait()
    host = placement.provider()
    numa = [placement.provider({cpu: 4}, parent=host, traits=[marked]) for _ in range(2)]
    cards = [placement.provider({card: 1}, parent=parent) for parent in numa]
    query = f"resources_C={cpu}:1&resources_D={card}:1&group_policy=none"
    assert len(placement.candidates(query)) == 4
    near = _sets(placement.candidates(f"{query}&same_subtree=_C,_D"))
    assert near == {frozenset({(numa[i], cpu, 1), (cards[i], card, 1)}) for i in range(2)}
    resourceless = f"resources_D={card}:1&required_N={marked}&same_subtree=_D,_N&group_policy=none"
    assert len(placement.candidates(resourceless)) == 2


def test_roots_are_asked_for_their_traits(placement) -> None:
    card, marked = placement.custom_class(), placement.trait()
    good, bad = placement.provider(traits=[marked]), placement.provider()
    inside = placement.provider({card: 1}, parent=good)
    outside = placement.provider({card: 1}, parent=bad)
    assert _sets(placement.candidates(f"resources={card}:1&root_required={marked}")) == {frozenset({(inside, card, 1)})}
    assert _sets(placement.candidates(f"resources={card}:1&root_required=!{marked}")) == {frozenset({(outside, card, 1)})}
    assert _sets(placement.candidates(f"resources={card}:1&in_tree={bad}")) == {frozenset({(outside, card, 1)})}


def test_aggregates_of_the_root_are_those_of_its_tree(placement) -> None:
    cpu, card, aggregate = placement.custom_class(), placement.custom_class(), str(uuid.uuid4())
    host = placement.provider({cpu: 1}, aggregates=[aggregate])
    leaf = placement.provider({card: 1}, parent=host)
    whole = {frozenset({(host, cpu, 1), (leaf, card, 1)})}
    assert _sets(placement.candidates(f"resources={cpu}:1,{card}:1&member_of={aggregate}")) == whole
    assert placement.candidates(f"resources={cpu}:1,{card}:1&member_of=!{aggregate}") == []


@pytest.mark.parametrize(
    "query",
    [
        "", "resources=", "resources=VCPU", "resources=VCPU:x", "resources=VCPU:0", "resources=NONSENSE:1", "resources=VCPU:1&limit=0",
        "resources=VCPU:1&required=NONSENSE", "resources=VCPU:1&required=in:HW_CPU_X86_VMX,", "resources=VCPU:1&member_of=x",
        "resources=VCPU:1&group_policy=maybe", "resources=VCPU:1&root_required=NONSENSE", "resources=VCPU:1&same_subtree=_A",
        "resources=VCPU:1&required=HW_CPU_X86_VMX,!HW_CPU_X86_VMX", "required=HW_CPU_X86_VMX", "resources=VCPU:1&more=1",
    ],
)  # fmt: skip
def test_bad_queries(placement, query: str) -> None:
    answer = placement.call("GET", f"/allocation_candidates?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["detail"]
