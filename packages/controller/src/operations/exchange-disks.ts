/** The disk that an exchange makes: what from, how large, for whom. */

import {
  type CreateInstance,
  type Disk,
  err,
  type Instance,
  type InstanceSpec,
  type OperationId,
  type ReinstallInstance,
} from '@gantry/model';
import type { Asking } from '../api/call.ts';
import { requireOsAllowed } from '../api/os-parameters.ts';
import { newObject } from '../objects.ts';
import { readSources, type Sources } from './create-sources.ts';
import { discAsDisk } from './rescue-drive.ts';

const MIB = 2 ** 20;

export async function ownDisks({ app }: Asking, { id }: Instance): Promise<Disk[]> {
  const { items } = await app.store.list('disk', { owner: id });
  return items.filter(({ spec }) => spec.role === undefined).toSorted((a, b) => a.spec.index - b.spec.index);
}

/** What was asked for, else what it was made from. @throws GantryError */
export async function sourcesOf(
  asking: Asking,
  { name, spec }: Instance,
  body: Pick<ReinstallInstance, 'image' | 'os'>,
  disk: Disk | undefined,
  discs: 'refused' | 'as-disks' = 'refused',
): Promise<Sources> {
  requireOsAllowed(asking.caller, body.os);
  const own = { ...(spec.image ? { image: spec.image } : {}), ...(spec.os ? { os: spec.os } : {}) };
  const asked = { ...(body.image ? { image: body.image } : {}), ...(body.os ? { os: body.os } : {}) };
  const { vcpus, memoryMiB, personality } = spec;
  const sizeMiB = disk ? Math.floor(disk.spec.sizeBytes / MIB) : ROOMY_MIB;
  const request: CreateInstance = {
    name,
    vcpus,
    memoryMiB,
    personality,
    disks: [{ sizeMiB }],
    ...(Object.keys(asked).length > 0 ? asked : own),
  };
  const read = await readSources(asking, request);
  const sources = discs === 'refused' ? read : discAsDisk(read);
  if (sources.cds.length > 0)
    throw err('invalid_argument', {
      what: `${sources.image?.name}, the image of a CD,`,
      wanted: `an image of a disk; \`gantry instance cd insert ${name}\` and --boot-once cd boot a CD`,
    });
  if (sources.content.kind === 'blank')
    throw err('invalid_argument', {
      what: `a request for ${name} without image or OS provider`,
      wanted: 'complete: it was made with an empty disk, so name one of them',
    });
  return sources;
}

/** Any image fits; what it takes is found out when its content is known. */
const ROOMY_MIB = 2 ** 22;
const OS_BYTES = 4 * 2 ** 30;

export function rescueBytes({ content, image }: Sources, first: Disk | undefined): number {
  if (content.kind === 'image') return Math.max(content.virtualBytes, (image?.spec.minDiskMiB ?? 0) * MIB);
  return Math.max(OS_BYTES, first?.spec.sizeBytes ?? 0);
}

/** The operation that makes it bears the id in `createdBy`. */
export function newDisk(
  { app }: Asking,
  { id, project }: Instance,
  name: string,
  {
    content,
    index,
    template,
    sizeBytes,
  }: Pick<Sources, 'content'> & Pick<Disk['spec'], 'index' | 'template' | 'sizeBytes'>,
): Disk {
  return newObject(app.env, 'disk', {
    name,
    project,
    spec: {
      instance: id as NonNullable<Disk['spec']['instance']>,
      index,
      template,
      sizeBytes,
      source: content,
      role: 'aside',
      ownedByInstance: true,
      createdBy: app.env.uuid() as OperationId,
    },
    status: { state: 'creating' },
  });
}

export const contentOf = ({
  image,
  content,
}: Sources): Pick<InstanceSpec, 'image' | 'imageProperties' | 'os'> => ({
  ...(image ? { image: image.id as NonNullable<InstanceSpec['image']> } : {}),
  ...(image?.spec.properties ? { imageProperties: image.spec.properties } : {}),
  ...(content.kind === 'os' ? { os: content.os } : {}),
});

export const bootOf = ({ image, content }: Sources): InstanceSpec['boot'] =>
  image?.spec.boot ?? (content.kind === 'os' ? { kernel: 'node', initrd: 'node' } : { kernel: 'disk' });

export const sourceLines = ({ image, content }: Sources): string[] =>
  content.kind === 'os'
    ? [`from OS provider ${[content.os.provider, content.os.variant].filter(Boolean).join('+')}`]
    : [`from image ${image?.name}`];
