/** CD drives: what lies in them, and what is to. Pure. */
import type { GuestCd, GuestSpec, GuestStatus, SeenCd } from '@gantry/model';
import type { SeenDomain } from '../observation.ts';
import type { PlanInput } from './input.ts';

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
