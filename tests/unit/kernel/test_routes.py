"""Every service's routes: policies that exist, paths that can be told apart, schemas that compile."""

import pytest

from monostack.app import SERVICES
from monostack.authz.policy import Enforcer
from monostack.http.openapi import describe
from monostack.http.routing import Router


@pytest.mark.parametrize("service", SERVICES, ids=[s.type for s in SERVICES])
def test_policies_named_by_routes_are_declared(service):
    enforcer = Enforcer(service.type, service.policies)
    unknown = {r.policy for group in service.routes for r in group.entries if r.policy and r.policy not in enforcer.policies}
    assert not unknown


@pytest.mark.parametrize("service", SERVICES, ids=[s.type for s in SERVICES])
def test_every_route_is_found_and_described(service):
    routes = [r for group in service.routes for r in group.entries]
    router = Router(routes)
    for route in routes:
        found = router.find(route.path.replace("{", "").replace("}", "") or "/")
        assert found is not None and route.method in found[0], route.path
    assert describe(service)["paths"]
    for route in routes:
        for _, schema in (*route.body, *route.query):
            schema.error({})
