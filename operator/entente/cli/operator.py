"""`entente operator`: run the operator."""

import asyncio
import sys

import click

from entente.cli.options import Access, cluster_options
from entente.cli.plan import printed
from entente.kube.errors import ConfigError
from entente.operator.settings import Settings

_DEFAULTS = Settings()
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@click.command("operator", context_settings={"auto_envvar_prefix": "ENTENTE", "show_default": True})
@cluster_options
@click.option("--namespace", default=_DEFAULTS.namespace, help="Where the Lease of the leader lives.")
@click.option("--lease-name", default=_DEFAULTS.lease_name)
@click.option(
    "--lease-seconds",
    type=click.IntRange(min=3),
    default=_DEFAULTS.lease_s,
    help="A standby takes over at most this long after the leader fell silent.",
)
@click.option("--health-host", default=_DEFAULTS.host, help="Address of /metrics, /healthz and /readyz.")
@click.option("--health-port", type=click.IntRange(0, 65535), default=_DEFAULTS.port, help="Their port; 0: a free one.")
@click.option(
    "--debug-port",
    type=click.IntRange(0, 65535),
    show_default="not served",
    help="Serve the last decision, of all tenants, on this port of 127.0.0.1: /debug/snapshot, which `entente plan` "
    "reads, and /debug/plan.",
)
@click.option(
    "--writes", type=click.IntRange(min=1), default=_DEFAULTS.writes, help="Jobs that the operator writes to at once."
)
@click.option(
    "--start-timeout-seconds",
    type=click.IntRange(min=1),
    default=int(_DEFAULTS.start_timeout_s),
    help="How long a gang may hold GPUs before all its workers are ready.",
)
@click.option(
    "--check-invariants/--no-check-invariants",
    default=_DEFAULTS.check_invariants,
    help="Check each decision by counting everything anew, and log what is wrong. A check takes as long as a decision.",
)
@click.option("--log-level", type=click.Choice(_LEVELS, case_sensitive=False), default=_DEFAULTS.log_level)
@click.option("--log-format", type=click.Choice(["text", "json"]), default=_DEFAULTS.log_format)
def operator(
    *,
    access: Access,
    namespace: str,
    lease_name: str,
    lease_seconds: int,
    health_host: str,
    health_port: int,
    debug_port: int | None,
    writes: int,
    start_timeout_seconds: int,
    check_invariants: bool,
    log_level: str,
    log_format: str,
) -> None:
    """Run the operator until it is told to stop.

    Each option can be set by an environment variable, too: ENTENTE_HEALTH_PORT for --health-port.
    """
    # kopf takes a second to import, which no other command should have to wait for.
    from entente.operator import compose, logs  # noqa: PLC0415

    logs.set_up(log_level, log_format)
    settings = Settings(
        kubeconfig=access.kubeconfig,
        context=access.context,
        user=access.user,
        groups=access.groups,
        namespace=namespace,
        lease_name=lease_name,
        lease_s=lease_seconds,
        host=health_host,
        port=health_port,
        debug_port=debug_port,
        writes=writes,
        start_timeout_s=float(start_timeout_seconds),
        check_invariants=check_invariants,
    )
    try:
        code = asyncio.run(compose.run(settings, printed))
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        message = f"--health-host, --health-port: cannot listen on {health_host}:{health_port}: {error.strerror}"
        raise click.ClickException(message) from error
    sys.exit(code)
