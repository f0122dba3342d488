/** Operations in words. */
import { formatMs, type Instance, type Operation } from '@gantry/model';

/** `instance.create` of web1: `create instance web1`; what is about a cluster may be about one group of it. */
export function titleOf({ spec }: Operation): string {
  const [noun, verb] = spec.kind.split('.');
  const what = noun === 'cluster' ? spec.target.kind : noun;
  return `${verb} ${what} ${spec.target.name}`;
}

/** From request to end, or until now. */
export const tookMs = ({ createdAt, status }: Operation, nowMs: number): number =>
  Math.max(0, (status.endedAt === undefined ? nowMs : Date.parse(status.endedAt)) - Date.parse(createdAt));

/** Which step began when, if that is known. */
export function stepMs(step: { startedAt?: string; endedAt?: string }): number | undefined {
  if (step.startedAt === undefined || step.endedAt === undefined) return undefined;
  return Date.parse(step.endedAt) - Date.parse(step.startedAt);
}

const stages = [
  ['placedAt', 'placed'],
  ['diskReadyAt', 'disk ready'],
  ['qemuRunningAt', 'QEMU running'],
  ['firstPingAt', 'first ping'],
  ['sshReadyAt', 'ssh'],
] as const;

/** `placed +12 ms  disk ready +310 ms`: since it was submitted. Empty where nothing is known. */
export function timelineText(timeline: Instance['status']['timeline']): string {
  const from = timeline.submittedAt === undefined ? Number.NaN : Date.parse(timeline.submittedAt);
  return stages
    .flatMap(([key, word]) => {
      const at = timeline[key];
      const sinceMs = at === undefined ? Number.NaN : Date.parse(at) - from;
      return sinceMs >= 0 ? [`${word} +${formatMs(sinceMs)}`] : [];
    })
    .join('  ');
}
