"""Conntrack helpers: what lets a router follow protocols that open further connections, as FTP does.

Source: Neutron's extension l3-conntrack-helper.
"""
