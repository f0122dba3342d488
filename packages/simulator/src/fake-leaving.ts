/** A fake node that leaves its cluster: told by the controller, cleared by a process of its own, and then a machine like any other. */
import { clearNode, requireClearable } from '@gantry/agent';
import type { LeaveWith } from '@gantry/model';
import { fakeHost } from './fake-host.ts';
import { type FakeNode, look } from './fake-node.ts';
import type { Life } from './faults.ts';
import type { Scheduler } from './scheduler.ts';

/** The answer travels before the agent is stopped. */
const ANSWER_MS = 1000;
/** Until somebody, or the next boot, runs what failed again. */
const AGAIN_MS = 5000;

/** On its disk before it is answered. @throws GantryError `in_use`, `host_unfit`: then nothing was changed */
export async function beTold(
  node: FakeNode,
  { cluster, guests }: { cluster: string; guests: LeaveWith },
  { time, begin }: { time: Scheduler; begin: () => void },
): Promise<void> {
  await requireClearable({ host: { observe: async () => look(node) }, cluster }, guests);
  node.leaving = guests;
  time.at(ANSWER_MS, begin);
}

/** What `gantry node leave` does: the agent ends, what the cluster has here goes, its files last. */
export async function leaveNode(
  node: FakeNode,
  time: Scheduler,
  mine: Life,
  endAgent: () => void,
): Promise<void> {
  if (node.leaving === undefined) return; // it died of the very last of it
  await mine.effect('leave.agent', { whole: endAgent });
  const host = fakeHost(node, time, mine);
  const parts = { host, log: () => undefined, cluster: node.cluster };
  while (node.leaving !== undefined) {
    const cleared = clearNode(parts, node.leaving, mine.signal);
    if (await cleared.then(() => true).catch(() => false)) break;
    await time.sleep(AGAIN_MS, mine.signal);
  }
  await mine.effect('leave.networks', { whole: () => node.networks.clear() });
  await mine.effect('leave.files', {
    halfway: () => node.bases.clear(),
    whole: () => removeFiles(node),
  });
}

function removeFiles(node: FakeNode): void {
  for (const files of [node.disks, node.bases, node.guestFiles, node.records, node.copies, node.filters])
    files.clear();
  node.journal = undefined;
  delete node.leaving;
  node.isMember = false;
}
