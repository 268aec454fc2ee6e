#!/bin/sh
# Sets up what the make targets need: a virtual environment from requirements.lock, or a Debian
# package. Called by the Makefile; safe to run again, and after it was interrupted.
#
#   .ci/setup.sh venv FOLDER     make FOLDER and install gitops into it ($PYTHON chooses)
#   .ci/setup.sh tests           what the tests need besides: sshd, for Git over SSH
set -eu

say() { printf 'gitops: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

is_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  if [ -n "${PYTHON:-}" ]; then
    is_enough "$PYTHON" || fail "Python 3.11 or newer is needed, and PYTHON=$PYTHON is not"
    echo "$PYTHON"
    return
  fi
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    if is_enough "$name"; then
      echo "$name"
      return
    fi
  done
  fail "Python 3.11 or newer is needed; install it, or say where it is: make PYTHON=/path/to/python3 …"
}

# install PACKAGE WHY: from Debian's archive where we may, else one sentence that says what to do
install() {
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "installing $1, for $2"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null >&2 || say "the list of packages could not be renewed; trying as it is"
    apt-get install -y -qq --no-install-recommends "$1" </dev/null >&2 ||
      fail "$1 could not be installed; it is needed for $2"
  else
    fail "$1 is missing, and needed for $2; install it with your system's package manager"
  fi
}

make_venv() {
  python=$(find_python)
  if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    install python3-venv "Python's virtual environments"
  fi
  [ -x "$1/bin/python" ] && is_enough "$1/bin/python" || "$python" -m venv --clear "$1"
  say "installing the Python packages of requirements.lock into $1"
  "$1/bin/python" -m pip --quiet --disable-pip-version-check --no-input \
    install --no-deps --require-hashes -r requirements.lock
  "$1/bin/python" -m pip --quiet --disable-pip-version-check --no-input \
    install --no-deps --no-build-isolation -e .
  "$1/bin/python" -m compileall -q gitops # each start is faster, where Python may write none itself
  touch "$1/.ready"
}

cd "$(dirname "$0")/.."
case ${1:-} in
  venv) make_venv "${2:?the folder of the virtual environment}" ;;
  tests) [ -x /usr/sbin/sshd ] || install openssh-server "the tests of Git over SSH" ;;
  *) fail "usage: .ci/setup.sh venv FOLDER, or .ci/setup.sh tests" ;;
esac
