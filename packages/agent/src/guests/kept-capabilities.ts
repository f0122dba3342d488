/**
 * libvirt's capabilities, asked for once. Before its first answer libvirt examines every QEMU that it finds, which takes
 * seconds, and minutes on a machine under load. So the question has a connection of its own and goes on when who asked
 * gives up; whoever waits is told for what.
 */
import { err } from '@gantry/model';
import type { Clock } from '../env.ts';
import { type Capabilities, parseCapabilities } from './capabilities.ts';
import type { Session } from './session.ts';

/** Then nobody believes any more that an answer will come. */
const LIMIT_MS = 10 * 60_000;
/** So long an action waits; it is tried again. */
const PATIENCE_MS = 30_000;
/** A delay that people notice. */
const SLOW_MS = 2000;

export interface KeptCapabilities {
  /**
   * @param says is told what is waited for, when that takes its time
   * @throws GantryError `hypervisor_slow`, `host_unfit`; LibvirtError, TransportError
   */
  read(says?: (what: string) => void): Promise<Capabilities>;
  /** Of another libvirtd they may be others. */
  forget(): void;
  /** What libvirt is busy with, for people; undefined: nothing. */
  doing(): string | undefined;
}

interface Question {
  answer: Promise<Capabilities>;
  /** `bootMs` of its beginning, until it is answered. */
  sinceMs: number | undefined;
}

export function keptCapabilities(
  { aside }: Pick<Session, 'aside'>,
  { clock, node }: { clock: Clock; node: () => string },
): KeptCapabilities {
  let current: Question | undefined;

  function ask(): Question {
    const answer = aside((lv) => lv.connectGetCapabilities(), { callTimeoutMs: LIMIT_MS });
    const question: Question = { answer: answer.then(parseCapabilities), sinceMs: clock.bootMs() };
    question.answer.then(
      () => {
        question.sinceMs = undefined;
      },
      () => {
        if (current === question) current = undefined;
      },
    );
    return question;
  }

  const doing = (): string | undefined => {
    if (current?.sinceMs === undefined) return undefined;
    const seconds = Math.round((clock.bootMs() - current.sinceMs) / 1000);
    return `libvirt examines QEMU to tell what guests may have here, for ${seconds} s so far`;
  };

  /** Calls back after so long, unless the returned function is called before. */
  function after(ms: number, act: () => void): () => void {
    const over = new AbortController();
    clock.sleep(ms, over.signal).then(
      () => {
        if (!over.signal.aborted) act();
      },
      () => undefined,
    );
    return () => over.abort();
  }

  return {
    async read(says) {
      current ??= ask();
      const { answer } = current;
      const late = Promise.withResolvers<never>();
      const stops = [
        after(SLOW_MS, () => says?.(doing() ?? '')),
        after(PATIENCE_MS, () =>
          late.reject(err('hypervisor_slow', { node: node(), what: doing() ?? 'it is asked' })),
        ),
      ];
      try {
        return await Promise.race([answer, late.promise]);
      } finally {
        for (const stop of stops) stop();
      }
    },
    forget() {
      current = undefined;
    },
    doing,
  };
}
