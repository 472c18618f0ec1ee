"""Subnets: blocks of addresses on a network, with what DHCP tells about them."""
