"""What is replayed: a trace on a scenario, with what an experiment changes in it."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.replay.fingerprint import fingerprint
from entente.api.pool import GPUPool, NodeSharing
from entente.cli.documents import InputError, read
from entente.simulator.outcome import Outcome
from entente.simulator.policies import policy_of
from entente.simulator.replay import Replay, Row
from entente.simulator.scenario import Failures, ScenarioSpec, Window
from entente.simulator.setting import Setting, build
from entente.simulator.trace import TraceJob, read_trace

REPLAYED_BY = ("entente.simulator.replay", "entente.simulator.setting", "entente.simulator.outcome")
"""Modules that every result of a replay rests on."""


@dataclass(frozen=True, slots=True)
class Case:
    trace: Path
    scenario: Path
    days: tuple[float, float] | None = None
    """The window, in days of the trace; that of the scenario when none is given."""
    exclusive: bool = False
    hosts: int | None = None
    """As many of the scenario's hosts."""
    target_load: float | None = None
    failures_per_thousand: float | None = None
    """GPUs of a thousand that fail on a day."""

    def setting(self) -> Setting:
        """Read the files and make the replay ready. Raises InputError, TraceError, SettingError."""
        objects = read([str(self.scenario)])
        if len(objects.scenarios) != 1:
            raise InputError(
                str(self.scenario), None, f"{len(objects.scenarios)} documents of kind Scenario; 1 is needed"
            )
        pools = [self._pool(pool) for pool in objects.pools]
        spec = self._spec(objects.scenarios[0].spec)
        return build(pools, objects.tenants, spec, _trace(self.trace), str(self.trace))

    def _pool(self, pool: GPUPool) -> GPUPool:
        spec = pool.spec
        if self.exclusive:
            spec = spec.model_copy(update={"node_sharing": NodeSharing.EXCLUSIVE})
        if self.hosts is not None and spec.simulated is not None:
            spec = spec.model_copy(update={"simulated": spec.simulated.model_copy(update={"nodes": self.hosts})})
        return pool.model_copy(update={"spec": spec})

    def _spec(self, spec: ScenarioSpec) -> ScenarioSpec:
        changes: dict[str, object] = {}
        if self.days is not None:
            changes["window"] = Window(from_day=self.days[0], to_day=self.days[1])
        if self.target_load is not None:
            changes |= {"target_load": self.target_load, "load": 1}
        if self.failures_per_thousand is not None:
            changes["failures"] = Failures(per_thousand_gpus_per_day=self.failures_per_thousand)
        return spec.model_copy(update=changes)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay, and of what its page tells beyond the report."""

    outcome: Outcome
    stops: Mapping[tuple[str, bool], int]
    """Evictions by cause, and whether the job was started at that very instant."""


@dataclass(frozen=True, slots=True)
class ReplayRun:
    case: Case
    policy: str

    @property
    def label(self) -> str:
        """For people, and for the name of a file."""
        return f"{self.case.trace.name.partition('.')[0]}-{self.policy}"

    def key(self) -> str:
        """A hash of everything that its outcome rests on."""
        site = self.case.setting().site
        code = fingerprint((*REPLAYED_BY, type(policy_of(self.policy, site)).__module__))
        changes = (self.case.days, self.case.exclusive, self.case.hosts, self.case.target_load)
        parts = (code, self.policy, repr(changes), repr(self.case.failures_per_thousand))
        files = (hashed(self.case.trace), hashed(self.case.scenario), hashed(Path(__file__)))
        return hashlib.sha256("\0".join((*parts, *files)).encode()).hexdigest()

    def make(self) -> Replayed:
        """Replay. Raises ImpossibleError."""
        setting, stops = self.case.setting(), Counter[tuple[str, bool]]()
        started: dict[object, object] = {}

        def note(row: Row) -> None:
            if row["event"] == "Start":
                started[row["job"]] = row["t"]
            elif row["event"] == "Stop" and "cause" in row:
                stops[str(row["cause"]), started[row["job"]] == row["t"]] += 1

        policy = policy_of(self.policy, setting.site)
        outcome = Replay(
            setting.site,
            setting.jobs,
            policy,
            name=self.policy,
            conditions=setting.conditions,
            log=note,
            window_s=setting.window_s,
        ).run()
        return Replayed(outcome, dict(stops))


@cache
def hashed(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@cache
def _trace(path: Path) -> list[TraceJob]:
    return read_trace(str(path))
