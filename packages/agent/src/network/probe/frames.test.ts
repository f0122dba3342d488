import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holderIn, question } from './frames.ts';

const own = '02:00:00:00:00:01';
const other = '52:54:00:00:00:09';
const [address, address6] = ['10.1.0.5', '2001:db8::1:5'];
const asked = [address, address6];

/** What somebody with that MAC says of himself. */
const arp = (operation: 1 | 2, mac: string, sender: string, target: string): Buffer =>
  Buffer.from(
    `${'ff'.repeat(6)}${mac}0806000108000604000${operation}${mac}${sender}${'00'.repeat(6)}${target}`.replaceAll(
      ':',
      '',
    ),
    'hex',
  );
const neighbour = (type: string, source: string, target: string): Buffer =>
  Buffer.from(
    `333300000001${other}86dd60000000${'0018'}3aff${source}${'ff02'.padEnd(30, '0')}01${type}00000000000000${target}`.replaceAll(
      ':',
      '',
    ),
    'hex',
  );
const target6 = '20010db8000000000000000000010005';
const [hex, none] = ['0a010005', '00000000'];

describe('the question', () => {
  it('is an ARP probe without a sender’s address', () => {
    expect(question(own, address).toString('hex')).toBe(
      `ffffffffffff0200000000010806${'0001080006040001'}02000000000100000000${'00'.repeat(6)}0a010005`,
    );
  });
  it('is a solicitation to the group of the address, with a checksum that adds up', () => {
    const frame = question(own, address6);
    expect(frame.toString('hex')).toMatch(/^3333ff01000502000000000186dd6000000000183aff0{32}ff02/);
    const words = Buffer.concat([frame.subarray(22), Buffer.from('000000180000003a', 'hex')]).toString('hex');
    const sum = (words.match(/.{4}/g) ?? []).reduce((total, word) => total + Number.parseInt(word, 16), 0);
    expect(((sum & 0xffff) + (sum >>> 16)) & 0xffff).toBe(0xffff);
  });
});

describe('the answer', () => {
  it.each([
    ['an ARP answer', arp(2, other, hex, none), address],
    ['any ARP of who has it', arp(1, other, hex, '0a010001'), address],
    ['a probe of somebody else for it', arp(1, other, none, hex), address],
    ['an advertisement', neighbour('88', 'fe80'.padEnd(32, '0'), target6), address6],
    [
      'a solicitation of somebody who is about to take it',
      neighbour('87', none.repeat(4), target6),
      address6,
    ],
  ])('is %s', (_, frame, held) => {
    expect(holderIn(frame, asked, [own])).toEqual({ address: held, mac: other });
  });
  it.each([
    ['our own question', question(own, address)],
    ['our own solicitation', question(own, address6)],
    ['ARP about another address', arp(2, other, '0a010006', none)],
    ['somebody who looks for who has it', arp(1, other, '0a010006', hex)],
    ['a neighbour that looks for it', neighbour('87', 'fe80'.padEnd(32, '0'), target6)],
    ['an advertisement of another', neighbour('88', 'fe80'.padEnd(32, '0'), target6.replace(/5$/, '6'))],
  ])('is not %s', (_, frame) => {
    expect(holderIn(frame, asked, [own])).toBeUndefined();
  });
  it('is in no garbage, whatever its length', () => {
    const frames = fc.tuple(fc.constantFrom('0806', '86dd', 'ffff'), fc.uint8Array({ maxLength: 80 }));
    fc.assert(
      fc.property(frames, ([type, bytes]) => {
        const frame = Buffer.concat([Buffer.alloc(12), Buffer.from(type, 'hex'), bytes]);
        expect(holderIn(frame, asked, [own])).toBeUndefined();
      }),
    );
  });
});
