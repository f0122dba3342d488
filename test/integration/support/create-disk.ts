/**
 * Carries out one disk.create in a process of its own: node create-disk.ts STATE CACHE SPEC-AS-JSON. Writes one JSON
 * object a line: {"log": text} as it goes, then {"outcome": ...} or {"error": {code, message}}.
 */
import { randomUUID } from 'node:crypto';
import { type DiskReplicaSpec, isGantryError } from '@gantry/model';
import { createNodeOs } from '../../../packages/agent/src/os/create-os.ts';
import { createStorage } from '../../../packages/agent/src/storage/storage.ts';

const [stateDir = '', cacheDir = '', text = ''] = process.argv.slice(2);
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort(new Error('stopped')));

const { providers } = createNodeOs({ cacheDir, now: Date.now, uuid: randomUUID });
const link = { imageContent: () => Promise.reject(new Error('no controller here')) };
const storage = createStorage({ stateDir, link, os: providers });
try {
  const spec = JSON.parse(text) as DiskReplicaSpec;
  const log = (_: string, line: string) => say({ log: line });
  say({ outcome: await storage.perform['disk.create']({ do: 'disk.create', spec }, log, stop.signal) });
} catch (error) {
  say({
    error: isGantryError(error) ? { code: error.code, message: error.message } : { message: String(error) },
  });
}
