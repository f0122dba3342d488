/**
 * What an agent says of its node becomes status in the store, and the status of instances and disks that follows from
 * it, in one commit. Reports are numbered (boot, run, sequence); older and repeated ones are dropped. Things that the
 * store does not know (any more), or that are another node's, are passed over. What changes nothing makes no revision.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Node, Report, ReportAnswer, StatusReport } from '@gantry/model';
import type { App } from '../api/call.ts';
import { nowOf } from '../env.ts';
import type { Resource } from '../kinds.ts';
import { Draft, type Seen } from '../store/batch.ts';
import { retrying } from '../store/conflict.ts';
import { deriveTouched } from './derive-touched.ts';
import { mergeNode } from './merge-node.ts';
import { takeRecords } from './take-records.ts';

export async function takeReport(app: App, node: Node, report: Report): Promise<ReportAnswer> {
  return retrying(async () => {
    const { term } = app.store;
    const last = await app.store.seen(node.id);
    if (last && !isNewer(last, report))
      return { accepted: false, term, latest: { run: last.run, sequence: last.sequence } };
    const draft = new Draft(app.env.clock.now());
    const fresh = (await app.store.get('node', node.id)) ?? node;
    const gauges = mergeNode(draft, fresh, report, nowOf(app.env), last);
    const touched: Resource[] = [];
    for (const status of report.statuses) {
      const object = await applyStatus(app, draft, node.id, status);
      if (object) touched.push(object);
    }
    if (fresh.status.state === 'lost') touched.push(...(await untouchedGuests(app, node.id, touched)));
    await deriveTouched(app, draft, touched);
    await takeRecords(app, draft, node, report);
    draft.batch.seen = { row: seenRow(node.id, report, last, gauges, draft.batch.atMs), after: last };
    await app.store.commit(draft.batch);
    return { accepted: true, term };
  });
}

/** Of a node that is heard of again: their instances are no longer unknown. */
async function untouchedGuests({ store }: App, node: string, touched: Resource[]): Promise<Resource[]> {
  const { items } = await store.list('guest', { node });
  return items.filter((guest) => !touched.some(({ id }) => id === guest.id));
}

/** A boot that was never heard of is a new one; within a boot numbers rise; earlier boots are over. */
function isNewer(last: Seen, { bootId, run, sequence }: Report): boolean {
  if (bootId !== last.bootId) return !last.formerBoots.includes(bootId);
  return run > last.run || (run === last.run && sequence > last.sequence);
}

const FORMER_BOOTS = 16;

function seenRow(
  node: string,
  report: Report,
  last: Seen | undefined,
  gauges: Seen['gauges'],
  atMs: number,
): Seen {
  const { bootId, run, sequence } = report;
  const rebooted = last !== undefined && last.bootId !== bootId;
  const formerBoots = rebooted
    ? [last.bootId, ...last.formerBoots].slice(0, FORMER_BOOTS)
    : (last?.formerBoots ?? []);
  return { node, bootId, formerBoots, run, sequence, atMs, gauges };
}

async function applyStatus(
  app: App,
  draft: Draft,
  node: string,
  { kind, id, generation, status }: StatusReport,
): Promise<Resource | undefined> {
  const object = await app.store.get(kind, id);
  if (!object || object.spec.node !== node || generation > object.generation) return undefined;
  const observedGeneration = Math.max(generation, object.observedGeneration ?? 0);
  if (generation < observedGeneration) return undefined;
  const same = observedGeneration === object.observedGeneration && isDeepStrictEqual(object.status, status);
  if (same) return undefined;
  const changed = { ...object, observedGeneration, status } as typeof object;
  draft.put(changed);
  return changed;
}
