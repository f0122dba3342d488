#!/bin/bash
# A libvirtd of its own in its own mount, network, pid and cgroup namespaces. Started by tests and by script/demo.
#   private-libvirtd.sh enter DIR CACHE CGROUP [OPTION...]   joins a cgroup of its own, makes the namespaces, then
#   private-libvirtd.sh init DIR CACHE [OPTION...]   is pid 1 in there: mounts, daemons, and reaping of orphans
# The options are libvirtd's. DIR/sasl2 and DIR/pki, where they are, take the place of /etc/sasl2 and /etc/pki.
# NODE_NAME: host name in there. LIVES_ON=1: it outlives its starter. SHOW_KVM=1: guests may use /dev/kvm.
set -eu

controllers="cpu cpuacct cpuset memory devices freezer blkio pids"

# Each v1 hierarchy has its own idea of where we are; a child goes below that, never beside it.
join_v1() {
  local own dir
  for controller in $controllers; do
    [ -d "/sys/fs/cgroup/$controller" ] || continue
    own=$(awk -F: -v c="$controller" '$2 ~ "(^|,)" c "(,|$)" { print $3 }' /proc/self/cgroup)
    dir="/sys/fs/cgroup/$controller${own%/}/$1"
    mkdir -p "$dir" 2>/dev/null || continue
    if [ "$controller" = cpuset ]; then
      cat "$dir/../cpuset.cpus" > "$dir/cpuset.cpus"
      cat "$dir/../cpuset.mems" > "$dir/cpuset.mems"
    fi
    echo $$ > "$dir/cgroup.procs"
    echo "$dir" >> "$2/cgroups"
  done
}

join_v2() {
  local dir
  dir="/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)"
  dir="${dir%/}/$1"
  mkdir -p "$dir" && echo $$ > "$dir/cgroup.procs" && echo "$dir" >> "$2/cgroups"
}

enter() {
  local dir=$1 cache=$2 group=$3
  shift 3
  : > "$dir/cgroups"
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then join_v2 "$group" "$dir"; else join_v1 "$group" "$dir"; fi
  # The namespaces must not outlive whoever asked for them, even one that was killed; unless that is wanted.
  local bound=(setpriv --pdeathsig KILL)
  if [ -n "${LIVES_ON:-}" ]; then bound=(setsid); fi
  exec "${bound[@]}" unshare --mount --net --uts --pid --cgroup --fork --kill-child --mount-proc /bin/bash "$0" init "$dir" "$cache" "$@"
}

mount_cgroups() {
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then v2=1; else v2=0; fi
  # The outer ones first: covered, they would still be in /proc/mounts, where libvirt looks for them.
  umount --lazy --recursive /sys/fs/cgroup || true
  # A fresh sysfs, else /sys/class/net shows the host's devices; and with it the cgroup mounts are gone.
  mount -t sysfs sysfs /sys
  if [ "$v2" = 1 ]; then mount -t cgroup2 cgroup2 /sys/fs/cgroup; return; fi
  mount -t tmpfs -o mode=755 cgroups /sys/fs/cgroup
  for controller in $controllers; do
    mkdir -p "/sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller" || rmdir "/sys/fs/cgroup/$controller"
  done
}

# Everything in /dev but KVM. Tests emulate, and where QEMU can open /dev/kvm but libvirt finds it unusable, libvirt
# distrusts what it knows of QEMU and asks anew for each domain: 7 s every time.
hide_kvm() {
  local host=/run/dev.host node
  mkdir "$host"
  mount --rbind /dev "$host"
  mount -t tmpfs -o mode=755 dev /dev
  for node in "$host"/*; do
    if [ "$node" = "$host/kvm" ]; then continue; fi
    if [ -d "$node" ] && [ ! -L "$node" ]; then
      mkdir "/dev/${node##*/}"
      mount --rbind "$node" "/dev/${node##*/}"
    else
      cp -a "$node" /dev/
    fi
  done
}

# Directories that are not on every host, in an /etc of our own: the host's is not ours to change.
own_etc() {
  cp -a /etc /run/etc
  mkdir -p /run/etc/sasl2 /run/etc/pki
  mount --bind /run/etc /etc
}

init() {
  local dir=$1 cache=$2 part
  shift 2
  mount --make-rprivate /
  mount_cgroups
  mount -t tmpfs -o mode=755 run /run
  if [ -z "${SHOW_KVM:-}" ]; then hide_kvm; fi
  mkdir -p /run/lock /run/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt /etc/libvirt
  if [ -d "$dir/sasl2" ]; then own_etc; fi
  mount --bind "$dir/run" /run/libvirt
  mount --bind "$dir/etc" /etc/libvirt
  mount --bind "$dir/lib" /var/lib/libvirt
  mount --bind "$dir/log" /var/log/libvirt
  mount --bind "$cache" /var/cache/libvirt
  for part in sasl2 pki; do
    if [ -d "$dir/$part" ]; then mount --bind "$dir/$part" "/etc/$part"; fi
  done
  ip link set lo up
  if [ -n "${NODE_NAME:-}" ]; then hostname "$NODE_NAME"; fi
  virtlogd -d
  libvirtd -d "$@"
  # It listens before its drivers are ready: an answer counts, not the socket. The read-only one never wants a password.
  virsh -q -r -c qemu:///system uri > /dev/null
  touch "$dir/ready"
  # Orphans (QEMU is one once libvirtd has forked it) become our children: bash reaps whatever ends while it waits.
  # Were they left as zombies libvirt would take a dead QEMU for alive.
  while :; do sleep 3600 & wait $! || true; done
}

"$@"
