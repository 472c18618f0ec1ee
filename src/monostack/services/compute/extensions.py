"""/extensions: the parts of Nova's API that once were extensions, as far as they are served here."""

from typing import Any

from monostack.core.errors import NotFound
from monostack.db import Transaction
from monostack.http import Request, Routes

_SERVED = """
OS-DCF | DiskConfig | Disk Management Extension.
OS-EXT-AZ | ExtendedAvailabilityZone | Extended Availability Zone support.
OS-EXT-IMG-SIZE | ImageSize | Adds image size to image listings.
OS-EXT-IPS | ExtendedIps | Adds type parameter to the ip list.
OS-EXT-IPS-MAC | ExtendedIpsMac | Adds mac address parameter to the ip list.
OS-EXT-SRV-ATTR | ExtendedServerAttributes | Extended Server Attributes support.
OS-EXT-STS | ExtendedStatus | Extended Status support.
OS-FLV-DISABLED | FlavorDisabled | Support to show the disabled status of a flavor.
OS-FLV-EXT-DATA | FlavorExtraData | Provide additional data for flavors.
OS-SCH-HNT | SchedulerHints | Pass arbitrary key/value pairs to the scheduler.
OS-SRV-USG | ServerUsage | Adds launched_at and terminated_at on Servers.
os-access-ips | AccessIPs | Access IPs support.
os-admin-actions | AdminActions | Enable admin-only server actions.
os-aggregates | Aggregates | Admin-only aggregate administration.
os-attach-interfaces | AttachInterfaces | Attach interface support.
os-availability-zone | AvailabilityZone | Add availability_zone to the Create Server API. Add availability zones describing.
os-block-device-mapping | BlockDeviceMapping | Block device mapping boot support.
os-block-device-mapping-v2-boot | BlockDeviceMappingV2Boot | Allow boot with the new BDM data format.
os-config-drive | ConfigDrive | Config Drive Extension.
os-console-output | ConsoleOutput | Console log output support, with tailing ability.
os-extended-hypervisors | ExtendedHypervisors | Extended hypervisors support.
os-extended-quotas | ExtendedQuotas | Adds ability for admins to delete quota and optionally force the update Quota command.
os-extended-services | ExtendedServices | Extended services support.
os-extended-services-delete | ExtendedServicesDelete | Extended services deletion support.
os-extended-status | ExtendedStatus | Extended Status support.
os-extended-volumes | ExtendedVolumes | Extended Volumes support.
os-flavor-access | FlavorAccess | Flavor access support.
os-flavor-extra-specs | FlavorExtraSpecs | Flavors extra specs support.
os-flavor-manage | FlavorManage | Flavor create/delete API support.
os-flavor-rxtx | FlavorRxtx | Support to show the rxtx status of a flavor.
os-flavor-swap | FlavorSwap | Support to show the swap status of a flavor.
os-hide-server-addresses | HideServerAddresses | Support hiding server addresses in certain states.
os-hypervisor-status | HypervisorStatus | Show hypervisor status.
os-hypervisors | Hypervisors | Admin-only hypervisor administration.
os-instance-actions | InstanceActions | View a log of actions and events taken on an instance.
os-keypairs | Keypairs | Keypair Support.
os-lock-server | LockServer | Enable lock/unlock server actions.
os-multiple-create | MultipleCreate | Allow multiple create in the Create Server v2.1 API.
os-networks | Networks | Admin-only Network Management Extension.
os-quota-class-sets | QuotaClasses | Quota classes management support.
os-quota-sets | Quotas | Quotas management support.
os-security-groups | SecurityGroups | Security group support.
os-server-group-quotas | ServerGroupQuotas | Adds quota support to server groups.
os-server-groups | ServerGroups | Server group support.
os-server-list-multi-status | ServerListMultiStatus | Allow to filter the servers by a set of status values.
os-server-password | ServerPassword | Server password support.
os-server-sort-keys | ServerSortKeys | Add sorting support in get Server v2 API.
os-server-start-stop | ServerStartStop | Start/Stop instance compute API support.
os-services | Services | Services support.
os-simple-tenant-usage | SimpleTenantUsage | Simple tenant usage extension.
os-tenant-networks | OSTenantNetworks | Tenant-based Network Management Extension.
os-used-limits | UsedLimits | Provide data on limited resources that are being used.
os-used-limits-for-admin | UsedLimitsForAdmin | Provide data to admin on limited resources used by other tenants.
os-user-data | UserData | Add user_data to the Create Server API.
os-user-quotas | UserQuotas | Project user quota support.
os-volume-attachment-update | VolumeAttachmentUpdate | Support for updating a volume attachment.
os-volumes | Volumes | Volumes support.
"""
_NAMESPACE = "http://docs.openstack.org/compute/ext/fake_xml"  # Nova's own word


def _read(line: str) -> dict[str, Any]:
    alias, name, description = line.split(" | ")
    return {
        "alias": alias, "description": description, "links": [], "name": name, "namespace": _NAMESPACE, "updated": "2014-12-03T00:00:00Z"
    }  # fmt: skip


EXTENSIONS = {each["alias"]: each for each in map(_read, _SERVED.strip().splitlines())}

routes = Routes("/v2.1/extensions")


@routes.get("", policy="os_compute_api:extensions")
def list_extensions(request: Request, tx: Transaction) -> Any:
    """List extensions."""
    request.authorize("os_compute_api:extensions", {})
    return {"extensions": list(EXTENSIONS.values())}


@routes.get("/{id}", policy="os_compute_api:extensions")
def show_extension(request: Request, tx: Transaction) -> Any:
    """Show an extension."""
    request.authorize("os_compute_api:extensions", {})
    if request.params["id"] not in EXTENSIONS:
        raise NotFound("The resource could not be found.")
    return {"extension": EXTENSIONS[request.params["id"]]}
