/** What to print as an operation goes on: pure, from one snapshot and log line to the next. */
import { formatMs, type LogLine, type Operation } from '@gantry/model';
import { stepMs, titleOf } from './words.ts';

type Step = Operation['status']['steps'][number];

export class Progress {
  readonly #verbose: boolean;
  readonly #told = new Map<string, Step['state']>();
  /** Warnings and errors with how often they came: attempts that fail alike are counted, the step that fails of it says no more. */
  readonly #said = new Map<string, number>();
  #begun = false;
  #current: Operation | undefined;

  constructor(verbose: boolean) {
    this.#verbose = verbose;
  }

  /** Lines that this snapshot adds. The same snapshot again adds none. */
  see(operation: Operation): string[] {
    this.#current = operation;
    const lines = this.#begun ? [] : [`op ${operation.spec.number}  ${titleOf(operation)}`];
    this.#begun = true;
    for (const [i, step] of operation.status.steps.entries()) {
      const key = `${i} ${step.name}`;
      if (this.#told.get(key) === step.state) continue;
      this.#told.set(key, step.state);
      lines.push(...this.#ended(step));
    }
    return lines;
  }

  /** Warnings and errors always, output and the rest when asked for. */
  log(line: LogLine): string[] {
    const loud = line.level === 'warn' || line.level === 'error';
    const times = (this.#said.get(line.text) ?? 0) + 1;
    if (loud) this.#said.set(line.text, times);
    if (!this.#verbose && (!loud || !isTold(times))) return [];
    const mark = line.level === 'output' || line.level === 'info' ? '' : `${line.level}: `;
    const often = loud && times > 1 ? ` (${times} times by now)` : '';
    return `${line.text}${often}`.split('\n').map((text) => `    ${mark}${text}`);
  }

  /** What is going on at this moment, for a line that is drawn over. */
  live(nowMs: number): string | undefined {
    const running = this.#current?.status.steps.filter((step) => step.state === 'running') ?? [];
    const first = running[0];
    if (!first) return undefined;
    const since =
      first.startedAt === undefined ? '' : `  ${formatSeconds(nowMs - Date.parse(first.startedAt))}`;
    const names = running.map((step) => step.name).join(', ');
    return `  ${names}${first.detail ? `  ${first.detail}` : ' ...'}${since}`;
  }

  #ended(step: Step): string[] {
    if (step.state === 'waiting' || step.state === 'running') return [];
    if (step.state === 'skipped' && !this.#verbose) return [];
    const took = stepMs(step);
    const time = took === undefined ? '' : formatMs(took);
    const mark = step.state === 'done' ? '' : `${step.state}  `;
    const known = step.detail !== undefined && !this.#verbose && this.#said.has(step.detail);
    const detail = step.detail && !known ? (this.#verbose ? `${step.detail}  ${time}` : step.detail) : time;
    return [`  ${step.name.padEnd(this.#width)}  ${mark}${detail}`.trimEnd()];
  }

  get #width(): number {
    return Math.max(0, ...(this.#current?.status.steps ?? []).map((step) => step.name.length));
  }
}

/** The first, then ever more seldom: 3, 6, 12... The end of an operation repeats what it failed of, so a second is none yet. */
const isTold = (times: number): boolean =>
  times === 1 || (times % 3 === 0 && Number.isInteger(Math.log2(times / 3)));

/** Whole seconds: a line that is drawn over ten times a second must not flicker. */
const formatSeconds = (ms: number): string => `${Math.max(0, Math.floor(ms / 1000))} s`;
