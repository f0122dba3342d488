/** Other domains of the node that write to the disks of one that is to be imported. */
import { parseXml, readForeign } from '@gantry/guest';
import { type Domain, isNotFound, type LibvirtClient, virDomainXMLFlags } from '@gantry/libvirt';
import { writtenBy } from './disk-files.ts';
import type { AnyDomain } from './find.ts';

/** Two guests that write to one disk destroy it. */
export async function whoElseWrites(
  lv: LibvirtClient,
  { dom, definition }: Pick<AnyDomain, 'dom' | 'definition'>,
): Promise<string[]> {
  const mine = new Set((await writtenBy(readForeign(definition).disks)).map(({ source }) => source));
  if (mine.size === 0) return [];
  const others = (await lv.connectListAllDomains()).filter(({ uuid }) => uuid !== dom.uuid);
  const found = await Promise.all(others.map((other) => sharedWith(lv, other, mine).catch(nobodyIfGone)));
  return found.flat();
}

/** One that cannot be read is no proof that it writes elsewhere. */
function nobodyIfGone(error: unknown): string[] {
  if (!isNotFound(error)) throw error;
  return [];
}

async function sharedWith(lv: LibvirtClient, other: Domain, mine: ReadonlySet<string>): Promise<string[]> {
  const flags = virDomainXMLFlags.VIR_DOMAIN_XML_INACTIVE;
  const xml = await lv.domainGetXmlDesc({ dom: other, flags });
  const theirs = await writtenBy(readForeign(parseXml(xml)).disks);
  return theirs.flatMap(({ source }) =>
    mine.has(source) ? [`domain ${other.name} has ${source} too, and nobody said that they share it`] : [],
  );
}
