"""A decision of production is made again elsewhere, from what the operator and the cluster show."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localplane import LocalPlane
from tests.support.estate import Estate
from tests.support.operators import OperatorProcess, running
from tests.support.people import entente, hire
from tests.support.plane import eventually

DECIDED_AT = "Entente-Decided-At"


@pytest.fixture(scope="module")
def operator(plane: LocalPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    with running(plane, tmp_path_factory.mktemp("operator"), debug=True) as process:
        yield process


def served(operator: OperatorProcess, path: str) -> tuple[str, str]:
    """Text and moment of an answer of the debug port."""
    with urllib.request.urlopen(f"http://127.0.0.1:{operator.debug_port}{path}", timeout=10) as answer:
        return answer.read().decode(), answer.headers[DECIDED_AT]


def of_one_decision(operator: OperatorProcess) -> tuple[str, str, str]:
    """Snapshot, plan and moment of the same decision."""

    def look() -> tuple[str, str, str] | None:
        (snapshot, before), (plan, after) = served(operator, "/debug/snapshot"), served(operator, "/debug/plan")
        return (snapshot, plan, before) if before == after else None

    return eventually(look, what="two answers about one decision")


def busy(estate: Estate) -> tuple[str, str]:
    """Two tenants, one of which borrows and one that claims its own back; returns the path of the claim."""
    estate.make_pool(2, noticeSeconds=120)
    owner, guest = estate.tenant("owner", 16), estate.tenant("guest", 0)
    borrowed = [estate.job(guest, f"guest-{n}", 1, 8, {"stop_seconds": 60}) for n in range(2)]
    for each in borrowed:
        estate.await_phase(each, "Running")
    claim = estate.job(owner, "claim", 1, 8)
    estate.await_reason(claim, "Held")
    waiting = estate.job(guest, "waiting", 2, 8)
    eventually(lambda: estate.status(waiting).get("queue", {}).get("reason"), what="a reason")
    return claim, waiting


def test_what_the_operator_decided_is_decided_again_byte_for_byte(operator: OperatorProcess, estate: Estate) -> None:
    _, waiting = busy(estate)
    snapshot, plan, moment = of_one_decision(operator)
    assert '"action": "Hold"' in plan or '"action": "Wait"' in plan
    assert entente("plan", "-f", "-", "-o", "json", "--now", moment, stdin=snapshot).stdout == plan
    assert entente("plan", "-f", "-", "-o", "json", stdin=snapshot).stdout == plan
    told = next(
        d
        for d in json.loads(plan)["decisions"]
        if d["job"].endswith("/waiting") and waiting.endswith("/" + d["job"].split("/")[1])
    )
    assert told["action"] == "Wait"
    assert told["reason"] == estate.status(waiting)["queue"]["reason"]


def test_the_debug_port_is_on_the_loopback_address_alone(operator: OperatorProcess) -> None:
    assert operator.leads()
    listening = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    port = f":{operator.debug_port:04X}"
    addresses = {line.split()[1].split(":")[0] for line in listening if line.split()[1].endswith(port)}
    assert addresses == {"0100007F"}, "127.0.0.1 in the kernel's byte order"


def test_the_health_port_does_not_show_decisions(operator: OperatorProcess) -> None:
    assert operator.get("/debug/snapshot")[0] == 404


def test_a_cluster_is_written_as_plan_reads_it(estate: Estate, tmp_path: Path) -> None:
    busy(estate)
    file = tmp_path / "now.json"
    assert entente("snapshot", "--out", str(file), kubeconfig=estate.plane.kubeconfig).returncode == 0
    text = file.read_text(encoding="utf-8")
    assert "managedFields" not in text
    assert "registry.example" not in text
    snapshot: dict[str, Any] = json.loads(text)
    assert [item["kind"] for item in snapshot["items"] if item["metadata"].get("name") == estate.pool] == ["GPUPool"]
    plan = json.loads(entente("plan", "-f", str(file), "-o", "json").stdout)
    assert plan["pools"][estate.pool]["capacity"] == 16
    reasons = {d["job"].split("/")[1]: d.get("reason") for d in plan["decisions"] if estate.corner.name in d["job"]}
    assert reasons["claim"] == "Held"


def test_who_may_not_list_everything_is_told_what_he_lacks(estate: Estate, tmp_path: Path) -> None:
    ada = hire(estate.corner, "ada")
    estate.make_pool(1)
    lab = estate.tenant("lab", 8, members=[ada.member("Viewer")])
    done = entente("snapshot", kubeconfig=ada.kubeconfig(estate.corner, tmp_path, lab))
    assert done.returncode == 1
    assert "cannot list resource" in done.stderr
    assert done.stdout == ""
