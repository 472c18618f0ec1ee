"""Quality of service: policies of limits and marks for ports, networks, floating IPs and routers. Source: Neutron's extension qos."""
