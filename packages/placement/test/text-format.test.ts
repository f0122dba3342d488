import { isGantryError } from '@gantry/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCluster } from '../src/ganeti/parse.ts';
import { writeCluster } from '../src/ganeti/write.ts';
import { oracleText, smallClusters } from './oracle.ts';

const text = oracleText('mixed-20.txt');

function refusalOf(broken: string): string {
  try {
    parseCluster(broken);
    return '';
  } catch (error) {
    if (!isGantryError(error)) throw error;
    expect(error.code).toBe('invalid_cluster_file');
    return error.message;
  }
}

test.each([...smallClusters, 'mixed-1000'])('%s is written as it was read', (name) => {
  const whole = oracleText(`${name}.txt`);
  expect(writeCluster(parseCluster(whole))).toBe(whole);
});

test('a file that is cut off anywhere is refused, with the line', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: text.length - 1 }), (length) => {
      expect(refusalOf(text.slice(0, length))).toMatch(/^line \d+ of the cluster file: /);
    }),
    { numRuns: 500 },
  );
});

test('so is one that is cut off at the end of a line', () => {
  for (let at = text.indexOf('\n'); at < text.length - 1; at = text.indexOf('\n', at + 1))
    expect(refusalOf(text.slice(0, at + 1))).not.toBe('');
});

test('whatever is in it, it is read or refused', () => {
  fc.assert(
    fc.property(
      fc.nat(text.length),
      fc.nat(400),
      fc.string({ unit: 'binary', maxLength: 8 }),
      (at, length, bytes) => {
        refusalOf(text.slice(0, at) + bytes + text.slice(at + length));
      },
    ),
    { numRuns: 500 },
  );
});

describe('says what is wrong', () => {
  const lines = text.split('\n');
  const firstNode = lines.indexOf('') + 1;
  const firstInstance = lines.indexOf('', firstNode) + 1;
  const with_ = (line: number, change: (fields: string[]) => void): string => {
    const fields = (lines[line] ?? '').split('|');
    change(fields);
    return lines.with(line, fields.join('|')).join('\n');
  };
  const field = (line: number, index: number, value: string) =>
    with_(line, (fields) => fields.splice(index, 1, value));
  test.each<[string, string, RegExp]>([
    ['no text', '\0\0', /not a text file/],
    ['nothing', '', /cut off/],
    ['no group', text.slice(text.indexOf('\n\n') + 1), /there is no group/],
    ['an unknown group', field(firstNode, 8, 'x'), /node node0000.*no group has the uuid "x"/],
    ['memory that is no number', field(firstNode, 1, '1e400'), /total memory is "1e400", not a number/],
    ['no memory', field(firstNode, 1, '0'), /has memory and CPUs/],
    [
      'half a node',
      with_(firstNode, (fields) => fields.splice(5)),
      /group is missing: the line ends after 5 fields/,
    ],
    ['a state of its own', field(firstNode, 7, 'Z'), /state is "Z", not one of Y, N, M/],
    ['a node twice', field(firstNode + 1, 0, 'node0000.example.com'), /another node of this name/],
    ['an unknown node', field(firstInstance, 6, 'x'), /its primary "x" is no node/],
    ['a pair on one node', with_(firstInstance, (f) => f.splice(7, 1, f[6] ?? '')), /the same node/],
    ['a pair without secondary', field(firstInstance, 7, ''), /drbd needs a secondary/],
    ['negative memory', field(firstInstance, 1, '-1'), /memory is "-1", not a whole number, 0 or more/],
    ['an unknown template', field(firstInstance, 8, 'zfs'), /disk template is "zfs"/],
    [
      'a policy of nobody',
      `${text}x|${'1,1,1,1,1,1|'.repeat(2)}drbd|4.0|32.0\n`,
      /is a minimum and a maximum/,
    ],
    ['half a policy', text.replace('|4.0|32.0\n', '|4.0\n'), /spindle ratio is missing/],
    ['a policy too few', text.replace(/group1\|4096.*\n$/, ''), /policy of group1 is missing/],
  ])('%s', (_what, broken, message) => {
    expect(refusalOf(broken)).toMatch(message);
  });
});

test('older and shorter lines are whole too', () => {
  const short = text.replaceAll(/\|1\|-\|N$/gm, '').replaceAll(/\|N\|0\|0\|1$/gm, '');
  const data = parseCluster(short);
  expect(data.instances[0]).toMatchObject({ spindleUse: 1, forthcoming: false, diskSpindles: undefined });
  expect(data.nodes.nodeCpus[0]).toBe(1);
});

test('a node that does not answer is offline', () => {
  const asked = text.replace(/^(node0000[^|]*)\|\d+\|\d+\|\d+/m, '$1|?|?|?');
  const { nodes } = parseCluster(asked);
  expect([nodes.offline[0], nodes.totalMem[0]]).toEqual([1, 0]);
});
