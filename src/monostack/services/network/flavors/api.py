"""Creating, changing and deleting flavors and service profiles; which flavor has which. Checks and texts are Neutron's."""

from collections.abc import Mapping
from typing import Any

from monostack.core.errors import Fault, NotFound, Unavailable
from monostack.db import Row, Transaction
from monostack.http import Request, Routes
from monostack.http.answers import ID, TEXT, Record, envelope, many
from monostack.services.network import documents
from monostack.services.network.attributes import Values
from monostack.services.network.flavors import table
from monostack.services.network.flavors.table import FLAVORS, PROFILES
from monostack.services.network.root import PROVIDERS
from monostack.services.network.routers.table import has_flavor
from monostack.services.network.verbs import Verbs
from monostack.services.network.words import bad, conflict, forbidden, no_resource, refused


def create_flavor(tx: Transaction, request: Request, values: Values) -> Row:
    return FLAVORS.insert(tx, request, values)


def update_flavor(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    return FLAVORS.change(tx, request, row, changes)


def delete_flavor(tx: Transaction, request: Request, row: Row) -> None:
    if has_flavor(tx, row.id):
        raise conflict(f"Flavor {row.id} is used by some service instance.", "FlavorInUse")
    FLAVORS.remove(tx, request, row)


def provider_of(driver: str) -> Mapping[str, Any]:
    """Who makes what a driver does. Raises ServiceProfileDriverNotFound."""
    for provider in PROVIDERS:
        if provider["driver"] == driver:
            return provider
    raise NotFound(f"Service Profile driver {driver} could not be found.", kind="ServiceProfileDriverNotFound")


def create_profile(tx: Transaction, request: Request, values: Values) -> Row:
    if values["driver"]:
        provider_of(values["driver"])
    elif not values["metainfo"]:
        raise refused("Service Profile needs either a driver or metainfo.", "ServiceProfileEmpty")
    return PROFILES.insert(tx, request, values)


def update_profile(tx: Transaction, request: Request, row: Row, changes: Values) -> Row:
    if changes.get("driver"):
        provider_of(changes["driver"])
    _check_unused(tx, row)
    return PROFILES.change(tx, request, row, changes)


def delete_profile(tx: Transaction, request: Request, row: Row) -> None:
    _check_unused(tx, row)
    PROFILES.remove(tx, request, row)


def _check_unused(tx: Transaction, profile: Row) -> None:
    if table.is_used(tx, profile.id):
        raise conflict(f"Service Profile {profile.id} is used by some service instance.", "ServiceProfileInUse")


VERBS = Verbs(FLAVORS, create=create_flavor, update=update_flavor, delete=delete_flavor, counted=False)
PROFILE_VERBS = Verbs(PROFILES, create=create_profile, update=update_profile, delete=delete_profile, counted=False)


# --- the profiles of a flavor ----------------------------------------------------------------------------------------------

_bindings = Routes("/v2.0/flavors/{id}")
_BODY = documents.one_of("service_profile", documents.one_of("id", documents.TEXT))


def _not_bound(flavor_id: str, profile_id: str) -> Fault:
    text = f"Service Profile {profile_id} is not associated with flavor {flavor_id}."
    return NotFound(text, kind="FlavorServiceProfileBindingNotFound")


def _flavor(request: Request, tx: Transaction, action: str) -> Row:
    rule = f"{action}_flavor_service_profile"
    if not request.allows(rule, {"project_id": request.caller.project_id}):
        raise forbidden(f"rule:{rule}")
    return FLAVORS.get(request, tx, request.params["id"])


@_bindings.post(
    "/service_profiles",
    policy="create_flavor_service_profile",
    status=201,
    body_document=_BODY,
    answer=envelope("service_profile", envelope("id", ID)),
)
def add_profile(request: Request, tx: Transaction) -> Any:
    """Let the flavor have a profile."""
    given = request.body.get("service_profile") if isinstance(request.body, dict) else None
    if not isinstance(given, dict) or "id" not in given:
        raise bad("Unable to find 'service_profile' in request body")
    flavor = _flavor(request, tx, "create")
    profile = PROFILES.get(request, tx, str(given["id"]))
    if table.has(tx, flavor.id, profile.id):
        text = f"Service Profile {profile.id} is already associated with flavor {flavor.id}."
        raise conflict(text, "FlavorServiceProfileBindingExists")
    table.bind(tx, flavor.id, profile.id)
    return {"service_profile": {"id": flavor.id}}  # the flavor's, as Neutron answers


@_bindings.delete("/service_profiles/{part_id}", policy="delete_flavor_service_profile")
def remove_profile(request: Request, tx: Transaction) -> None:
    """Take a profile from the flavor."""
    flavor, profile_id = _flavor(request, tx, "delete"), request.params["part_id"]
    if not table.has(tx, flavor.id, profile_id):
        raise _not_bound(flavor.id, profile_id)
    table.unbind(tx, flavor.id, profile_id)


_PROVIDER = Record("NextProvider", {"driver": TEXT, "provider": TEXT})


@_bindings.get("/next_providers", policy="get_flavor", answer=envelope("next_providers", many(_PROVIDER)))
def next_providers(request: Request, tx: Transaction) -> Any:
    """Who would make a service of this flavor."""
    if not request.allows("get_flavor"):
        raise no_resource()
    flavor = FLAVORS.get(request, tx, request.params["id"])
    return {"next_providers": [choose(tx, flavor)]}


def choose(tx: Transaction, flavor: Row) -> dict[str, str]:
    """The driver of the flavor's first profile and its provider. Raises as Neutron does where there is none, or it is disabled."""
    profiles = table.profiles_of(tx, flavor.id)
    if not profiles:
        raise _not_bound(flavor.id, "")
    if not profiles[0].enabled:
        raise Unavailable("Service Profile is not enabled.", kind="ServiceProfileDisabled")
    return {"driver": profiles[0].driver, "provider": provider_of(profiles[0].driver)["name"]}


routes = [VERBS.routes(), PROFILE_VERBS.routes(), _bindings]
