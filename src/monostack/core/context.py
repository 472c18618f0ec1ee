"""Who is calling: the verified content of a token, as every service and the policy engine see it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Caller:
    """A user with a scope. At most one of project_id, domain_id and system_scope is set; none for an unscoped token."""

    user_id: str
    user_name: str
    user_domain_id: str
    user_domain_name: str = ""
    project_id: str | None = None
    project_name: str | None = None
    project_domain_id: str | None = None
    project_domain_name: str | None = None
    domain_id: str | None = None
    domain_name: str | None = None
    system_scope: str | None = None  # "all"
    roles: frozenset[str] = frozenset()  # names, implied roles included
    is_admin_project: bool = True
    trust_id: str | None = None
    trustor_id: str | None = None
    trustee_id: str | None = None
    application_credential_id: str | None = None
    methods: tuple[str, ...] = ()
    audit_ids: tuple[str, ...] = ()
    issued_at: float = 0.0  # seconds since the epoch
    expires_at: float = 0.0
    _creds: dict[str, Any] = field(default_factory=dict[str, Any], compare=False, repr=False)

    @property
    def is_admin(self) -> bool:
        """Holds the admin role in the scope of the token."""
        return "admin" in self.roles

    def creds(self) -> dict[str, Any]:
        """The credentials as oslo.policy rules read them. Made once; do not change the result."""
        if not self._creds:
            self._creds.update(
                user_id=self.user_id,
                user=self.user_id,
                user_domain_id=self.user_domain_id,
                project_id=self.project_id,
                tenant_id=self.project_id,
                tenant=self.project_id,
                project_domain_id=self.project_domain_id,
                domain_id=self.domain_id,
                system_scope=self.system_scope,
                system=self.system_scope,
                roles=sorted(self.roles),
                is_admin=self.is_admin,
                is_admin_project=self.is_admin_project,
                trust_id=self.trust_id,
                trustor_id=self.trustor_id,
                trustee_id=self.trustee_id,
                **{"trust.trustor_id": self.trustor_id, "trust.trustee_id": self.trustee_id},
            )
        return self._creds


ANONYMOUS = Caller(user_id="", user_name="", user_domain_id="")
