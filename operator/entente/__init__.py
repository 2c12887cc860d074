"""Entente: organisations that do not trust each other share one GPU estate."""
