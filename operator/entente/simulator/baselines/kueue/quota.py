"""Quota of one pool in a tree of cohorts: Kueue's arithmetic for one flavor and one resource, in whole GPUs.

ClusterQueues are the leaves of the tree, cohorts its inner nodes. What a node keeps back from its parent (`local`) is
used first; only usage beyond it counts in the parent. Written from the rules, after kubernetes-sigs/kueue
`pkg/cache/scheduler/resource_node.go` (K1-K7) and `pkg/scheduler/preemption/classical/hierarchical_preemption.go`
(`FindHeightOfLowestSubtreeThatFits`, K8).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self


class Reach(NamedTuple):
    """How far up the tree a request has to go for its quota."""

    height: int
    """Of the lowest node that holds it within its own quota: 0 is the ClusterQueue itself, so nothing is borrowed."""
    proper: bool
    """That node is not the whole tree, so its quota can be reclaimed from those outside it."""


class QuotaNode:
    """A ClusterQueue (no children) or a cohort of the nodes below it.

    Args:
        name: Of the ClusterQueue or the cohort.
        nominal: GPUs of its own: a ClusterQueue's quota, or what a cohort has beyond that of its children (K2).
        lending_limit: GPUs that the nodes outside may use at most; none: all.
        borrowing_limit: GPUs beyond its own quota that it may use at most; none: no limit.
        children: The nodes below it, each without a parent so far.

    Raises:
        ValueError: A quantity is negative, or a child has a parent.
    """

    __slots__ = (
        "_stored",
        "borrowing_limit",
        "children",
        "height",
        "lending_limit",
        "local",
        "name",
        "nominal",
        "parent",
        "subtree",
        "usage",
    )

    def __init__(
        self,
        name: str,
        nominal: int,
        *,
        lending_limit: int | None = None,
        borrowing_limit: int | None = None,
        children: Sequence["QuotaNode"] = (),
    ) -> None:
        for what, value in (
            ("nominal", nominal),
            ("lending limit", lending_limit),
            ("borrowing limit", borrowing_limit),
        ):
            if value is not None and value < 0:
                msg = f"{name}: {what}: {value} given, allowed are 0 and more"
                raise ValueError(msg)
        self.name = name
        self.nominal = nominal
        self.lending_limit = lending_limit
        self.borrowing_limit = borrowing_limit
        self.children = tuple(children)
        self.parent: QuotaNode | None = None
        self.usage = 0
        """A ClusterQueue's GPUs in use; of a cohort, what its children use beyond what they keep back (K4)."""
        self.subtree: int = nominal + sum(child.subtree - child.local for child in self.children)
        """Quota of the node with all below it, without what these keep back (K2)."""
        self.local: int = 0 if lending_limit is None else max(0, self.subtree - lending_limit)
        """Part of it that is never lent to the parent (K3)."""
        self._stored = self.subtree - self.local
        self.height: int = max((child.height + 1 for child in self.children), default=0)
        """Steps to the deepest ClusterQueue below."""
        for child in self.children:
            if child.parent is not None:
                msg = f"{child.name}: is in cohort {child.parent.name} already"
                raise ValueError(msg)
            child.parent = self

    def checked(self) -> Self:
        """The root of a finished tree.

        Raises:
            ValueError: It has a limit: without a cohort there is nobody to lend to or to borrow from (K1).
        """
        if self.parent is None and (self.lending_limit is not None or self.borrowing_limit is not None):
            msg = f"{self.name}: has no cohort, so neither a lending nor a borrowing limit is allowed"
            raise ValueError(msg)
        return self

    def leaves(self) -> Iterator["QuotaNode"]:
        """The ClusterQueues below, or the node itself if it is one."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()

    def path(self) -> Iterator["QuotaNode"]:
        """The cohorts above, the nearest first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def local_available(self) -> int:
        """GPUs kept back from the parent that are not in use."""
        return max(0, self.local - self.usage)

    def available(self) -> int:
        """GPUs that a request may still get without an eviction; negative after a cut of quotas (K5)."""
        if self.parent is None:
            return self.subtree - self.usage
        from_parent = self.parent.available()
        if self.borrowing_limit is not None:
            used = max(0, self.usage - self.local)
            from_parent = min(from_parent, self._stored - used + self.borrowing_limit)
        return self.local_available() + from_parent

    def potential(self) -> int:
        """GPUs that it could get if nobody used any (K6)."""
        if self.parent is None:
            return self.subtree
        most = self.local + self.parent.potential()
        return most if self.borrowing_limit is None else min(most, self.subtree + self.borrowing_limit)

    def borrows_with(self, gpus: int = 0) -> bool:
        """Whether it would use more than its own quota with so many GPUs more; just all of it is not borrowing (K7)."""
        return self.usage + gpus > self.subtree

    def reach(self, gpus: int) -> Reach:
        """Where in the tree the quota for so many GPUs more would come from (K8, K11)."""
        if self.parent is None or not self.borrows_with(gpus):
            return Reach(0, proper=self.parent is not None)
        left, root = gpus - self.local_available(), self.parent
        for root in self.path():
            if not root.borrows_with(left):
                return Reach(root.height, proper=root.parent is not None)
            left -= root.local_available()
        return Reach(root.height, proper=False)

    def add(self, gpus: int) -> None:
        """Use so many GPUs more; what is not kept back here counts in the parent too (K4)."""
        beyond = gpus - self.local_available()
        self.usage += gpus
        if beyond > 0 and self.parent is not None:
            self.parent.add(beyond)

    def remove(self, gpus: int) -> None:
        """Use so many GPUs less; those that counted in the parent are given back there first (K4)."""
        stored = self.usage - self.local
        self.usage -= gpus
        if stored > 0 and self.parent is not None:
            self.parent.remove(min(gpus, stored))
