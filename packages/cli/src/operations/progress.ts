/** What to print as an operation goes on: pure, from one snapshot and log line to the next. */
import { formatMs, type LogLine, type Operation } from '@gantry/model';
import { stepMs, titleOf } from './words.ts';

type Step = Operation['status']['steps'][number];

export class Progress {
  readonly #verbose: boolean;
  readonly #told = new Map<string, Step['state']>();
  /** Warnings and errors that were printed: attempts that fail alike, and the step that fails of it, say no more. */
  readonly #said = new Set<string>();
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
    if (!this.#verbose && (!loud || this.#said.has(line.text))) return [];
    if (loud) this.#said.add(line.text);
    const mark = line.level === 'output' || line.level === 'info' ? '' : `${line.level}: `;
    return line.text.split('\n').map((text) => `    ${mark}${text}`);
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

/** Whole seconds: a line that is drawn over ten times a second must not flicker. */
const formatSeconds = (ms: number): string => `${Math.max(0, Math.floor(ms / 1000))} s`;
