"""The dashboard: nothing yet; its place in the layers is kept."""
