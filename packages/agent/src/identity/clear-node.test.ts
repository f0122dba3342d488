import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isGantryError, type LeaveWith } from '@gantry/model';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Action } from '../actions.ts';
import type { Observation, SeenDomain } from '../observation.ts';
import { clearNode } from './clear-node.ts';
import { beToldToLeave } from './told-to-leave.ts';

const OURS = '6f1d6b0e-3c3a-4b0a-9d55-0d6c5b7d2f10';
const { signal } = new AbortController();

const domain = (name: string, state: SeenDomain['state'], cluster?: string): SeenDomain =>
  ({
    ...{ uuid: name, name, state, reason: '', memoryMiB: 1 },
    ...(cluster ? { ours: { cluster, instance: name, epoch: { incarnation: 1, number: 1 } } } : {}),
  }) as SeenDomain;

const nothing = {
  libvirt: true,
  domains: [],
  disks: [],
  bases: [],
  networks: [],
  filters: [],
  guestFiles: [],
};
/** A node that notes what is done to it. */
function node(seen: Partial<Observation>) {
  const done: string[] = [];
  const host = {
    observe: async () => ({ ...nothing, ...seen }) as Observation,
    perform: async (action: Action) => {
      done.push(`${action.do} ${'instance' in action ? action.instance : ''}`);
      return {};
    },
  };
  return { host, done };
}

async function cleared(seen: Partial<Observation>, guests: LeaveWith): Promise<string> {
  const { host, done } = node(seen);
  try {
    await clearNode({ host, log: () => undefined, cluster: OURS }, guests, signal);
    return done.join(', ');
  } catch (error) {
    if (!isGantryError(error)) throw error;
    expect(done).toEqual([]);
    return error.code;
  }
}

const disks = [{ disk: 'd', state: 'ready', template: 'file-raw', path: '/d' }] as Observation['disks'];
const up = { domains: [domain('up', 'running', OURS)] };
const down = { domains: [domain('down', 'shutoff', OURS)] };
const foreign = { domains: [domain('theirs', 'running'), domain('other', 'running', 'another cluster')] };
const silent = { libvirt: false, guestFiles: ['up'] };

test.each<[string, Partial<Observation>, LeaveWith, string]>([
  ['an empty node', {}, 'none', ''],
  ['a guest', down, 'none', 'in_use'],
  ['a disk', { disks }, 'none', 'in_use'],
  ['a guest that is down', down, 'down', 'guest.remove down'],
  ['a disk, which goes with the files', { disks }, 'down', ''],
  ['a guest that is up', up, 'down', 'in_use'],
  ['a paused one', { domains: [domain('p', 'paused', OURS)] }, 'down', 'in_use'],
  ['a guest that may be stopped', up, 'any', 'guest.destroy up, guest.remove up'],
  ['guests of others', foreign, 'any', ''],
  ['its filter', { filters: [{ instance: 'x', text: '' }] }, 'any', 'filter.remove x'],
  ['a libvirt that is down', silent, 'any', 'host_unfit'],
  ['a libvirt that is down, and files of guests', silent, 'none', 'host_unfit'],
  ['a libvirt that is down, and nothing of guests', { libvirt: false }, 'none', ''],
])('%s: with %j', async (_, seen, guests, expected) => {
  expect(await cleared(seen, guests)).toBe(expected);
});

describe('told to leave', () => {
  let state: string;
  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), 'gantry-leave-'));
    mkdirSync(join(state, 'agent'));
  });
  afterEach(() => rmSync(state, { recursive: true }));

  const tell = (seen: Partial<Observation>, by: string | undefined) => {
    const env = { clock: { sleep: () => new Promise<void>(() => undefined) }, log: () => undefined } as never;
    return beToldToLeave({ state, by, env, host: node(seen).host }, { cluster: OURS, guests: 'down' });
  };
  const noted = () => readFileSync(join(state, 'agent', 'leaving'), 'utf8');

  test('it is on the disk before it is answered', async () => {
    await tell(down, '/opt/gantry.mjs');
    expect(noted()).toBe('down\n');
  });

  test('a disk that is full keeps it from beginning, and not the agent from running: it is tried again', async () => {
    const turns: (() => void)[] = [];
    const told: string[] = [];
    const sleep = () => new Promise<void>((resolve) => turns.push(resolve));
    const env = { clock: { sleep }, log: (_: string, text: string) => told.push(text) } as never;
    const by = join(state, 'gantry.mjs');
    const went = join(state, 'went');
    writeFileSync(by, `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(went)}, '');`);
    // no folder can be made there
    writeFileSync(join(state, 'log'), '');
    await beToldToLeave({ state, by, env, host: node({}).host }, { cluster: OURS, guests: 'none' });
    turns.shift()?.();
    await expect.poll(() => turns).toHaveLength(1);
    expect(told.at(-1)).toMatch(/tried again/);
    rmSync(join(state, 'log'));
    turns.shift()?.();
    await expect.poll(() => existsSync(went)).toBe(true);
    expect(turns).toEqual([]);
  });

  test('what may not go is refused, and nothing is noted', async () => {
    await expect(tell(up, '/opt/gantry.mjs')).rejects.toMatchObject({ code: 'in_use' });
    await expect(tell({}, undefined)).rejects.toMatchObject({ code: 'not_supported' });
    expect(noted).toThrow(/ENOENT/);
  });
});
