"""A researcher of each tenant of the examples gets a kubeconfig."""

from demo import people
from demo.people import Person


def test_each_tenant_of_the_examples_has_a_researcher() -> None:
    assert people.researchers() == [
        Person("xai", "xai-research", "xai-training"),
        Person("anthropic", "anthropic-research", "anthropic-research"),
    ]
