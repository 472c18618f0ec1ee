"""Security groups: which packets the ports that are in them may receive and send."""
