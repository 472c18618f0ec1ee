"""A whole cloud for tests: the real application on a real socket, in a thread with an event loop of its own."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import httpx
import openstack

from monostack.app import App
from monostack.core.config import load

TYPES = {"volume": "block-storage"}
USERS = (("demo", "demo", "member"), ("reader", "demo", "reader"), ("other", "other", "member"))  # user, project, role


class Client:
    """Raw HTTP as one user: `client.get("compute", "/servers")`. Paths are below the catalog's endpoint."""

    def __init__(self, cloud: "TestCloud", username: str, password: str, project: str, scope: dict[str, Any] | None = None) -> None:
        self.cloud = cloud
        self.username, self.password, self.project = username, password, project
        body = {
            "auth": {
                "identity": {
                    "methods": ["password"],
                    "password": {"user": {"name": username, "domain": {"id": "default"}, "password": password}},
                },
                "scope": scope or {"project": {"name": project, "domain": {"id": "default"}}},
            }
        }
        self.http = httpx.Client(timeout=60, trust_env=False, verify=False)  # plain HTTP: to load authorities takes longer than most tests
        answer = self.http.post(f"{cloud.url}/identity/v3/auth/tokens", json=body)
        assert answer.status_code == 201, answer.text
        self.token: str = answer.headers["x-subject-token"]
        token = answer.json()["token"]
        self.user_id: str = token["user"]["id"]
        self.project_id: str | None = token.get("project", {}).get("id")
        self.endpoints = {
            service["type"]: endpoint["url"].rstrip("/")
            for service in token.get("catalog", ())
            for endpoint in service["endpoints"]
            if endpoint["interface"] == "public"
        }

    def request(self, method: str, service: str, path: str, **options: Any) -> httpx.Response:
        headers = {"x-auth-token": self.token, **options.pop("headers", {})}
        headers = {name: value for name, value in headers.items() if value is not None}
        return self.http.request(method, self.url(service) + path, headers=headers, **options)

    def url(self, service: str) -> str:
        """The endpoint of a service, with its version: http://127.0.0.1:1234/network/v2.0."""
        url = self.endpoints[TYPES.get(service, service)]
        suffix = {"identity": "/v3", "network": "/v2.0", "image": "/v2"}.get(service, "")
        return url if url.endswith(suffix) else url + suffix

    def get(self, service: str, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", service, path, **options)

    def post(self, service: str, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.request("POST", service, path, json=json, **options)

    def put(self, service: str, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.request("PUT", service, path, json=json, **options)

    def patch(self, service: str, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return self.request("PATCH", service, path, json=json, **options)

    def delete(self, service: str, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", service, path, **options)


class TestCloud:
    """A running cloud. Where it began with `begin` it has the users of USERS beside admin, each with a client here."""

    __test__ = False

    def __init__(self, state_dir: Path, database_url: str | None = None, hosts: int = 3, **flags: Any) -> None:
        settings: dict[str, Any] = {"state_dir": str(state_dir), "api.port": 0, "agent.port": 0, "emulator.hosts": hosts}
        settings["identity.v2_api"] = True
        settings.update(flags)
        if database_url:
            settings["database.url"] = database_url
        self.config = load(environ={}, flags=settings)
        self.state_dir = state_dir
        self._clients: dict[str, Client] = {}
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="cloud", daemon=True)

    def start(self) -> "TestCloud":
        self._thread.start()
        assert self._ready.wait(60), "the cloud did not start in a minute"
        if self._failure is not None:
            raise self._failure
        return self

    def _serve(self) -> None:
        with asyncio.Runner() as runner:
            try:
                self.loop = runner.get_loop()
                self.app = runner.run(self._open())
            except BaseException as error:  # noqa: BLE001 - start() raises it in the test
                self._failure = error
                self._ready.set()
                return
            self._ready.set()
            self.loop.run_forever()
            runner.run(self.app.close())

    async def _open(self) -> App:
        app = App(self.config, durable=False)  # no test cuts the power
        await app.open()
        return app

    def run(self, coroutine: Any, timeout: float = 60) -> Any:
        """Run a coroutine on the cloud's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def stop(self) -> None:
        for client in self._clients.values():
            client.http.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(60)

    @property
    def url(self) -> str:
        return self.app.url

    # --- users -------------------------------------------------------------------------------------------------------

    @property
    def admin_password(self) -> str:
        return (self.state_dir / "admin-password").read_text().strip()

    def client(self, username: str, password: str, project: str) -> Client:
        if username not in self._clients:
            self._clients[username] = Client(self, username, password, project)
        return self._clients[username]

    @property
    def admin(self) -> Client:
        return self.client("admin", self.admin_password, "admin")

    @property
    def demo(self) -> Client:
        return self.client("demo", "demo-password", "demo")

    @property
    def reader(self) -> Client:
        return self.client("reader", "reader-password", "demo")

    @property
    def other(self) -> Client:
        return self.client("other", "other-password", "other")

    def _create_user(self, user: str, project: str, role: str) -> None:
        admin = self.admin
        found = admin.get("identity", "/projects", params={"name": project}).json()["projects"]
        project_id = (
            found[0]["id"] if found else admin.post("identity", "/projects", {"project": {"name": project}}).json()["project"]["id"]
        )
        made = admin.post("identity", "/users", {"user": {"name": user, "password": f"{user}-password"}})
        assert made.status_code == 201, made.text
        role_id = admin.get("identity", "/roles", params={"name": role}).json()["roles"][0]["id"]
        granted = admin.put("identity", f"/projects/{project_id}/users/{made.json()['user']['id']}/roles/{role_id}")
        assert granted.status_code == 204, granted.text

    def sdk(self, user: str = "demo") -> openstack.connection.Connection:
        """An openstacksdk connection as admin, demo, reader or other."""
        client: Client = getattr(self, user)
        return openstack.connect(
            auth_url=f"{self.url}/identity/v3",
            username=client.username,
            password=client.password,
            project_name=client.project,
            user_domain_id="default",
            project_domain_id="default",
            region_name=self.config.region,
            load_yaml_config=False,
            load_envvars=False,
        )


class _Beginning(TestCloud):
    """Hosts neither dial in nor are they simulated."""

    async def _open(self) -> App:
        app = App(self.config, durable=False)
        await app.open(listen=False)
        await app.server.open(app.http)
        return app


def begin(state_dir: Path, database_url: str) -> None:
    """Start a cloud for the first time, make its users and stop it."""
    running = _Beginning(state_dir, database_url, hosts=0).start()
    for user, project, role in USERS:
        running._create_user(user, project, role)
    running.stop()
