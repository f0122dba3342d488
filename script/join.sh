#!/bin/sh
# Makes this machine a node of a Gantry cluster: installs the release that the controller hands out and the Debian packages
# it needs, then runs `gantry node join`. `gantry node add NAME` prints the line that fetches and runs it.
#   join --api https://HOST:PORT --ca FILE --name NAME [--prefix DIR] [OPTION OF gantry node join]...
set -eu

fail() {
  printf 'error: %s\n  %s\n' "$1" "$2" >&2
  exit 1
}

api='' ca='' name='' prefix=/usr/local
main() {
  words=$#
  while [ "$words" -gt 0 ]; do
    case $1 in
      --api) api=$2 ;;
      --ca) ca=$2 ;;
      --name) name=$2 ;;
      --prefix) prefix=$2 && shift 2 && words=$((words - 2)) && continue ;;
    esac
    # every other word goes on to gantry, in its order
    set -- "$@" "$1"
    shift
    words=$((words - 1))
  done
  [ -n "$api" ] && [ -r "$ca" ] && [ -n "$name" ] || fail 'something of --api, --ca and --name is missing' \
    'run the line that gantry node add NAME prints'
  check_machine
  unpack
  install_packages
  mkdir -p "$prefix/bin"
  ln -sfn "$release/bin/gantry" "$prefix/bin/gantry"
  say "gantry $version in $release"
  exec "$release/bin/gantry" node join "$@"
}

say() { printf '  %s\n' "$1" >&2; }

check_machine() {
  [ "$(id -u)" -eq 0 ] || fail 'this needs the rights of root' 'run it as root'
  # shellcheck source=/dev/null
  [ ! -r /etc/os-release ] || . /etc/os-release
  [ "${ID:-}" = debian ] && [ "${VERSION_ID:-99}" -ge 12 ] ||
    fail "a node needs Debian 12 or newer, this is ${PRETTY_NAME:-another system}" 'install Debian there'
}

# Into a folder named after its content: a repetition finds it, and a running agent keeps the files it was started from.
unpack() {
  releases=$prefix/lib/gantry
  mkdir -p "$releases"
  draft=$(mktemp -d "$releases/.new-XXXXXX")
  trap 'rm -rf "$draft"' EXIT
  curl -fsS --cacert "$ca" -o "$draft/release.tar" "$api/release.tar" ||
    fail "the release could not be fetched from $api" 'check the network between the two machines'
  sum=$(sha256sum "$draft/release.tar" | cut -c 1-12)
  release=$releases/$sum
  if [ ! -d "$release" ]; then
    mkdir "$draft/tree"
    tar -xf "$draft/release.tar" -C "$draft/tree" --no-same-owner
    "$draft/tree/lib/node" --version >/dev/null 2>&1 ||
      fail "the release of $api is not for $(uname -m)" 'nodes are of the same architecture as the controller'
    chmod 755 "$draft/tree"
    mv -T "$draft/tree" "$release"
  fi
  rm -rf "$draft"
  trap - EXIT
  version=$("$release/bin/gantry" --version)
}

# The part of the list that running guests needs.
needed() { sed -e '/^# for tests/,$d' -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$release/script/lib/packages"; }

install_packages() {
  missing=$(needed | while read -r package; do
    dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^.i' || echo "$package"
  done)
  [ -n "$missing" ] || return 0
  say "installing $(echo "$missing" | tr '\n' ' ')"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q -o DPkg::Lock::Timeout=600 update >&2 </dev/null ||
    fail 'apt-get update failed (above)' 'check the network and the sources in /etc/apt'
  # shellcheck disable=SC2086 # names of packages, one word each
  apt-get -q -o DPkg::Lock::Timeout=600 install -y --no-install-recommends $missing >&2 </dev/null ||
    fail 'apt-get install failed (above)' 'check the network and the sources in /etc/apt'
}

main "$@"
