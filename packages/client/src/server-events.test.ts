import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventParser, type ServerEvent } from './server-events.ts';
import { pauseMs } from './watch.ts';

const parse = (...pieces: string[]): ServerEvent[] => {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece));
};

test.each<[string, string, ServerEvent[]]>([
  ['data alone', 'data: x\n\n', [{ event: 'message', id: undefined, data: 'x' }]],
  ['name and id', 'event: change\nid: 3.7\ndata: {}\n\n', [{ event: 'change', id: '3.7', data: '{}' }]],
  ['data of several lines', 'data: a\ndata:b\n\n', [{ event: 'message', id: undefined, data: 'a\nb' }]],
  ['comments and unknown fields', ': hi\nretry: 5\nfoo\n\n', []],
  [
    'the id outlives its event',
    'id: 1\ndata: a\n\ndata: b\n\n',
    [
      { event: 'message', id: '1', data: 'a' },
      { event: 'message', id: '1', data: 'b' },
    ],
  ],
  ['an event without its empty line is none yet', 'data: a\n', []],
  [
    'carriage returns',
    'data: a\r\rdata: b\r\n\r\n',
    [
      { event: 'message', id: undefined, data: 'a' },
      { event: 'message', id: undefined, data: 'b' },
    ],
  ],
])('%s', (_, text, events) => {
  expect(parse(text)).toEqual(events);
});

test('the stream may be cut anywhere', () => {
  const text = 'event: change\r\nid: 1.2\r\ndata: {"a":1}\r\n\r\n: bookmark\n\ndata: x\ndata: y\n\n';
  const whole = parse(text);
  fc.assert(
    fc.property(fc.array(fc.nat({ max: text.length }), { maxLength: 6 }), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), text.length];
      const pieces = at.slice(1).map((end, i) => text.slice(at[i], end));
      expect(parse(...pieces)).toEqual(whole);
    }),
  );
});

test('pauses grow to a limit', () => {
  expect([0, 1, 2, 20].map((failures) => pauseMs(failures, () => 1))).toEqual([250, 500, 1000, 15_000]);
  expect(pauseMs(0, () => 0)).toBe(125);
});
