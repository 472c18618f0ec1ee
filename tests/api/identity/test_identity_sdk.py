"""Unmodified openstacksdk drives the identity service."""

import pytest
from accounts import fresh


@pytest.fixture(scope="module")
def sdk(cloud):
    with cloud.sdk("admin") as connection:
        yield connection.identity


def test_a_new_tenant(cloud, sdk):
    home = sdk.create_domain(name=fresh("sdk-domain"))
    project = sdk.create_project(name=fresh("sdk-project"), domain_id=home.id, tags=["a"])
    user = sdk.create_user(name=fresh("sdk-user"), domain_id=home.id, password="secret")
    group = sdk.create_group(name=fresh("sdk-group"), domain_id=home.id)
    sdk.add_user_to_group(user, group)
    assert sdk.check_user_in_group(user, group)
    role = sdk.find_role("member")
    sdk.assign_project_role_to_group(project, group, role)
    assert sdk.validate_group_has_project_role(project, group, role)
    held = list(sdk.role_assignments(user_id=user.id, scope_project_id=project.id, effective=True))
    assert {one.role["id"] for one in held} >= {role.id}
    assert [found.id for found in sdk.user_projects(user)] == [project.id]
    assert sdk.find_project(project.name, domain_id=home.id).tags == ["a"]
    sdk.update_user(user, email="u@example.org")
    assert sdk.get_user(user.id).email == "u@example.org"
    sdk.update_domain(home, is_enabled=False)
    sdk.delete_domain(home)
    assert sdk.find_user(user.id) is None
    assert sdk.find_project(project.id) is None


def test_a_service_of_ones_own(sdk):
    region = sdk.create_region(id=fresh("sdk-region"))
    service = sdk.create_service(type=fresh("sdk-type"), name="mine")
    endpoint = sdk.create_endpoint(service_id=service.id, interface="public", url="http://x.example", region_id=region.id)
    assert [found.id for found in sdk.endpoints(service_id=service.id)] == [endpoint.id]
    sdk.update_endpoint(endpoint, url="http://y.example")
    assert sdk.get_endpoint(endpoint).url == "http://y.example"
    sdk.delete_endpoint(endpoint)
    sdk.delete_service(service)
    sdk.delete_region(region)
    assert sdk.find_service(service.id) is None


def test_a_limit_outlives_its_region_and_its_service(cloud, sdk):
    region = sdk.create_region(id=fresh("sdk-region"))
    service = sdk.create_service(type=fresh("sdk-type"), name="limited")
    made = sdk.create_registered_limit(service_id=service.id, region_id=region.id, resource_name="things", default_limit=5)
    sdk.delete_region(region)
    sdk.delete_service(service)
    left = sdk.get_registered_limit(made.id)
    assert (left.region_id, left.service_id) == (region.id, service.id)
    sdk.delete_registered_limit(made, ignore_missing=False)


def test_an_application_credential(cloud):
    with cloud.sdk("demo") as connection:
        user_id = connection.current_user_id
        made = connection.identity.create_application_credential(user=user_id, name=fresh("sdk-ac"))
        assert made.secret
        assert connection.identity.get_application_credential(user_id, made.id).name == made.name
        connection.identity.delete_application_credential(user_id, made.id)
