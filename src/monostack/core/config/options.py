"""Every option Monostack has: the only place where a name, type, default and meaning is written down.

The structs below are the sections of the TOML file. From them follow the environment variables (`MONOSTACK_<SECTION>_<NAME>`), the flags
(`--<section>-<name>`), the checks, and docs/configuration.md. A default that depends on the machine is empty here, is described by the
`default` of its declaration, and is filled in by `monostack.core.config.load`.
"""

from typing import Annotated, Any, Literal

import msgspec


def _option(text: str, /, default: str | None = None, **limits: Any) -> msgspec.Meta:
    """The meaning of an option, its limits, and in words a default that is worked out when the configuration is loaded."""
    return msgspec.Meta(description=text, extra={"default": default} if default else None, **limits)


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration file."""


class Api(Section, frozen=True):
    """Where the OpenStack APIs are served."""

    bind: Annotated[str, _option("Address the API listens on. `0.0.0.0` or `::` for all addresses of the host.")] = "127.0.0.1"
    port: Annotated[int, _option("TCP port of the API. 0 takes a free one.", ge=0, le=65535)] = 8780
    public_url: Annotated[
        str,
        _option(
            "URL clients reach the API at, without a trailing slash. The service catalog and all links are made from it.",
            "made from `api.bind`, `api.port` and whether there is a certificate",
        ),
    ] = ""
    tls_certificate: Annotated[
        str | None, _option("PEM file with the certificate and its chain. With it the API speaks HTTPS only.", "none: plain HTTP")
    ] = None
    tls_key: Annotated[str | None, _option("PEM file with the private key of `api.tls_certificate`.", "none")] = None
    max_body: Annotated[
        int, _option("Largest request body in bytes. Image and object uploads are streams and are not bounded by it.", ge=1024)
    ] = 1_048_576


class Database(Section, frozen=True):
    """Where the state is kept."""

    url: Annotated[
        str,
        _option(
            "SQLAlchemy URL: `sqlite:///<path>` for one controller, `postgresql+psycopg://user:password@host/name` for any number.",
            "`sqlite:///<state_dir>/monostack.db`",
        ),
    ] = ""


class ExternalNetwork(Section, frozen=True):
    """How a physical network that provider networks name is reached from this host."""

    bridge: Annotated[str, _option("Linux bridge that carries the network. Made if it does not exist.", min_length=1, max_length=15)]
    address: Annotated[
        str | None,
        _option("Address of the host on the bridge with its prefix length, such as `172.24.4.1/24`: the gateway of floating IPs.", "none"),
    ] = None
    masquerade: Annotated[
        bool, _option("Let what leaves the bridge for elsewhere take the host's address, so that guests reach the Internet.")
    ] = False
    egress_kbps: Annotated[
        int, _option("Kilobits a second out of guests that minimum bandwidth rules may guarantee. 0: none.", ge=0)
    ] = 0
    ingress_kbps: Annotated[int, _option("The same into guests.", ge=0)] = 0


class Capacity(Section, frozen=True):
    """What this host can guarantee to ports besides the bandwidth of physical networks (`agent.external_networks`). Placement counts it;
    a server gets a host that still has what its ports' QoS policies ask for.
    """

    tunnel_egress_kbps: Annotated[int, _option("Kilobits a second out of guests on tenants' networks. 0: none.", ge=0)] = 0
    tunnel_ingress_kbps: Annotated[int, _option("The same into guests.", ge=0)] = 0
    packet_rate_kpps: Annotated[
        int, _option("Thousands of packets a second of guests, whichever way they go. Not together with the next two. 0: none.", ge=0)
    ] = 0
    packet_rate_egress_kpps: Annotated[int, _option("Thousands out of guests.", ge=0)] = 0
    packet_rate_ingress_kpps: Annotated[int, _option("Thousands into guests.", ge=0)] = 0


class NetworkLog(Section, frozen=True):
    """What is written down of packets that security groups let pass or drop, where somebody asks for it (`openstack network log create`).
    The names are those of Neutron's `[network_log]`.
    """

    rate_limit: Annotated[int, _option("Packets a second of this host that are written down, and no more.", ge=100)] = 100
    burst_limit: Annotated[int, _option("Packets at once.", ge=25)] = 25
    local_output_log_base: Annotated[str, _option("File they are written to.", "`<state_dir>/agent/packets.log`")] = ""
    max_bytes: Annotated[
        int, _option("A file that is as large makes room for a new one, and is kept with the end `.1`.", ge=65536)
    ] = 16_777_216


class Agent(Section, frozen=True):
    """The channel between controller and agents, and the agent of this host."""

    listen: Annotated[str, _option("Address the controller accepts agents on.")] = "127.0.0.1"
    port: Annotated[int, _option("TCP port the controller accepts agents on. 0 takes a free one.", ge=0, le=65535)] = 8781
    controller: Annotated[
        str, _option("Where this host's agent dials: `wss://host:port`.", "`agent.listen` and `agent.port` of this host")
    ] = ""
    host: Annotated[
        str, _option("Name of this host: of its hypervisor, compute service and resource provider.", "the machine's host name")
    ] = ""
    accelerator: Annotated[
        Literal["auto", "kvm", "tcg"],
        _option("How guests are run. `auto` times a small guest and takes KVM only when it is really quicker than emulation."),
    ] = "auto"
    image_dir: Annotated[
        str,
        _option(
            "Directory of the image store if this host sees it: images there are used in place, others come from the controller.",
            "`<state_dir>/images`",
        ),
    ] = ""
    volume_backend: Annotated[
        str, _option("What the volumes of this host are called as a back end: volume types choose it with `volume_backend_name`.")
    ] = "file"
    volume_pools: Annotated[
        dict[str, str],
        _option(
            "More directories of this host that keep volumes, by name: each is a back end and a service of that name. The one in the state"
            " directory is `HOST@file`.",
            'none; `slow = "/srv/slow"` is one',
        ),
    ] = {}
    external_networks: Annotated[
        dict[str, ExternalNetwork],
        _option(
            "Physical networks of this host by name, each with `bridge`, `address` and `masquerade`, and with `egress_kbps` and"
            " `ingress_kbps` where minimum bandwidth is guaranteed.",
            '`public = { bridge = "br-public", address = "172.24.4.1/24", masquerade = true }`',
        ),
    ] = msgspec.field(default_factory=lambda: {"public": ExternalNetwork(bridge="br-public", address="172.24.4.1/24", masquerade=True)})
    capacity: Capacity = Capacity()
    network_log: NetworkLog = NetworkLog()


class Identity(Section, frozen=True):
    """Users and tokens."""

    token_lifetime: Annotated[int, _option("Seconds a token is valid.", ge=60)] = 3600
    remember_passwords: Annotated[
        int,
        _option("Seconds for which a password that was right is not hashed again when its user logs in again. 0: it always is.", ge=0),
    ] = 300
    v2_api: Annotated[
        bool, _option("Also serve `/identity/v2.0` for clients older than the v3 API. The demo and the emulator turn it on.")
    ] = False


AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]


class SecurityCompliance(Section, frozen=True):
    """What passwords must be like and what becomes of accounts that are attacked or not used. Names and meanings are those of Keystone's
    `[security_compliance]`; options of a user (`ignore_password_expiry` and its like) exempt him.
    """

    disable_user_account_days_inactive: Annotated[
        AtLeastOne | None, _option("Days without a login after which a user is disabled. The first administrator is exempt.", "none: never")
    ] = None
    lockout_failure_attempts: Annotated[
        AtLeastOne | None, _option("Wrong passwords in a row after which a user is locked out.", "none: never")
    ] = None
    lockout_duration: Annotated[int, _option("Seconds for which the user is locked out then.", ge=1)] = 1800
    password_expires_days: Annotated[
        AtLeastOne | None,
        _option("Days a new password holds. Those there are already, and the first administrator's, do not expire.", "none: for ever"),

    ] = None
    unique_last_password_count: Annotated[
        int, _option("A user's own new password differs from so many last ones, the one of now among them. 0: from none.", ge=0)
    ] = 0
    minimum_password_age: Annotated[
        int, _option("Days a password that a user chose must be used before he can choose the next. Administrators can at once.", ge=0)
    ] = 0
    password_regex: Annotated[str | None, _option("Regular expression that new passwords match from their start.", "none: any")] = None
    password_regex_description: Annotated[
        str | None, _option("The same in words, told to who chooses one that does not match.", "none")
    ] = None
    change_password_upon_first_use: Annotated[
        bool, _option("Passwords that administrators set are good for nothing but choosing another.")
    ] = False


Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


def _web_schemes() -> list[Literal["http", "https"]]:
    return ["http", "https"]


def _web_ports() -> list[Port]:
    return [80, 443]


class ImportFilter(Section, frozen=True):
    """Which URLs users may have images downloaded from, as Glance's `[import_filtering_opts]`. Where there is a list of what is allowed,
    that of what is not is ignored; an empty list allows everything. Redirects pass the filter too. The controller's own loopback addresses
    and link-local ones, such as those of metadata services, are never connected to unless their host is in `allowed_hosts`.
    """

    allowed_schemes: Annotated[list[Literal["http", "https"]], _option("Schemes.")] = msgspec.field(default_factory=_web_schemes)
    allowed_hosts: Annotated[list[str], _option("Names and addresses of hosts.")] = []
    disallowed_hosts: Annotated[list[str], _option("Names and addresses of hosts.")] = []
    allowed_ports: Annotated[list[Port], _option("Ports a URL may name.")] = msgspec.field(default_factory=_web_ports)
    disallowed_ports: Annotated[list[Port], _option("Ports a URL may not name.")] = []


def _import_methods() -> list[Literal["glance-direct", "web-download", "copy-image"]]:
    return ["glance-direct", "web-download"]


class Image(Section, frozen=True):
    """The image store."""

    directory: Annotated[str, _option("Directory the bits of images are kept in.", "`<state_dir>/images`")] = ""
    max_size: Annotated[int, _option("Largest image in bytes, as uploaded.", ge=1)] = 1 << 40
    require_format_match: Annotated[
        bool,
        _option(
            "Refuse an upload whose content is not of the image's disk format. Otherwise it is kept, but hosts do not use it. As Glance's"
            " `[image_format] require_image_format_match`, also in its default. The demo and the emulator turn it off, since test suites"
            " upload made-up bytes under the name of any format; content that is unsafe for hosts is refused in any case."
        ),
    ] = True
    import_methods: Annotated[
        list[Literal["glance-direct", "web-download", "copy-image"]],
        _option("How images may be imported: from staged bits, from a URL that passes the filter. There are no stores to copy them to."),
    ] = msgspec.field(default_factory=_import_methods)
    web_locations: Annotated[
        bool,
        _option(
            "Let users give an image a location, the URL of its bits, as Glance does where it has a store for HTTP. The URL has to pass the"
            " filter; the bits are checked against the hash that comes with it, and a copy is kept for hosts."
        ),
    ] = False
    show_multiple_locations: Annotated[
        bool,
        _option(
            "Show the locations of images to all who see them, and let their owners change them with PATCH, as Glance does with the setting"
            " of this name. New ones are URLs as with `web_locations`, which has to be on. An image then shows whatever hash its users say"
            " that the bits have; hosts check the copy against what was fetched."
        ),
    ] = False
    import_filter: ImportFilter = ImportFilter()


class Log(Section, frozen=True):
    """What the programs say while they run."""

    format: Annotated[Literal["human", "json"], _option("`human`: one readable line an event. `json`: one JSON object an event.")] = "human"
    level: Annotated[Literal["debug", "info", "warning", "error"], _option("The least important event that is logged.")] = "info"


Limit = Annotated[int, msgspec.Meta(ge=-1)]


class ComputeQuota(Section, frozen=True):
    """What a project may use of compute unless its own quota says otherwise. -1 is unlimited."""

    driver: Annotated[
        Literal["database", "unified"],
        _option(
            "`database`: quotas are set by the compute API. `unified`: they are limits of the identity service, as Nova's"
            " UnifiedLimitsDriver has them; the first start with it registers the limits below. Of servers there is then none without a"
            " registered limit, of other resources as many as one likes."
        ),
    ] = "database"
    instances: Annotated[Limit, _option("Servers.")] = 10
    cores: Annotated[Limit, _option("VCPUs of all servers.")] = 20
    ram: Annotated[Limit, _option("Memory of all servers in MiB.")] = 51200
    metadata_items: Annotated[Limit, _option("Metadata items of one server.")] = 128
    injected_files: Annotated[Limit, _option("Files injected into one server.")] = 5
    injected_file_content_bytes: Annotated[Limit, _option("Size of one injected file in bytes.")] = 10240
    injected_file_path_bytes: Annotated[Limit, _option("Length of the path of one injected file in bytes.")] = 255
    key_pairs: Annotated[Limit, _option("Keypairs of one user.")] = 100
    server_groups: Annotated[Limit, _option("Server groups.")] = 10
    server_group_members: Annotated[Limit, _option("Servers in one server group.")] = 10


class NetworkQuota(Section, frozen=True):
    """What a project may use of networking unless its own quota says otherwise. -1 is unlimited."""

    network: Annotated[Limit, _option("Networks.")] = 100
    subnet: Annotated[Limit, _option("Subnets.")] = 100
    subnetpool: Annotated[Limit, _option("Subnet pools.")] = -1
    port: Annotated[Limit, _option("Ports.")] = 500
    router: Annotated[Limit, _option("Routers.")] = 10
    floatingip: Annotated[Limit, _option("Floating IPs.")] = 50
    security_group: Annotated[Limit, _option("Security groups.")] = 10
    security_group_rule: Annotated[Limit, _option("Security group rules.")] = 100
    rbac_policy: Annotated[Limit, _option("RBAC policies.")] = 10
    trunk: Annotated[Limit, _option("Trunks.")] = -1


class VolumeQuota(Section, frozen=True):
    """What a project may use of block storage unless its own quota says otherwise. -1 is unlimited."""

    volumes: Annotated[Limit, _option("Volumes.")] = 10
    snapshots: Annotated[Limit, _option("Snapshots.")] = 10
    gigabytes: Annotated[Limit, _option("Size of all volumes and snapshots in GiB.")] = 1000
    per_volume_gigabytes: Annotated[Limit, _option("Size of one volume in GiB.")] = -1
    backups: Annotated[Limit, _option("Backups.")] = 10
    backup_gigabytes: Annotated[Limit, _option("Size of all backups in GiB.")] = 1000
    groups: Annotated[Limit, _option("Volume groups.")] = 10


class ImageQuota(Section, frozen=True):
    """What a project may use of images. -1 is unlimited."""

    driver: Annotated[
        Literal["none", "unified"],
        _option(
            "`none`: as much as there is room for. `unified`: as the limits of the identity service say, as Glance's `use_keystone_limits`"
            " has it; the first start with it registers the limits below. Of what has no registered limit there is then nothing."
        ),
    ] = "none"
    size_total: Annotated[Limit, _option("Size of all images in MiB, looked at before bits arrive.")] = 1000
    stage_total: Annotated[Limit, _option("Size of what is staged for imports in MiB, looked at before bits arrive.")] = 1000
    count_total: Annotated[Limit, _option("Images.")] = 100
    count_uploading: Annotated[Limit, _option("Images whose bits arrive or are imported.")] = 100


class Quota(Section, frozen=True):
    """Default quotas by service."""

    compute: ComputeQuota = ComputeQuota()
    network: NetworkQuota = NetworkQuota()
    volume: VolumeQuota = VolumeQuota()
    image: ImageQuota = ImageQuota()


Filter = Literal[
    "AggregateImagePropertiesIsolation", "AggregateInstanceExtraSpecsFilter", "AggregateIoOpsFilter", "AggregateMultiTenancyIsolation",
    "AggregateNumInstancesFilter", "AggregateTypeAffinityFilter", "AllHostsFilter", "ComputeCapabilitiesFilter", "ComputeFilter",
    "DifferentHostFilter", "ImagePropertiesFilter", "IoOpsFilter", "IsolatedHostsFilter", "JsonFilter", "NumInstancesFilter",
    "SameHostFilter", "ServerGroupAffinityFilter", "ServerGroupAntiAffinityFilter", "SimpleCIDRAffinityFilter",
]  # fmt: skip


def _enabled() -> list[Filter]:
    return [
        "ComputeFilter", "ComputeCapabilitiesFilter", "ImagePropertiesFilter", "ServerGroupAntiAffinityFilter", "ServerGroupAffinityFilter",
        "SameHostFilter", "DifferentHostFilter", "AggregateInstanceExtraSpecsFilter",
    ]  # fmt: skip


class Scheduler(Section, frozen=True):
    """How much of a host is given away, and which host a server gets. Ratios and reservations apply to hosts that enrol later; those there
    are changed in placement. Filters, and weights by the room hosts have, are those of Nova; weights of aggregates' metadata come first.
    """

    cpu_allocation_ratio: Annotated[float, _option("VCPUs promised for each CPU of a host.", gt=0)] = 4.0
    ram_allocation_ratio: Annotated[float, _option("Memory promised for each byte of a host's memory.", gt=0)] = 1.0
    disk_allocation_ratio: Annotated[float, _option("Disk promised for each byte of a host's disk.", gt=0)] = 1.0
    reserved_host_cpus: Annotated[int, _option("CPUs of each host that guests do not get.", ge=0)] = 0
    reserved_host_memory_mb: Annotated[int, _option("Memory in MiB of each host that guests do not get.", ge=0)] = 512
    reserved_host_disk_mb: Annotated[int, _option("Disk in MiB of each host that guests do not get.", ge=0)] = 0
    enabled_filters: Annotated[list[Filter], _option("Which hosts are fit, asked in this order.")] = msgspec.field(default_factory=_enabled)
    image_properties_default_architecture: Annotated[
        str | None, _option("Architecture of images that name none, for ImagePropertiesFilter.", "any")
    ] = None
    isolated_images: Annotated[list[str], _option("Ids of images that run on `isolated_hosts` only, for IsolatedHostsFilter.")] = []
    isolated_hosts: Annotated[list[str], _option("Hosts for `isolated_images`.")] = []
    restrict_isolated_hosts_to_isolated_images: Annotated[bool, _option("Keep other images from `isolated_hosts`.")] = True
    aggregate_image_properties_isolation_namespace: Annotated[
        str | None, _option("Only metadata that begins so counts for AggregateImagePropertiesIsolation.", "all metadata")
    ] = None
    aggregate_image_properties_isolation_separator: Annotated[str, _option("What follows the namespace.")] = "."
    max_io_ops_per_host: Annotated[int, _option("Builds, copies and moves under way on a host, for IoOpsFilter.", ge=0)] = 8
    max_instances_per_host: Annotated[int, _option("Servers on a host, for NumInstancesFilter.", ge=1)] = 50
    host_subset_size: Annotated[int, _option("Take one of so many best hosts, at random.", ge=1)] = 1
    ram_weight_multiplier: Annotated[float, _option("Prefer free memory. Negative numbers fill hosts one after another.")] = 1.0
    cpu_weight_multiplier: Annotated[float, _option("Prefer free VCPUs.")] = 1.0
    disk_weight_multiplier: Annotated[float, _option("Prefer free disk.")] = 1.0
    hypervisor_version_weight_multiplier: Annotated[float, _option("Prefer newer hypervisors.")] = 1.0
    io_ops_weight_multiplier: Annotated[
        float, _option("Prefer hosts with many (negative: few) operations under way. Other than 0 it counts servers at every boot.")
    ] = 0.0
    num_instances_weight_multiplier: Annotated[
        float, _option("Prefer hosts with many (negative: few) servers. Other than 0 it counts servers at every boot.")
    ] = 0.0
    soft_affinity_weight_multiplier: Annotated[float, _option("How much groups with soft affinity are heeded.")] = 10.0
    soft_anti_affinity_weight_multiplier: Annotated[float, _option("How much groups with soft anti-affinity are heeded.")] = 10.0


class Compute(Section, frozen=True):
    """Servers."""

    reclaim_instance_interval: Annotated[
        int, _option("Seconds for which a deleted server is kept to be restored. 0: it is gone at once.", ge=0)
    ] = 0
    resize_confirm_window: Annotated[
        int, _option("Seconds after which a resize is confirmed by itself. 0: it waits for its owner.", ge=0)
    ] = 0
    shelved_offload_time: Annotated[
        int, _option("Seconds for which a shelved server stays on its host. 0: it leaves at once, -1: never by itself.", ge=-1)
    ] = 0


class Operations(Section, frozen=True):
    """Durable operations: boots, attachments, deletions."""

    lease: Annotated[
        float,
        _option(
            "Seconds a controller owns an operation without renewing its claim: after so long another one (or its successor) resumes it.",
            gt=0,
        ),
    ] = 10.0


class Console(Section, frozen=True):
    """Consoles of guests for users."""

    token_lifetime: Annotated[int, _option("Seconds a console's URL can be used.", ge=1)] = 600
    novnc_url: Annotated[
        str | None,
        _option(
            "Where browsers get noVNC from: the URL of its directory, with `core/rfb.js` in it.", "none: consoles are for VNC clients only"
        ),
    ] = None


class Emulator(Section, frozen=True):
    """Simulated hosts: the whole API without a hypervisor. `monostack dev` sets these."""

    hosts: Annotated[int, _option("Simulated hosts the controller runs itself. 0: none, real agents serve the hosts.", ge=0)] = 0
    volume_backends: Annotated[
        list[str], _option("Names of volume back ends, which simulated hosts have by turns; volume types choose by `volume_backend_name`.")
    ] = msgspec.field(default_factory=lambda: ["file"])
    volume_pools: Annotated[
        list[str], _option("Names of the back ends, each a service of its own, that every simulated host has beside `file`.")
    ] = []
    nic_kbps: Annotated[
        int, _option("Kilobits a second each way that each network of a simulated host can guarantee, where none are declared.", ge=0)
    ] = 0
    snapshot_seconds: Annotated[
        float, _option("Seconds that saving the disk of a server takes at least, so that clients can see the server being saved.", ge=0)
    ] = 0.0


class Config(Section, frozen=True):
    """The configuration of one Monostack program. All sections may be left out."""

    state_dir: Annotated[
        str,
        _option(
            "Directory for everything Monostack keeps: database, keys, images, disks, logs.",
            "`/var/lib/monostack` as root, else `~/.local/share/monostack`",
        ),
    ] = ""
    region: Annotated[str, _option("Region of all endpoints in the catalog.", min_length=1, max_length=255)] = "RegionOne"
    policy_file: Annotated[
        str | None,
        _option(
            "YAML file of policy rules that replace defaults, as oslo.policy reads it.", "`/etc/monostack/policy.yaml` if it exists"
        ),
    ] = None
    api: Api = Api()
    database: Database = Database()
    agent: Agent = Agent()
    identity: Identity = Identity()
    security_compliance: SecurityCompliance = SecurityCompliance()
    image: Image = Image()
    log: Log = Log()
    quota: Quota = Quota()
    scheduler: Scheduler = Scheduler()
    compute: Compute = Compute()
    operations: Operations = Operations()
    console: Console = Console()
    emulator: Emulator = Emulator()
