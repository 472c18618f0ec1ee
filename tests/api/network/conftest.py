"""The network API as each of the users, and what hosts were told."""

import pytest
from network_api import Net, Told

from clouds import TestCloud


@pytest.fixture(scope="module")
def demo(cloud: TestCloud) -> Net:
    return Net(cloud.demo)


@pytest.fixture(scope="module")
def admin(cloud: TestCloud) -> Net:
    return Net(cloud.admin)


@pytest.fixture(scope="module")
def reader(cloud: TestCloud) -> Net:
    return Net(cloud.reader)


@pytest.fixture(scope="module")
def other(cloud: TestCloud) -> Net:
    return Net(cloud.other)


@pytest.fixture(scope="module")
def told(cloud: TestCloud) -> Told:
    return Told(cloud)
