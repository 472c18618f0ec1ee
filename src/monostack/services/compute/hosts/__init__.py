"""Compute hosts: enrolled when their agent connects, grouped in aggregates and availability zones, listed as services and hypervisors."""
