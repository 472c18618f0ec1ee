"""What every cloud has from its first start: the default domain, the usual roles, an administrator, the catalog."""

import os
import secrets
from itertools import pairwise
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from monostack.core import clock, ids, key_repository
from monostack.db import Transaction
from monostack.services.identity import passwords
from monostack.services.identity.assignments.table import SYSTEM, assignments
from monostack.services.identity.domains import domains
from monostack.services.identity.endpoints.table import endpoints
from monostack.services.identity.endpoints.urls import PUBLIC_URL
from monostack.services.identity.generation import identity_state
from monostack.services.identity.projects.table import projects
from monostack.services.identity.regions import REGIONS
from monostack.services.identity.roles.table import implied_roles, roles
from monostack.services.identity.services import services
from monostack.services.identity.users.table import users

DEFAULT_DOMAIN = "default"
ROLES = ("admin", "manager", "member", "reader")  # each implies the next

_STATE = sa.select(identity_state)
_REGION = sa.select(REGIONS.table.c.id).where(REGIONS.table.c.id == sa.bindparam("region"))
_SEEDED = sa.update(identity_state).values(seeded=sa.bindparam("now_seeded"))


def bootstrap(tx: Transaction, cloud: Any) -> None:
    """Write what is missing. What an administrator removed later is not written again."""
    for repository in ("fernet-keys", "credential-keys"):
        key_repository.create(cloud.state_dir / repository)
    state = tx.row(_STATE)
    if state is None:
        tx.execute(sa.insert(identity_state), {"id": 1, "generation": 1, "seeded": []})
        _seed_accounts(tx, cloud.state_dir)
    _seed_catalog(tx, cloud, state.seeded if state is not None else [])


def _seed_accounts(tx: Transaction, state_dir: Path) -> None:
    plain = {"extra": None, "options": {}}
    tx.execute(sa.insert(domains), {
        "id": DEFAULT_DOMAIN, "name": "Default", "description": "The default domain", "enabled": True, "tags": [],
        "token_generation": 0, **plain,
    })  # fmt: skip
    role_ids = {name: ids.new_hex() for name in (*ROLES, "service")}
    tx.execute(sa.insert(roles), [
        {"id": id, "name": name, "domain_id": None, "description": None, "extra": None, "options": {"immutable": True}}
        for name, id in role_ids.items()
    ])  # fmt: skip
    tx.execute(sa.insert(implied_roles), [
        {"prior_role_id": role_ids[prior], "implied_role_id": role_ids[implied]} for prior, implied in pairwise(ROLES)
    ])  # fmt: skip
    project_ids = {name: ids.new_hex() for name in ("admin", "service")}
    tx.execute(sa.insert(projects), [
        {
            "id": id, "name": name, "domain_id": DEFAULT_DOMAIN, "parent_id": DEFAULT_DOMAIN, "enabled": True, "is_domain": False,
            "tags": [], "token_generation": 0, "description": description, **plain,
        }
        for (name, id), description in zip(
            project_ids.items(), ("Bootstrap project for initializing the cloud.", "Services of the cloud."), strict=True
        )
    ])  # fmt: skip
    user_id = ids.new_hex()
    # The first administrator's password neither expires nor has to be changed, and he is not disabled for not having been here: nobody
    # could let him in again.
    tx.execute(sa.insert(users), {
        "id": user_id, "name": "admin", "domain_id": DEFAULT_DOMAIN, "enabled": True, "default_project_id": None,
        "token_generation": 0, "password_expires_at": None, "password_hash": passwords.hash_now(admin_password(state_dir)),
        "created_at": clock.now(), **plain, "options": {"ignore_user_inactivity": True},
    })  # fmt: skip
    for target_type, target_id in (("project", project_ids["admin"]), ("system", SYSTEM)):
        tx.execute(sa.insert(assignments), {
            "actor_type": "user", "actor_id": user_id, "target_type": target_type, "target_id": target_id,
            "role_id": role_ids["admin"], "inherited": False,
        })  # fmt: skip


def admin_password(state_dir: Path) -> str:
    """The administrator's first password, made when there is none; in a file that only its owner may read."""
    path = state_dir / "admin-password"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(18) + "\n")
    return path.read_text().strip()


def _seed_catalog(tx: Transaction, cloud: Any, seeded: list[str]) -> None:
    region = cloud.config.region
    if tx.row(_REGION, {"region": region}) is None:
        tx.execute(sa.insert(REGIONS.table), {"id": region, "description": "", "parent_region_id": None, "extra": None})
    added = list(seeded)
    for service in cloud.services:
        for type in (service.type, *service.aliases):
            if type not in added:
                added.append(type)
                _seed_service(tx, region, type, service.name, service.prefix + service.catalog_path)
    if added != seeded:
        tx.execute(_SEEDED, {"now_seeded": added})


def _seed_service(tx: Transaction, region: str, type: str, name: str, path: str) -> None:
    service_id = ids.new_hex()
    tx.execute(sa.insert(services), {"id": service_id, "type": type, "name": name, "enabled": True, "extra": None})
    tx.execute(sa.insert(endpoints), [
        {
            "id": ids.new_hex(), "interface": interface, "region_id": region, "service_id": service_id, "url": PUBLIC_URL + path,
            "enabled": True, "extra": None,
        }
        for interface in ("public", "internal", "admin")
    ])  # fmt: skip
