"""/v3/policies/{id}/OS-ENDPOINT-POLICY and /v3/endpoints/{id}/OS-ENDPOINT-POLICY."""

from dataclasses import dataclass
from typing import Any

from monostack.core.errors import NotFound
from monostack.db import Transaction
from monostack.events import record
from monostack.http import Request, Response, Routes
from monostack.services.identity.endpoints.table import ENDPOINTS
from monostack.services.identity.policies import POLICIES
from monostack.services.identity.policy_associations import table
from monostack.services.identity.regions import REGIONS
from monostack.services.identity.services import SERVICES
from monostack.services.identity.style import collection, page_of

_NAMED = (("endpoint_id", ENDPOINTS), ("service_id", SERVICES), ("region_id", REGIONS))


@dataclass(frozen=True)
class Association:
    """The operations on a policy's association with one kind of place, which names their rules."""

    path: str
    kind: str

    def rule(self, action: str) -> str:
        return f"identity:{action}_policy_association_for_{self.kind}"

    def _place(self, request: Request, tx: Transaction, action: str) -> table.Place:
        """What the path names, once it is known to be there, as is its policy."""
        request.authorize(self.rule(action), {})
        POLICIES.get(request, tx, request.params["id"])
        for name, resource in _NAMED:
            if name in request.params:
                resource.get(request, tx, request.params[name])
        return request.params.get("endpoint_id"), request.params.get("service_id"), request.params.get("region_id")

    def check(self, request: Request, tx: Transaction) -> Response:
        """Say whether a policy is associated."""
        if table.policy_at(tx, self._place(request, tx, "check")) != request.params["id"]:
            raise NotFound("Could not find policy association.")
        return Response(None, 204)

    def create(self, request: Request, tx: Transaction) -> None:
        """Associate a policy, in place of the one that was."""
        table.associate(tx, self._place(request, tx, "create"), request.params["id"])
        record(tx, request, "policy.associate", request.params["id"])

    def delete(self, request: Request, tx: Transaction) -> None:
        """End the association of a policy, if there is one."""
        place = self._place(request, tx, "delete")
        if table.policy_at(tx, place) == request.params["id"]:
            table.dissociate(tx, place)
            record(tx, request, "policy.dissociate", request.params["id"])

    def add_to(self, routes: Routes) -> None:
        path = f"/policies/{{id}}/OS-ENDPOINT-POLICY{self.path}"
        routes.add("GET", path, self.check, "read", status=204, policy=self.rule("check"))
        routes.add("PUT", path, self.create, "write", status=204, policy=self.rule("create"))
        routes.add("DELETE", path, self.delete, "write", status=204, policy=self.rule("delete"))


routes = Routes("/v3")
for _one in (
    Association("/endpoints/{endpoint_id}", "endpoint"),
    Association("/services/{service_id}", "service"),
    Association("/services/{service_id}/regions/{region_id}", "region_and_service"),
):
    _one.add_to(routes)

_LIST = page_of(ENDPOINTS, ENDPOINTS.answer.with_keys("EndpointOfPolicy", {}, without=("region",)))


@routes.get("/policies/{id}/OS-ENDPOINT-POLICY/endpoints", policy="identity:list_endpoints_for_policy", answer=_LIST)
def list_endpoints(request: Request, tx: Transaction) -> dict[str, Any]:
    """List the endpoints that a policy is associated with."""
    request.authorize("identity:list_endpoints_for_policy", {})
    policy = POLICIES.get(request, tx, request.params["id"])
    shown = ENDPOINTS.views(request, tx, table.endpoints_of(tx, policy.id))
    for endpoint in shown:
        del endpoint["region"]  # the old name, which Keystone leaves out here
    return collection(request, "endpoints", shown)


@routes.get("/endpoints/{id}/OS-ENDPOINT-POLICY/policy", policy="identity:get_policy_for_endpoint", answer=POLICIES.answer_one)
def show_policy(request: Request, tx: Transaction) -> dict[str, Any]:
    """Show the policy that an endpoint goes by."""
    request.authorize("identity:get_policy_for_endpoint", {})
    endpoint = ENDPOINTS.get(request, tx, request.params["id"])
    policy_id = table.policy_of(tx, endpoint)
    if policy_id is None:
        raise NotFound(f"No policy is associated with endpoint {endpoint.id}.")
    answer = POLICIES.render(request, tx, POLICIES.get(request, tx, policy_id))
    answer["policy"]["links"]["self"] = f"{request.service_url}/v3/endpoints/{policy_id}"  # so Keystone links it
    return answer
