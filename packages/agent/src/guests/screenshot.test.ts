import { expect, test, vi } from 'vitest';
import { collect } from './screenshot.ts';

const MIB = 2 ** 20;

/** A stream of so many MiB, and whether it was broken off. */
function picture(mib: number) {
  const abort = vi.fn();
  let left = mib;
  const readable = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left-- > 0) controller.enqueue(new Uint8Array(MIB).fill(left));
      else controller.close();
    },
  });
  return { readable, closed: Promise.resolve(), abort };
}

test('what comes is put together in its order', async () => {
  const bytes = await collect(picture(2), 'web1');
  expect([bytes.length, bytes[0], bytes[MIB]]).toEqual([2 * MIB, 1, 0]);
});

test('a picture without end is broken off', async () => {
  const endless = picture(Number.POSITIVE_INFINITY);
  await expect(collect(endless, 'web1')).rejects.toMatchObject({ code: 'no_screenshot' });
  expect(endless.abort).toHaveBeenCalledOnce();
});
