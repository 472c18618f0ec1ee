"""Glance's default policies (glance 33.0.0). Deprecated defaults are left out, as OpenStack does (enforce_new_defaults)."""

from monostack.authz.policy import ANY_SCOPE, PROJECT, Policy, policies

ADMIN = "rule:context_is_admin"
MEMBER = "rule:context_is_admin or (role:member and project_id:%(project_id)s)"
READER = "rule:context_is_admin or (role:reader and project_id:%(project_id)s)"
MEMBER_WHO_SEES_THE_IMAGE = (
    "rule:context_is_admin or (role:member and (project_id:%(project_id)s or project_id:%(member_id)s or "
    "'community':%(visibility)s or 'public':%(visibility)s or 'shared':%(visibility)s))"
)
READER_OR_IMAGE_MEMBER = "rule:context_is_admin or role:reader and (project_id:%(project_id)s or project_id:%(member_id)s)"
METADEF_READER = "rule:context_is_admin or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))"
METADEF_ADMIN = "rule:metadef_admin"
DEFAULT = "rule:default"
SERVICE = "rule:service_api"

POLICIES: tuple[Policy, ...] = (
    *policies(ANY_SCOPE, {
        # What the rules below refer to
        "default": "",
        "context_is_admin": "role:admin",
        "service_api": "role:service or role:admin",
    }),
    *policies(PROJECT, {
        # Cache
        "cache_image": ADMIN,
        "cache_list": ADMIN,
        "cache_delete": ADMIN,
        "cache_clean": ADMIN,
        "cache_prune": ADMIN,
        # Discovery
        "stores_info_detail": "rule:context_is_admin or rule:service_api",
        # Image
        "add_image": "rule:context_is_admin or (role:member and project_id:%(project_id)s and project_id:%(owner)s)",
        "delete_image": MEMBER,
        "get_image": (
            "rule:context_is_admin or (role:reader and (project_id:%(project_id)s or project_id:%(member_id)s or "
            "'community':%(visibility)s or 'public':%(visibility)s or 'shared':%(visibility)s))"
        ),
        "get_images": READER,
        "modify_image": MEMBER,
        "publicize_image": ADMIN,
        "communitize_image": MEMBER,
        "download_image": MEMBER_WHO_SEES_THE_IMAGE,
        "download_from_store": MEMBER_WHO_SEES_THE_IMAGE,
        "upload_image": MEMBER,
        "delete_image_location": ADMIN,
        "get_image_location": READER,
        "set_image_location": MEMBER,
        "add_image_location": "rule:service_api or (role:member and project_id:%(project_id)s and project_id:%(owner)s)",
        "fetch_image_location": SERVICE,
        "add_member": MEMBER,
        "delete_member": MEMBER,
        "get_member": READER_OR_IMAGE_MEMBER,
        "get_members": READER_OR_IMAGE_MEMBER,
        "modify_member": "rule:context_is_admin or (role:member and project_id:%(member_id)s)",
        "manage_image_cache": ADMIN,
        "deactivate": MEMBER,
        "reactivate": MEMBER,
        "copy_image": ADMIN,
        "list_cached_nodes": ADMIN,
        # Metadef
        "get_metadef_namespace": METADEF_READER,
        "get_metadef_namespaces": READER,
        "modify_metadef_namespace": METADEF_ADMIN,
        "add_metadef_namespace": METADEF_ADMIN,
        "delete_metadef_namespace": METADEF_ADMIN,
        "get_metadef_object": METADEF_READER,
        "get_metadef_objects": METADEF_READER,
        "modify_metadef_object": METADEF_ADMIN,
        "add_metadef_object": METADEF_ADMIN,
        "delete_metadef_object": METADEF_ADMIN,
        "list_metadef_resource_types": METADEF_READER,
        "get_metadef_resource_type": METADEF_READER,
        "add_metadef_resource_type_association": METADEF_ADMIN,
        "remove_metadef_resource_type_association": METADEF_ADMIN,
        "get_metadef_property": METADEF_READER,
        "get_metadef_properties": METADEF_READER,
        "modify_metadef_property": METADEF_ADMIN,
        "add_metadef_property": METADEF_ADMIN,
        "remove_metadef_property": METADEF_ADMIN,
        "get_metadef_tag": METADEF_READER,
        "get_metadef_tags": METADEF_READER,
        "modify_metadef_tag": METADEF_ADMIN,
        "add_metadef_tag": METADEF_ADMIN,
        "add_metadef_tags": METADEF_ADMIN,
        "delete_metadef_tag": METADEF_ADMIN,
        "delete_metadef_tags": METADEF_ADMIN,
    }),
    *policies(ANY_SCOPE, {
        "metadef_default": "",
        "metadef_admin": ADMIN,
    }),
    *policies(PROJECT, {
        # Tasks
        "get_task": DEFAULT,
        "get_tasks": DEFAULT,
        "add_task": DEFAULT,
        "modify_task": DEFAULT,
        "tasks_api_access": ADMIN,
    }),
)
