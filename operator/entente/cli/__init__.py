"""The commands `entente` and `kubectl entente`."""
