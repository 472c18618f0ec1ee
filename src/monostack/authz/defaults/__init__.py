"""The policies of each service, by OpenStack's names and with its default rules."""
