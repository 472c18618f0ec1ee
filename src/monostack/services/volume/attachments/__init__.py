"""Attachments: which server has which volume, from the reservation on."""
