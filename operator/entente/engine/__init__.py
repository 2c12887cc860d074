"""The allocation engine: a snapshot in, decisions out. No I/O, no clock, no randomness, no logging."""
