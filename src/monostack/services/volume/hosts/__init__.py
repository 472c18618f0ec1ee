"""The hosts that keep volumes: which there are, what they can do, where a volume goes."""
