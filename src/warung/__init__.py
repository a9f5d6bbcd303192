"""warung: a self-hosted marketplace with its own resumable model server."""

__version__ = "0.1.0"
