import pytest

from docstest.page import Block
from docstest.samples import complaint, manifests, of_entente

POOL = """
apiVersion: entente.dev/v1alpha1
kind: GPUPool
metadata: {name: h100}
spec: {nodeSelector: {gpu: H100}}
"""
TENANT = """
apiVersion: entente.dev/v1alpha1
kind: Tenant
metadata: {name: lab}
spec: {namespaces: [lab], pools: [{name: h100, guaranteed: 8}]}
"""

RIGHT = {
    "a pool and a tenant": ("yaml", f"{POOL}---{TENANT}"),
    "values of a chart": ("yaml", "replicas: 2\n"),
    "another's object": ("yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"),
    "JSON": ("json", '{"a": 1}'),
    "Python": ("python", "print(1)"),
    "a language that is not checked": ("csv", "a,b"),
}
WRONG = {
    "a field that is missing": (
        "yaml",
        POOL.replace("nodeSelector", "selector"),
        "block.yaml:5: GPUPool h100: spec.nodeSelector: Field required",
    ),
    "a value that is none": ("yaml", TENANT.replace("guaranteed: 8", "guaranteed: -8"), "guaranteed"),
    "no YAML": ("yaml", "a: [", "expected"),
    "no JSON": ("json", "{a: 1}", "property name"),
    "no Python": ("python", "def", "invalid syntax"),
}


def block(language: str, text: str) -> Block:
    return Block(language=language, text=text, line=1, lines=text.count("\n"))


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_sample_passes(case: str) -> None:
    assert not complaint(block(*RIGHT[case]))


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_sample_is_told_why(case: str) -> None:
    language, text, reason = WRONG[case]

    assert reason in complaint(block(language, text))


def test_only_objects_of_entente_go_to_the_api_server() -> None:
    scenario = "---\napiVersion: entente.dev/v1alpha1\nkind: Scenario\n"
    namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: lab}\n"

    found = of_entente(manifests(block("yaml", f"{POOL}---{TENANT}{scenario}{namespace}")))

    assert [each["kind"] for each in found] == ["GPUPool", "Tenant"]
