"""A small estate to publish."""

import pytest

from entente.api.job import Phase
from entente.engine.decisions import PoolBook, TenantBook
from entente.metrics.instruments import Instruments
from entente.metrics.snapshot import OperatorSnapshot


def tenant_book(*, guaranteed: int = 64, borrowed: int = 0, lent: int = 0, pending: int = 0) -> TenantBook:
    return TenantBook(
        guaranteed=guaranteed,
        entitled=40,
        borrowed=borrowed,
        lent=lent,
        fair_surplus=8,
        charged=guaranteed + borrowed,
        pending=pending,
    )


@pytest.fixture
def snapshot() -> OperatorSnapshot:
    """The owner lends 24 GPUs of `h100`, the guest borrows them."""
    return OperatorSnapshot(
        leader=True,
        cycle=7,
        cycle_ended=1_800_000_000.5,
        books={
            "h100": PoolBook(
                capacity=128,
                free=3,
                tenants={
                    "guest": tenant_book(guaranteed=32, borrowed=24, pending=16),
                    "owner": tenant_book(lent=24),
                },
            ),
            "a100": PoolBook(capacity=16, free=16, tenants={"guest": tenant_book(guaranteed=8)}, overcommitted=True),
        },
        jobs={("guest", Phase.RUNNING): 5, ("guest", Phase.PENDING): 2, (None, Phase.PENDING): 1},
        unusable_gpus={"h100": 8},
    )


@pytest.fixture
def instruments() -> Instruments:
    return Instruments("1.2.3")
