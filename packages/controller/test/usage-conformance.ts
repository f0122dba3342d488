/** Quotas: what every store must count and refuse. */
import {
  type Disk,
  type Guest,
  type Instance,
  noUsage,
  type Project,
  type Quota,
  type Usage,
} from '@gantry/model';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Resource } from '../src/kinds.ts';
import { withSpec } from '../src/store/batch.ts';
import type { Store } from '../src/store/store.ts';
import { shareOf } from '../src/store/usage.ts';
import { instance as anInstance, draft, uuid } from './store-objects.ts';

const blue = 100;
const envelope = (number: number) => {
  const { spec: _, status: __, labels: ___, ...rest } = anInstance(number, blue);
  return rest;
};
export const project = (quota?: Quota): Project =>
  ({
    ...envelope(blue),
    kind: 'project',
    name: 'blue',
    project: undefined,
    spec: quota ? { quota } : {},
    status: {},
  }) as never;
export const instance = (number: number, vcpus = 1, memoryMiB = 512, nics: object[] = []): Instance => {
  const one = anInstance(number, blue);
  return { ...one, spec: { ...one.spec, vcpus, memoryMiB, nics: nics as never } };
};
export const guest = (
  number: number,
  of: number,
  vcpus: number,
  memoryMiB: number,
  reserved?: object,
): Guest =>
  ({
    ...envelope(number),
    kind: 'guest',
    name: `g${number}`,
    spec: {
      instance: uuid(of),
      node: uuid(9),
      input: { vcpus, memoryMiB },
      ...(reserved ? { reserved } : {}),
    },
    status: { state: 'running' },
  }) as never;
export const disk = (number: number, sizeMiB: number): Disk =>
  ({
    ...envelope(number),
    kind: 'disk',
    name: `d${number}`,
    spec: { index: 0, template: 'file-qcow2', sizeBytes: sizeMiB * 2 ** 20, ownedByInstance: true },
    status: { state: 'ready' },
  }) as never;

const refused = (why: string) => ({ code: 'quota_exceeded', message: expect.stringContaining(why) });

export function usageConformance(name: string, open: () => Promise<Store>): void {
  describe(`usage: ${name}`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());
    const add = async (...objects: Resource[]) => {
      const all = draft();
      for (const object of objects) all.add(object);
      return (await store.commit(all.batch)).objects;
    };
    const usage = () => store.usage(uuid(blue));
    const put = async <R extends Resource>(object: R, spec: Partial<R['spec']>): Promise<R> =>
      (await store.commit(draft().put(withSpec(object, spec)).batch)).objects.get(object.id) as R;

    test('is what its instances and disks have, an instance and its bindings once', async () => {
      expect(await usage()).toEqual(noUsage);
      const nics = [{ ipv4: '10.0.0.1', ipv6: 'fd00::1' }, { ipv4: '10.0.0.2' }, {}];
      const objects = await add(
        project(),
        instance(1, 2, 1024, nics),
        guest(11, 1, 2, 1024),
        disk(21, 10),
        disk(22, 5),
      );
      expect(await usage()).toEqual({ instances: 1, vcpus: 2, memoryMiB: 1024, diskMiB: 15, addresses: 3 });
      // on its way to another node
      await add(guest(12, 1, 2, 1024));
      expect(await usage()).toMatchObject({ vcpus: 2, memoryMiB: 1024 });
      // set to less while it is up: it has what it was started with
      const one = objects.get(uuid(1)) as Instance;
      await put(one, { vcpus: 1, memoryMiB: 512 });
      expect(await usage()).toMatchObject({ vcpus: 2, memoryMiB: 1024 });
      await store.commit(draft().remove(objects.get(uuid(11)) as Guest).batch);
      const second = (await store.get('guest', uuid(12))) as Guest;
      await put(second, { input: { vcpus: 1, memoryMiB: 512 } as never });
      expect(await usage()).toMatchObject({ vcpus: 1, memoryMiB: 512 });
      await put((await store.get('guest', uuid(12))) as Guest, { reserved: { vcpus: 3, memoryMiB: 600 } });
      expect(await usage()).toMatchObject({ vcpus: 3, memoryMiB: 600 });
      expect(await store.usage(uuid(101))).toEqual(noUsage);
    });

    test.each<[string, Quota, Resource[], string]>([
      ['instances', { instances: 1 }, [instance(2)], 'instances: 1 of 1 used, 1 needed'],
      ['vcpus', { vcpus: 3 }, [instance(2, 3)], 'vcpus: 1 of 3 used, 3 needed'],
      ['memory', { memoryMiB: 1000 }, [instance(2)], 'memory: 512 MiB of 1000 MiB used, 512 MiB needed'],
      ['disk', { diskMiB: 1024 }, [disk(22, 1015)], 'disk: 10 MiB of 1 GiB used, 1015 MiB needed'],
      [
        'addresses',
        { addresses: 0 },
        [instance(2, 1, 1, [{ ipv6: 'fd00::1' }])],
        'addresses: 0 of 0 used, 1 needed',
      ],
      [
        'several at once',
        { instances: 1, vcpus: 1 },
        [instance(2)],
        'instances: 1 of 1 used, 1 needed; vcpus: 1 of 1 used, 1 needed',
      ],
    ])('beyond the limit of %s nothing is written', async (_, quota, more, why) => {
      await add(project(quota), instance(1), disk(21, 10));
      const before = await usage();
      await expect(add(...more)).rejects.toMatchObject(refused(why));
      expect(await usage()).toEqual(before);
      for (const { kind, id } of more) expect(await store.get(kind, id)).toBeUndefined();
    });

    test('up to the limit it may have; growing is refused, shrinking and leaving alone never', async () => {
      await add(project({ vcpus: 4, diskMiB: 10 }), instance(1, 3), disk(21, 10));
      const one = await put((await store.get('instance', uuid(1))) as Instance, { vcpus: 4 });
      await expect(put(one, { vcpus: 5 })).rejects.toMatchObject(refused('vcpus: 4 of 4 used, 1 needed'));
      await expect(
        put((await store.get('disk', uuid(21))) as Disk, { sizeBytes: 11 * 2 ** 20 }),
      ).rejects.toMatchObject(refused('disk: 10 MiB of 10 MiB used, 1 MiB needed'));
      // lowered below what there is
      await put((await store.get('project', uuid(blue))) as Project, { quota: { vcpus: 1 } });
      const same = await put(one, { power: 'stopped' });
      await add(disk(22, 1000));
      const less = await put(same, { vcpus: 2 });
      await expect(put(less, { vcpus: 3 })).rejects.toMatchObject(refused('vcpus: 2 of 1 used, 1 needed'));
      await store.commit(draft().remove(less).batch);
      expect(await usage()).toMatchObject({ instances: 0, vcpus: 0 });
    });

    test('a start that only takes what was asked for already is never refused', async () => {
      const objects = await add(project({ vcpus: 4 }), instance(1, 4), guest(11, 1, 2, 512));
      await put((await store.get('project', uuid(blue))) as Project, { quota: { vcpus: 1 } });
      await put(objects.get(uuid(11)) as Guest, { input: { vcpus: 4, memoryMiB: 512 } as never });
      expect(await usage()).toMatchObject({ vcpus: 4 });
    });

    test('room that one batch makes it may use', async () => {
      const objects = await add(project({ instances: 1, vcpus: 1 }), instance(1));
      await store.commit(
        draft()
          .remove(objects.get(uuid(1)) as Instance)
          .add(instance(2)).batch,
      );
      expect(await usage()).toMatchObject({ instances: 1 });
    });

    test('a rehearsal refuses the same, and writes nothing', async () => {
      await add(project({ instances: 1 }));
      const before = await store.revision();
      await store.rehearse(draft().add(instance(1)).batch);
      expect(await store.get('instance', uuid(1))).toBeUndefined();
      await expect(store.rehearse(draft().add(instance(1)).add(instance(2)).batch)).rejects.toMatchObject(
        refused('instances: 0 of 1 used, 2 needed'),
      );
      await expect(store.rehearse(draft().add(project()).batch)).rejects.toMatchObject({ name: 'Conflict' });
      expect(await store.revision()).toBe(before);
      await add(instance(1));
    });

    test('whatever happens, it is the sum of what there is, and never rises beyond the limit', async () => {
      const change = fc.record({
        what: fc.constantFrom('instance', 'guest', 'disk', 'remove'),
        number: fc.integer({ min: 1, max: 3 }),
        amount: fc.integer({ min: 1, max: 6 }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(change, { maxLength: 25 }), async (changes) => {
          const fresh = await open();
          await fresh.commit(draft().add(project({ instances: 2, vcpus: 8, diskMiB: 9 })).batch);
          for (const { what, number, amount } of changes) {
            const present = await Promise.all([
              fresh.get('instance', uuid(number)),
              fresh.get('guest', uuid(10 + number)),
              fresh.get('disk', uuid(20 + number)),
            ]);
            const next = draft();
            const wanted: Resource[] = [];
            if (what === 'instance') wanted.push(instance(number, amount));
            if (what === 'guest') wanted.push(guest(10 + number, number, amount, amount));
            if (what === 'disk') wanted.push(disk(20 + number, amount));
            for (const object of wanted) {
              const old = present.find((one) => one?.id === object.id);
              if (old) next.put({ ...object, revision: old.revision });
              else next.add(object);
            }
            if (what === 'remove') for (const object of present) if (object) next.remove(object);
            const before = await fresh.usage(uuid(blue));
            await fresh.commit(next.batch).catch((error: unknown) => {
              expect(error).toMatchObject({ code: 'quota_exceeded' });
            });
            const after = await fresh.usage(uuid(blue));
            expect(after).toEqual(await sumOf(fresh));
            for (const [resource, limit] of [
              ['instances', 2],
              ['vcpus', 8],
              ['diskMiB', 9],
            ] as const)
              expect(after[resource] <= Math.max(limit, before[resource])).toBe(true);
          }
          await fresh.close();
        }),
        { numRuns: 30 },
      );
    });
  });
}

/** Counted anew from the objects themselves. */
export async function sumOf(store: Store): Promise<Usage> {
  const byOwner = new Map<string, Usage>();
  for (const kind of ['instance', 'guest', 'disk'] as const)
    for (const object of (await store.list(kind)).items) {
      const share = shareOf(object);
      if (!share || share.project !== uuid(blue)) continue;
      const sum = byOwner.get(share.owner) ?? { ...noUsage };
      for (const resource of Object.keys(noUsage) as (keyof Usage)[])
        sum[resource] = Math.max(sum[resource], share[resource]);
      byOwner.set(share.owner, sum);
    }
  const total = { ...noUsage };
  for (const one of byOwner.values())
    for (const resource of Object.keys(noUsage) as (keyof Usage)[]) total[resource] += one[resource];
  return total;
}
