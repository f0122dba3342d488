# shellcheck shell=bash
# Sourced by the bash scripts of this checkout: sets ROOT and puts Node 24 and the checkout's own tools first in PATH.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

# fail WHAT [WHAT-TO-DO...]
fail() {
  printf 'error: %s\n' "$1" >&2
  shift
  (($# == 0)) || printf '  %s\n' "$@" >&2
  exit 1
}

# A missing platform package is no error to npm: without this check scripts would silently run under the system's Node.
node_is_24() { [[ $(node --version 2>/dev/null) == v24.* ]]; }

# The caller's own PATH: npm must not run on the Node that it is about to replace.
HOST_PATH=${PATH//"$ROOT/node_modules/.bin:"/}
PATH=$ROOT/node_modules/.bin:$HOST_PATH
export HOST_PATH PATH
