/** A working day's CDs: drives that come and go, what lies in them, and starts from elsewhere. */
import { type Image, isGantryError } from '@gantry/model';
import type { Random } from './random.ts';
import type { Simulation } from './simulation.ts';

const images = ['setup', 'drivers'];

/** Their content is known to the store; what fetches it in the simulator fetches nothing. */
export async function addIsoImages({ store, time, user }: Simulation): Promise<void> {
  for (const [index, name] of images.entries()) {
    const made = await user<Image>('createImage', {
      body: { name, spec: { source: 'file', format: 'iso' } },
    });
    const image = await store.get('image', made.id);
    if (!image) throw new Error(`image ${name} is not there`);
    const status = { state: 'ready', sha256: String(index + 1).repeat(64), sizeBytes: 2 ** 17 } as const;
    await store.commit({
      atMs: time.now(),
      puts: [{ object: { ...image, status: { ...status, virtualBytes: 2 ** 17 } }, expect: image.revision }],
      ...{
        deletes: [],
        unchanged: [],
        take: [],
        release: [],
        counters: [],
        log: [],
        events: [],
        secrets: [],
      },
    });
  }
}

const someOrder = (random: Random): string[] =>
  [['cd'], ['cd', 'disk'], ['disk'], ['network', 'cd0']][random.between(0, 3)] as string[];

export function ofCds(sim: Simulation, random: Random, name: string): (() => Promise<unknown>)[] {
  const image = images[random.between(0, 1)] as string;
  const cd = String(random.between(0, 1));
  const params = { ref: name, cd };
  const force = random.chance(0.3) ? { force: true } : {};
  const inTime = random.chance(0.5) ? { deadlineMs: 5000 } : {};
  const once = { bootOnce: someOrder(random), ...inTime };
  return [
    () =>
      sim.user('attachCd', {
        params: { ref: name },
        body: { ...(random.chance(0.5) ? { bus: 'scsi' } : {}), ...(random.chance(0.5) ? { image } : {}) },
      }),
    () => sim.user('detachCd', { params, query: inTime }),
    () => sim.user('insertCd', { params, body: { image, ...force, ...inTime } }),
    () => sim.user('insertCd', { params, body: { image } }),
    () => sim.user('ejectCd', { params, query: { ...force, ...inTime } }),
    () => Promise.all([sim.user('ejectCd', { params }), sim.user('insertCd', { params, body: { image } })]),
    () => sim.user('rescueInstance', { params: { ref: name }, body: { image } }),
    () => sim.user('unrescueInstance', { params: { ref: name }, body: {} }),
    () => sim.user('startInstance', { params: { ref: name }, body: once }),
    () => sim.user('rebootInstance', { params: { ref: name }, body: { ...once, ...force } }),
    () => sim.user('rebootInstance', { params: { ref: name }, body: once }),
    () =>
      sim.user('setInstance', {
        params: { ref: name },
        body: { bootOrder: random.chance(0.3) ? null : someOrder(random) },
      }),
    () => sim.user('deleteImage', { params: { ref: image } }),
    () => sim.user('stopInstance', { params: { ref: name }, body: { force: true } }),
    () => sim.user('startInstance', { params: { ref: name }, body: {} }),
  ];
}

/** No operation boots a guest from elsewhere twice (one whose node died before it was let run did not), and none is left that still would. */
export async function assertBootedOnce({ nodes, store }: Simulation): Promise<void> {
  const all = nodes.flatMap(({ starts }) =>
    starts.flatMap(({ once, letRun }) => (once && letRun ? once : [])),
  );
  const twice = all.find((operation, index) => all.indexOf(operation) < index);
  if (twice !== undefined) throw new Error(`operation ${twice} booted twice from elsewhere`);
  const due = (await store.list('guest')).items.find(({ spec }) => spec.bootOnce !== undefined);
  if (due) throw new Error(`${due.name} would still boot from elsewhere`);
}

/** What lies in the drives of guests that run is what their instances say. */
export async function drivesAgree({ nodes, store }: Simulation): Promise<boolean> {
  for (const { id, spec } of (await store.list('instance')).items) {
    const domain = nodes.flatMap(({ domains }) => domains.get(id) ?? []).find((d) => d.state !== 'shutoff');
    for (const { slot, image } of domain ? (spec.cds ?? []) : []) {
      const sha256 = image && (await store.get('image', image))?.status.sha256;
      if (domain?.drives.has(slot) && domain.drives.get(slot) !== sha256) return false;
    }
  }
  return true;
}

/** Nodes keep what lay in drives for as long as its image is there. */
export async function deleteIsoImages({ store, user, until }: Simulation): Promise<void> {
  for (const { id, spec } of (await store.list('image')).items) {
    if (spec.format !== 'iso') continue;
    // its answer may have been lost, and the repetition finds nothing
    await user('deleteImage', { params: { ref: id } }).catch((error: unknown) => {
      if (!isGantryError(error, 'not_found')) throw error;
    });
  }
  const gone = async () => (await store.list('replica')).items.length === 0;
  if (!(await until(gone, 1_800_000))) throw new Error('contents of deleted images stay');
}
