"""Checks of a plan that count everything anew, without the planner's own bookkeeping."""
