"""Who may have a namespace."""

from typing import Any

import pytest

from entente.tenancy.claims import Claim, judge
from tests.support.tenants import tenant

OURS = {"entente.dev/tenant": "anthropic"}
RIVALS = {"entente.dev/tenant": "xai"}
NAME = "shared"


def _namespace(**meta: Any) -> dict[str, Any]:  # noqa: ANN401 - any metadata
    return {"metadata": {"name": NAME, **meta}}


@pytest.mark.parametrize(
    ("namespace", "claim", "why"),
    [
        pytest.param(None, Claim.CREATE, "", id="a new one is created"),
        pytest.param(_namespace(labels=OURS), Claim.OWN, "", id="one with our label is ours"),
        pytest.param(_namespace(), Claim.ADOPT_IF_EMPTY, "", id="one without signs may be adopted"),
        pytest.param(
            _namespace(labels={"entente.dev/tenant": "long-gone"}),
            Claim.ADOPT_IF_EMPTY,
            "",
            id="the label of a tenant that is no more binds nobody",
        ),
        pytest.param(
            _namespace(labels=OURS, deletionTimestamp="2026-01-01T00:00:00Z"),
            Claim.WAIT,
            "",
            id="ours that is being deleted is waited for",
        ),
        pytest.param(
            _namespace(deletionTimestamp="2026-01-01T00:00:00Z"),
            Claim.REFUSE,
            "it is being deleted",
            id="another that is being deleted is not taken",
        ),
        pytest.param(
            _namespace(ownerReferences=[{"kind": "Project"}]),
            Claim.REFUSE,
            "it has an owner",
            id="an owner is respected",
        ),
        pytest.param(
            _namespace(labels={"app.kubernetes.io/managed-by": "Helm"}),
            Claim.REFUSE,
            "its label app.kubernetes.io/managed-by names another manager",
            id="a manager is respected",
        ),
        pytest.param(
            _namespace(annotations={"entente.dev/released-by": "anthropic"}),
            Claim.OWN,
            "",
            id="what we gave up we may have again",
        ),
        pytest.param(
            _namespace(annotations={"entente.dev/released-by": "xai"}),
            Claim.REFUSE,
            "",
            id="what another gave up still holds its things",
        ),
    ],
)
def test_a_namespace_that_only_we_name(namespace: dict[str, Any] | None, claim: Claim, why: str) -> None:
    us = tenant(namespaces=[NAME])
    verdict = judge(NAME, namespace, us, [us])
    assert (verdict.claim, verdict.why) == (claim, why)


@pytest.mark.parametrize(
    ("namespace", "older", "younger"),
    [
        pytest.param(None, Claim.CREATE, Claim.REFUSE, id="the tenant created first gets a new one"),
        pytest.param(_namespace(), Claim.ADOPT_IF_EMPTY, Claim.REFUSE, id="the tenant created first adopts"),
        pytest.param(_namespace(labels=OURS), Claim.REFUSE, Claim.OWN, id="who has it keeps it, though younger"),
        pytest.param(_namespace(labels=RIVALS), Claim.OWN, Claim.REFUSE, id="who has it keeps it"),
    ],
)
def test_a_namespace_that_two_name(namespace: dict[str, Any] | None, older: Claim, younger: Claim) -> None:
    first, second = tenant("xai", created=1, namespaces=[NAME]), tenant(created=2, namespaces=[NAME])
    verdicts = [judge(NAME, namespace, each, [first, second]) for each in (first, second)]
    assert [verdict.claim for verdict in verdicts] == [older, younger]
    assert not any("xai" in verdict.why for verdict in verdicts)


def test_names_decide_between_tenants_of_one_second() -> None:
    a, b = tenant("a", namespaces=[NAME]), tenant("b", namespaces=[NAME])
    assert [judge(NAME, None, each, [b, a]).claim for each in (a, b)] == [Claim.CREATE, Claim.REFUSE]


def test_a_namespace_that_a_rival_has_but_no_longer_names_is_not_free_yet() -> None:
    us, rival = tenant(namespaces=[NAME]), tenant("xai", created=9)
    assert judge(NAME, _namespace(labels=RIVALS), us, [us, rival]).claim is Claim.REFUSE
