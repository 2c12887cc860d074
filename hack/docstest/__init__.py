"""Runs the command blocks of README, tutorial and how-tos, and compares what they print with what the pages show.

`page` reads a page, `masks` and `comparison` say what is equal, `shell` runs blocks, `checkout` makes the clean copy
that they run in, `run` puts these together. CONTRIBUTING.md explains what authors of a page write.
"""
