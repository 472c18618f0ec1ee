"""make bench: what the cloud costs, each figure beside its floor in the same run and beside the real OpenStack's CPU on like hardware.

    python tests/bench [api] [images] [existing] [hosts] [host]     make bench ARGS="api --boots 50"

Starts the emulator, a real host and the floor as processes of their own, on free ports of the loopback and in namespaces, and ends them.
Figures are medians of wall time and means of the server's CPU time. The OpenStack column is what keystone 30, nova 34, neutron 29, cinder
29 and glance 33 used per call on a machine of two cores when they were measured in November 2026; it is a constant here, not measured in
the run. Everything together takes some five minutes on two quiet cores.
"""

import argparse
import time

from measure import say
from scale import measure_existing, measure_hosts

from api import measure_api, measure_images
from host import measure_host

PARTS = {
    "api": measure_api,
    "images": measure_images,
    "host": measure_host,
    "hosts": measure_hosts,
    "existing": measure_existing,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"what to measure: {', '.join(PARTS)} (default: everything)")
    parser.add_argument("--servers", type=int, default=1000, help="in the longest list (default: 1000)")
    parser.add_argument("--boots", type=int, default=200, help="at once from 16 clients (default: 200)")
    parser.add_argument("--hosts", type=int, default=100, help="simulated hosts, where their number is not what is measured (default: 100)")
    parser.add_argument("--existing", type=int, default=10_000, help="servers beside which one more is booted (default: 10000)")
    parser.add_argument("--within", type=float, default=180, help="seconds to make them in at most (default: 180)")
    args = parser.parse_args()
    unknown = [part for part in args.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    for part in args.parts or PARTS:
        began = time.perf_counter()
        say(f"--- {part}: {(PARTS[part].__doc__ or '').strip()}")
        PARTS[part](args)
        say(f"--- {part} took {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
