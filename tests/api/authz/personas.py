"""Everybody who might try: with no token and with bad ones, of other projects and domains, with each role at each scope, delegated.

A persona is a token and the credentials policy rules read of it. All but `strangers` belong to the project demo, whose member makes most of
what there is to see.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from clouds import Client, TestCloud

ROLES = ("reader", "member", "manager", "service")


@dataclass(frozen=True)
class Persona:
    """`token` None: sends none. `creds` None: the token is not to be accepted at all (401)."""

    name: str
    token: str | None
    creds: dict[str, Any] | None
    project_id: str | None = None
    is_delegate: bool = False


class Cast:
    """Makes them in a cloud."""

    def __init__(self, cloud: TestCloud) -> None:
        self.cloud = cloud
        self.admin = cloud.admin
        self.demo_project = str(cloud.demo.project_id)
        self.domain = self._make("domains", name="elsewhere")
        self.abroad = self._make("projects", name="abroad", domain_id=self.domain)
        self.role_ids = {role["name"]: role["id"] for role in self._json("GET", "/roles")["roles"]}
        self.personas = [*self._bad_tokens(), *self._at_home(), *self._strangers(), *self._other_scopes(), *self._delegates()]

    # --- making ------------------------------------------------------------------------------------------------------

    def _json(self, method: str, path: str, body: Any = None, client: Client | None = None) -> Any:
        answer = (client or self.admin).request(method, "identity", path, json=body)
        assert answer.status_code < 300, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    def _make(self, collection: str, **values: Any) -> str:
        singular = collection[:-1]
        return self._json("POST", f"/{collection}", {singular: values})[singular]["id"]

    def _user(self, name: str, domain: str = "default") -> str:
        return self._make("users", name=name, password=f"{name}-password", domain_id=domain)

    def _grant(self, where: str, user: str, role: str) -> None:
        self._json("PUT", f"{where}/users/{user}/roles/{self.role_ids[role]}")

    def _log_in(self, name: str, domain: str, scope: Any, **more: Any) -> tuple[str, dict[str, Any]]:
        user = {"name": name, "domain": {"id": domain}, "password": f"{name}-password"}
        auth = {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope, **more}
        return self._authenticate(auth)

    def _authenticate(self, auth: Any) -> tuple[str, dict[str, Any]]:
        answer = self.admin.http.post(f"{self.cloud.url}/identity/v3/auth/tokens", json={"auth": auth})
        assert answer.status_code == 201, answer.text
        return answer.headers["x-subject-token"], answer.json()["token"]

    def _persona(self, name: str, login: tuple[str, dict[str, Any]]) -> Persona:
        """Its credentials are read by the cloud's own authenticator, as for every request."""
        token, body = login
        caller = self.cloud.run(self.cloud.app.authenticator.authenticate(token))
        delegated = caller.trust_id is not None or caller.application_credential_id is not None
        return Persona(name, token, caller.creds(), body.get("project", {}).get("id"), delegated)

    # --- who ---------------------------------------------------------------------------------------------------------

    def _bad_tokens(self) -> list[Persona]:
        scope = {"project": {"id": self.demo_project}}
        revoked, _ = self._log_in("demo", "default", scope)
        self.admin.request("DELETE", "identity", "/auth/tokens", headers={"x-subject-token": revoked})
        token = self.cloud.demo.token
        forged = token[:-6] + ("AAAAAA" if not token.endswith("AAAAAA") else "BBBBBB")
        return [Persona("no token", None, None), Persona("revoked", revoked, None), Persona("forged", forged, None)]

    def _at_home(self) -> list[Persona]:
        found = []
        for role in ROLES:
            name = f"home-{role}"
            self._grant(f"/projects/{self.demo_project}", self._user(name), role)
            login = self._log_in(name, "default", {"project": {"id": self.demo_project}})
            found.append(self._persona(f"{role} of the project", login))
        return found

    def _strangers(self) -> list[Persona]:
        found = []
        other = str(self.cloud.other.project_id)
        for project, domain, what in ((other, "default", "another project"), (self.abroad, self.domain, "another domain")):
            for role in ("member", "manager"):
                name = f"stranger-{role}-of-another-{what.split()[-1]}"
                self._grant(f"/projects/{project}", self._user(name, domain), role)
                found.append(self._persona(f"{role} of {what}", self._log_in(name, domain, {"project": {"id": project}})))
        return found

    def _other_scopes(self) -> list[Persona]:
        found = []
        for role in ("reader", "manager", "admin"):
            name = f"domain-{role}"
            self._grant(f"/domains/{self.domain}", self._user(name, self.domain), role)
            login = self._log_in(name, self.domain, {"domain": {"id": self.domain}})
            found.append(self._persona(f"{role} of another domain itself", login))
        for role in ("reader", "admin"):
            name = f"system-{role}"
            self._grant("/system", self._user(name), role)
            found.append(self._persona(f"{role} of the system", self._log_in(name, "default", {"system": {"all": True}})))
        self._user("unscoped")
        found.append(self._persona("unscoped", self._log_in("unscoped", "default", "unscoped")))
        return found

    def _delegates(self) -> list[Persona]:
        demo = self.cloud.demo
        expires = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        trustee = self._user("trustee")
        wish = {"trustor_user_id": demo.user_id, "trustee_user_id": trustee, "project_id": self.demo_project, "impersonation": False}
        reading = {**wish, "roles": [{"name": "reader"}], "expires_at": expires}
        trust = self._json("POST", "/OS-TRUST/trusts", {"trust": reading}, demo)["trust"]["id"]
        rules = [{"service": "compute", "method": "GET", "path": "/v2.1/no-such-thing"}]
        return [
            self._persona("trustee, reader", self._log_in("trustee", "default", {"OS-TRUST:trust": {"id": trust}})),
            self._persona("application credential, reader", self._credential("reading", roles=[{"name": "reader"}])),
            # It may make one call, of which there is none.
            Persona("application credential for another call", self._credential("narrow", access_rules=rules)[0], None),
        ]

    def _credential(self, name: str, **wish: Any) -> tuple[str, dict[str, Any]]:
        demo = self.cloud.demo
        body = {"application_credential": {"name": name, **wish}}
        made = self._json("POST", f"/users/{demo.user_id}/application_credentials", body, demo)["application_credential"]
        login = {"id": made["id"], "secret": made["secret"]}
        return self._authenticate({"identity": {"methods": ["application_credential"], "application_credential": login}})
