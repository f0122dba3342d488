/** How the domain of a guest differs from what its settings would give now. Looks only: nothing is written or changed. */
import {
  compileGuest,
  diffGuest,
  type HostContext,
  type Present,
  parseXml,
  type Settled,
} from '@gantry/guest';
import { virDomainXMLFlags } from '@gantry/libvirt';
import {
  err,
  type GuestComparison,
  type GuestInput,
  type GuestSpec,
  isGantryError,
  toProblem,
} from '@gantry/model';
import { compareKept } from './adoption/kept.ts';
import { isAlive } from './libvirt-names.ts';
import { type Found, lookAt } from './look.ts';
import { hostContext } from './start.ts';
import type { StartParts } from './start-parts.ts';

export interface DiffWish {
  /** What the next start would be ordered to make. */
  next: GuestSpec;
  /** As for an instance made now. */
  anew?: GuestInput | undefined;
}

/** @throws GantryError `not_found` without a domain, `guest_refused` when a disk is not here */
export async function compareGuest({ next, anew }: DiffWish, parts: StartParts): Promise<GuestComparison> {
  if (next.input.definition === 'kept') return compareKept(next, parts);
  const found = await lookAt(parts.lv, next.instance, parts.member);
  if (!found) throw err('not_found', { kind: 'definition of guest', name: next.input.name });
  const present = await presentOf(found, next, parts);
  const compared = present.running ? ('running' as const) : ('definition' as const);
  const settled = await settle(next, found.dom.name, parts);
  if ('problem' in settled)
    return { compared, differences: [], refused: { settings: 'next-start', problem: settled.problem } };
  const other = anew && (await settle({ ...next, input: anew }, found.dom.name, parts));
  if (other && 'problem' in other)
    return {
      compared,
      differences: diffGuest(present, settled),
      refused: { settings: 'rebuild', problem: other.problem },
    };
  return { compared, differences: diffGuest(present, settled, other) };
}

async function presentOf({ dom, state }: Found, spec: GuestSpec, parts: StartParts): Promise<Present> {
  const { lv, directory } = parts;
  const running = isAlive(state);
  const [xml, defined, record] = await Promise.all([
    lv.domainGetXmlDesc({ dom }),
    lv.domainGetXmlDesc({ dom, flags: virDomainXMLFlags.VIR_DOMAIN_XML_INACTIVE }),
    directory.readRecord(spec.instance),
  ]);
  const { asked, explanation = [] } = record ?? {};
  return {
    domain: parseXml(xml),
    running,
    definition: parseXml(defined),
    ...(asked === undefined ? {} : { before: { asked: parseXml(asked), explanation } }),
  };
}

/** Settings of which no guest can be made are an answer too. */
async function settle(
  spec: GuestSpec,
  name: string,
  parts: StartParts,
): Promise<Settled | { problem: ReturnType<typeof toProblem> }> {
  const host = await contextOf(spec, name, parts);
  const { input } = spec;
  try {
    return { guest: compileGuest(input, host), input };
  } catch (error) {
    if (isGantryError(error)) return { problem: toProblem(error) };
    throw error;
  }
}

/** As a start would find it; no file is written. */
export async function contextOf(spec: GuestSpec, name: string, parts: StartParts): Promise<HostContext> {
  const paths = parts.directory.paths(spec.instance);
  const record = await parts.directory.readRecord(spec.instance);
  const prepareBoot = async (rooted: GuestSpec, accelerator: HostContext['accelerator']) =>
    parts.bootFiles.foresee(rooted, paths.dir, accelerator);
  return hostContext(spec, { ...parts, name, paths, record, prepareBoot });
}
