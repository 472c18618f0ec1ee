"""Requests made from our own OpenAPI documents that no person would think of: none may break the cloud, and answers are as described.

MONOSTACK_FUZZ_EXAMPLES sets how many requests each operation gets (12 unless given, which takes two minutes), MONOSTACK_FUZZ_SEED where
they start. Half of the ids in paths are those of things there are, so that requests get past the look-up. Each API is asked in a cloud of
its own, so that the same requests find the same things there whenever they are made.
"""

import os
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from clouds import TestCloud
from monostack.app import SERVICES
from monostack.http.microversions import text
from monostack.http.openapi import describe

# Those of bodies are for answers that have one: what an action that answers nothing may call it, no document can say beside its siblings'.
CHECKS = [status_code_conformance]
CHECKS_OF_BODIES = [content_type_conformance, response_schema_conformance]
EXAMPLES = int(os.environ.get("MONOSTACK_FUZZ_EXAMPLES", "12"))
SEED = int(os.environ.get("MONOSTACK_FUZZ_SEED", "1"))
ID = re.compile(r'"(?:id|uuid|user_id|project_id)":"([0-9a-f-]{32,36})"')
LISTS = (
    ("compute", "/servers"), ("compute", "/os-server-groups"), ("compute", "/os-aggregates"), ("compute", "/flavors"), ("image", "/images"),
    ("network", "/networks"), ("network", "/subnets"), ("network", "/ports"), ("network", "/routers"), ("network", "/floatingips"),
    ("network", "/security-groups"), ("network", "/agents"), ("volume", "/volumes"), ("volume", "/snapshots"), ("volume", "/types"),
    ("placement", "/resource_providers"), ("identity", "/users"), ("identity", "/projects"), ("identity", "/roles"),
    ("identity", "/groups"),
)  # fmt: skip


def _apis() -> Iterator[Any]:
    """Every service at its newest microversion, and its old APIs that know none."""
    for service in SERVICES:
        spec = service.microversions
        yield pytest.param((service, spec.maximum if spec else None), id=service.type)
        for name, version in spec.fixed.items() if spec else ():
            yield pytest.param((service, version), id=f"{service.type}-{name}")


@pytest.fixture(scope="module", params=_apis())
def api(request: pytest.FixtureRequest) -> Any:
    """A service and the microversion it is asked at."""
    return request.param


@pytest.fixture(scope="module")
def cloud_settings(api: Any) -> dict[str, Any]:
    """A new cloud for each API."""
    return {}


@pytest.fixture(scope="module")
def known(cloud: TestCloud) -> list[str]:
    """Ids of things there are, in the order in which they are found."""
    demo = cloud.demo
    net = demo.post("network", "/networks", {"network": {"name": "n"}}).json()["network"]["id"]
    subnet = {"network_id": net, "ip_version": 4, "cidr": "10.9.0.0/24"}
    made = [
        demo.post("network", "/subnets", {"subnet": subnet}),
        demo.post("network", "/routers", {"router": {"name": "r"}}),
        demo.post("network", "/security-groups", {"security_group": {"name": "g"}}),
        demo.post("volume", "/volumes", {"volume": {"size": 1, "name": "v"}}),
        demo.post("image", "/images", {"name": "i", "disk_format": "raw", "container_format": "bare"}),
        demo.post("compute", "/os-server-groups", {"server_group": {"name": "sg", "policies": ["affinity"]}}),
    ]
    assert all(answer.status_code < 300 for answer in made), [answer.text for answer in made]
    image = made[4].json()["id"]
    demo.put("image", f"/images/{image}/file", content=b"bits", headers={"content-type": "application/octet-stream"})
    flavor = {"name": "f", "ram": 64, "vcpus": 1, "disk": 1}
    flavor_id = cloud.admin.post("compute", "/flavors", {"flavor": flavor}).json()["flavor"]["id"]
    server = {"name": "s", "flavorRef": flavor_id, "imageRef": image, "networks": [{"uuid": net}]}
    assert demo.post("compute", "/servers", {"server": server}).status_code == 202
    found: dict[str, None] = {}
    for service, path in LISTS:
        for client in (demo, cloud.admin):
            found.update(dict.fromkeys(ID.findall(client.get(service, path).text)))
    spared = {cloud.admin.user_id, str(cloud.admin.project_id), cloud.demo.user_id, str(cloud.demo.project_id)}
    roles = {role["id"] for role in cloud.admin.get("identity", "/roles").json()["roles"]}  # without which nobody can do anything
    return [id for id in found if id not in spared | roles]


class Fuzzer:
    """Sends made-up requests to one service, by turns as a user and as the administrator."""

    def __init__(self, cloud: TestCloud, service: Any, version: Any, known: list[str]) -> None:
        self.url = cloud.url + service.prefix
        self.version = {"openstack-api-version": f"{service.microversions.name} {text(version)}"} if version is not None else {}
        self.users = [cloud.demo, cloud.admin]
        self.known = known
        self.asked = 0
        self.broken: list[str] = []

    def ask(self, operation: Any) -> None:
        """A few requests for one operation."""
        chance = random.Random(f"{SEED} {operation.label}")

        @seed(SEED)
        @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def run(case: Any) -> None:
            self._send(case, chance)

        run()

    def _send(self, case: Any, chance: random.Random) -> None:
        for name in case.path_parameters or {}:
            if chance.random() < 0.5:
                case.path_parameters[name] = chance.choice(self.known)
        user = self.users[self.asked % 2]
        self.asked += 1
        sent = case.as_transport_kwargs(base_url=self.url, headers={"x-auth-token": user.token, **self.version})
        sent.pop("cookies", None)
        answer = user.http.request(**sent)
        if answer.status_code >= 500 and answer.status_code != 501:
            self.broken.append(f"{case.as_curl_command()}: {answer.status_code} {answer.text[:300]}")
        elif answer.request.method != "HEAD":
            try:
                # Some actions answer nothing where others answer a document: which is known to `_answers_as_declared` only.
                case.validate_response(answer, checks=[*CHECKS, *(CHECKS_OF_BODIES if answer.content else [])])
            except (Failure, FailureGroup) as wrong:
                self.broken.append(f"{case.as_curl_command()}: {answer.status_code} {answer.text[:300]}: {wrong}")


def test_nothing_breaks_it(api: Any, cloud: TestCloud, known: list[str]) -> None:
    service, version = api
    described = describe(service, version)
    found = [result.ok() for result in schemathesis.openapi.from_dict(described).get_all_operations()]
    fuzzer = Fuzzer(cloud, service, version, known)
    for operation in found:
        fuzzer.ask(operation)
    assert not fuzzer.broken, "\n" + "\n".join(fuzzer.broken)
    assert fuzzer.asked >= len(found)
    assert cloud.admin.get("identity", "/users").status_code == 200, "the administrator was locked out, so most requests were refused"
