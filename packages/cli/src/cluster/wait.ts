/** Until the API answers and the node is ready. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@gantry/client';
import { err, isGantryError, type Node } from '@gantry/model';

const EVERY_MS = 100;

/** @throws whatever `check` throws meanwhile (a daemon that ended), or `start_timeout` */
async function until<T>(
  what: string,
  limitMs: number,
  check: () => Promise<T | undefined>,
  seen: () => string,
): Promise<T> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const found = await check();
    if (found !== undefined) return found;
    if (performance.now() > endMs)
      throw err('start_timeout', { what, limit: `${limitMs / 1000} s`, observed: seen() });
    await sleep(EVERY_MS);
  }
}

/** An emulated machine takes 40 s to start a controller. */
export async function untilAnswers(client: Client, alive: () => void, limitMs = 90_000): Promise<void> {
  let last = 'nothing';
  const ask = async () => {
    alive();
    try {
      return await client.call('health', {}, { timeoutMs: 2000 });
    } catch (error) {
      if (!isGantryError(error, 'api_unreachable')) throw error;
      last = error.message;
      return undefined;
    }
  };
  await until('the controller', limitMs, ask, () => last);
}

/** The first facts may take minutes: whether KVM runs a guest is tried out, and libvirt examines each QEMU. */
export async function untilNodeReady(
  client: Client,
  name: string,
  alive: () => void,
  limitMs = 300_000,
): Promise<Node> {
  let last = 'nothing';
  const ask = async () => {
    alive();
    const node = await client.call('getNode', { params: { ref: name } });
    const { state, conditions } = node.status;
    last = [state, ...conditions.flatMap((one) => (one.status === 'true' ? [] : [one.message]))].join('; ');
    return state === 'ready' ? node : undefined;
  };
  return await until(`node ${name}`, limitMs, ask, () => last);
}
