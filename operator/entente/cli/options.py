"""Options that commands share."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Access:
    """Which cluster a command reads, and as whom."""

    kubeconfig: str | None = None
    context: str | None = None
    user: str | None = None
    """Whom to act as; the kubeconfig's own user when none."""
    groups: tuple[str, ...] = ()

    @property
    def given(self) -> bool:
        """Whether any of it was asked for."""
        return self != Access()


def cluster_options(command: Command) -> Command:
    """`--kubeconfig`, `--context`, `--as` and `--as-group`, as kubectl has them; the command gets `access`."""

    @functools.wraps(command)
    def with_access(
        *args: Any,  # noqa: ANN401 - the command's own
        kubeconfig: str | None,
        context: str | None,
        as_user: str | None,
        as_groups: tuple[str, ...],
        **options: Any,  # noqa: ANN401 - as above
    ) -> Any:  # noqa: ANN401 - as above
        return command(*args, access=Access(kubeconfig, context, as_user, as_groups), **options)

    for option in reversed(_CLUSTER_OPTIONS):
        with_access = option(with_access)
    return with_access


_CLUSTER_OPTIONS = (
    click.option(
        "--kubeconfig",
        type=click.Path(dir_okay=False),
        help="Kubeconfig file. Default: $KUBECONFIG, else ~/.kube/config, else the pod's service account.",
    ),
    click.option("--context", help="Context of the kubeconfig; its current one by default."),
    click.option("--as", "as_user", metavar="USER", help="Act as this user; you need the right to impersonate."),
    click.option(
        "--as-group",
        "as_groups",
        multiple=True,
        metavar="GROUP",
        help="Act as a member of this group, beside --as; may be given several times.",
    ),
)


def output_option(command: Command) -> Command:
    """`-o table|json`."""
    return click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)(
        command
    )


def namespace_options(command: Command) -> Command:
    """`-n` and `-A`."""
    command = click.option("-A", "--all-namespaces", is_flag=True, help="Jobs of all namespaces that you may read.")(
        command
    )
    return click.option("-n", "--namespace", help="Namespace; that of the context by default.")(command)


def operator_namespace_option(command: Command) -> Command:
    """`--operator-namespace`."""
    return click.option(
        "--operator-namespace",
        default="entente-system",
        show_default=True,
        help="Where the operator is: its handover pods take GPUs from nobody.",
    )(command)
