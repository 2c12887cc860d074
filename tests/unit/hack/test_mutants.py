"""The mutants of the engine are of today: each finds its place, and every rule and invariant is broken by one."""

import ast

import pytest

import mutants
from entente.engine.invariants import Invariant

ALL = mutants.mutants()


@pytest.mark.parametrize("mutant", [pytest.param(m, id=m.name) for m in ALL])
def test_it_still_applies(mutant: mutants.Mutant) -> None:
    source = mutant.path(mutants.PACKAGE).read_text(encoding="utf-8")
    assert source.count(mutant.old) == 1, f"{mutant.module}.py has its place {source.count(mutant.old)} times"
    broken = mutant.broken(source)
    assert broken is not None
    assert ast.dump(ast.parse(broken)) != ast.dump(ast.parse(source))
    assert all((mutants.ROOT / mutants.TESTS / f"{name}.py").exists() for name in mutant.tests)


@pytest.mark.parametrize("rule", range(1, 15))
def test_every_rule_is_broken(rule: int) -> None:
    assert any(str(rule) in m.breaks.replace(",", " ").split() for m in ALL)


@pytest.mark.parametrize("invariant", list(Invariant))
def test_every_invariant_is_at_stake(invariant: Invariant) -> None:
    assert any(invariant.value in m.breaks for m in ALL)


def test_a_mutant_whose_place_is_gone_is_stale() -> None:
    gone = mutants.Mutant("gone", "rule 1", "risk", "this is nowhere", "nor this", ("test_risk",))
    assert mutants.stale([gone, *ALL]) == ["gone"]
