/** ISO images in CD drives: which may be inserted, and that they are on the node. */
import {
  type CdDrive,
  type Cluster,
  type ClusterId,
  err,
  type GuestCd,
  type Image,
  type ImageId,
  type NodeId,
} from '@gantry/model';
import { type App, type Asking, resolve } from '../api/call.ts';
import { newObject } from '../objects.ts';
import { type Draft, withSpec } from '../store/batch.ts';
import type { Store } from '../store/store.ts';

/** @throws GantryError `not_found`, `invalid_argument` for what is no ISO image, `image_not_ready` */
export async function isoImage(asking: Asking, ref: string): Promise<Image> {
  const image = await resolve(asking, 'image', ref);
  if (image.spec.format !== 'iso')
    throw err('invalid_argument', {
      what: `image ${image.name} (${image.spec.format ?? image.spec.source})`,
      wanted: 'an ISO image: nothing else fits into a CD drive',
    });
  if (!image.status.sha256) throw err('image_not_ready', { name: image.name });
  return image;
}

/** @throws GantryError `not_supported` where its agent is older than CD drives */
export async function requireCds({ app }: { app: Pick<App, 'store'> }, id: NodeId): Promise<void> {
  const node = await app.store.get('node', id);
  const { capabilities } = node?.status.facts ?? {};
  if (!capabilities || capabilities.includes('guest:cds')) return;
  throw err('not_supported', {
    what: `CD drives on node ${node?.name}`,
    instead: 'Its agent is older than they are: install this release there.',
  });
}

/** The drives of an instance as its node is told of them; an image that is gone (it cannot be) leaves one empty. */
export async function guestCds(store: Store, drives: readonly CdDrive[] | undefined): Promise<GuestCd[]> {
  const cds: GuestCd[] = [];
  for (const { image: id, ...drive } of drives ?? []) {
    const sha256 = id && (await store.get('image', id))?.status.sha256;
    cds.push({ ...drive, ...(id && sha256 ? { media: { image: id, sha256 } } : {}) });
  }
  return cds;
}

/** What lies in drives, once per node. What failed before is tried anew. */
export async function ensureMedia(
  { store, env }: Pick<App, 'store' | 'env'>,
  draft: Draft,
  cds: readonly GuestCd[] | undefined,
  { cluster, node }: { cluster: Pick<Cluster, 'id'>; node: NodeId },
): Promise<void> {
  if (cds?.length) await requireCds({ app: { store } }, node);
  const wanted = new Map((cds ?? []).flatMap(({ media }) => (media ? [[media.image, media.sha256]] : [])));
  for (const [image, sha256] of wanted as Map<ImageId, string>) {
    draft.relyOn(await store.get('image', image));
    const { items } = await store.list('replica', { owner: image, node });
    const base = items.find(({ spec }) => spec.what === 'base' && spec.sha256 === sha256);
    if (!base) {
      const spec = {
        what: 'base' as const,
        node,
        cluster: cluster.id as ClusterId,
        image,
        sha256,
        format: 'iso' as const,
        desired: 'present' as const,
      };
      draft.add(
        newObject(env, 'replica', {
          name: `base ${sha256.slice(0, 12)}`,
          spec,
          status: { state: 'pending' },
        }),
      );
    } else if (base.spec.desired === 'absent' || base.status.state === 'failed')
      draft.put(withSpec(base, { desired: 'present' }) as typeof base);
    else draft.relyOn(base);
  }
}
