/** What a guest shows, as PNG: libvirt has QEMU dump the screen, and sends that as a stream. The guest chooses the size. */
import type { LibvirtReadStream } from '@gantry/libvirt';
import { err, formatBytes, NODE_CALL_LIMIT_BYTES } from '@gantry/model';
import { clean } from './clean.ts';
import { lookAtRunning } from './look.ts';
import type { StopParts } from './stop.ts';

/** As base64 it is a third longer, and must fit into one answer. */
const MOST_BYTES = Math.floor(NODE_CALL_LIMIT_BYTES * 0.74);

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** @throws GantryError `no_screenshot` */
export async function screenshot(
  instance: string,
  { session, member }: Pick<StopParts, 'session' | 'member'>,
): Promise<Buffer> {
  const found = await lookAtRunning(await session.client(), instance, member);
  const name = found?.facts.identity?.name ?? instance;
  if (!found) throw err('no_screenshot', { name, why: 'it does not run' });
  return session.aside(async (lv) => {
    const picture = await lv.domainScreenshot({ dom: found.dom, screen: 0 });
    const png = await collect(picture, name);
    if (png.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return png;
    // QEMU before 7.1 knows only pixmaps
    const why = `the hypervisor sends ${clean(picture.result ?? 'something', 64)} instead of PNG`;
    throw err('no_screenshot', { name, why });
  });
}

/** @throws GantryError `no_screenshot` when it is too large */
export async function collect(
  picture: Pick<LibvirtReadStream<unknown>, 'readable' | 'closed' | 'abort'>,
  name: string,
): Promise<Buffer> {
  picture.closed.catch(() => undefined);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of picture.readable) {
    chunks.push(chunk);
    size += chunk.length;
    if (size <= MOST_BYTES) continue;
    picture.abort();
    throw err('no_screenshot', { name, why: `it is larger than ${formatBytes(MOST_BYTES)}` });
  }
  return Buffer.concat(chunks);
}
