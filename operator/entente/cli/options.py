"""Options that the commands on a cluster share."""

from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]


def cluster_options(command: Command) -> Command:
    """`--kubeconfig` and `--context`, as kubectl has them."""
    command = click.option("--context", help="Context of the kubeconfig; its current one by default.")(command)
    return click.option(
        "--kubeconfig",
        type=click.Path(dir_okay=False),
        help="Kubeconfig file; $KUBECONFIG or ~/.kube/config by default.",
    )(command)


def output_option(command: Command) -> Command:
    """`-o table|json`."""
    return click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)(
        command
    )


def namespace_options(command: Command) -> Command:
    """`-n` and `-A`."""
    command = click.option("-A", "--all-namespaces", is_flag=True, help="Of all namespaces that you may read.")(command)
    return click.option("-n", "--namespace", help="Namespace; that of the context by default.")(command)
