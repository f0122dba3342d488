/** The words that the agent is started with. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { err, LeaveWith, matches } from '@gantry/model';
import { commandBeside } from './identity/command-beside.ts';

const LOCAL = 'unix:';

export interface Options {
  state: string;
  cache: string;
  api: string;
  libvirt?: string;
  prepare?: string;
  /** Folder in the layout of /etc/pki, for libvirt and QEMU. */
  pki: string;
  ca?: string;
  name?: string;
  /** Where disks of other nodes are taken; 0: nowhere. */
  transferPort?: number;
  /** Module of the command that takes this node off; none: it is not taken off by the controller. */
  leaveBy?: string;
  /** `leave`: what of guests and disks may be there. */
  guests: LeaveWith;
}

/** @throws GantryError `usage` */
export function parseOptions(argv: readonly string[]): Options {
  const { values } = parsed(argv);
  const state = values.state ?? '/var/lib/gantry';
  const api = values.api ?? `${LOCAL}${join(state, 'run', 'api.sock')}`;
  // the controller's own machine is not taken off by it: that goes with the cluster
  const leaveBy = values['leave-by'] ?? (api.startsWith(LOCAL) ? undefined : commandBeside());
  return {
    state,
    cache: values.cache ?? process.env['GANTRY_CACHE'] ?? '/var/cache/gantry',
    api,
    ...(values.libvirt === undefined ? {} : { libvirt: values.libvirt }),
    pki: values.pki ?? join(state, 'agent', 'pki'),
    ...(values.ca === undefined ? {} : { ca: values.ca }),
    ...(values.name === undefined ? {} : { name: values.name }),
    ...(leaveBy === undefined ? {} : { leaveBy }),
    guests: leaveWith(values.guests ?? 'none'),
    ...(values['transfer-port'] === undefined ? {} : { transferPort: portOf(values['transfer-port']) }),
    ...(values.prepare === undefined ? {} : { prepare: values.prepare }),
  };
}

function leaveWith(text: string): LeaveWith {
  if (matches(LeaveWith, text)) return text;
  throw err('usage', { what: `--guests ${text}: none, down or any` });
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65535) return port;
  throw err('usage', { what: `--transfer-port ${text} is not a port: 0 to 65535` });
}

function parsed(argv: readonly string[]) {
  const text = { type: 'string' as const };
  try {
    return parseArgs({
      args: [...argv],
      options: {
        ...{ state: text, cache: text, api: text, libvirt: text, prepare: text },
        ...{ pki: text, ca: text, name: text, 'transfer-port': text, 'leave-by': text, guests: text },
      },
    });
  } catch (error) {
    throw err('usage', { what: (error as Error).message }, error);
  }
}
