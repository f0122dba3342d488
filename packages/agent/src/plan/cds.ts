/** CD drives: what lies in them, and what is to. Pure. */
import type { Guest, GuestCd, GuestSpec, GuestStatus, Plug, SeenCd } from '@gantry/model';
import { type Action, plugSubject } from '../actions.ts';
import type { GuestMemory } from '../env.ts';
import type { SeenDomain } from '../observation.ts';
import { free, type PlanInput } from './input.ts';

/** What the running guest has. The guest opens and closes trays as it likes. */
export function seenCds({ input }: GuestSpec, seen: SeenDomain, all: PlanInput): Pick<GuestStatus, 'cds'> {
  if (!seen.cds?.length) return {};
  const cds = seen.cds.map(({ slot, tray, path }): SeenCd => {
    const sha256 = all.observation.bases.find((base) => base.path === path)?.sha256;
    const own = input.cds?.find((cd) => cd.slot === slot)?.media;
    const image = own && own.sha256 === sha256 ? own.image : undefined;
    return { slot, tray, ...(image ? { image } : path === undefined ? {} : { foreign: true }) };
  });
  return { cds };
}

/** What lies in its drives must be on the node before it starts. */
export function mediaMissing({ input }: GuestSpec, { observation }: PlanInput): string | undefined {
  const missing = input.cds?.find((cd) => !mediaReady(cd, observation.bases));
  return missing && `waits for image ${missing.media?.image} of its CD drive ${missing.slot}`;
}

export const mediaReady = (
  { media }: Pick<GuestCd, 'media'>,
  bases: PlanInput['observation']['bases'],
): boolean => media === undefined || bases.some(({ sha256 }) => sha256 === media.sha256);

/** May the content go? Not while a guest has it open, or is to have it; while libvirt is silent nobody knows. */
export function inDrive(sha256: string, { observation, assignments }: PlanInput): boolean {
  const path = observation.bases.find((base) => base.sha256 === sha256)?.path;
  const wanted = assignments.guests.some(({ spec }) =>
    spec.input.cds?.some(({ media }) => media?.sha256 === sha256),
  );
  const open = observation.domains.some(({ cds }) => cds?.some((cd) => cd.path === path));
  return wanted || open || !observation.libvirt;
}

/** Notes that the drive is being changed: the order may outlive its operation. */
export function noteCd({ cd }: Plug, memory: GuestMemory): void {
  if (cd !== undefined && !memory.cds?.includes(cd)) memory.cds = [...(memory.cds ?? []), cd];
}

/**
 * Sets right what was done on our word and is not what the binding says: its operation gave up, or was cancelled, before
 * it was known to be done. What somebody changed by hand is for people to judge: `diff` shows it.
 */
export function settleCds(guest: Guest, seen: SeenDomain, input: PlanInput, memory: GuestMemory): Action[] {
  const { spec, generation } = guest;
  const subject = plugSubject(spec.instance);
  if (!memory.cds || input.busy.has(subject)) return [];
  const plugs = memory.cds.flatMap((slot) => settling(slot, spec, seen, input) ?? []);
  memory.cds = plugs.map(({ cd }) => cd);
  if (plugs.length === 0) delete memory.cds;
  const [next] = plugs;
  const { operation } = spec;
  if (!next || !operation || !free(input, subject, generation)) return [];
  const { do: what, cd } = next;
  return [{ do: `guest.${what}Device`, spec: { ...spec, plug: { operation, do: what, cd } } }];
}

/** Undefined: the drive is as it is to be. */
function settling(
  slot: number,
  { input }: GuestSpec,
  seen: SeenDomain,
  { observation }: PlanInput,
): { do: Plug['do']; cd: number } | undefined {
  const there = seen.cds?.find((cd) => cd.slot === slot);
  const wanted = input.cds?.find((cd) => cd.slot === slot);
  if (!wanted) return there && { do: 'detach', cd: slot };
  if (!there) return { do: 'attach', cd: slot };
  const base = observation.bases.find(({ sha256 }) => sha256 === wanted.media?.sha256);
  if (wanted.media && !base) return undefined;
  return there.path === base?.path ? undefined : { do: 'update', cd: slot };
}
