#!/bin/sh
# Installs gitops into a folder of its own, as the image has it: locked libraries, the package, and
# the tools that render. The Dockerfile runs it, and the tests do in a clean folder.
#
#   deploy/install.sh TARGET TOOLS
#
# TARGET is made (a virtual environment; $PYTHON makes it, python3 by default). TOOLS is a folder
# with `kustomize` and `helm`.
set -eu

[ $# = 2 ] || { echo "usage: deploy/install.sh TARGET TOOLS" >&2; exit 2; }
source=$(cd "$(dirname "$0")/.." && pwd)
target=$1
tools=$2

"${PYTHON:-python3}" -m venv "$target"
pip() { "$target/bin/python" -m pip --quiet --disable-pip-version-check --no-input "$@"; }

pip install --no-deps --require-hashes -r "$source/deploy/requirements.lock"
pip install --no-deps --no-build-isolation "$source"
pip uninstall --yes hatchling pathspec pluggy trove-classifiers tomlkit # they built it, and are done
for tool in kustomize helm; do
  install -m 0755 "$tools/$tool" "$target/bin/$tool"
done
"$target/bin/python" -m pip --quiet uninstall --yes setuptools pip # nothing is installed later
"$target/bin/gitops" --help >/dev/null
