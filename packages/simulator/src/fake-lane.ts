/** Disks from node to node: one side expects, the other delivers; whoever dies breaks the connection. */
import { createHash } from 'node:crypto';
import { type ActionOf, ticketMark } from '@gantry/agent';
import { err } from '@gantry/model';
import { disk } from './fake-disks.ts';
import type { FakeDisk, FakeNode } from './fake-node.ts';
import type { Scheduler } from './scheduler.ts';

interface Expecting {
  ticketSha256: string;
  from: string;
  deliver(content: string): void;
  fail(why: string): void;
}

/** Disk id -> who waits for it. */
export type Lane = Map<string, Expecting>;

const broken = (why: string) => err('transfer_failed', { what: 'a disk', why });

/** Until the other node has brought it, or the wish is withdrawn. */
export function receive(
  { node, lane }: { node: FakeNode; lane: Lane },
  action: ActionOf<'disk.receive'>,
  signals: readonly AbortSignal[],
): Promise<void> {
  const { disk: id, receive: wanted } = action.spec;
  if (!wanted) return Promise.resolve();
  const received = ticketMark(wanted);
  const there = node.disks.get(id);
  if (there?.state === 'ready')
    return there.received === received
      ? Promise.resolve()
      : Promise.reject(err('disk_in_the_way', { disk: id, path: there.path }));
  // withdrawn before it began: no event tells of it any more
  if (signals.some(({ aborted }) => aborted)) return Promise.reject(broken('aborted'));
  return new Promise((resolve, reject) => {
    const { ticketSha256, from } = wanted;
    const over = (end: () => void) => {
      if (lane.get(id) === waiting) lane.delete(id);
      end();
    };
    const waiting: Expecting = {
      ticketSha256,
      from,
      deliver: (content) =>
        over(() => {
          node.disks.set(id, { ...disk(action, 'ready', content), received });
          resolve();
        }),
      fail: (why) => over(() => reject(broken(why))),
    };
    node.disks.delete(id);
    lane.set(id, waiting);
    for (const signal of signals)
      signal.addEventListener('abort', () => over(() => reject(broken('aborted'))), { once: true });
  });
}

/** Takes a while; the guest must be down the whole time. */
export async function send(
  { node, lane, time, tookMs }: { node: FakeNode; lane: Lane; time: Scheduler; tookMs: number },
  { spec }: ActionOf<'disk.send'>,
  signals: readonly AbortSignal[],
): Promise<void> {
  const held = node.disks.get(spec.disk);
  const id = spec.send?.as ?? spec.disk;
  const waiting = lane.get(id);
  const ticketSha256 = createHash('sha256')
    .update(spec.send?.ticket ?? '')
    .digest('hex');
  if (held?.state !== 'ready') throw broken('it is not here');
  if (!waiting || waiting.ticketSha256 !== ticketSha256 || waiting.from !== spec.node)
    throw broken('it is not expected there');
  for (const signal of signals)
    signal.addEventListener('abort', () => waiting.fail('connection reset'), { once: true });
  const before = held.content;
  requireIdle(node, held);
  await time.sleep(tookMs, AbortSignal.any([...signals]));
  requireIdle(node, held);
  if (lane.get(id) !== waiting) throw broken('connection reset');
  if (held.content !== before) node.world.violations.push(`disk ${spec.disk} changed while it was copied`);
  const written = node.world.written.get(spec.disk);
  if (id !== spec.disk && written !== undefined) node.world.written.set(id, written);
  waiting.deliver(held.content);
}

function requireIdle({ domains, world, name }: FakeNode, { disk: id }: FakeDisk): void {
  for (const domain of domains.values())
    if (domain.disks.includes(id) && domain.state !== 'shutoff')
      world.violations.push(`disk ${id} is copied from ${name} under a running guest`);
}
