/** Names of taps: chosen, not left to libvirt (vnet0, vnet1 ...), so that a filter can be in place before there is a tap. */

/** What all taps of Gantry begin with, and no other interface of a node should. */
export const TAP_PREFIX = 'gt';

/**
 * Of a NIC by its place: `gt3fa85f6457n0`, within the 15 characters of an interface name for up to 99 NICs. 40 bits of
 * the instance's id: were two guests of a node ever equal there, the second would not start, as its tap exists.
 */
export const tapName = (instance: string, index: number): string =>
  `${TAP_PREFIX}${instance.replaceAll('-', '').slice(0, 10)}n${index}`;
