"""Operations of the API as the routes declare them, and the policy rule each one asks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from monostack.app import SERVICES
from monostack.http.routing import Route
from monostack.http.service import Service
from monostack.services.compute.proxies import gone
from monostack.services.image.schemas import PUBLISHED

# Operations that ask no rule of OpenStack's: whoever has a token that this service accepts may call them.
NO_RULE = {
    "identity": {"/v2.0/tenants"},
    "image": {
        "/v2/info/import", "/v2/info/stores", "/v2/info/usage", "/v2", "/v2/{unknown:path}", "/{unversioned:path}",
        *(f"/v2/schemas/{name}" for name in PUBLISHED),
    },
    "network": {"/v2.0", "/v2.0/extensions", "/v2.0/extensions/{id}"},
    "block-storage": {"/v3", "/v3/", "/v3/extensions", "/v3/extensions/{id}", "/v3/os-availability-zone", "/v3/resource_filters",
                      "/v3/group_types", "/v3/group_types/{id}"},
    "compute": {"/v2.1/flavors", "/v2.1/flavors/detail", "/v2.1/flavors/{id}"},
}  # fmt: skip
# Rules that the scope of the query itself applies: everybody may ask and sees his own.
OWN_ONLY = {
    "identity": {"/v3/credentials"},
    "block-storage": {"/v3/limits", "/v3/attachments", "/v3/attachments/detail", "/v3/attachments/{id}"},
    "compute": {f"/v2.1/images{rest}" for rest in ("", "/detail", "/{id}", "/{id}/metadata", "/{id}/metadata/{key}")},
    "network": {"/v2.0/quotas/{id}/details", "/v2.0/quotas"},
    "placement": {"/resource_providers/{uuid}/inventories"},  # DELETE before 1.5 answers 405 whoever asks
}
# A further rule that is always asked, but of who names his own project.
STRICTER = {"/v2.1/os-migrations": "os_compute_api:os-migrations:index:all_projects"}
NOBODYS = {"resetNetwork", "os-getRDPConsole"}  # actions that are answered as gone, whoever asks
# Operations on something that is no project's, whose rule is asked for the caller's own project.
ABOUT_CALLERS_OWN = (
    "/v2.1/flavors/", "/v3/types/", "/v3/volume-transfers/{id}/accept", "/v3/os-volume-transfer/{id}/accept",
    "/v2.0/quotas/{id}",  # so that managers read the limits of other projects, as with Neutron
)  # fmt: skip
# What an administrator, or its owner, may have made everybody's. That is refused to nobody; what is private is.
MAY_BE_SHARED = (
    "/v2.0/networks/{id}", "/v2.0/subnets/{id}", "/v2.0/qos/policies", "/v2.0/qos/policies/{id}",
    "/v2.0/address-scopes", "/v2.0/address-scopes/{id}", "/v2/metadefs/namespaces/{namespace}",
)  # fmt: skip
NOT_FOR_DELEGATES = ("/v3/credentials", "/v3/users/{id}/credentials")  # whatever the rules say
OWNER_IN_REQUEST = ("/v3/auth/tokens", "/usages")  # whose it is stands in a header or the query


@dataclass(frozen=True)
class Operation:
    """A route, or one action of a route with several."""

    service: Service
    route: Route
    action: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.service.type, self.route.method, self.route.path, self.action

    @property
    def rule(self) -> str | None:
        if self.route.path in OWN_ONLY.get(self.service.type, ()):
            return None
        if not self.action:
            return STRICTER.get(self.route.path, self.route.policy)
        assert self.route.actions is not None
        return self.route.actions[self.action][-1].policy

    @property
    def asks_about_callers_own(self) -> bool:
        path = self.route.path
        return ("{" not in path and path not in OWNER_IN_REQUEST) or path.startswith(ABOUT_CALLERS_OWN)

    @property
    def may_be_shared(self) -> bool:
        return self.route.method == "GET" and self.route.path.startswith(MAY_BE_SHARED)

    @property
    def is_list(self) -> bool:
        return self.route.method == "GET" and not self.route.path.endswith("}")

    @property
    def has_expectation(self) -> bool:
        path = self.route.path
        handler = self.route.actions[self.action][-1].handler if self.route.actions else self.route.handler
        if handler.__module__ == gone.__name__ or self.action in NOBODYS:
            return True  # nobody may
        return self.rule is not None or path in NO_RULE.get(self.service.type, ()) or path in OWN_ONLY.get(self.service.type, ())

    def __str__(self) -> str:
        return " ".join(part for part in self.key if part)


def operations() -> Iterator[Operation]:
    """All that need a token. Compute's old API of before microversions is the same routes below another path."""
    for service in SERVICES:
        for group in service.routes:
            for route in group.entries:
                if route.public or route.method == "HEAD" or (service.type == "compute" and route.path.startswith("/v2/")):
                    continue
                if route.actions is None:
                    yield Operation(service, route)
                else:
                    yield from (Operation(service, route, name) for name in route.actions)


def operation_of(cloud: Any, request: Any, body: Any) -> Operation | None:
    """The operation an HTTP request is for."""
    head, _, tail = request.url.path[1:].partition("/")
    mount = cloud.app.http.mounts["/" + head]
    path, _ = mount.plain("/" + tail)
    found = mount.router.find(path.rstrip("/") or "/")
    routes = found[0].get(request.method) if found else None
    if not routes:
        return None
    route = routes[0]
    if route.actions is None:
        return Operation(mount.service, route)
    action = next(iter(body)) if isinstance(body, dict) and len(body) == 1 else ""
    return Operation(mount.service, route, action) if action in route.actions else None
