"""Floating IPs: addresses of an external network that lead to ports behind routers."""
