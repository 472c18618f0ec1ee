"""monostack openrc: what clients need to log in, as shell lines or as a clouds.yaml."""

import argparse
import shlex
import sys
from typing import Any

import yaml

from monostack.cli.settings import add_flags, admin_password, cloud_url, config_of


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--project", default=None, help="project to be in (default: admin, or the user's name)")
    parser.add_argument("--user", default="admin", help="user to be (default: admin)")
    parser.add_argument("--clouds-yaml", action="store_true", help="print a clouds.yaml with the cloud `monostack`")
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    config = config_of(args)
    auth: dict[str, Any] = {
        "auth_url": f"{cloud_url(config)}/identity/v3",
        "username": args.user,
        "project_name": args.project or args.user,
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    if args.user == "admin":
        try:
            auth["password"] = admin_password(config)
        except FileNotFoundError:
            print(f"monostack openrc: there is no cloud in {config.state_dir} yet: run `monostack up`", file=sys.stderr)
            return 1
    certificate = config.api.tls_certificate
    if args.clouds_yaml:
        cloud = {"auth": auth, "region_name": config.region, "identity_api_version": 3, **({"cacert": certificate} if certificate else {})}
        print(yaml.safe_dump({"clouds": {"monostack": cloud}}, sort_keys=False), end="")
        return 0
    lines = {f"OS_{name.upper()}": value for name, value in auth.items()}
    lines |= {"OS_REGION_NAME": config.region, "OS_IDENTITY_API_VERSION": "3", "OS_AUTH_TYPE": "password"}
    if certificate:
        lines["OS_CACERT"] = certificate
    for name, value in lines.items():
        print(f"export {name}={shlex.quote(value)}")
    if "password" not in auth:
        print(f'printf "Password of {shlex.quote(args.user)}: " >&2; read -rs OS_PASSWORD; echo >&2; export OS_PASSWORD')
    return 0
