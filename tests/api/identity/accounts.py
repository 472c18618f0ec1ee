"""What the identity tests make: domains, projects, users with roles, and tokens for them."""

import itertools
from typing import Any

import httpx

from clouds import TestCloud

_numbers = itertools.count(1)


def fresh(prefix: str) -> str:
    """A name nothing else in the run has."""
    return f"{prefix}-{next(_numbers)}"


def password_of(name: str) -> str:
    return f"{name}-password"


class Accounts:
    """Makes accounts as the administrator and asks as anybody."""

    def __init__(self, cloud: TestCloud) -> None:
        self.cloud = cloud
        self.admin = cloud.admin
        self.roles = {role["name"]: role["id"] for role in self.admin.get("identity", "/roles").json()["roles"]}

    def make(self, kind: str, **attributes: Any) -> dict[str, Any]:
        """Create a resource of the identity service."""
        answer = self.admin.post("identity", f"/{kind}s", {kind: {"name": fresh(kind), **attributes}})
        assert answer.status_code == 201, answer.text
        return answer.json()[kind]

    def change(self, kind: str, id: str, **attributes: Any) -> None:
        answer = self.admin.patch("identity", f"/{kind}s/{id}", {kind: attributes})
        assert answer.status_code == 200, answer.text

    def user(self, domain_id: str = "default", **attributes: Any) -> dict[str, Any]:
        name = fresh("user")
        return self.make("user", name=name, password=password_of(name), domain_id=domain_id, **attributes)

    def grant(self, user: dict[str, Any], role: str, target: str) -> None:
        """`target` as in paths: projects/ID, domains/ID, system."""
        answer = self.admin.put("identity", f"/{target}/users/{user['id']}/roles/{self.roles[role]}")
        assert answer.status_code == 204, answer.text

    def member(self, role: str = "member") -> tuple[dict[str, Any], dict[str, Any]]:
        """A new user with a role in a new project."""
        user, project = self.user(), self.make("project")
        self.grant(user, role, f"projects/{project['id']}")
        return user, project

    def log_in(self, user: dict[str, Any], scope: Any = None, password: str | None = None) -> httpx.Response:
        secret = password if password is not None else password_of(user["name"])
        return self.authenticate({"methods": ["password"], "password": {"user": {"id": user["id"], "password": secret}}}, scope)

    def authenticate(self, identity: dict[str, Any], scope: Any = None) -> httpx.Response:
        auth = {"identity": identity} if scope is None else {"identity": identity, "scope": scope}
        return self.admin.http.post(f"{self.cloud.url}/identity/v3/auth/tokens", json={"auth": auth})

    def token(self, user: dict[str, Any], scope: Any = None) -> str:
        answer = self.log_in(user, scope)
        assert answer.status_code == 201, answer.text
        return answer.headers["x-subject-token"]

    def by_token(self, token: str, scope: Any = None) -> httpx.Response:
        return self.authenticate({"methods": ["token"], "token": {"id": token}}, scope)

    def ask(self, token: str | None, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the identity service with any token, or none."""
        return self.admin.request(method, "identity", path, headers={"x-auth-token": token, **options.pop("headers", {})}, **options)

    def validate(self, token: str) -> httpx.Response:
        return self.admin.get("identity", "/auth/tokens", headers={"x-subject-token": token})

    def is_valid(self, token: str) -> bool:
        """The token works, and whoever asks about it is told the same."""
        used, asked = self.ask(token, "GET", "/auth/projects").status_code, self.validate(token).status_code
        assert (used, asked) in ((200, 200), (401, 404)), (used, asked)
        return used == 200


def project(id: str) -> dict[str, Any]:
    """The scope of a project."""
    return {"project": {"id": id}}


def domain(id: str) -> dict[str, Any]:
    return {"domain": {"id": id}}


SYSTEM = {"system": {"all": True}}
