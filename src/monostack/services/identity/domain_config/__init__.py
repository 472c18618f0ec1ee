"""What a domain configures of itself (/v3/domains/{id}/config).

It is kept and shown, and nothing reads it: users of every domain are in the database of this cloud, which has no other driver for them.
So it is in Keystone, too, unless `[identity] domain_specific_drivers_enabled` is turned on there.
"""
