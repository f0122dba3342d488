import { PROGRAM } from '../frame.ts';
import type { In, Out } from '../layouts.ts';
import { connectProcedures } from './connect.ts';
import { domainProcedures } from './domain.ts';
import { domainDevicesProcedures } from './domain-devices.ts';
import { domainGuestProcedures } from './domain-guest.ts';
import { domainJobsProcedures } from './domain-jobs.ts';
import { domainResourcesProcedures } from './domain-resources.ts';
import { migrationProcedures } from './migration.ts';
import { networkProcedures } from './network.ts';
import type { AnyProcedure } from './procedure.ts';
import { qemuProcedures } from './qemu.ts';
import { secretDeviceProcedures } from './secret-device.ts';
import { qemuSessionProcedures, sessionProcedures } from './session.ts';
import { snapshotProcedures } from './snapshot.ts';
import { storageProcedures } from './storage.ts';

/** The table of calls: all that a user may call, methods and types derive from it. */
export const procedures = {
  ...connectProcedures,
  ...domainProcedures,
  ...domainDevicesProcedures,
  ...domainResourcesProcedures,
  ...domainJobsProcedures,
  ...migrationProcedures,
  ...domainGuestProcedures,
  ...snapshotProcedures,
  ...networkProcedures,
  ...storageProcedures,
  ...secretDeviceProcedures,
  ...qemuProcedures,
};

export type ProcedureName = keyof typeof procedures;
/** What a call takes. */
export type CallArgs<N extends ProcedureName> = In<(typeof procedures)[N]['args']>;
/** What a call gives, once answered. */
export type CallResult<N extends ProcedureName> = Out<(typeof procedures)[N]['result']>;
/** The directions of a call's stream; undefined for the many without one. */
export type CallStream<N extends ProcedureName> = (typeof procedures)[N]['stream'];

export type SessionProcedureName = keyof typeof sessionProcedures | keyof typeof qemuSessionProcedures;

/** A procedure with its name and the program it belongs to. */
export interface Target {
  readonly name: string;
  readonly program: number;
  readonly procedure: AnyProcedure;
}

const TARGETS = new Map<string, Target>([
  ...targets({ ...procedures, ...sessionProcedures }, PROGRAM.remote),
  ...targets({ ...qemuProcedures, ...qemuSessionProcedures }, PROGRAM.qemu),
]);

function targets(table: Readonly<Record<string, AnyProcedure>>, program: number): [string, Target][] {
  return Object.entries(table).map(([name, procedure]) => [name, { name, program, procedure }]);
}

/** Where a call of this name goes. */
export function targetOf(name: ProcedureName | SessionProcedureName): Target {
  const target = TARGETS.get(name);
  if (target === undefined) throw new TypeError(`libvirt has no call named ${JSON.stringify(name)}`);
  return target;
}

/** Every call there is, the session's own included. */
export function allTargets(): Target[] {
  return [...TARGETS.values()];
}
