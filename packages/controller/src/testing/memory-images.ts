import { createHash } from 'node:crypto';
import { err } from '@gantry/model';
import type { ImageFiles } from '../images/image-files.ts';

/** Image contents in memory. */
export function memoryImages(): ImageFiles & { kept: Map<string, Uint8Array> } {
  const kept = new Map<string, Uint8Array>();
  return {
    kept,
    async put(bytes, check, record) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of bytes) chunks.push(chunk);
      const content = Buffer.concat(chunks);
      check(content.subarray(0, 65_536), content.length);
      const sha256 = createHash('sha256').update(content).digest('hex');
      kept.set(sha256, content);
      return record({ sha256, sizeBytes: content.length });
    },
    async read(sha256) {
      const content = kept.get(sha256);
      if (!content) throw err('not_found', { kind: 'image content', name: sha256 });
      return { sizeBytes: content.length, bytes: one(content) };
    },
    has: async (sha256) => kept.has(sha256),
    async sweep(wanted) {
      const keep = await wanted();
      const left = [...kept.keys()].filter((sha256) => !keep.has(sha256));
      for (const sha256 of left) kept.delete(sha256);
      return left.length;
    },
  };
}

async function* one(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
