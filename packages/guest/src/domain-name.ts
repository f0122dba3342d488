/** What libvirt calls a guest. */

/** Hex digits of the id: two guests of one name get the same ones once in 4 x 10^9 times, and that is refused then. */
const ID_DIGITS = 8;

/**
 * Name of the domain of a new guest: `web1-5d0ec2f5`. libvirt's names are unique on a node, instances' names only within
 * their project. At most 63 + 9 characters: libvirt makes file names of it (`NAME.xml`, `NAME.log`; 255 bytes), and
 * shortens it by itself for QEMU's sockets. A domain that is there already keeps its name: guests are known by their id.
 */
export const domainName = (instanceName: string, instanceId: string): string =>
  `${instanceName}-${instanceId.slice(0, ID_DIGITS)}`;
