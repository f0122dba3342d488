/** Images: descriptions, and their contents as streams of bytes. */

import { checkImageProperties } from '@gantry/guest';
import {
  checkIso,
  checkQcow2Header,
  err,
  type Image,
  ImageSpec,
  type ImageStatus,
  type Replica,
  validate,
} from '@gantry/model';
import { relyOnNoNewOperation } from '../operations/new-operation.ts';
import { projectOf } from '../operations/project-of.ts';
import { Draft, withSpec, withStatus } from '../store/batch.ts';
import { retrying } from '../store/conflict.ts';
import { requireBootAllowed } from './boot-paths.ts';
import {
  type Asking,
  type Call,
  committed,
  type Handler,
  requireMatch,
  resolve,
  resourceReply,
} from './call.ts';
import { getReply, listReply, refOf } from './list.ts';
import { createNamed, deleteNamed, patchMap, requireUnused } from './named.ts';
import { requireOsAllowed } from './os-parameters.ts';

export const listImages: Handler<'listImages'> = (call) => listReply(call, 'image');
export const getImage: Handler<'getImage'> = (call) => getReply(call, 'image');

/** An administrator's images are for all projects, but where the request names one. */
export const createImage: Handler<'createImage'> = async (call) => {
  const { name, labels, spec } = call.body;
  checkImageProperties(spec.properties ?? {});
  requireBootAllowed(call.caller, spec.boot);
  requireOsAllowed(call.caller, spec.os);
  const wanted = spec.source === 'file' ? 'format' : 'os';
  if (spec[wanted] === undefined)
    throw err('invalid_argument', {
      what: `an image of source ${spec.source} without ${wanted}`,
      wanted: 'complete',
    });
  const { role, onlyProject } = call.caller;
  const project = role === 'admin' ? onlyProject : await projectOf(call);
  const status: ImageStatus = { state: spec.source === 'os' ? 'ready' : 'empty' };
  return createNamed(call, 'image', { name, project, labels, spec, status });
};

export const setImage: Handler<'setImage'> = async (call) => {
  const image = await resolve(call, 'image', refOf(call));
  requireMatch(call, image);
  requireOwn(call, image);
  const properties = patchMap(image.spec.properties, call.body.properties);
  checkImageProperties(properties);
  const changed = withSpec(image, validate(ImageSpec, { ...image.spec, properties }));
  const draft = new Draft(call.app.env.clock.now()).put(changed);
  const message = `set properties of image ${image.name}: ${Object.keys(call.body.properties).join(', ')}`;
  return resourceReply(committed(await call.commit(draft, { subject: image, message }), changed));
};

/** Its cached bases and its content go as well, if no other image has the same; an image whose disks are still in use stays. */
export const deleteImage: Handler<'deleteImage'> = async (call) => {
  const image = await resolve(call, 'image', refOf(call));
  requireOwn(call, image);
  const draft = new Draft(call.app.env.clock.now());
  await relyOnNoNewOperation(call.app.store, draft);
  const { items: disks } = await call.app.store.list('disk');
  requireUnused(
    image,
    disks.filter(({ spec }) => spec.source.kind === 'image' && spec.source.image === image.id),
  );
  const { items: instances } = await call.app.store.list('instance');
  requireUnused(
    image,
    instances.filter(({ spec }) => spec.cds?.some((drive) => drive.image === image.id)),
  );
  const { items: bases } = await call.app.store.list('replica', { owner: image.id });
  for (const base of bases) draft.put(withSpec(base, { desired: 'absent' }) as Replica);
  return deleteNamed(call, image, draft);
};

/** What all projects share is an administrator's to change. */
function requireOwn({ caller }: Asking, image: Image): void {
  if (caller.role === 'admin' || image.project !== undefined) return;
  throw err('forbidden', { action: `change image ${image.name}`, why: 'it belongs to all projects' });
}

export const putImageContent: Handler<'putImageContent'> = async (call) => {
  const { format } = await requireEmpty(call).then(({ spec }) => spec);
  let virtualBytes = 0;
  const check = (head: Uint8Array, sizeBytes: number) => {
    if (sizeBytes === 0) throw err('image_unsafe', { why: 'it is empty' });
    if (format === 'iso') checkIso(head, sizeBytes);
    virtualBytes = format === 'qcow2' ? checkQcow2Header(head).virtualBytes : sizeBytes;
  };
  return call.app.images.put(call.bytes ?? nothing(), check, ({ sha256, sizeBytes }) =>
    retrying(async () => {
      const image = await requireEmpty(call);
      const changed = withStatus(image, { state: 'ready', sha256, sizeBytes, virtualBytes });
      const draft = new Draft(call.app.env.clock.now()).put(changed);
      const message = `upload ${sizeBytes} bytes to image ${image.name}`;
      return resourceReply(committed(await call.commit(draft, { subject: image, message }), changed));
    }),
  );
};

async function requireEmpty(call: Call<'putImageContent'>): Promise<Image> {
  const image = await resolve(call, 'image', refOf(call));
  requireOwn(call, image);
  if (image.spec.source !== 'file')
    throw err('invalid_argument', {
      what: `content for image ${image.name}`,
      wanted: 'possible: an OS provider makes it',
    });
  if (image.status.state === 'ready')
    throw err('wrong_state', {
      kind: 'image',
      name: image.name,
      state: 'ready',
      action: 'upload again',
      permitted: 'The content of an image never changes: create another image.',
    });
  return image;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** A node gets only what it shall hold. */
async function requireWanted({ app, caller }: Asking, image: Image): Promise<void> {
  if (caller.role !== 'agent') return;
  const { items } = await app.store.list('replica', { owner: image.id, node: caller.node ?? '' });
  if (items.length === 0) throw err('not_found', { kind: 'image', name: image.id });
}

export const getImageContent: Handler<'getImageContent'> = async (call) => {
  const image = await resolve(call, 'image', refOf(call));
  await requireWanted(call, image);
  const { sha256 } = image.status;
  if (!sha256) throw err('image_not_ready', { name: image.name });
  const { sizeBytes, bytes } = await call.app.images.read(sha256);
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': String(sizeBytes),
    etag: `"${sha256}"`,
  };
  return { bytes, headers };
};
