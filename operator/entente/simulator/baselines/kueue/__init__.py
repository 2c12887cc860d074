"""Kueue as a baseline: quota, borrowing and classic preemption, written from its rules (sources in the modules)."""

from entente.simulator.baselines.kueue.policy import KueuePolicy

__all__ = ["KueuePolicy"]
