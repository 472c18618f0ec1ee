"""POST /servers: from the body to rows, a claim on a host, ports, and the operation that boots the guest."""
