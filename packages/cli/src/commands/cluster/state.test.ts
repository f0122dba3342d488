import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { layoutOf } from '../../cluster/layout.ts';
import { Given } from '../../given.ts';
import { localCluster } from './state.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gantry-state-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const env = () => ({ GANTRY_CONFIG: join(dir, 'config.json') });
const knows = (contexts: object) =>
  writeFileSync(join(dir, 'config.json'), JSON.stringify({ contexts }), { mode: 0o600 });
const nowhere = () => localCluster(new Given([], { state: join(dir, 'none') }), { env: env() });

test('where there is none, that of a context on this machine is named', () => {
  const layout = layoutOf(join(dir, 'lab'));
  mkdirSync(layout.state);
  writeFileSync(layout.settings, JSON.stringify({ complete: true }));
  knows({ far: { url: 'https://192.0.2.1:7460' }, lab: { url: `unix:${layout.socket}` } });
  expect(nowhere).toThrow(
    expect.objectContaining({ hint: expect.stringContaining(`--state ${layout.state}`) }),
  );
  expect(localCluster(new Given([], { state: layout.state }), { env: env() }).layout).toEqual(layout);
});

test('nor is one named that is gone', () => {
  knows({ lab: { url: `unix:${layoutOf(join(dir, 'gone')).socket}` } });
  expect(nowhere).toThrow(expect.objectContaining({ hint: expect.stringContaining('gantry cluster init') }));
});
