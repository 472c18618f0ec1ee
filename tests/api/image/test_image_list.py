"""Lists of images: what belongs to them, filters, sorting, pages."""

import pytest

from clouds import TestCloud
from statements import seen_statements


def names(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [image["name"] for image in answer.json()["images"]]


@pytest.fixture(scope="module")
def shelf(cloud: TestCloud) -> dict[str, str]:
    """Images of the project demo, by name."""
    wanted = {
        "apple": {"min_ram": 1, "disk_format": "raw", "container_format": "bare", "tags": ["fruit", "red"], "colour": "red"},
        "banana": {"min_ram": 2, "disk_format": "qcow2", "container_format": "bare", "tags": ["fruit"], "colour": "yellow"},
        "cherry, sour": {"min_ram": 3, "disk_format": "iso", "container_format": "bare", "protected": True},
        "hidden": {"os_hidden": True},
        "damson": {"visibility": "community"},
        "elder": {"visibility": "private"},
    }
    made = {}
    for name, attributes in wanted.items():
        answer = cloud.demo.post("image", "/images", {"name": name, "shelf": "yes", **attributes})
        assert answer.status_code == 201, answer.text
        made[name] = answer.json()["id"]
    bits = cloud.demo.put("image", f"/images/{made['apple']}/file", content=b"12345", headers={"content-type": "application/octet-stream"})
    assert bits.status_code == 204
    return made


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["apple", "banana", "cherry, sour", "damson", "elder"]),
        ("name=banana", ["banana"]),
        ("name=in:banana,apple", ["apple", "banana"]),
        ('name=in:"cherry, sour",apple', ["apple", "cherry, sour"]),
        ("status=active", ["apple"]),
        ("status=in:active,queued", ["apple", "banana", "cherry, sour", "damson", "elder"]),
        ("disk_format=in:raw,iso", ["apple", "cherry, sour"]),
        ("container_format=bare", ["apple", "banana", "cherry, sour"]),
        ("visibility=private", ["elder"]),
        ("visibility=community", ["damson"]),
        ("visibility=all", ["apple", "banana", "cherry, sour", "damson", "elder"]),
        ("tag=fruit", ["apple", "banana"]),
        ("tag=fruit&tag=red", ["apple"]),
        ("colour=yellow", ["banana"]),
        ("colour=yellow&tag=red", []),
        ("min_ram_min=2", ["banana", "cherry, sour"]),
        ("min_ram_min=1&min_ram_max=2", ["apple", "banana"]),
        ("min_ram=3", ["cherry, sour"]),
        ("size_min=5", ["apple"]),
        ("size_max=4", []),
        ("size_min=" + "9" * 40, []),
        ("protected=true", ["cherry, sour"]),
        ("os_hidden=true", ["hidden"]),
        ("created_at=gt:2030-01-01T00:00:00Z", []),
        ("created_at=lte:2999-01-01T00:00:00Z&name=apple", ["apple"]),
        ("name=nothing", []),
    ],
)
def test_filters(cloud: TestCloud, shelf: dict[str, str], query: str, expected: list[str]) -> None:
    assert names(cloud.demo.get("image", f"/images?shelf=yes&sort=name:asc&{query}")) == expected


def test_owner_and_checksum_filters(cloud: TestCloud, shelf: dict[str, str]) -> None:
    assert names(cloud.admin.get("image", f"/images?owner={cloud.demo.project_id}&shelf=yes&name=apple")) == ["apple"]
    assert names(cloud.admin.get("image", "/images?owner=nobody")) == []
    apple = cloud.demo.get("image", f"/images/{shelf['apple']}").json()
    for name in ("checksum", "os_hash_value", "id"):
        assert names(cloud.demo.get("image", f"/images?{name}={apple[name]}")) == ["apple"]


def test_a_time_without_operator_is_that_second(cloud: TestCloud, shelf: dict[str, str]) -> None:
    created = cloud.demo.get("image", f"/images/{shelf['apple']}").json()["created_at"]
    for query in (f"created_at={created}", f"created_at=eq:{created}", f"created_at=gte:{created}", f"created_at=lte:{created}"):
        assert "apple" in names(cloud.demo.get("image", f"/images?shelf=yes&{query}"))
    for query in (f"created_at=neq:{created}", f"created_at=lt:{created}", f"created_at=gt:{created}"):
        assert "apple" not in names(cloud.demo.get("image", f"/images?shelf=yes&{query}"))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=many", "limit param must be an integer"),
        ("limit=-1", "limit param must be positive"),
        ("marker=11111111-1111-1111-1111-111111111111", "No image found with ID 11111111-1111-1111-1111-111111111111"),
        ("visibility=secret", "Invalid visibility value: secret"),
        ("member_status=maybe", "Invalid status: maybe"),
        ("os_hidden=perhaps", "Invalid value 'perhaps' for 'os_hidden' filter."),
        ("protected=1", "Invalid value '1' for 'protected' filter."),
        ("changes-since=2020", 'The "changes-since" filter is no longer available on v2.'),
        ("sort_key=owner", "Invalid sort key: owner. It must be one of the following: name, status"),
        ("sort_dir=up", "Invalid sort direction: up"),
        ("sort=name:up", "Invalid sort direction: up"),
        ("sort=name&sort_key=name", "Old and new sorting syntax cannot be combined"),
        ("sort_key=name&sort_dir=asc&sort_dir=desc", "Number of sort dirs does not match the number of sort keys"),
        ("size_min=big", "Unable to filter on a range with a non-numeric value."),
        ("created_at=yesterday", 'Bad "created_at" query filter format. Use ISO 8601 DateTime notation.'),
        ("created_at=about:2020-01-01T00:00:00Z", "Unable to filter on a unknown operator."),
        ("name=like:a", "Unable to filter by unknown operator 'like'."),
        ('name=in:"a', "The quote is not closed."),
        ('name=in:a"b"', "There is no comma before opening quotation mark."),
        ('name=in:"a"b', "There is no comma after closing quotation mark."),
    ],
)
def test_bad_queries(cloud: TestCloud, query: str, message: str) -> None:
    answer = cloud.demo.get("image", f"/images?{query}", headers={"accept": "application/json"})
    assert answer.status_code == 400
    assert message in answer.json()["message"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort=name:desc", ["elder", "damson", "cherry, sour", "banana", "apple"]),
        ("sort_key=name&sort_dir=asc", ["apple", "banana", "cherry, sour", "damson", "elder"]),
        ("sort_key=size&sort_key=name&sort_dir=desc&sort_dir=asc", ["apple", "banana", "cherry, sour", "damson", "elder"]),
        ("sort=status:desc,name:desc", ["elder", "damson", "cherry, sour", "banana", "apple"]),
        ("sort=disk_format:asc,name:asc", ["damson", "elder", "cherry, sour", "banana", "apple"]),
    ],
)
def test_sorting(cloud: TestCloud, shelf: dict[str, str], query: str, expected: list[str]) -> None:
    assert names(cloud.demo.get("image", f"/images?shelf=yes&{query}")) == expected


@pytest.mark.parametrize("sort", ["name:asc", "name:desc", "size:desc", "disk_format:asc", "created_at:asc", "min"])
def test_pages_join_up(cloud: TestCloud, shelf: dict[str, str], sort: str) -> None:
    query = f"shelf=yes&sort={sort}" if sort != "min" else "shelf=yes"
    whole = names(cloud.demo.get("image", f"/images?{query}"))
    assert len(whole) == 5
    collected: list[str] = []
    path = f"/images?{query}&limit=2"
    while path:
        page = cloud.demo.get("image", path).json()
        assert len(page["images"]) <= 2
        collected += [image["name"] for image in page["images"]]
        assert page["first"].startswith("/v2/images?shelf=yes") and "marker" not in page["first"]
        path = page.get("next", "").removeprefix("/v2")
    assert collected == whole


def test_limits(cloud: TestCloud, shelf: dict[str, str]) -> None:
    nothing = cloud.demo.get("image", "/images?limit=0").json()
    assert nothing["images"] == [] and "next" not in nothing
    assert len(cloud.demo.get("image", "/images?limit=5000").json()["images"]) >= 5


def test_other_projects_see_only_what_is_theirs_to_see(cloud: TestCloud, shelf: dict[str, str]) -> None:
    assert names(cloud.other.get("image", "/images?shelf=yes")) == []
    assert names(cloud.other.get("image", "/images?shelf=yes&visibility=community")) == ["damson"]
    assert cloud.other.get("image", f"/images/{shelf['damson']}").status_code == 200
    assert set(names(cloud.reader.get("image", "/images?shelf=yes"))) == {"apple", "banana", "cherry, sour", "damson", "elder"}
    assert "elder" in names(cloud.admin.get("image", "/images?shelf=yes&limit=1000"))


def test_a_marker_one_may_not_know_is_refused(cloud: TestCloud, shelf: dict[str, str]) -> None:
    assert cloud.other.get("image", f"/images?marker={shelf['elder']}").status_code == 400


def test_a_page_costs_two_statements_however_long(cloud: TestCloud) -> None:
    for number in range(30):
        assert cloud.other.post("image", "/images", {"name": f"many-{number}", "many": "yes", "tags": ["a", "b"]}).status_code == 201
    cloud.other.get("image", "/images?many=yes")
    with seen_statements("image") as seen:
        assert len(cloud.other.get("image", "/images?many=yes&limit=30").json()["images"]) == 30
    assert len(seen) == 2
