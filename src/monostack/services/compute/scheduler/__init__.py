"""Chooses the host of a server: placement says who has room, filters who is fit, weighers who is best."""

from monostack.services.compute.scheduler.choice import NoValidHost, Place, check_image, pick
from monostack.services.compute.scheduler.landscape import use
from monostack.services.compute.scheduler.wish import GroupRule, Wish, required_by_image, resources_for, wish_for

__all__ = ["GroupRule", "NoValidHost", "Place", "Wish", "check_image", "pick", "required_by_image", "resources_for", "use", "wish_for"]
