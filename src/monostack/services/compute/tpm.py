"""The emulated TPM of a server: what its flavor and image ask for, what that asks of a host, and its key.

The key is kept in the server's row, sealed as those of encrypted volumes are. Source: Nova's guide "Emulated Trusted Platform Module".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monostack.core import ids
from monostack.core.errors import BadRequest
from monostack.db import Row
from monostack.protocol.guests import GuestTpm
from monostack.services.compute.hardware import Asked, Contradiction, Malformed
from monostack.services.volume import facade as volume

if TYPE_CHECKING:
    from monostack.cloud import Cloud

VERSIONS, MODELS = ("1.2", "2.0"), ("tpm-tis", "tpm-crb")
USER, HOST, DEPLOYMENT = "user", "host", "deployment"  # who may read the key, as far as Nova is concerned: see `secret_security`
_KEY_BITS = 384 * 8  # as Nova's


@dataclass(frozen=True, slots=True)
class Tpm:
    """A TPM that is asked for."""

    version: str
    model: str


def wanted(flavor: Mapping[str, Any], properties: Mapping[str, Any], image_name: str | None = None) -> Tpm | None:
    """By a flavor as servers keep it, and the properties of an image. Raises Contradiction in Nova's words."""
    asked = Asked(flavor, properties, image_name)
    version = asked.agreed("tpm_version")
    if version is None:
        return None
    if version not in VERSIONS:
        raise Malformed(f"Invalid TPM version {version!r}. Allowed values: {', '.join(VERSIONS)}.")
    model = asked.agreed("tpm_model") or MODELS[0]
    if model not in MODELS:
        raise Malformed(f"Invalid TPM model {model!r}. Allowed values: {', '.join(MODELS)}.")
    if model == "tpm-crb" and version != "2.0":
        raise Malformed("TPM model CRB is only valid with TPM version 2.0.")
    return Tpm(version, model)


def secret_security(flavor: Mapping[str, Any]) -> str:
    """user, host or deployment. The program keeps and gives out all keys in one way; what an API does not allow differs."""
    return flavor["extra_specs"].get("hw:tpm_secret_security") or USER


def traits(tpm: Tpm, flavor: Mapping[str, Any]) -> set[str]:
    """What a host of the TPM has to have. Raises Contradiction for a secret security that there is not."""
    security = secret_security(flavor)
    if security not in (USER, HOST, DEPLOYMENT):
        raise Contradiction(f"Scheduling failed: TPM secret security '{security}' is not supported.")
    kind = "CRB" if tpm.model == "tpm-crb" else "TIS"
    return {f"COMPUTE_SECURITY_TPM_{name}" for name in (kind, tpm.version.replace(".", "_"), f"SECRET_SECURITY_{security.upper()}")}


def of_server(server: Row, flavor: Mapping[str, Any] | None = None) -> Tpm | None:
    """The one that a server has, or would have with another flavor. Raises Contradiction."""
    kept = server.image or {}
    return wanted(flavor if flavor is not None else server.flavor, kept.get("properties") or {}, kept.get("id"))


# --- what is refused -----------------------------------------------------------------------------------------------------


def refuse(server: Row, operation: str) -> None:
    """Raises BadRequest: no server that has a TPM can do this."""
    if _has_one(server):
        raise BadRequest(f"Operation '{operation}' not supported for vTPM-enabled instance ({server.id}).")


def _has_one(server: Row) -> bool:
    try:
        return of_server(server) is not None
    except Contradiction as cause:  # a server in ERROR, for just this reason
        raise BadRequest(cause.message) from None


def refuse_live_migration(server: Row) -> None:
    """Raises BadRequest for a server with a TPM, unless whose key may be told to hosts."""
    if secret_security(server.flavor) != HOST:
        refuse(server, "live-migration")


def check_resize(server: Row, flavor: Mapping[str, Any]) -> None:
    """Raises BadRequest when a server with a TPM cannot have the one that another flavor asks for."""
    try:
        if of_server(server) is None or of_server(server, flavor) is None:
            return
    except Contradiction as cause:
        raise BadRequest("Invalid instance image." if isinstance(cause, Malformed) else cause.message) from None
    former, new = secret_security(server.flavor), secret_security(flavor)
    if former != new and DEPLOYMENT in (former, new):
        raise BadRequest("Resize between 'deployment' TPM secret security and other TPM secret security modes is not supported.")


# --- its key -------------------------------------------------------------------------------------------------------------


def new_key(cloud: "Cloud") -> dict[str, str]:
    """The column of a server that has a TPM from now on."""
    return {"id": ids.new_uuid(), "sealed": volume.seal(cloud, f"{ids.random_int(_KEY_BITS):0{_KEY_BITS // 4}x}".encode())}


def kept_key(server: Row, flavor: Mapping[str, Any]) -> dict[str, str] | None:
    """The column of a server that is of this flavor for good: without a TPM it needs no key, and its host has let go of what it held."""
    return server.tpm_key if of_server(server, flavor) is not None else None


def for_guest(cloud: "Cloud", server: Row) -> GuestTpm | None:
    """A server's TPM for its host. Raises RuntimeError when what sealed the key is gone."""
    tpm = of_server(server) if server.tpm_key is not None else None
    if tpm is None:
        return None
    kept: Any = server.tpm_key
    return GuestTpm(tpm.version, tpm.model, kept["id"], volume.unseal(cloud, kept["id"], kept["sealed"]).decode())
