import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ProcessError, run } from './run.ts';

const failure = (promise: Promise<unknown>): Promise<ProcessError> =>
  promise.then(
    () => expect.unreachable('it should have failed'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(ProcessError);
      return error as ProcessError;
    },
  );

/** Whether a process is there and not a zombie. */
const alive = (pid: number): boolean => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};
const until = async (condition: () => boolean): Promise<boolean> => {
  for (let i = 0; i < 3000 && !condition(); i++) await new Promise((go) => setTimeout(go, 20));
  return condition();
};

describe('run', () => {
  it('gives output and exit code, and hands arguments on as they are', async () => {
    const result = await run(['printf', '%s|', 'a b', '$(id)', '']);
    expect(result).toEqual({ code: 0, stdout: 'a b|$(id)||', stderr: '', truncated: false });
  });

  it('starts with a cleaned environment, in /', async () => {
    process.env['GANTRY_LEAK'] = 'secret';
    const { stdout } = await run(['sh', '-c', 'env; pwd'], { env: { OWN: '1' } });
    expect(stdout).toContain('OWN=1');
    expect(stdout).not.toContain('secret');
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('/');
  });

  it('passes stdin, and survives a program that does not read it', async () => {
    expect((await run(['cat'], { stdin: 'hello' })).stdout).toBe('hello');
    expect((await run(['true'], { stdin: 'x'.repeat(2 ** 20) })).code).toBe(0);
  });

  it('fails with the exit code and the last line of stderr', async () => {
    const error = await failure(run(['sh', '-c', 'echo first >&2; echo why >&2; exit 3']));
    expect(error).toMatchObject({ reason: 'exit', code: 3, program: 'sh' });
    expect(error.message).toBe('sh ended with exit code 3: why');
  });

  it('takes listed exit codes as an answer', async () => {
    expect((await run(['sh', '-c', 'exit 3'], { okCodes: [0, 3] })).code).toBe(3);
  });

  it('says so when the program is not there', async () => {
    expect((await failure(run(['/nonexistent/tool']))).reason).toBe('not-found');
    expect((await failure(run(['/nonexistent/tool'], { outlivesAgent: true }))).reason).toBe('not-found');
  });

  it('keeps only the end of much output, but shows every line', async () => {
    let lines = 0;
    const { stdout, truncated } = await run(['seq', '100000'], { keepBytes: 100, onOutput: () => lines++ });
    expect(lines).toBe(100_000);
    expect(truncated).toBe(true);
    expect(stdout).toHaveLength(100);
    expect(stdout.endsWith('100000\n')).toBe(true);
  });

  it('cuts endless lines into pieces', async () => {
    const lengths: number[] = [];
    await run(['sh', '-c', 'head -c 10000 /dev/zero | tr "\\0" x'], {
      onOutput: (l) => lengths.push(l.length),
    });
    expect(Math.max(...lengths)).toBeLessThanOrEqual(4096);
    expect(lengths.reduce((a, b) => a + b)).toBe(10_000);
  });

  it('ends on timeout', async () => {
    const error = await failure(run(['sleep', '600'], { timeoutMs: 300 }));
    expect(error.reason).toBe('timeout');
  });

  it('kills the whole group, children that ignore SIGTERM included', async () => {
    let child = 0;
    const abort = new AbortController();
    const error = await failure(
      run(['sh', '-c', 'sh -c \'trap "" TERM; sleep 600 & echo $!; wait\' & wait'], {
        signal: abort.signal,
        onOutput: (line) => {
          child = Number(line);
          abort.abort();
        },
      }),
    );
    expect(error.reason).toBe('aborted');
    expect(child).toBeGreaterThan(0);
    expect(await until(() => !alive(child))).toBe(true);
  });

  it('stops on abort with the reason as cause, and does not start when aborted before', async () => {
    const abort = new AbortController();
    const stop = () => abort.abort(new Error('cancelled'));
    const script = 'echo up; exec sleep 600';
    const error = await failure(run(['sh', '-c', script], { signal: abort.signal, onOutput: stop }));
    expect(error.reason).toBe('aborted');
    expect(error.cause).toEqual(new Error('cancelled'));
    expect((await failure(run(['sleep', '60'], { signal: abort.signal }))).reason).toBe('aborted');
  });

  it('limits CPU time and memory', async () => {
    const endless = await failure(run(['sh', '-c', 'while :; do :; done'], { limits: { cpuSeconds: 1 } }));
    expect(endless.reason).toBe('signal');
    const greedy = run(['sh', '-c', 'head -c 300000000 /dev/zero | tail'], {
      limits: { addressSpaceBytes: 100 * 2 ** 20 },
      okCodes: [0],
    });
    expect((await failure(greedy)).reason).toBe('exit');
  });

  it('dies with its parent', async () => {
    const module = new URL('./run.ts', import.meta.url).href;
    const script = `import { run } from ${JSON.stringify(module)}; import { writeSync } from 'node:fs';
      await run(['sh', '-c', 'echo $$; exec sleep 60'], { onOutput: (l) => { writeSync(1, l + '\\n'); process.kill(process.pid, 'SIGKILL'); } });`;
    const error = await failure(run([process.execPath, '--input-type=module', '-e', script]));
    expect(error.reason).toBe('signal');
    const pid = Number(error.stdout);
    expect(pid).toBeGreaterThan(0);
    expect(await until(() => !alive(pid))).toBe(true);
  });
});
