"""A picture shows what status and Events say, and nothing else."""

from datetime import UTC, datetime
from typing import Any

import pytest

from demo.picture import Waiting
from demo.trace import GUEST, OWNER
from tests.support.demo import event, job, node, picture


def test_a_tenants_figures_are_those_of_its_status() -> None:
    share = picture(guest={"entitled": 16, "borrowed": 8, "lent": 0}).shares[GUEST]
    assert (share.guaranteed, share.entitled, share.borrowed, share.lent) == (16, 16, 8, 0)


def test_gpus_in_use_are_those_of_jobs_that_hold_some() -> None:
    shown = picture(
        job("a", phase="Running", nodes={"n0": 1}),
        job("b", phase="Stopping", nodes={"n1": 1}),
        job("c", OWNER, phase="Starting", workers=2, nodes={"n2": 1, "n3": 1}),
        job("d", phase="Succeeded", nodes={"n0": 1}),
        job("e"),
    )
    assert {name: share.using for name, share in shown.shares.items()} == {OWNER: 16, GUEST: 16}
    assert (shown.using, shown.capacity) == (32, 32)
    assert shown.phases["Running"] == 1


def test_hosts_are_in_the_order_of_their_racks_with_what_is_used_on_them() -> None:
    shown = picture(
        job("a", phase="Running", gpus=3, nodes={"n1": 1}), job("b", phase="Stopping", gpus=4, nodes={"n1": 1})
    )
    assert [host.name for host in shown.hosts] == ["n0", "n1", "n2", "n3"]
    assert shown.hosts[1].used == {GUEST: 7}
    assert (shown.shares[GUEST].using, shown.shares[GUEST].charged) == (7, 8)
    assert [host.stopping for host in shown.hosts] == [False, True, False, False]


def test_a_node_without_gpus_is_no_host() -> None:
    assert node("x", "r0", gpus=0)["status"]["allocatable"] == {"nvidia.com/gpu": "0"}
    assert all(host.gpus == 8 for host in picture().hosts)


def test_the_queue_is_in_the_order_of_its_positions_and_unseen_jobs_come_last() -> None:
    shown = picture(
        job("new"),
        job("second", queue={"position": 2, "reason": "NoFreeGPUs", "message": "8 asked, 0 free"}),
        job("first", OWNER, queue={"position": 1, "reason": "Held", "message": "being freed"}),
        job("runs", phase="Running", nodes={"n0": 1}),
    )
    assert [waiting.name for waiting in shown.queue] == ["first", "second", "new"]
    assert shown.queue[1] == Waiting(GUEST, "second", 8, 2, "NoFreeGPUs", "8 asked, 0 free")
    assert shown.shares[GUEST].waiting == 16
    assert shown.shares[GUEST].waiting_jobs == 2


def test_evictions_are_counted_over_all_jobs() -> None:
    past = {"at": "2026-03-01T10:00:00Z", "pool": "h100", "cause": "Guarantee"}
    assert picture(job("a", evictions=[past, past]), job("b", evictions=[past])).evictions == 3


@pytest.mark.parametrize(
    ("times", "at", "count"),
    [
        pytest.param({"lastTimestamp": "2026-03-01T10:00:05Z", "count": 3}, 5, 3, id="as core/v1 has always done"),
        pytest.param({"eventTime": "2026-03-01T10:00:06.000000Z"}, 6, 1, id="a single one of events.k8s.io"),
        pytest.param(
            {
                "eventTime": "2026-03-01T10:00:01.000000Z",
                "series": {"count": 4, "lastObservedTime": "2026-03-01T10:00:07.000000Z"},
            },
            7,
            4,
            id="a series",
        ),
    ],
)
def test_an_event_is_told_by_its_last_time(times: dict[str, Any], at: int, count: int) -> None:
    (step,) = picture(events=(event("a", "Started", "on n0", **times),)).steps
    assert step.at == datetime(2026, 3, 1, 10, 0, at, tzinfo=UTC)
    assert (step.count, step.tenant, step.name, step.reason, step.note) == (count, GUEST, "a", "Started", "on n0")


def test_events_about_other_things_are_left_out_and_the_latest_comes_first() -> None:
    about_a_pod = event("p", "Scheduled", "", eventTime="2026-03-01T10:00:09Z")
    about_a_pod["involvedObject"]["kind"] = "Pod"
    without_time = event("b", "Started", "")
    steps = picture(
        events=(
            about_a_pod,
            without_time,
            event("a", "Started", "", eventTime="2026-03-01T10:00:01Z"),
            event("a", "Succeeded", "", eventTime="2026-03-01T10:00:02Z"),
        )
    ).steps
    assert [step.reason for step in steps] == ["Succeeded", "Started"]
