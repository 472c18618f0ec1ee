"""What a guest may read about itself: the documents, and the HTTP service that hands them out."""

from monostack.agent.metadata.documents import NotFound, PasswordPage, Text, config_drive_files, look_up
from monostack.agent.metadata.service import Listener, Locate, MetadataService, Source

__all__ = ["Listener", "Locate", "MetadataService", "NotFound", "PasswordPage", "Source", "Text", "config_drive_files", "look_up"]
