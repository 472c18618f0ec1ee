"""Plays a scenario, a list of requests with variables, against any cloud and gives normalised answers.

A scenario is YAML: `settings:` (only in configured/), `defaults:` (keys every step has unless it says otherwise) and `steps:`, each with

    as              admin, demo (the default), reader, anonymous
    service, path   path without a leading slash is below the service's versioned endpoint, with one from the service's root
    method, headers, json, body
    save            variables from the answer: {net: network.id, token: "header:X-Subject-Token"}; used later as {net}
    until           {path, in|equals} or {status}, with timeout and interval: repeat the step until then
    ignore, shape   paths left out of the comparison (`a.b`, `*` one level, `**` any, `header:vary`), or compared by keys and types only
    newer           attributes of extensions that the recorded cloud did not load: they may be only here
    expect          the status the real OpenStack gives, checked when it is recorded

{run} is new in every run, {project_id}, {user_id}, {admin.project_id} and the like are the users'.
"""

import json
import re
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import yaml
from normalise import Normaliser

KEYS = {"name", "as", "service", "method", "path", "headers", "json", "body", "save", "ignore", "shape", "newer", "until", "expect"}
TYPES = {"volume": ("block-storage", "volumev3")}
VERSIONS = {"identity": "/v3", "compute": "/v2.1", "network": "/v2.0", "image": "/v2", "volume": "/v3/{project_id}", "placement": ""}
# Options of the cloud under test that make it one like the recorded.
SETTINGS = {"image.import_methods": ["glance-direct", "web-download", "copy-image"]}
# Scenarios for clouds with options of their own, which they name under `settings:`.
CONFIGURED = sorted((Path(__file__).parent / "configured").glob("*.yaml"))
_VERSION = re.compile(r"/v\d+(\.\d+)?(/.*)?$")
_VARIABLE = re.compile(r"\{([A-Za-z_][\w.]*)\}")


def settings_of(path: Path) -> dict[str, Any]:
    """The options, by dotted name, of the cloud that a scenario is for."""
    return {**SETTINGS, **yaml.safe_load(path.read_text()).get("settings", {})}


def load(path: Path) -> list[dict[str, Any]]:
    document = yaml.safe_load(path.read_text())
    steps = document["steps"] if isinstance(document, dict) else document
    defaults = document.get("defaults", {}) if isinstance(document, dict) else {}
    steps = [{**defaults, **step} for step in steps]
    for number, step in enumerate(steps, 1):
        assert not set(step) - KEYS, f"{path.name}, step {number}: unknown keys {set(step) - KEYS}"
        assert step.get("service") in VERSIONS and "path" in step, f"{path.name}, step {number}: service and path are needed"
    return steps


@dataclass
class User:
    """A user of a cloud, logged in."""

    username: str
    password: str
    project: str
    token: str = ""
    project_id: str = ""
    user_id: str = ""
    domain_id: str = "default"
    endpoints: dict[str, tuple[str, str]] = field(default_factory=dict)  # service -> (root, versioned)


class Cloud:
    """A cloud by the URL of its identity service and its three users."""

    def __init__(self, auth_url: str, users: dict[str, User]) -> None:
        self.auth_url = auth_url.rstrip("/")
        self.users = users
        self.http = httpx.Client(timeout=120, trust_env=False, follow_redirects=False)
        self._logged_in: set[str] = set()

    def user(self, name: str) -> User:
        user = self.users[name]
        if name not in self._logged_in:
            self._log_in(user)
            self._logged_in.add(name)
        return user

    def _log_in(self, user: User) -> None:
        identity = {
            "methods": ["password"],
            "password": {"user": {"name": user.username, "domain": {"id": "default"}, "password": user.password}},
        }
        scope = {"project": {"name": user.project, "domain": {"id": "default"}}}
        answer = self.http.post(f"{self.auth_url}/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
        assert answer.status_code == 201, f"{user.username} cannot log in: {answer.text}"
        token = answer.json()["token"]
        user.token, user.project_id, user.user_id = answer.headers["x-subject-token"], token["project"]["id"], token["user"]["id"]
        urls = {s["type"]: e["url"].rstrip("/") for s in token["catalog"] for e in s["endpoints"] if e["interface"] == "public"}
        urls.setdefault("identity", self.auth_url)
        for service, version in VERSIONS.items():
            url = next((urls[t] for t in TYPES.get(service, (service,)) if t in urls), None)
            if url is not None:
                versioned = url if _VERSION.search(url) or not version else url + version.replace("{project_id}", user.project_id)
                user.endpoints[service] = (_VERSION.sub("", url) if version else url, versioned)

    @property
    def roots(self) -> list[str]:
        found = {root for user in self.users.values() for root, _ in user.endpoints.values()}
        return sorted(found | {"/".join(root.split("/")[:3]) for root in found}, key=len, reverse=True)


def fill(value: Any, variables: dict[str, Any]) -> Any:
    """Replace {variables} in every string; a string that is one variable takes its value as it is."""
    if isinstance(value, str):
        whole = _VARIABLE.fullmatch(value)
        if whole and whole[1] in variables:
            return variables[whole[1]]
        return _VARIABLE.sub(lambda m: str(variables.get(m[1], m[0])), value)
    if isinstance(value, dict):
        return {fill(k, variables): fill(v, variables) for k, v in value.items()}
    return [fill(v, variables) for v in value] if isinstance(value, list) else value


def dig(document: Any, path: str) -> Any:
    for part in path.split("."):
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _saved(answer: httpx.Response, path: str) -> Any:
    """What a step saves: `header:Name`, `form:name` of a body that is a form, or a path into the JSON."""
    if path.startswith("header:"):
        return answer.headers[path[7:]]
    return dict(parse_qsl(answer.text))[path[5:]] if path.startswith("form:") else dig(answer.json(), path)


class Player:
    """One cloud playing one scenario."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.run = "r" + secrets.token_hex(4)
        self.variables: dict[str, Any] = {"run": self.run, "now": str(int(time.time()))}
        self.normaliser = Normaliser(self.run)

    def _variables(self, step: dict[str, Any]) -> dict[str, Any]:
        user = self.cloud.user("admin" if step.get("as") == "anonymous" else step.get("as", "demo"))
        for name in re.findall(r"\{(admin|demo|reader)\.", json.dumps(step)):
            self.cloud.user(name)
        known: dict[str, Any] = {}
        for name, one in self.cloud.users.items():
            for attribute in ("project_id", "user_id", "username", "password", "project", "domain_id", "token"):
                if one.token:
                    known[f"{name}.{attribute}"] = getattr(one, attribute)
                    if attribute in ("project_id", "user_id", "token"):
                        owner = "demo" if (attribute, name) == ("project_id", "reader") else name
                        self.normaliser.learn(f"{owner}.{attribute}", getattr(one, attribute))
        for attribute in ("project_id", "user_id", "username", "project", "domain_id"):
            known[attribute] = getattr(user, attribute)
        return {**known, **self.variables}

    def _request(self, step: dict[str, Any]) -> httpx.Request:
        user = self.cloud.user("admin" if step.get("as") == "anonymous" else step.get("as", "demo"))
        sent = fill({k: step[k] for k in ("path", "headers", "json", "body") if k in step}, self._variables(step))
        self.normaliser.roots = self.cloud.roots
        self.normaliser.sent += json.dumps(sent, default=str)
        root, versioned = user.endpoints[step["service"]]
        path = str(sent["path"])
        url = root + path if path.startswith("/") else versioned + ("/" + path if path and path[0] != "?" else path)
        headers = httpx.Headers({"accept": "application/json"})
        if step.get("as") != "anonymous":
            headers["x-auth-token"] = user.token
        content = None
        if "json" in sent:
            content, headers["content-type"] = json.dumps(sent["json"]).encode(), "application/json"
        elif "body" in sent:
            content, headers["content-type"] = str(sent["body"]).encode(), "application/octet-stream"
        for name, value in (sent.get("headers") or {}).items():
            headers.pop(name, None)
            if value is not None:
                headers[name] = str(value)
        return self.cloud.http.build_request(step.get("method", "GET"), url, headers=headers, content=content)

    def play(self, step: dict[str, Any]) -> dict[str, Any]:
        """Send the step's request, until its condition holds; the normalised answer."""
        request = self._request(step)
        until = step.get("until") or {}
        deadline = time.monotonic() + until.get("timeout", 60)
        while True:
            answer = self.cloud.http.send(request)
            if not until or self._reached(answer, until):
                break
            assert time.monotonic() < deadline, f"{step.get('name') or step['path']} did not reach {until} in time: {answer.text[:500]}"
            time.sleep(min(until.get("interval", 0.5), 0.1))
        for name, path in (step.get("save") or {}).items():
            try:
                value = _saved(answer, path)
            except (ValueError, KeyError, IndexError, TypeError):
                value = f"missing-{name}"
            self.variables[name] = value
            self.normaliser.learn(name, value)
        return self.normaliser.answer(answer)

    @staticmethod
    def _reached(answer: httpx.Response, until: dict[str, Any]) -> bool:
        if "status" in until:
            wanted = until["status"]
            return answer.status_code in (wanted if isinstance(wanted, list) else [wanted])
        if answer.status_code >= 400:
            return True
        try:
            return dig(answer.json(), until["path"]) in until.get("in", [until.get("equals")])
        except (ValueError, KeyError, IndexError, TypeError):
            return False
