"""`python -m gitops` is the `gitops` command."""

from gitops.cli.main import main

main()
