# shellcheck shell=bash
# Sourced by script/setup: installs Debian packages without starting a service of the host.

POLICY=/usr/sbin/policy-rc.d
POLICY_SAVED=$POLICY.before-gantry
POLICY_MARK='# placed by script/setup of Gantry while it installs packages'

listed_packages() { sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$ROOT/script/lib/packages"; }

# The packages among "$@" that are not fully installed, one a line.
missing_packages() {
  dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null |
    awk -v wanted="$*" '
      substr($1, 2) == "i" { have[$2] = 1 }
      END { n = split(wanted, name, " "); for (i = 1; i <= n; i++) if (!have[name[i]]) print name[i] }'
}

policy_is_ours() { grep -qsF "$POLICY_MARK" "$POLICY"; }
policy_is_displaced() { policy_is_ours || [[ -e $POLICY_SAVED || -L $POLICY_SAVED ]]; }

# Every intermediate state left by a kill is recognised: the site's own policy is always under one of the two names.
restore_policy() {
  if policy_is_ours; then rm -f "$POLICY"; fi
  if [[ -e $POLICY_SAVED || -L $POLICY_SAVED ]]; then mv -T "$POLICY_SAVED" "$POLICY"; fi
}

refuse_services() {
  local new=$POLICY.gantry-new
  printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$new"
  chmod 755 "$new"
  if [[ -e $POLICY || -L $POLICY ]]; then mv -T "$POLICY" "$POLICY_SAVED"; fi
  mv -T "$new" "$POLICY"
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 "$@" </dev/null
}

# Installs those of "$@" that are missing, removing nothing. The lock spans all checkouts of the machine, as policy-rc.d does.
install_packages() (
  local missing
  exec 8</var/lib/dpkg
  flock 8
  trap 'exit 130' INT TERM HUP
  trap restore_policy EXIT
  restore_policy
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || exit 0
  refuse_services
  say "installing Debian packages: ${missing[*]}"
  # After a kill apt asks for this. What dpkg cannot mend (a package killed in unpacking) apt installs anew below.
  [[ -z $(dpkg --audit) ]] || quietly dpkg --configure -a 2>/dev/null || true
  quietly apt_get -o APT::Update::Error-Mode=any update ||
    say 'some package lists could not be fetched (above); going on with what there is'
  quietly apt_get install -y --no-install-recommends --no-remove "${missing[@]}" ||
    fail "apt-get install failed (above), missing: ${missing[*]}" \
      "check the network and the sources in /etc/apt, then run script/setup again"
)
