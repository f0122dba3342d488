/** Runs each task in a loop of its own, until the signal aborts. */
import type { TaskStatus } from '@gantry/model';
import { type Env, nowOf } from '../env.ts';
import type { Store } from '../store/store.ts';
import type { Task } from './task.ts';

export class TaskRunner {
  readonly #env: Env;
  readonly #store: Store;
  readonly #statuses = new Map<string, TaskStatus & { task: Task }>();

  constructor(env: Env, store: Store) {
    this.#env = env;
    this.#store = store;
  }

  /** Starts tasks; resolves when all have ended after the signal aborted. `off`: names of those left alone. */
  async run(tasks: readonly Task[], off: readonly string[], signal: AbortSignal): Promise<void> {
    await Promise.all(
      tasks.filter(({ name }) => !off.includes(name)).map((task) => this.#loop(task, signal)),
    );
  }

  status(): TaskStatus[] {
    return [...this.#statuses.values()].map(({ task, ...status }) => {
      const detail = task.status?.();
      return detail ? { ...status, detail: { ...detail } } : status;
    });
  }

  async #loop(task: Task, signal: AbortSignal): Promise<void> {
    const status = { name: task.name, runs: 0, failures: 0, task } as TaskStatus & { task: Task };
    this.#statuses.set(task.name, status);
    const nudge = new Nudge();
    const unsubscribe = this.#store.subscribe((notice) => task.wants?.(notice) && nudge.give());
    while (!signal.aborted) {
      nudge.take();
      status.lastRunAt = nowOf(this.#env);
      status.runs++;
      try {
        await task.run(signal);
        delete status.lastError;
      } catch (error) {
        if (signal.aborted) break;
        status.failures++;
        status.lastError = String(error);
        this.#env.log('error', 'a task failed', { task: task.name, error: (error as Error)?.stack });
      }
      await this.#pause(task, nudge, signal);
    }
    unsubscribe();
  }

  /** Until nudged, alarmed or the period is over. */
  async #pause(task: Task, nudge: Nudge, signal: AbortSignal): Promise<void> {
    const untilAlarm = (task.alarmMs?.() ?? Number.POSITIVE_INFINITY) - this.#env.clock.now();
    const waitMs = Math.max(0, Math.min(task.periodMs, untilAlarm));
    const woken = new AbortController();
    const slept = this.#env.clock.sleep(waitMs, AbortSignal.any([signal, woken.signal])).catch(() => {});
    nudge.onGiven(() => woken.abort());
    await slept;
  }
}

/** A wake-up that is not lost when it comes during a run. */
class Nudge {
  #given = false;
  #tell: (() => void) | undefined;

  give(): void {
    this.#given = true;
    this.#tell?.();
  }

  take(): void {
    this.#given = false;
    this.#tell = undefined;
  }

  onGiven(tell: () => void): void {
    this.#tell = tell;
    if (this.#given) tell();
  }
}
