"""Two tenants on one pool: lending, reclaim within the notice, holds, exclusive nodes, priorities."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from localplane import LocalPlane
from tests.support.estate import Estate
from tests.support.operators import NAMESPACE, OperatorProcess, running
from tests.support.plane import SIM, Json, eventually

NOTICE_S = 60


@pytest.fixture(scope="module")
def operator(plane: LocalPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    with running(plane, tmp_path_factory.mktemp("operator")) as process:
        yield process


def test_an_owner_takes_its_guarantee_back_within_the_notice(estate: Estate) -> None:
    estate.make_pool(4, noticeSeconds=NOTICE_S)
    owner, guest = estate.tenant("owner", 16), estate.tenant("guest", 16)
    borrower = estate.job(guest, "borrower", 2, 8, {"stop_seconds": 2}, checkpoint={"graceSeconds": 10})
    keeper = estate.job(guest, "keeper", 2, 8)
    estate.await_phase(borrower, "Running")
    estate.await_phase(keeper, "Running")
    classes = {estate.status(job)["allocation"]["class"] for job in (borrower, keeper)}
    assert classes == {"Entitled", "Borrowed"}
    asked = time.monotonic()
    wanted = estate.job(owner, "wanted", 2, 8)
    status = estate.await_phase(wanted, "Running", within=NOTICE_S)
    assert time.monotonic() - asked < NOTICE_S
    assert status["allocation"]["class"] == "Entitled"
    victim = next(job for job in (borrower, keeper) if estate.status(job)["phase"] == "Pending")
    estate.await_reason(victim, "NoFreeGPUs")
    after = estate.status(victim)
    assert [entry["cause"] for entry in after["evictions"]] == ["Guarantee"]
    assert "owner" not in str(after), "a status names another tenant"
    assert all(used <= 8 for used in estate.gpus_in_use().values())


def test_freed_gpus_go_to_the_job_that_they_were_freed_for(estate: Estate) -> None:
    estate.make_pool(2, noticeSeconds=NOTICE_S)
    owner, guest = estate.tenant("owner", 16), estate.tenant("guest", 0)
    borrower = estate.job(guest, "borrower", 2, 8, {"stop_seconds": 8}, checkpoint={"graceSeconds": 20})
    estate.await_phase(borrower, "Running")
    claimant = estate.job(owner, "claimant", 2, 8)
    held = estate.await_reason(claimant, "Held")
    assert held["eta"]
    hold = estate.status(claimant)["hold"]
    assert sum(hold["nodes"].values()) == 2
    stopping = estate.await_phase(borrower, "Stopping")
    assert _time(stopping["stopping"]["until"]) > _time(stopping["stopping"]["since"])
    late = estate.job(guest, "late", 1, 4)
    estate.await_phase(claimant, "Running")
    assert estate.status(claimant)["allocation"]["nodes"] == hold["nodes"]
    assert estate.status(late)["phase"] == "Pending"
    assert estate.status(borrower)["phase"] == "Pending"
    assert "hold" not in estate.status(claimant)


def test_a_victim_returns_when_there_is_room_again(estate: Estate) -> None:
    estate.make_pool(1, noticeSeconds=NOTICE_S)
    owner, guest = estate.tenant("owner", 8), estate.tenant("guest", 0)
    borrower = estate.job(guest, "borrower", 1, 8)
    estate.await_phase(borrower, "Running")
    claimant = estate.job(owner, "claimant", 1, 8, {"run_seconds": 3})
    estate.await_phase(claimant, "Succeeded")
    status = estate.await_phase(borrower, "Running")
    assert status["restarts"] == 1
    assert len(status["evictions"]) == 1
    assert status["wastedGpuSeconds"] > 0


def test_no_node_ever_has_pods_of_two_tenants(estate: Estate) -> None:
    nodes = estate.make_pool(2, noticeSeconds=NOTICE_S)
    owner, guest = estate.tenant("owner", 8), estate.tenant("guest", 8)
    for number in range(4):
        estate.job(owner, f"small-{number}", 1, 1)
        estate.job(guest, f"small-{number}", 1, 1)

    def by_node() -> dict[str, set[str]]:
        users: dict[str, set[str]] = {}
        for namespace in (owner, guest):
            for pod in estate.pods(namespace):
                users.setdefault(pod["spec"].get("nodeName", ""), set()).add(namespace)
        return users

    def all_running() -> bool:
        users = by_node()
        assert all(len(tenants) == 1 for node, tenants in users.items() if node), users
        return sum(len(estate.pods(namespace)) for namespace in (owner, guest)) == 8

    eventually(all_running, what="eight workers")
    assert set(by_node()) - {""} == set(nodes)


def test_a_higher_priority_makes_room_inside_a_tenant(estate: Estate) -> None:
    estate.make_pool(1, noticeSeconds=NOTICE_S)
    priorities = [{"name": "high", "value": 10}, {"name": "low", "value": 1, "default": True}]
    lab = estate.tenant("lab", 8, priorities=priorities)
    low = estate.job(lab, "low", 1, 8)
    estate.await_phase(low, "Running")
    high = estate.job(lab, "high", 1, 8, priority="high")
    estate.await_phase(high, "Running", within=NOTICE_S)
    assert [entry["cause"] for entry in estate.status(low)["evictions"]] == ["Priority"]


def test_an_elastic_job_shrinks_instead_of_being_evicted(estate: Estate) -> None:
    estate.make_pool(2, noticeSeconds=NOTICE_S)
    owner, guest = estate.tenant("owner", 8), estate.tenant("guest", 8)
    elastic = estate.job(guest, "elastic", 2, 8, elastic={"minWorkers": 1, "maxWorkers": 2})
    status = estate.await_phase(elastic, "Running")
    assert status["allocation"]["workers"] == 2
    claimant = estate.job(owner, "claimant", 1, 8)
    estate.await_phase(claimant, "Running", within=NOTICE_S)

    def shrunk() -> Json | None:
        now = estate.status(elastic)
        return now if now["phase"] == "Running" and now["allocation"]["workers"] == 1 else None

    status = eventually(shrunk, what="the job with one worker")
    assert status["restarts"] == 1


def test_figures_of_tenants_and_pool_are_told(estate: Estate) -> None:
    estate.make_pool(2, noticeSeconds=NOTICE_S)
    owner, guest = estate.tenant("owner", 8), estate.tenant("guest", 8)
    job = estate.job(guest, "borrower", 2, 8)
    estate.await_phase(job, "Running")

    def row(namespace: str) -> Json:
        tenant = estate.plane.api.get(f"/apis/entente.dev/v1alpha1/tenants/{namespace.removesuffix('-research')}")
        rows: list[Json] = tenant.get("status", {}).get("pools") or [{}]
        return rows[0]

    def told() -> bool:
        mine, theirs = row(guest), row(owner)
        return (mine.get("borrowed"), theirs.get("lent")) == (8, 8)

    eventually(told, what="8 GPUs borrowed and lent")
    pool = estate.plane.api.get(f"/apis/entente.dev/v1alpha1/gpupools/{estate.pool}")["status"]
    assert (pool["nodes"], pool["capacity"], pool["guaranteed"], pool["free"]) == (2, 16, 16, 0)


def test_a_lost_node_overcommits_the_pool_which_says_so(estate: Estate) -> None:
    nodes = estate.make_pool(2, noticeSeconds=NOTICE_S)
    estate.tenant("owner", 16)
    estate.plane.set_node_ready(nodes[0], ready=False)

    def told() -> bool:
        pool = estate.plane.api.get(f"/apis/entente.dev/v1alpha1/gpupools/{estate.pool}")
        conditions = pool.get("status", {}).get("conditions") or []
        return any(each["type"] == "Overcommitted" and each["status"] == "True" for each in conditions)

    eventually(told, what="the condition Overcommitted")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_host_changes_hands_only_after_its_handover_succeeded(estate: Estate) -> None:
    handover = {"image": "registry.example/scrub:1", "command": ["scrub"], "timeoutSeconds": 30}
    nodes = estate.make_pool(1, noticeSeconds=NOTICE_S, handover=handover)
    owner, guest = estate.tenant("owner", 8), estate.tenant("guest", 0)
    first = estate.job(guest, "first", 1, 8)
    estate.await_phase(first, "Running")
    assert _label(estate, nodes[0], "last-tenant") == guest.removesuffix("-research")
    claimant = estate.job(owner, "claimant", 1, 8)
    scrub = eventually(lambda: _handover_pods(estate), what="the handover's pod")[0]
    assert scrub["spec"]["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "8"}
    assert scrub["spec"]["activeDeadlineSeconds"] == 30
    assert estate.status(claimant)["queue"]["reason"] == "Held"
    assert estate.pods(owner) == []
    _end(estate, scrub, code=0)
    estate.await_phase(claimant, "Running")
    assert _label(estate, nodes[0], "last-tenant") == owner.removesuffix("-research")
    assert _label(estate, nodes[0], "handover") is None
    eventually(lambda: not _handover_pods(estate), what="the end of the handover's pod")


def test_a_host_whose_handover_failed_is_given_to_nobody_else(estate: Estate) -> None:
    handover = {"image": "registry.example/scrub:1", "timeoutSeconds": 30}
    nodes = estate.make_pool(1, noticeSeconds=NOTICE_S, handover=handover)
    owner, guest = estate.tenant("owner", 8), estate.tenant("guest", 0)
    first = estate.job(guest, "first", 1, 8, {"run_seconds": 2})
    estate.await_phase(first, "Succeeded")
    claimant = estate.job(owner, "claimant", 1, 8)
    scrub = eventually(lambda: _handover_pods(estate), what="the handover's pod")[0]
    _end(estate, scrub, code=1)
    eventually(lambda: _label(estate, nodes[0], "handover") == "Failed", what="the node's label")
    eventually(lambda: estate.status(claimant)["queue"]["reason"] != "Held", what="another reason")
    assert estate.pods(owner) == []
    again = estate.job(guest, "again", 1, 8)
    estate.await_phase(again, "Running")


def _handover_pods(estate: Estate) -> list[Json]:
    selector = f"labelSelector=entente.dev%2Fhandover%2Centente.dev%2Fpool%3D{estate.pool}"
    items: list[Json] = estate.plane.api.get(f"/api/v1/namespaces/{NAMESPACE}/pods?{selector}")["items"]
    return items


def _end(estate: Estate, pod: Json, *, code: int) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}"
    estate.corner.await_phase(path, "Running")
    estate.patch(path, {"metadata": {"annotations": {f"{SIM}exit-code": str(code)}}})


def _label(estate: Estate, node: str, name: str) -> str | None:
    labels: dict[str, str] = estate.plane.api.get(f"/api/v1/nodes/{node}")["metadata"]["labels"]
    return labels.get(f"entente.dev/{name}")
