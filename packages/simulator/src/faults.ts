/**
 * Where things go wrong. Every effect of a process passes a gate: the process may be killed before it, halfway
 * through (each fake says what halfway looks like), or after it with the answer lost.
 */
export type Moment = 'before' | 'halfway' | 'after';

export interface Gate {
  /** Which process: `controller`, or `agent NODE`. */
  process: string;
  /** Name of the effect: `commit`, `disk.create`, `journal`, `report`. */
  effect: string;
  /** Counted over the whole history, from 1. */
  number: number;
}

/** Decides at each gate whether the process dies there. */
export type Faults = (gate: Gate) => Moment | undefined;

export const noFaults: Faults = () => undefined;

/** Dies once, at the given gate. */
export const dieAt =
  (number: number, moment: Moment): Faults =>
  (gate) =>
    gate.number === number ? moment : undefined;

/** One life of a process: everything it does goes through here, and nothing it does after its death has an effect. */
export interface Life {
  readonly signal: AbortSignal;
  kill(): void;
  /** Carries out an effect, unless the process dies of it. After death the promise never settles, as for a killed process. */
  effect<T>(name: string, act: { halfway?: () => void; whole: () => T | Promise<T> }): Promise<T>;
}

const never = new Promise<never>(() => undefined);

/** @param pass counts the gate and decides; @param onDeath is told once */
export function life(
  process: string,
  pass: (process: string, effect: string) => Moment | undefined,
  onDeath: () => void,
): Life {
  const controller = new AbortController();
  const kill = () => {
    if (controller.signal.aborted) return;
    controller.abort(new Error(`${process} was killed`));
    onDeath();
  };
  return {
    signal: controller.signal,
    kill,
    async effect(name, act) {
      if (controller.signal.aborted) return never;
      const moment = pass(process, name);
      if (moment === 'halfway') act.halfway?.();
      if (moment === 'before' || moment === 'halfway') {
        kill();
        return never;
      }
      const result = await act.whole();
      if (moment === 'after') kill();
      return controller.signal.aborted ? never : result;
    },
  };
}
