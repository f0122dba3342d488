/** The agent's Host on a fake node: same actions, virtual time, killable at every effect. */
import type { DomainHappening, Host } from '@gantry/agent';
import { version } from '@gantry/model';
import { durations } from './durations.ts';
import { halfway, whole } from './fake-effects.ts';
import { type Lane, receive, send } from './fake-lane.ts';
import { type FakeNode, look } from './fake-node.ts';
import type { Life } from './faults.ts';
import type { Scheduler } from './scheduler.ts';

export interface FakeHost extends Host {
  /** Tells the agent of something that happened to a domain. */
  tell(happening: DomainHappening): void;
}

/** How long a disk is on its way. */
const copyMs = 700;

/** First ping and ssh of a fake guest come this long after it was asked for. */
const signsMs = { ping: 1800, ssh: 4000 };

export function fakeHost(node: FakeNode, time: Scheduler, mine: Life, lane: Lane = new Map()): FakeHost {
  const listeners = new Set<(happening: DomainHappening) => void>();
  const tell = (happening: DomainHappening) => {
    for (const listener of listeners) listener(happening);
  };
  /** A second after it was asked to. */
  const reboots = (uuid: string) =>
    time.at(1000, () => {
      if (node.domains.get(uuid)?.state === 'running')
        tell({ uuid, what: 'guest-reboot', detail: 'the guest rebooted' });
    });
  return {
    bootId: () => node.bootId,
    async facts() {
      return {
        hostname: node.name,
        architecture: 'x86_64',
        cpus: 8,
        cpuModel: 'fake',
        memoryMiB: 65_536,
        kernel: 'fake',
        machineTypes: ['pc', 'q35'],
        accelerator: { kvm: node.accelerator === 'kvm', reason: 'a simulated node' },
        agentVersion: version,
        capabilities: [
          'disk:send',
          'disk:copy',
          'guest:copy',
          'guest:live-size',
          'guest:adopt',
          'guest:cds',
          'guest:rescue-drive',
        ],
        transfer: { address: node.name, port: 7461 },
      };
    },
    examines: () => undefined,
    async gauges() {
      const free = 2 ** 40 - node.disks.size * 2 ** 20;
      return {
        memoryFreeMiB: 60_000,
        storage: [{ name: 'file', path: '/storage', totalBytes: 2 ** 40, freeBytes: free }],
      };
    },
    async observe() {
      await time.sleep(5, mine.signal);
      return look(node);
    },
    async perform(action, _log, signal) {
      const signals = [mine.signal, signal];
      return mine.effect(action.do, {
        halfway: () => halfway(node, action),
        whole: async () => {
          await time.sleep(durations[action.do], mine.signal);
          if (action.do === 'disk.receive') await receive({ node, lane }, action, signals);
          if (action.do === 'disk.send') await send({ node, lane, time, tookMs: copyMs }, action, signals);
          whole(node, action, time.now());
          if (action.do === 'act.perform' && action.action.kind !== 'guest.resume')
            reboots(action.action.instance);
          return {};
        },
      });
    },
    explain: async () => undefined,
    paths: (instance) => ({ console: `/guests/${instance}/console.log`, vnc: `/guests/${instance}/vnc` }),
    async watch(onHappening, signal) {
      listeners.add(onHappening);
      await time.sleep(2 ** 40, signal).finally(() => listeners.delete(onHappening));
    },
    async probe(_target, onLive, signal) {
      await time.sleep(signsMs.ping, signal);
      onLive('ping', time.now());
      await time.sleep(signsMs.ssh - signsMs.ping, signal);
      onLive('ssh', time.now());
    },
    consoleStart: async () => ({ inode: 0, offset: 0 }),
    readConsole: async (_instance, position) => ({ bytes: new Uint8Array(), position, gap: false }),
    screen: async () => [],
    inside: async () => ({ agent: 'absent' }),
    tell,
  };
}
