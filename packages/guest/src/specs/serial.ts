/** hw:serial_port_count: the console, or several ports where the node serves them over TCP. */
import { type Serial, serial } from '../elements/serial.ts';
import { builtin, origin } from '../origin.ts';
import { conflict, refused } from '../refusal.ts';
import type { Wanted } from '../wanted.ts';
import { integerOf, type Settings } from './settings.ts';

/** QEMU’s PC machines have four, and libvirt’s console takes one. */
const MOST_PORTS = 3;

/** First TCP port; the agent of a node gives out real ones. */
const FIRST_TCP_PORT = 10000;

export function serialsFrom({ settings, node, identity }: Wanted): Serial[] {
  const { append, numbered } = settings.profile.console;
  const log = { path: identity.consoleLog, append };
  if (!node.serialPorts)
    return [
      serial({
        ...(numbered ? { port: 0 } : {}),
        log,
        origin: builtin('console', 'a console for the user, and its log kept over restarts'),
      }),
    ];
  const { address } = node.serialPorts;
  const by = origin('host', 'serialPorts', 'as the node is configured');
  return Array.from({ length: portCount(settings) }, (_, index) =>
    serial({
      ...(numbered ? { port: index } : {}),
      tcp: { host: address, port: FIRST_TCP_PORT + index },
      ...(index === 0 ? { log } : {}),
      origin: by,
    }),
  );
}

/** @throws GantryError `guest_refused` */
export function portCount(settings: Settings): number {
  const count = askedPorts(settings);
  if (count > MOST_PORTS)
    throw refused(
      `it asks for ${count} serial ports, and a guest has at most ${MOST_PORTS} (hw:serial_port_count)`,
      'SerialPortNumberLimitExceeded',
    );
  return count;
}

/**
 * 0 counts as not set; the image may only lower what the flavor says.
 * @throws GantryError `property_conflict`
 */
export function askedPorts(settings: Settings): number {
  const flavor = integerOf(settings, 'flavor', 'hw:serial_port_count')?.value || undefined;
  const image = integerOf(settings, 'image', 'hw_serial_port_count')?.value || undefined;
  if (flavor !== undefined && image !== undefined && image > flavor)
    throw conflict('hw:serial_port_count', flavor, image, 'ImageSerialPortNumberExceedFlavorValue');
  return image ?? flavor ?? 1;
}
