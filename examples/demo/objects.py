"""What the API server gives and takes, as plain data."""

from typing import Any

Object = dict[str, Any]
"""A Kubernetes object in the spelling of its JSON."""
