import pytest

from entente.kube.kinds import LEASE, NODE, POD, TENANT, TRAINING_JOB, Kind


@pytest.mark.parametrize(
    ("kind", "where", "expected"),
    [
        pytest.param(POD, (), "/api/v1/pods", id="all pods"),
        pytest.param(POD, ("a",), "/api/v1/namespaces/a/pods", id="pods of a namespace"),
        pytest.param(POD, ("a", "x"), "/api/v1/namespaces/a/pods/x", id="a pod"),
        pytest.param(NODE, (None, "n", "status"), "/api/v1/nodes/n/status", id="a node's status"),
        pytest.param(TENANT, (None, "t"), "/apis/entente.dev/v1alpha1/tenants/t", id="a tenant"),
        pytest.param(
            TRAINING_JOB,
            ("a", "j", "status"),
            "/apis/entente.dev/v1alpha1/namespaces/a/trainingjobs/j/status",
            id="a job's status",
        ),
        pytest.param(
            LEASE, ("a", "../x"), "/apis/coordination.k8s.io/v1/namespaces/a/leases/..%2Fx", id="a name stays a name"
        ),
    ],
)
def test_a_path_names_a_collection_an_object_or_its_subresource(
    kind: Kind, where: tuple[str | None, ...], expected: str
) -> None:
    assert kind.path(*where) == expected


@pytest.mark.parametrize(
    ("kind", "where", "field"),
    [
        pytest.param(NODE, ("a",), "namespace", id="namespace of a cluster-scoped kind"),
        pytest.param(POD, (None, "x"), "namespace", id="pod without namespace"),
        pytest.param(POD, ("a", None, "status"), "name", id="subresource of nothing"),
    ],
)
def test_a_path_that_cannot_be_is_refused_with_the_field(kind: Kind, where: tuple[str | None, ...], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        kind.path(*where)


def test_the_api_version_of_the_core_group_has_no_group() -> None:
    assert (POD.api_version, LEASE.api_version) == ("v1", "coordination.k8s.io/v1")
