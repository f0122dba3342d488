/**
 * A guest: binding against domain. Adopting what runs is always allowed; starting needs the controller's word in this
 * boot of the node. A domain without our metadata is foreign and never touched; one of a newer epoch is not ours to judge.
 */
import { compareEpochs, err, type Guest, type GuestStatus, type Problem, toProblem } from '@gantry/model';
import type { Action } from '../actions.ts';
import type { GuestMemory } from '../env.ts';
import type { SeenDomain } from '../observation.ts';
import { planAdoption, planRelease } from './adoption.ts';
import { bootedOnce, isAfterOnce, isHeldBack, isOnceDue, letRun, noteOnce } from './boot-once.ts';
import { seenCds } from './cds.ts';
import { judgeEnding, noteWithdrawn, wishOf } from './ending.ts';
import { filterIsGone } from './filter.ts';
import { type Answer, failureOf, free, type GuestPart, type PlanInput } from './input.ts';
import { missingToDefine, missingToStart } from './missing.ts';
import { planPlug } from './plug.ts';
import { plugProbed, probeFailure } from './probe.ts';
import { planSave } from './save.ts';
import { planSize, withSize } from './size.ts';

/** ACPI presses get lost while a guest boots, so it is asked again this often. */
export const askAgainMs = 5000;

export function planGuest(guest: Guest, input: PlanInput): GuestPart {
  const part = planDomain(guest, input);
  const status = { ...part.status.status, ...plugProbed(guest, input) } as GuestStatus;
  return { ...part, status: { ...part.status, status } as GuestPart['status'] };
}

function planDomain(guest: Guest, input: PlanInput): GuestPart {
  const memory: GuestMemory = { restarts: [], ...input.memory.guests[guest.spec.instance] };
  const seen = input.observation.domains.find((d) => d.uuid === guest.spec.instance);
  const answer = answerer(guest, seen, input, memory);
  if (!input.observation.libvirt) return answer({ state: 'unknown', reason: 'libvirt cannot be reached' });
  if (guest.spec.role === 'release' && !guest.spec.held) return planRelease(guest, seen, input, answer);
  const adoption = guest.spec.role === 'adopt' && planAdoption(guest, seen, input, answer);
  if (adoption) return adoption;
  if (seen && seen.ours?.cluster !== input.assignments.cluster)
    return answer({ state: 'unknown', error: foreign(guest, seen, input) });
  if (seen?.ours && compareEpochs(seen.ours.epoch, guest.spec.epoch) > 0)
    return answer({ state: 'unknown', reason: 'the domain belongs to a newer binding' });
  if (guest.spec.held) return answer(asFound(seen));
  if (guest.spec.remove) return planRemoval(guest, seen, input, answer);
  if (guest.spec.role === 'receive') return answer({ state: 'absent', reason: 'its disks are on their way' });
  if (seen && startsUp(seen) && guest.spec.power === 'running') return answer({ state: 'starting' });
  if (seen && alive(seen)) return plugging(guest, seen, input, planAlive(guest, seen, input, memory, answer));
  return guest.spec.power === 'running'
    ? planStart(guest, seen, input, memory, answer)
    : planDown(guest, seen, input, memory, answer);
}

/** With what of its devices is to change. */
function plugging(guest: Guest, seen: SeenDomain, input: PlanInput, part: GuestPart): GuestPart {
  const plug = planPlug(guest, seen, input, part.memory);
  const wakeAt = [part.wakeAt, plug.wakeAt].filter((at) => at !== undefined);
  const status = { ...part.status, status: { ...part.status.status, ...plug.status } } as GuestPart['status'];
  return {
    ...part,
    actions: [...part.actions, ...plug.actions],
    status,
    ...(wakeAt.length > 0 ? { wakeAt: Math.min(...wakeAt) } : {}),
  };
}

/** Nothing is done to it, not even what its policy says of its ending. */
function asFound(seen: SeenDomain | undefined): GuestStatus {
  if (!seen) return { state: 'absent' };
  if (!alive(seen)) return { state: 'stopped', reason: seen.reason };
  return { state: seen.state === 'paused' ? 'paused' : 'running', reason: seen.reason };
}

/** QEMU is there, but libvirt may still refuse the guest: its CPU is not what was asked for, a device does not come up. */
const startsUp = ({ state, reason }: SeenDomain): boolean => state === 'paused' && reason === 'starting-up';

const alive = (seen: SeenDomain): boolean => seen.state !== 'shutoff' && seen.state !== 'crashed';

function planRemoval(
  guest: Guest,
  seen: SeenDomain | undefined,
  input: PlanInput,
  answer: Answer,
): GuestPart {
  const { instance } = guest.spec;
  const busy = input.busy.has(`guest:${instance}`);
  const hasFiles = input.observation.guestFiles.includes(instance);
  if (!seen && !busy && !hasFiles)
    return answer({ state: filterIsGone(guest, input) ? 'absent' : 'stopped' });
  const may = mayAct(guest, input);
  const action: Action = { do: seen && alive(seen) ? 'guest.destroy' : 'guest.remove', instance };
  return answer({ state: seen && alive(seen) ? 'stopping' : 'stopped' }, may ? [action] : []);
}

function planAlive(
  guest: Guest,
  seen: SeenDomain,
  input: PlanInput,
  memory: GuestMemory,
  answer: Answer,
): GuestPart {
  memory.ranInBoot = input.bootId;
  memory.ranFor = wishOf(guest);
  delete memory.downBy;
  delete memory.ended;
  noteOnce(seen, memory);
  if (guest.spec.power === 'stopped' && guest.spec.memory === 'save')
    return planSave(guest, seen, input, answer);
  if (guest.spec.power === 'stopped') return planStop(guest, input, memory, answer);
  if (isOnceDue(guest, memory)) {
    // should it be called off, the guest comes up again
    memory.rebootAskedAt ??= input.now;
    return planStop(guest, input, memory, answer);
  }
  if (isHeldBack(seen, memory))
    return answer({ state: 'starting' }, mayAct(guest, input) ? [letRun(guest)] : []);
  noteWithdrawn(memory, input.now);
  if (seen.state === 'paused')
    return answer({ state: 'paused', reason: seen.reason, ...(seen.size ? { size: seen.size } : {}) });
  if (seen.state === 'shutdown') return answer({ state: 'stopping', reason: 'the guest is powering off' });
  const part = planReboot(guest, seen, input, memory, answer);
  // what somebody gives or takes of an imported one by hand is its owner’s to say
  if (guest.spec.input.definition === 'kept')
    return withSize(part, { actions: [], status: seen.size ? { size: seen.size } : {} });
  return withSize(part, planSize(guest, seen, input, memory));
}

/** Runs. One that was to reboot and has not is asked again, for as long as it would be on its way down in a stop. */
function planReboot(
  guest: Guest,
  seen: SeenDomain,
  input: PlanInput,
  memory: GuestMemory,
  answer: Answer,
): GuestPart {
  const running: GuestStatus = { state: 'running', reason: seen.reason };
  const askedAt = memory.rebootAskedAt;
  const over = askedAt === undefined || input.now >= askedAt + guest.spec.life.stopTimeoutMs;
  if (over || (memory.rebootedAt ?? 0) >= askedAt) {
    delete memory.rebootRepeatedAt;
    return answer(running);
  }
  const nextAt = (memory.rebootRepeatedAt ?? askedAt) + askAgainMs;
  const ask = input.now >= nextAt && mayAct(guest, input);
  if (ask) memory.rebootRepeatedAt = input.now;
  const actions: Action[] = ask ? [{ do: 'guest.reboot', instance: guest.spec.instance }] : [];
  return answer(running, actions, ask ? input.now + askAgainMs : nextAt);
}

function planStop(guest: Guest, input: PlanInput, memory: GuestMemory, answer: Answer): GuestPart {
  const { instance, force, life } = guest.spec;
  const may = mayAct(guest, input);
  memory.stopAskedAt ??= input.now;
  const forceAt = memory.stopAskedAt + life.stopTimeoutMs;
  if (force || input.now >= forceAt)
    return answer({ state: 'stopping', reason: 'forced' }, may ? [{ do: 'guest.destroy', instance }] : []);
  const askAt = memory.stopRepeatedAt === undefined ? input.now : memory.stopRepeatedAt + askAgainMs;
  const ask = may && input.now >= askAt;
  if (ask) memory.stopRepeatedAt = input.now;
  const wakeAt = Math.min(forceAt, ask ? input.now + askAgainMs : askAt);
  return answer(
    { state: 'stopping', reason: 'asked to power off' },
    ask ? [{ do: 'guest.shutdown', instance }] : [],
    wakeAt,
  );
}

const ofOneRun = [
  'startedAt',
  'rebootedAt',
  'firstPingAt',
  'sshReadyAt',
  'rebootRepeatedAt',
  'updatedBy',
  'unplugging',
  'cds',
  'console',
  'sized',
  'ballooning',
] as const;

function planStart(
  guest: Guest,
  seen: SeenDomain | undefined,
  input: PlanInput,
  memory: GuestMemory,
  answer: Answer,
): GuestPart {
  const subject = `guest:${guest.spec.instance}`;
  if (input.busy.has(subject)) return answer({ state: 'starting' });
  noteWithdrawn(memory, input.now);
  const verdict = judgeEnding(guest, seen, memory, input.bootId, input.now);
  if (verdict.what === 'stay-down') {
    const by = verdict.endedBy;
    if (verdict.remember) memory.downBy = { by, wish: wishOf(guest) };
    return answer({ state: verdict.state, endedBy: by });
  }
  if (verdict.what === 'wait')
    return answer({ state: 'crashed', endedBy: verdict.endedBy, reason: 'restarts soon' }, [], verdict.until);
  // Signs of life of the run before this start would pass for those of this one, done or still waited for.
  for (const key of ofOneRun) delete memory[key];
  const held = probeFailure(guest, input);
  if (held) return answer({ state: seen ? 'stopped' : 'absent', error: held });
  const missing = missingToStart(guest, input);
  if (missing) return answer({ state: seen ? 'stopped' : 'absent', reason: missing });
  const failure = failureOf(input, subject, guest.generation);
  const may = mayAct(guest, input);
  if (
    may &&
    verdict.because !== 'wanted' &&
    verdict.because !== 'host-boot' &&
    !isAfterOnce(verdict.because, memory)
  )
    memory.restarts = [...memory.restarts.filter((at) => at > input.now - 600_000), input.now];
  const once = isOnceDue(guest, memory) ? { once: true as const } : {};
  const actions: Action[] = may
    ? [{ do: 'guest.start', spec: guest.spec, because: verdict.because, ...once }]
    : [];
  const status: GuestStatus =
    failure && !may ? { state: 'stopped', error: failure.problem } : { state: 'starting' };
  return answer(status, actions, failure?.retryAt);
}

/** Should be down and is. A guest never defined here is defined, so that tools of libvirt show it. */
function planDown(
  guest: Guest,
  seen: SeenDomain | undefined,
  input: PlanInput,
  memory: GuestMemory,
  answer: Answer,
): GuestPart {
  const subject = `guest:${guest.spec.instance}`;
  // a start that is under way may still bring it up: it is not down before that is over
  if (input.busy.has(subject)) return answer({ state: 'stopping', reason: whyBusy(guest) });
  if (memory.stopAskedAt !== undefined) memory.downBy = { by: 'operator', wish: wishOf(guest) };
  delete memory.stopAskedAt;
  delete memory.stopRepeatedAt;
  delete memory.ranInBoot;
  if (seen?.saved) return answer({ state: 'suspended', reason: seen.reason });
  if (seen)
    return answer({
      state: 'stopped',
      reason: seen.reason,
      ...(memory.downBy ? { endedBy: memory.downBy.by } : {}),
    });
  const held = probeFailure(guest, input);
  if (held) return answer({ state: 'absent', error: held });
  const missing = missingToDefine(guest, input);
  if (missing) return answer({ state: 'absent', reason: missing });
  const failure = failureOf(input, subject, guest.generation);
  return answer(
    // 'stopped' when it is seen: whoever was told before would ask for more while this is under way
    { state: 'absent', ...(failure ? { error: failure.problem } : { reason: 'is being defined' }) },
    mayAct(guest, input) ? [{ do: 'guest.define', spec: guest.spec }] : [],
    failure?.retryAt,
  );
}

const whyBusy = ({ spec }: Guest): string =>
  spec.memory === 'save' ? 'its memory is being written to disk' : 'what was begun with it is not over yet';

const mayAct = (guest: Guest, input: PlanInput): boolean =>
  free(input, `guest:${guest.spec.instance}`, guest.generation);

const foreign = (guest: Guest, seen: SeenDomain, input: PlanInput): Problem =>
  toProblem(
    err('foreign_domain', { name: seen.name, node: input.assignments.node, instance: guest.spec.instance }),
  );

/** Completes every status by what is remembered, so that no branch forgets it. */
function answerer(guest: Guest, seen: SeenDomain | undefined, input: PlanInput, memory: GuestMemory): Answer {
  return (status, actions = [], wakeAt) => {
    const iso = (ms: number) => new Date(ms).toISOString();
    const full: GuestStatus = {
      ...status,
      epoch: guest.spec.epoch,
      ...(seen?.ours ? { domain: seen.name } : {}),
      ...(memory.restarts.length ? { restarts: memory.restarts.length } : {}),
      ...(status.state === 'running' ? { accelerator: seen?.accelerator ?? input.accelerator } : {}),
      ...(seen && alive(seen) ? seenCds(guest.spec, seen, input) : {}),
      ...bootedOnce(guest, memory),
      // nobody is told that it runs before it was seen to
      ...(memory.startedAt && status.state !== 'starting' ? { startedAt: iso(memory.startedAt) } : {}),
      ...(memory.rebootedAt ? { rebootedAt: iso(memory.rebootedAt) } : {}),
      ...(memory.firstPingAt ? { firstPingAt: iso(memory.firstPingAt) } : {}),
      ...(memory.sshReadyAt ? { sshReadyAt: iso(memory.sshReadyAt) } : {}),
    };
    return {
      actions,
      memory,
      status: { kind: 'guest', id: guest.id, generation: guest.generation, status: full },
      ...(wakeAt === undefined ? {} : { wakeAt }),
    };
  };
}
