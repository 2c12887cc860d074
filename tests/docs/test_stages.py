"""What a page finds when it begins."""

from textwrap import dedent

import pytest

from docstest.page import Needs, parse
from docstest.run import STAGES, TOOLS, run
from localplane.binaries import PLANE

BINARIES = (*PLANE, *TOOLS)

STAGED = """
    <!-- docs-test: needs {needs} -->

    ```sh
    kubectl get nodes -o name | wc -l
    kubectl auth whoami -o jsonpath='{{.status.userInfo.username}}{{"\\n"}}'
    helm list --short
    ```

    ```text
    32
    localplane-admin
    ```

    ```yaml
    apiVersion: entente.dev/v1alpha1
    kind: GPUPool
    metadata: {{name: two words}}
    spec: {{nodeSelector: {{gpu: H100}}}}
    ```
    """
REFUSED = {Needs.PLANE: 0, Needs.ESTATE: 1}
"""Only an estate has the CRDs: nobody else can say that this is no name."""


@pytest.mark.parametrize("needs", STAGES)
def test_a_page_has_a_cluster_and_manifests_are_checked_by_one_that_knows_them(needs: Needs) -> None:
    report = run(parse("a.md", dedent(STAGED.format(needs=needs))), print)

    assert len(report.failures) == REFUSED[needs]
    assert all("two words" in failure for failure in report.failures)
