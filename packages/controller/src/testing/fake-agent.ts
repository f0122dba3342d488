/** An agent as a script: it makes its node match its assignments at once, except where a test says otherwise. */
import type {
  Assignments,
  GuestStatus,
  NodeStatus,
  ReplicaStatus,
  Report,
  StatusReport,
} from '@gantry/model';
import type { Controller } from '../controller.ts';
import type { Env } from '../env.ts';
import { timestamp } from '../env.ts';

const MIB = 2 ** 20;

export class FakeAgent {
  readonly #controller: Controller;
  readonly #env: Env;
  readonly token: string;
  #sequence = 0;
  bootId = 'boot-1';
  run = 1;
  /** Instance id -> when QEMU was started, and at which generation. */
  readonly #started = new Map<string, string>();
  /** Changes a status before it is reported. */
  alter: (status: StatusReport) => StatusReport = (status) => status;
  pings = true;
  /** Guests follow a reboot that was passed on. */
  reboots = true;
  /** Instance id -> its last reboot inside QEMU, and the act that asked for it. */
  readonly #rebooted = new Map<string, { act: string; at: string }>();
  /** What it can beyond the first release. */
  capabilities: string[] = ['disk:send', 'disk:copy', 'guest:copy', 'guest:cds'];
  facts = { memoryMiB: 8192, cpus: 4, diskMiB: 100 * 1024 };

  constructor(controller: Controller, env: Env, token: string) {
    this.#controller = controller;
    this.#env = env;
    this.token = token;
  }

  async assignments(): Promise<Assignments> {
    return (await this.#controller.call('getAssignments', { token: this.token })).body as Assignments;
  }

  /** One round: assignments in, statuses out. */
  async round(): Promise<void> {
    const assignments = await this.assignments();
    const statuses = [
      ...assignments.replicas.map((replica): StatusReport => {
        const { desired } = replica.spec;
        const status: ReplicaStatus =
          desired === 'absent'
            ? { state: 'absent' }
            : { state: 'ready', path: `/fake/${replica.id}`, readyAt: this.#now };
        return {
          kind: 'replica',
          id: replica.id,
          generation: replica.generation,
          status: withoutChange(replica.status, status),
        };
      }),
      ...assignments.attachments.map(
        (attachment): StatusReport => ({
          kind: 'attachment',
          id: attachment.id,
          generation: attachment.generation,
          status: { state: attachment.spec.desired === 'absent' ? 'absent' : 'ready' },
        }),
      ),
      ...assignments.guests.map((guest): StatusReport => {
        const { id, generation } = guest;
        return { kind: 'guest', id, generation, status: this.#guest(guest) };
      }),
      ...assignments.acts.map((act) => this.#act(act)),
    ];
    await this.report({ statuses: statuses.map((status) => this.alter(status)) });
  }

  /** The guest goes on in its old boot until the next round. */
  #act({ id, generation, spec }: Assignments['acts'][number]): StatusReport {
    const { instance } = spec.action;
    const boots = this.reboots && spec.action.kind !== 'guest.resume';
    if (boots && this.#rebooted.get(instance)?.act !== id)
      this.#rebooted.set(instance, { act: id, at: timestamp(this.#env.clock.now() + 1) });
    return { kind: 'act', id, generation, status: { state: 'done', endedAt: this.#now } };
  }

  #guest({ spec }: Assignments['guests'][number]): GuestStatus {
    const { instance, epoch } = spec;
    if (spec.remove || spec.role === 'receive' || spec.role === 'release') return { state: 'absent', epoch };
    if (spec.power === 'stopped') {
      const ran = this.#started.delete(instance);
      const probed = spec.plug?.probe ? { probed: true } : {};
      return {
        ...(ran ? { state: 'stopped', epoch, endedBy: 'operator' } : { state: 'defined', epoch }),
        ...probed,
      };
    }
    const startedAt = this.#started.get(instance) ?? this.#now;
    this.#started.set(instance, startedAt);
    const rebootedAt = this.#rebooted.get(instance)?.at;
    return {
      state: 'running',
      epoch,
      startedAt,
      ...(rebootedAt ? { rebootedAt } : {}),
      ...(this.pings ? { firstPingAt: rebootedAt ?? startedAt } : {}),
      accelerator: 'tcg',
      ...(spec.plug?.probe ? { probed: true } : {}),
    };
  }

  async report(part: Partial<Report>): Promise<{ accepted: boolean }> {
    const body: Report = {
      bootId: this.bootId,
      run: this.run,
      sequence: this.#sequence++,
      statuses: [],
      ...part,
    };
    const reply = await this.#controller.call('report', { token: this.token, body });
    return reply.body as { accepted: boolean };
  }

  /** Says that the node is ready, with its facts and free space. */
  async hello(): Promise<void> {
    await this.report({ node: this.nodeStatus() });
  }

  nodeStatus(): NodeStatus {
    const { memoryMiB, cpus, diskMiB } = this.facts;
    return {
      state: 'ready',
      bootId: this.bootId,
      facts: {
        hostname: 'n1',
        architecture: 'x86_64',
        cpus,
        cpuModel: 'fake',
        memoryMiB,
        kernel: '6.1',
        accelerator: { kvm: false, reason: 'fake' },
        agentVersion: '0.1.0',
        capabilities: this.capabilities,
        transfer: { address: '192.0.2.1', port: 7461 },
      },
      storage: [{ name: 'file', path: '/fake', totalBytes: diskMiB * MIB, freeBytes: diskMiB * MIB }],
      memoryFreeMiB: memoryMiB,
      conditions: [],
    };
  }

  get #now(): string {
    return timestamp(this.#env.clock.now());
  }
}

/** A real agent reports the same time again. */
function withoutChange(before: ReplicaStatus, now: ReplicaStatus): ReplicaStatus {
  return before.state === now.state && before.readyAt ? { ...now, readyAt: before.readyAt } : now;
}
