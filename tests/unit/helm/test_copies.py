"""What the chart repeats is what its sources say."""

import chart


def test_nothing_that_the_chart_repeats_is_stale() -> None:
    assert chart.stale() == []


def test_the_chart_has_every_crd_of_the_project() -> None:
    sources = {path.name for path in (chart.ROOT / "crds").glob("*.yaml")}

    assert {path.name for path in chart.COPIES.glob("*.yaml")} == sources
    assert len(sources) == 3
