"""The `gitops` command: groups of subcommands, each a module beside this one."""

import click


@click.group()
def main() -> None:
    """Declarative GitOps reconciliation for Kubernetes."""
