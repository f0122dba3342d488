/**
 * /init of the initramfs that guests get with the node's kernel: a script for busybox's shell, run as process 1.
 * It sets the addresses first (a guest answers pings about 8 s earlier under TCG than when systemd sets them), then
 * tells the root file system who it is, then hands over. What it reads lies in /gantry, from the second archive:
 *
 *     nics            MAC ADDRESS/PREFIX|- GATEWAY|- MTU|- ADDRESS6/PREFIX|- GATEWAY6|-   one line per NIC
 *     digest          of all the rest
 *     machine-id      of the guest
 *     always.cpio     unpacked over the root file system when the digest is not the one in MARKER
 *     once.cpio       likewise, but only files that are not there yet
 *     ifupdown.cpio   likewise, when the root file system uses ifupdown
 *
 * Without root= on the command line it says so and powers off: the self-test of an accelerator.
 */
export const SELFTEST_LINE = 'GANTRY-SELFTEST ok';
export const MARKER = 'var/lib/gantry/identity';

export const initScript = `#!/bin/busybox sh
export PATH=/bin
# busybox's shell runs its other commands by itself, through /proc/self/exe: no links are needed.
/bin/busybox mkdir -p /proc /sys /dev /r
/bin/busybox mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev

root= type= init=/sbin/init mode=ro
read -r line < /proc/cmdline
for word in $line; do
  case $word in
    root=*) root=\${word#root=} ;;
    rootfstype=*) type=\${word#rootfstype=} ;;
    init=*) init=\${word#init=} ;;
    ro | rw) mode=$word ;;
  esac
done

load() { while read -r module; do insmod /modules/$module; done < /modules/$1; }
fail() {
  echo "gantry: $1; a shell on this console follows, 'exec switch_root /r /sbin/init' goes on" > /dev/console
  exec setsid cttyhack sh
}

if [ -z "$root" ]; then
  echo "${SELFTEST_LINE}" > /dev/console
  poweroff -f
fi

load first
echo 1 > /proc/sys/net/ipv4/conf/all/arp_notify
ip link set lo up
if [ -e /gantry/nics ]; then
  while read -r mac address gateway mtu address6 gateway6; do
    for device in /sys/class/net/*; do
      read -r found < $device/address
      [ "$found" = "$mac" ] || continue
      device=\${device##*/}
      [ "$mtu" = - ] || ip link set $device mtu $mtu
      [ "$address" = - ] || ip addr add $address dev $device
      [ "$address6" = - ] || ip -6 addr add $address6 dev $device
      ip link set $device up
      [ "$gateway6" = - ] || ip -6 route add default via $gateway6 dev $device
      [ "$gateway" = - ] && continue
      ip route add default via $gateway dev $device
      # The gateway learns our hardware address now, not after its next, slow attempt to find it.
      ping -q -c 1 -W 1 $gateway > /dev/null 2>&1 &
    done
  done < /gantry/nics
fi
load second

case $root in
  UUID=* | LABEL=*) wanted='findfs "$root"' ;;
  *) wanted='echo "$root"' ;;
esac
tries=0
until device=$(eval "$wanted" 2>/dev/null) && [ -b "$device" ]; do
  tries=$((tries + 1))
  [ $tries -gt 200 ] && fail "root device $root does not appear"
  sleep 0.05
done
attach() { mount \${type:+-t $type} -o rw "$1" /r || mount \${type:+-t $type} -o ro "$1" /r; }
# A disk that an OS script has partitioned: the file system is in its first partition.
case $device in *[!0-9]) if [ -b "\${device}1" ]; then device=\${device}1; fi ;; esac
attach "$device" || fail "cannot mount $root"

if [ -e /gantry/digest ]; then
  read -r wanted < /gantry/digest
  found=
  [ -e /r/${MARKER} ] && read -r found < /r/${MARKER}
  if [ "$wanted" != "$found" ]; then
    cd /r
    # The disk of a clone: it knows itself by another machine-id. Nobody shares host keys.
    read -r wanted_id < /gantry/machine-id
    known_id=
    [ -e etc/machine-id ] && read -r known_id < etc/machine-id
    if [ -n "$found" ] && [ "$known_id" != "$wanted_id" ]; then rm -f etc/ssh/ssh_host_*_key etc/ssh/ssh_host_*_key.pub; fi
    cpio -idu < /gantry/always.cpio 2>/dev/null
    cpio -id < /gantry/once.cpio 2>/dev/null
    if [ -x sbin/ifup ] || [ -x usr/sbin/ifup ]; then cpio -idu < /gantry/ifupdown.cpio 2>/dev/null; fi
    sync # the marker must not be there without them
    mkdir -p ${MARKER.replace(/\/[^/]*$/, '')}
    echo "$wanted" > ${MARKER}.new && mv ${MARKER}.new ${MARKER}
    cd /
  fi
fi

[ -x "/r$init" ] || [ -h "/r$init" ] || fail "$root has no $init"
mount -t devtmpfs devtmpfs /r/dev
[ $mode = rw ] || mount -o remount,ro /r
umount /sys /proc
exec /bin/busybox switch_root /r $init
`;
