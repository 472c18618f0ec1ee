"""Who may do what: every operation is called as everybody, against what OpenStack's default rules say.

The recorded scenarios know a proper request for most operations, at a moment when it would succeed. Just before a step is played it is
sent as everybody whom the rules refuse: each must be refused, hear nothing of what there is, and change nothing, for the scenario must go
on as it was recorded. Reading is also tried by those whom the rules allow. Operations no scenario has are tried with ids that nobody has.
"""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from operations import NOT_FOR_DELEGATES, OWN_ONLY, Operation, operation_of, operations
from personas import Cast, Persona
from player import Cloud, Player, User, load

from asgi import Answer, send
from clouds import TestCloud

SCENARIOS = sorted((Path(__file__).parents[1] / "differential").glob("*.yaml"))
REFUSED = {403, 404}
VALIDATES = "application credential for another call"  # a token may always be validated, whatever the access rules
PROJECT_IN_PATH = re.compile(r"(?<=^/volume)/v3/[0-9a-f]{32}/")
FURTHER = re.compile(r"[?&](user_id|project_id|tenant_id|all_tenants)=")  # asks about what is others'
PARAMETER = re.compile(r"\{\w+(:\w+)?\}")


@pytest.fixture(scope="module")
def cast(cloud: TestCloud) -> Cast:
    return Cast(cloud)


class Trials:
    """What was tried, and what went otherwise than the rules say."""

    def __init__(self, cloud: TestCloud, cast: Cast) -> None:
        self.cloud = cloud
        self.cast = cast
        self.tried: set[tuple[tuple[str, str, str, str], str]] = set()
        self.wrong: list[str] = []

    def may(self, persona: Persona, operation: Operation, owners: list[tuple[str, str]]) -> bool | None:
        """What the rule says of this persona; None where it depends on facts that the request alone does not tell."""
        assert persona.creds is not None
        if operation.rule is None:
            return None
        if persona.is_delegate and operation.route.path.startswith(NOT_FOR_DELEGATES):
            return False
        enforcer = self.cloud.app.cloud.enforcers[operation.service.type]
        domain: str | None = "of nobody here"
        if operation.asks_about_callers_own:
            owners = [(persona.creds["project_id"], persona.creds["user_id"])]
            domain = persona.creds["domain_id"]
        said = {enforcer.allows(operation.rule, persona.creds, _target(*owner, domain)) for owner in owners}
        return said.pop() if len(said) == 1 else None

    def attempt(self, request: httpx.Request, operation: Operation, owners: list[tuple[str, str]], secrets: list[str]) -> None:
        """Send the request as everybody it is not for, and where it only reads as everybody it is for."""
        for persona in self.cast.personas:
            if (operation.key, persona.name) in self.tried:
                continue
            expected = False if persona.creds is None else self.may(persona, operation, owners)
            if expected and FURTHER.search(str(request.url)):
                continue  # a further rule is asked for it
            if expected is None or (expected and (request.method != "GET" or persona.project_id is None)):
                continue
            answer = self.send(request, persona)
            if not expected and persona.creds is not None and operation.may_be_shared and answer.status == 200:
                continue  # until one comes that is not shared
            self.tried.add((operation.key, persona.name))
            fault = self.judge(operation, persona, expected, answer, secrets)
            if fault:
                self.wrong.append(f"{operation} as {persona.name}: {fault}: {answer.status} {answer.text[:200]}")

    def send(self, request: httpx.Request, persona: Persona) -> Answer:
        """What the application answers; there are ten thousand such requests, so none goes through a socket."""
        # The project that a path of the volume service names is the caller's own.
        own = f"/v3/{persona.project_id}/" if persona.project_id else "/v3/"
        target = PROJECT_IN_PATH.sub(own, request.url.raw_path.decode(), count=1)
        headers = [(name, value) for name, value in request.headers.multi_items() if name != "x-auth-token"]
        if persona.token is not None:
            headers.append(("x-auth-token", persona.token))
        return self.cloud.run(send(self.cloud.app.http, request.method, target, headers, request.content))

    @staticmethod
    def judge(operation: Operation, persona: Persona, expected: bool, answer: Answer, secrets: list[str]) -> str:
        status = answer.status
        if persona.creds is None:
            validating = operation.route.path == "/v3/auth/tokens" and persona.name == VALIDATES
            return "" if status == 401 or validating else "its token must not be accepted"
        if not expected and _tells_nothing(operation, persona, answer):
            return ""
        if not expected and status not in REFUSED:
            return f"{operation.rule} refuses it"
        if expected and status in (401, 403):
            return f"{operation.rule} allows it"
        told = [secret for secret in secrets if secret in answer.text] if not expected else []
        return f"it is told {told}" if told else ""


def _tells_nothing(operation: Operation, persona: Persona, answer: Answer) -> bool:
    """Neutron lists what the caller may see, which may be nothing, and has no project to make anything in without one."""
    if operation.service.type != "network":
        return False
    if answer.status == 200:
        items = next(iter(answer.json().values()))
        return operation.is_list and all(item.get("shared") or item.get("router:external") for item in items)
    return answer.status == 400 and persona.project_id is None


def _target(project_id: str, user_id: str, domain_id: str | None) -> dict[str, Any]:
    """What rules may read of the thing an operation is about."""
    thing = {"project_id": project_id, "user_id": user_id}
    if domain_id is not None:
        thing |= {"domain_id": domain_id, "id": domain_id}
    kinds = ("project", "domain", "role", "group", "credential", "trust", "token", "limit")
    targets = {"user": {**thing, "id": user_id}, **dict.fromkeys(kinds, thing)}
    parents = {f"{parent}:project_id": project_id for parent in ("network", "security_group", "ext_parent")}
    return {**thing, **parents, "tenant_id": project_id, "owner": project_id, "target": {**thing, **targets}}


@pytest.fixture(scope="module")
def trials(cloud: TestCloud, cast: Cast) -> Trials:
    return Trials(cloud, cast)


@pytest.fixture(scope="module")
def players(cloud: TestCloud) -> Cloud:
    users = {"admin": User("admin", cloud.admin_password, "admin")}
    for name in ("demo", "reader"):
        client = getattr(cloud, name)
        users[name] = User(name, client.password, client.project)
    return Cloud(f"{cloud.url}/identity/v3", users)


class Watched(Player):
    """Plays a scenario, and has every request tried by everybody first."""

    def __init__(self, players: Cloud, trials: Trials) -> None:
        super().__init__(players)
        self.trials = trials

    def play_after_all(self, step: dict[str, Any], status: int) -> int:
        """The status of a step that should get `status`, once everybody has tried it."""
        actor = step.get("as", "demo")
        if status < 300 and actor != "anonymous" and not step.get("until"):
            request = self._request(step)
            operation = operation_of(self.trials.cloud, request, step.get("json"))
            if operation is not None and not operation.route.public:
                known = json.dumps([str(request.url), step.get("json")]) + request.content.decode(errors="replace")
                secrets = [value for value in self.variables.values() if isinstance(value, str) and len(value) > 8 and value not in known]
                self.trials.attempt(request, operation, self._owners(actor), secrets)
        return self.play(step)["status"]

    def _owners(self, actor: str) -> list[tuple[str, str]]:
        """Whose the thing may be: what an administrator is busy with may be a tenant's."""
        names = ["admin", "demo"] if actor == "admin" else ["demo"]
        users = [self.cloud.user(name) for name in names]
        return [(user.project_id, user.user_id) for user in users]


def test_every_operation_has_an_expectation() -> None:
    assert [str(operation) for operation in operations() if not operation.has_expectation] == []


@pytest.mark.parametrize("path", SCENARIOS, ids=[path.stem for path in SCENARIOS])
def test_whom_the_rules_refuse_is_refused(path: Path, players: Cloud, trials: Trials) -> None:
    recorded = json.loads((path.parent / "recorded" / f"{path.stem}.json").read_text())
    player = Watched(players, trials)
    before = len(trials.wrong)
    for number, (step, there) in enumerate(zip(load(path), recorded, strict=True), 1):
        status = player.play_after_all(step, there["status"])
        if status != there["status"]:
            trials.wrong.append(f"step {number} ({step['path']}): {status}: somebody who is refused has changed something")
            break
    assert not trials.wrong[before:], "\n" + "\n".join(trials.wrong[before:])


def test_what_no_scenario_has_is_refused_too(cloud: TestCloud, cast: Cast, trials: Trials) -> None:
    before = len(trials.wrong)
    admin = cloud.admin
    nobody = [("f" * 32, "e" * 32)]
    tried = {key for key, _ in trials.tried}
    for operation in operations():
        if operation.key in tried or operation.route.path in OWN_ONLY.get(operation.service.type, ()):
            continue
        path = PARAMETER.sub("00000000-0000-0000-0000-000000000000", operation.route.path)
        version = operation.route.since or (operation.service.microversions.minimum if operation.service.microversions else None)
        headers = {"openstack-api-version": f"{operation.service.microversions.name} {version[0]}.{version[1]}"} if version else {}
        body = ({operation.action: None} if operation.action else {}) if operation.route.method in ("POST", "PUT", "PATCH") else None
        url = cloud.url + operation.service.prefix + path
        request = admin.http.build_request(operation.route.method, url, headers=headers, json=body)
        for persona in cast.personas:
            answer = trials.send(request, persona)
            expected = False if persona.creds is None else trials.may(persona, operation, nobody)
            fault = trials.judge(operation, persona, expected, answer, []) if expected is False and answer.status != 400 else ""
            if answer.status >= 500 and answer.status != 501:
                fault = "it breaks"
            if fault:
                trials.wrong.append(f"{operation} as {persona.name}: {fault}: {answer.status} {answer.text[:200]}")
    assert not trials.wrong[before:], "\n" + "\n".join(trials.wrong[before:])
