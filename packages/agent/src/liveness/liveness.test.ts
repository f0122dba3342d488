import { createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../host/clock.ts';
import { type Run, run as realRun } from '../process/run.ts';
import { phaseAt, pingPhases } from './phases.ts';
import { firstPing } from './ping.ts';
import { probe } from './probe.ts';
import { firstBanner } from './ssh.ts';

const target = { ipv4: '127.0.0.1', bridge: 'lo' };

describe('phaseAt', () => {
  it('slows down and ends', () => {
    expect(phaseAt(pingPhases, 0)).toMatchObject({ everyMs: 100, leftMs: 60_000 });
    expect(phaseAt(pingPhases, 60_000)).toMatchObject({ everyMs: 1000, leftMs: 240_000 });
    expect(phaseAt(pingPhases, 15 * 60_000)).toBeUndefined();
  });
});

/** Answers like ping with these lines, then waits to be stopped or ends. */
const fakePing =
  (lines: string[], calls: string[][], stays: boolean): Run =>
  async (argv, options) => {
    calls.push([...argv]);
    if (argv[0] !== 'ping') return { code: 0, stdout: '', stderr: '', truncated: false };
    for (const line of lines) options?.onOutput?.(line, 'stdout');
    if (stays) await systemClock.sleep(60_000, options?.signal).catch(() => undefined);
    return { code: 0, stdout: '', stderr: '', truncated: false };
  };

describe('firstPing', () => {
  it('notices the answer of a real ping', async () => {
    const before = systemClock.now();
    const at = await firstPing(target, AbortSignal.timeout(60_000), { clock: systemClock, run: realRun });
    expect(at).toBeGreaterThanOrEqual(before);
  });

  it('takes neither an error nor the answer of another for one', async () => {
    const calls: string[][] = [];
    const lines = [
      'PING 127.0.0.1 (127.0.0.1) 56(84) bytes of data.',
      'From 127.0.0.1 icmp_seq=1 Destination Host Unreachable',
      '64 bytes from 127.0.0.11: icmp_seq=1 ttl=64 time=0.02 ms',
    ];
    const at = await firstPing(target, AbortSignal.timeout(200), {
      clock: systemClock,
      run: fakePing(lines, calls, true),
    });
    expect(at).toBeUndefined();
    expect(calls).toEqual([['ping', '-n', '-i', '0.1', '-w', '60', '127.0.0.1']]);
  });

  it('gives up after its phases, and does not spin when ping ends at once', async () => {
    const calls: string[][] = [];
    const phases = [
      { everyMs: 100, forMs: 150 },
      { everyMs: 200, forMs: 150 },
    ];
    const run = fakePing([], calls, false);
    expect(
      await firstPing(target, new AbortController().signal, { clock: systemClock, run, phases }),
    ).toBeUndefined();
    expect(calls.length).toBeLessThanOrEqual(2);
  });

  it('what breaks beside it is told at the end, and nobody else', async () => {
    const run: Run = async (argv) => {
      if (argv[0] !== 'ping') throw new TypeError('a fault of ours');
      // longer than a rejection may be unheard
      await systemClock.sleep(20);
      return { code: 0, stdout: '', stderr: '', truncated: false };
    };
    const phases = [{ everyMs: 100, forMs: 10 }];
    const mac = '52:54:00:00:00:05';
    const asked = firstPing({ ...target, mac }, new AbortController().signal, {
      clock: systemClock,
      run,
      phases,
    });
    await expect(asked).rejects.toThrow('a fault of ours');
  });

  it('tells the kernel the MAC', async () => {
    const calls: string[][] = [];
    const mac = '52:54:00:00:00:05';
    const run = fakePing([`64 bytes from 127.0.0.1: icmp_seq=1 ttl=64`], calls, true);
    await firstPing({ ...target, bridge: 'gbr0', mac }, AbortSignal.timeout(60_000), {
      clock: systemClock,
      run,
    });
    expect(calls).toContainEqual([
      'ip',
      'neigh',
      'replace',
      '127.0.0.1',
      'lladdr',
      mac,
      'dev',
      'gbr0',
      'nud',
      'reachable',
    ]);
  });
});

/** A listener on a free port of loopback. */
async function listen(onConnection: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const server = createServer(onConnection);
  await new Promise<void>((go) => server.listen(0, '127.0.0.1', go));
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : 0 };
}

describe('firstBanner', () => {
  it('needs the banner, even in pieces', async () => {
    const { server, port } = await listen((s) => {
      s.on('error', () => undefined).write('SS');
      setTimeout(() => s.end('H-2.0-x\r\n'), 50);
    });
    expect(
      await firstBanner('127.0.0.1', AbortSignal.timeout(60_000), { clock: systemClock, port }),
    ).toBeDefined();
    server.close();
  });

  it('waits longer each time for one that takes long to speak', async () => {
    const { server, port } = await listen((s) => {
      const late = setTimeout(() => s.end('SSH-2.0-x\r\n'), 2000);
      s.on('error', () => undefined).on('close', () => clearTimeout(late));
    });
    const ports = { clock: systemClock, port, speakMs: 300 };
    expect(await firstBanner('127.0.0.1', AbortSignal.timeout(60_000), ports)).toBeDefined();
    server.close();
  });

  it.each([
    ['speaks something else', (s: Socket) => void s.on('error', () => undefined).end('HTTP/1.1 400\r\n')],
    ['hangs up', (s: Socket) => void s.destroy()],
    ['says nothing', (s: Socket) => void s.on('error', () => undefined)],
  ])('is not taken in by a listener that %s', async (_what, behave) => {
    const { server, port } = await listen(behave);
    const signal = AbortSignal.timeout(400);
    expect(await firstBanner('127.0.0.1', signal, { clock: systemClock, port })).toBeUndefined();
    server.close();
  });

  it('tries again until somebody listens, and gives up in the end', async () => {
    const { server, port } = await listen(() => undefined);
    await new Promise((go) => server.close(go));
    const phases = [{ everyMs: 20, forMs: 200 }];
    const never = firstBanner('127.0.0.1', new AbortController().signal, {
      clock: systemClock,
      port,
      phases,
    });
    expect(await never).toBeUndefined();
  });
});

describe('probe', () => {
  it('tells ping first, then ssh', async () => {
    const { server, port } = await listen((s) => void s.on('error', () => undefined).end('SSH-2.0-x\r\n'));
    const signs: string[] = [];
    await probe({ instance: 'i', ...target }, (sign) => signs.push(sign), AbortSignal.timeout(60_000), {
      clock: systemClock,
      port,
    });
    expect(signs).toEqual(['ping', 'ssh']);
    server.close();
  });
});
