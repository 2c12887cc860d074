"""The simulator: nothing yet; its place in the layers is kept."""
