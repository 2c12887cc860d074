"""How long properties are looked for.

By default the same examples every time, few enough for CI. `ENTENTE_PROPERTIES=soak` takes random ones, for as long as
it takes; `brief` takes a few, for a look at a mutant.
"""

import os

from hypothesis import HealthCheck, Phase, settings

_SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.data_too_large)

settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=200,
    stateful_step_count=30,
    suppress_health_check=_SLOW_IS_FINE,
    print_blob=True,
)
settings.register_profile(
    "brief",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=40,
    stateful_step_count=40,
    suppress_health_check=_SLOW_IS_FINE,
    phases=(Phase.explicit, Phase.generate),
)
settings.register_profile(
    "soak",
    deadline=None,
    max_examples=5_000,
    stateful_step_count=60,
    suppress_health_check=_SLOW_IS_FINE,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink),
    print_blob=True,
)
settings.load_profile(os.environ.get("ENTENTE_PROPERTIES", "ci"))
