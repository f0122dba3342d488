import { AllowedSource, matches } from '@gantry/model';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { guestOf, ids } from '../../testing/assignments.ts';
import { filterText, nodeFilters, wantedText } from './filters.ts';
import { parseListing } from './listing.ts';
import { chainOf, markOf, putText, removeText } from './rules.ts';
import { guestFilter, linkLocalOf, type TapFilter } from './sources.ts';

const MAC = '52:54:00:00:00:01';
const nic = { bridge: 'gantry0', mac: MAC, dhcp: true };
const filterOf = (change: Record<string, unknown>) => {
  const { spec } = guestOf();
  return guestFilter({ ...spec, input: { ...spec.input, nics: [{ ...nic, ...change } as never] } });
};
const isSource = (text: string): boolean => matches(AllowedSource, text);
const tapOf = (change: Record<string, unknown>): TapFilter => filterOf(change).taps[0] as TapFilter;

describe('sources', () => {
  test.each([
    ['its address binds it', { ipv4: '10.0.0.2' }, 'bound', ['10.0.0.2']],
    ['without an address nothing is known', {}, 'unbound', []],
    ['bound without an address', { filter: 'bound' }, 'bound', []],
    [
      'allowed ones',
      { ipv4: '10.0.0.2', allow: ['10.9.0.0/16', '10.0.0.9'] },
      'bound',
      ['10.9.0.0/16', '10.0.0.2', '10.0.0.9'],
    ],
    [
      'none twice, none inside another',
      { ipv4: '10.0.0.2', allow: ['10.0.0.2', '10.0.0.0/8', '10.1.0.0/16'] },
      'bound',
      ['10.0.0.0/8'],
    ],
    [
      'what is no source allows nothing',
      { ipv4: '10.0.0.2', allow: ['10.0.0.300', '} accept', '1::2::3'] },
      'bound',
      ['10.0.0.2'],
    ],
  ])('%s', (_, change, mode, ipv4) => {
    expect(tapOf(change)).toMatchObject({ tap: 'gt0000000000n0', mode, ipv4, macs: [MAC] });
  });

  it('has its IPv6 address beside the link-local one, and is bound by it alone', () => {
    expect(tapOf({ ipv6: '2001:db8::5' })).toMatchObject({
      ...{ mode: 'bound', ipv4: [], ipv6: ['fe80::5054:ff:fe00:1', '2001:db8::5'] },
    });
  });
  it('has MACs of nested guests, with their link-local addresses', () => {
    const { macs, ipv6 } = tapOf({ ipv4: '10.0.0.2', allow: ['52:54:00:00:00:02', 'fd00::/48'] });
    expect(macs).toEqual([MAC, '52:54:00:00:00:02']);
    expect(ipv6).toEqual(['fd00::/48', 'fe80::5054:ff:fe00:1', 'fe80::5054:ff:fe00:2']);
  });

  it('off lets everything out, and says so: a tap without a chain lets nothing out', () => {
    const off = filterOf({ filter: 'off' });
    expect(off.taps.map(chainOf)).toEqual([['accept']]);
    expect(wantedText(off)).not.toBe('');
    expect(putText(off, [])).toContain('"gt0000000000n0" : goto gt0000000000n0');
  });

  it('link-local address by RFC 4291', () => {
    expect(linkLocalOf('34:56:78:9a:bc:de')).toBe('fe80::3656:78ff:fe9a:bcde');
  });
});

describe('rules', () => {
  it('are these', async () => {
    const chain = chainOf(tapOf({ ipv4: '10.0.0.2', allow: ['fd00::/48'] }));
    await expect(`${chain.join('\n')}\n`).toMatchFileSnapshot('../../../test/golden/filter-bound.nft');
  });
  it('where addresses are not known', async () => {
    const chain = chainOf(tapOf({}));
    await expect(`${chain.join('\n')}\n`).toMatchFileSnapshot('../../../test/golden/filter-unbound.nft');
  });

  it('nothing hostile reaches them', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 8 }), (allow) => {
        const text = putText(filterOf({ ipv4: '10.0.0.2', allow }), []);
        expect(text).toBe(putText(filterOf({ ipv4: '10.0.0.2', allow: allow.filter(isSource) }), []));
      }),
    );
  });
});

describe('what is compared', () => {
  const filter = filterOf({ ipv4: '10.0.0.2' });
  const tap = filter.taps[0] as TapFilter;
  const rules = chainOf(tap);
  const listing = (change: { rules?: number; mapped?: boolean; base?: number } = {}) =>
    JSON.stringify({
      nftables: [
        { map: { name: 'taps', elem: change.mapped === false ? [] : [[tap.tap, {}]] } },
        { chain: { name: 'from-guests', hook: 'prerouting' } },
        { chain: { name: tap.tap } },
        ...Array.from({ length: change.base ?? 2 }, () => ({ rule: { chain: 'from-guests' } })),
        { rule: { chain: tap.tap, comment: markOf(ids.instance, tap) } },
        ...Array.from({ length: change.rules ?? rules.length }, () => ({
          rule: { chain: tap.tap, comment: 'arp', expr: [{ counter: { packets: 2, bytes: 1 } }] },
        })),
      ],
    });
  const seen = (text: string) => filterText(parseListing(text));

  it('stands as it was put', () => {
    expect(seen(listing())).toBe(wantedText(filter));
    expect(parseListing(listing())[0]?.dropped).toEqual({ arp: 2 * rules.length });
  });
  test.each([
    ['a rule is gone', { rules: rules.length - 1 }],
    ['a rule came', { rules: rules.length + 1 }],
    ['the tap is not in the map', { mapped: false }],
    ['the hook was flushed', { base: 0 }],
  ])('%s', (_, change) => {
    expect(seen(listing(change))).not.toBe(wantedText(filter));
  });
  it('another address is another filter', () => {
    expect(wantedText(filterOf({ ipv4: '10.0.0.3' }))).not.toBe(wantedText(filter));
  });
  /** nft, whose program of this number is slow, on a node with this filter. */
  function slowNft(slow: number) {
    const [begun, late] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let table = listing();
    let programs = 0;
    const run = async ([, how]: readonly string[]) => {
      const stdout = how === '-j' ? table : '';
      if (programs++ === slow) {
        begun.resolve();
        await late.promise;
      }
      if (how === '-f') table = '';
      return { code: 0, stdout, stderr: '', truncated: false };
    };
    const clock = { now: () => 0, bootMs: () => 0, sleep: () => late.promise };
    return { filters: nodeFilters({ clock, run }), begun: begun.promise, go: late.resolve };
  }
  it('gone while a look listed it, and the next look sees so', async () => {
    const { filters, go } = slowNft(0);
    const looked = filters.observe();
    await filters.remove(ids.instance);
    go();
    expect([await looked, await filters.observe()]).toMatchObject([[{ instance: ids.instance }], []]);
  });
  it('gone after a look during its removal, and the next look sees so', async () => {
    const { filters, begun, go } = slowNft(1);
    const removed = filters.remove(ids.instance);
    await begun;
    expect(await filters.observe()).toMatchObject([{ instance: ids.instance }]);
    go();
    await removed;
    expect(await filters.observe()).toEqual([]);
  });
  it('no table, no filters', () => {
    expect(parseListing('')).toEqual([]);
  });
  it('removal makes before it removes', () => {
    const text = removeText(['gt1n0'], false);
    expect(text.indexOf('add chain bridge gantry gt1n0')).toBeLessThan(
      text.indexOf('delete chain bridge gantry gt1n0'),
    );
    expect(removeText(['gt1n0'], true)).toMatch(
      /add table bridge gantry\n(.*\n)*delete table bridge gantry\n$/,
    );
  });
});
