"""What does not grow: one boot beside few and many servers, and among few and many hosts."""

from argparse import Namespace

from cloud import emulator
from measure import line, sample, say

FEW = 100


def measure_existing(args: Namespace) -> None:
    """One boot at 100 servers, the floor, and at many."""
    with emulator(args.hosts, say) as cloud:
        cloud.fill(FEW, within=60)
        few = sample(cloud.pid, cloud.boot, 30)
        line(f"POST /servers until ACTIVE, {FEW} servers", few)
        there = FEW + 33 + cloud.fill(args.existing - FEW - 33, within=args.within)
        line(f"the same, {there} servers", sample(cloud.pid, cloud.boot, 30), few)


def measure_hosts(args: Namespace) -> None:
    """One boot among 100 hosts, the floor, and among 1,000 and 10,000."""
    few = None
    for hosts in (FEW, 1000, 10_000):
        with emulator(hosts, say) as cloud:
            ours = sample(cloud.pid, cloud.boot, 30)
            line(f"POST /servers until ACTIVE among {hosts} hosts", ours, few)
            few = few or ours
