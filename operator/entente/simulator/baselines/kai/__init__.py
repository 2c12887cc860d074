"""KAI-Scheduler (v0.17): deserved quotas, over-quota by weight, reclaim by fair share, consolidation.

Written from its rules, in the scheduler's words: `queues` and `fairshare` say what a queue may have, `ordering` who is
next, `reclaim` who may take from whom, `search` whom to evict, `consolidation` whom to move, `scheduler` what a cycle
does, and `policy` ties it to a replay.
"""

from entente.simulator.baselines.kai.policy import KaiPolicy

__all__ = ["KaiPolicy"]
