"""The demo: two labs share one estate, and 300 consecutive jobs of a real trace are replayed on it."""
