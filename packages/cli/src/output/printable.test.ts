import { isGantryError } from '@gantry/model';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { problemText } from '../report-error.ts';
import { Session } from '../session.ts';
import { events, FakeApi, page } from '../testing/fake-api.ts';
import { fakeIo } from '../testing/fake-io.ts';
import { instance, node } from '../testing/samples.ts';
import { outputFormats } from './output.ts';
import { PrintableBytes, printable, printableJson, printableYaml } from './printable.ts';

/** Clears the screen in three ways, sets the title, turns the direction of writing round. */
const EVIL = 'a\u001b[2J\u009b2J\u001b]0;owned\u0007\rb\u202ec\u007f\u2066d';
const steering = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...EVIL, '\n', '\t', '\\', '"'),
    fc.string({ unit: 'binary', maxLength: 1 }),
  ),
});
const anyValue = fc.oneof(anyText, fc.dictionary(anyText, fc.array(anyText)));

test('printable text steers nothing, and is the same where it did not before', () => {
  expect(printable('\u001b[31mé\t\n')).toBe('\\x1b[31mé\t\n');
  expect(printable('\u202e')).toBe('\\u202e');
  fc.assert(fc.property(anyText, (text) => !steering.test(printable(text))));
  fc.assert(
    fc.property(anyText, (text) => steering.test(text) || printable(printable(text)) === printable(text)),
  );
});

test('JSON and YAML lose nothing by it', async () => {
  await fc.assert(
    fc.asyncProperty(anyValue, async (value) => {
      const [json, yaml] = [printableJson(value), await printableYaml(value)];
      expect(JSON.parse(json)).toEqual(value);
      expect(parse(`${yaml}\n`)).toEqual(value);
      expect(steering.test(json) || steering.test(yaml)).toBe(false);
    }),
  );
});

describe('bytes of a guest', () => {
  const through = (isTTY: boolean, ...chunks: string[]): string => {
    const bytes = new PrintableBytes(Object.assign(fakeIo().stdout, { isTTY }));
    const shown = chunks.map((chunk) => Buffer.from(bytes.push(Buffer.from(chunk, 'latin1'))));
    return Buffer.concat([...shown, Buffer.from(bytes.end())]).toString('utf8');
  };

  test.each([
    [['[\u001b[0;32m  OK  \u001b[0m]\r\n'], '[  OK  ]\n'],
    [['colour \u001b', '[3', '2m', 'cut\r', '\nup'], 'colour cut\nup'],
    [['title \u001b]0;owned\u0007'], 'title \\x1b]0;owned\\x07'],
    [['clear \u001b', '[2J'], 'clear \\x1b[2J'],
    [['ends with \u001b[3'], 'ends with \\x1b[3'],
    [['caf\u00c3', '\u00a9'], 'café'],
  ])('%j on a terminal', (chunks, wanted) => {
    expect(through(true, ...chunks)).toBe(wanted);
  });

  test('carriage returns without end are neither kept nor gone over again and again', () => {
    const bytes = new PrintableBytes(Object.assign(fakeIo().stdout, { isTTY: true }));
    const flood = '\r'.repeat(2 ** 20);
    expect(bytes.push(Buffer.from(`${flood}x`))).toHaveLength(4 * 2 ** 20 + 1);
    expect(bytes.push(Buffer.from(flood))).toHaveLength(4 * 2 ** 20);
    expect(bytes.push(Buffer.from(`up${'\r'.repeat(32)}`))).toBe('up');
    expect(bytes.push(Buffer.from('\n'))).toBe('\n');
  });

  test('a pipe gets them as they are', () => {
    expect(through(false, '\u001b[2J', 'x\r\n')).toBe('\u001b[2Jx\r\n');
  });

  test('on a terminal nothing steers, however they are cut', () => {
    fc.assert(fc.property(fc.array(anyText), (chunks) => !steering.test(through(true, ...chunks))));
  });
});

describe('what the API says', () => {
  let api: FakeApi;
  beforeEach(async () => {
    api = new FakeApi();
    await api.start();
    const listed = instance(EVIL, { address: EVIL } as never);
    api.answers = {
      'GET /v1/nodes': page(node(EVIL)),
      'GET /v1/instances': page(listed),
      'GET /v1/instances/web1': { ...listed, labels: { evil: EVIL } },
      'GET /v1/flavors': page(),
      'GET /v1/images': page(),
      'POST /v1/instances/web1/start': { plan: [EVIL], changes: [], explanation: EVIL },
      'POST /v1/instances/web1/exec': events(
        { event: 'out', data: Buffer.from(EVIL).toString('base64') as unknown as object },
        { event: 'end', data: { code: 0 } },
      ),
      'GET /v1/instances/web1/logs': (_, response) => void response.end(EVIL),
    };
  });
  afterEach(() => api.stop());

  const lists = outputFormats.map((format) => ['instance', 'list', '-o', format]);
  test.each(
    [
      ...lists,
      ['node', 'list', '--fields', 'name'],
      ['instance', 'show', 'web1'],
      ['instance', 'show', 'web1', '-o', 'yaml'],
      ['instance', 'start', 'web1', '--plan'],
      ['instance', 'exec', 'web1', '--', 'true'],
      ['instance', 'logs', 'web1'],
      ['--trace', 'instance', 'list'],
      ['__complete', '--', 'instance', 'show', ''],
      ['instance', 'delete', EVIL],
      ['instance', `--${EVIL}`],
      [EVIL],
    ].map((words) => [words]),
  )('%j', async (words) => {
    // no colours: any escape is somebody else's
    const io = fakeIo({ ...api.env, NO_COLOR: '1' }, { columns: 100 });
    const { out, err } = await api.gantryWith(io, ...words);
    const shown = (out + err).replaceAll('\r\n', '\n');
    expect(shown).not.toBe('');
    expect(shown).not.toMatch(steering);
  });
});

test('questions and refusals are no different', async () => {
  const io = fakeIo({}, {});
  io.stdin.isTTY = true;
  const session = new Session(io, {
    output: 'table',
    yes: false,
    quiet: false,
    verbose: false,
    trace: false,
  });
  const asked = session.confirm(`Delete ${EVIL}?`).catch((error: unknown) => error);
  io.stdin.end('n\n');
  expect(isGantryError(await asked, 'usage')).toBe(true);
  expect(io.err()).toContain(printable(`Delete ${EVIL}?`));
  expect(io.err()).not.toContain(EVIL);
  const told = problemText({ title: EVIL, code: EVIL as never, hint: EVIL, requestId: EVIL });
  expect(told).not.toMatch(steering);
});
