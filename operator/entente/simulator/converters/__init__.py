"""Converters from the formats in which traces are published to the CSV that `entente simulate` reads."""
