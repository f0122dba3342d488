import { describe, expect, it } from 'vitest';
import { mirrorFor, parseDeb822, parseOneLine, sideSources } from './apt-sources.ts';
import { parseDefaults } from './defaults-file.ts';
import { type ParameterSources, resolveParameters } from './parameters.ts';

const deb822 = `# comment
Types: deb
# old: http://old.example/debian
URIs: http://one.example/debian/
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/k.gpg

Types: deb deb-src
URIs: http://two.example/security
Suites: bookworm-security
Components: main
 contrib

Enabled: no
Types: deb
URIs: http://three.example/debian
Suites: trixie
Components: main
`;
const apt = parseDeb822(deb822);

describe('apt sources', () => {
  it('are read in the deb822 form', () => {
    expect(apt).toEqual([
      { uri: 'http://one.example/debian/', suite: 'bookworm', components: ['main'] },
      { uri: 'http://one.example/debian/', suite: 'bookworm-updates', components: ['main'] },
      { uri: 'http://two.example/security', suite: 'bookworm-security', components: ['main', 'contrib'] },
    ]);
  });
  it('are read in the one-line form', () => {
    const text = [
      '# deb http://no.example/debian sid main',
      'deb [arch=amd64 signed-by=/k] http://a.example/debian bookworm main contrib # why',
      'deb-src http://a.example/debian bookworm main',
      'deb\thttps://b.example/ubuntu  jammy\tmain',
    ].join('\n');
    expect(parseOneLine(text)).toEqual([
      { uri: 'http://a.example/debian', suite: 'bookworm', components: ['main', 'contrib'] },
      { uri: 'https://b.example/ubuntu', suite: 'jammy', components: ['main'] },
    ]);
  });
  it('give the mirror: where the suite is, else any archive, never security', () => {
    expect(mirrorFor(apt, 'bookworm')).toBe('http://one.example/debian');
    expect(mirrorFor(apt, 'trixie')).toBe('http://one.example/debian');
    expect(mirrorFor(apt.slice(1), 'bookworm')).toBeUndefined();
    expect(
      mirrorFor([{ uri: 'file:/srv', suite: 'bookworm', components: ['main'] }], 'bookworm'),
    ).toBeUndefined();
  });
  it('give security and updates of the suite to the guest', () => {
    expect(sideSources(apt, 'bookworm')).toEqual([
      'deb http://one.example/debian/ bookworm-updates main',
      'deb http://two.example/security bookworm-security main contrib',
    ]);
    expect(sideSources(apt, 'trixie')).toEqual([]);
  });
});

describe('parseDefaults', () => {
  it('reads assignments and runs nothing', () => {
    const text = [
      '# SUITE="wheezy"',
      'SUITE="trixie"',
      "export EXTRA_PKGS='less,vim'  # tools",
      'CLEAN_CACHE=7',
      'MIRROR=""',
      'PROXY="$(touch /tmp/pwned)"',
      'if true; then ARCH=i386; fi',
      'COMPONENTS=`id`',
    ].join('\n');
    expect(parseDefaults(text)).toEqual({
      values: { suite: 'trixie', extra_pkgs: 'less,vim', clean_cache: '7', mirror: '' },
      ignored: ['PROXY="$(touch /tmp/pwned)"', 'if true; then ARCH=i386; fi', 'COMPONENTS=`id`'],
    });
  });
});

describe('resolveParameters', () => {
  const resolve = (more: Partial<ParameterSources> = {}) =>
    resolveParameters({ parameters: {}, cluster: {}, defaultsFile: {}, apt, nodeArch: 'amd64', ...more });
  const refusal = (parameters: Record<string, string>): string => {
    try {
      resolve({ parameters });
    } catch (error) {
      expect(error).toMatchObject({ code: 'invalid_argument' });
      return (error as Error).message;
    }
    return 'accepted';
  };

  it('has defaults for all', () => {
    expect(resolve()).toEqual({
      suite: 'bookworm',
      arch: 'amd64',
      mirror: 'http://one.example/debian',
      components: ['main'],
      extraPackages: [],
      filesystem: 'ext4',
      cacheDays: 14,
      consoleLogin: 'root',
      sideSources: sideSources(apt, 'bookworm'),
    });
  });

  it('takes the instance’s before the variant’s, the cluster’s, and those of the node’s file', () => {
    const levels = {
      parameters: { suite: 'a' },
      variant: 'b',
      cluster: { suite: 'c' },
      defaultsFile: { suite: 'd' },
    };
    expect(resolve(levels).suite).toBe('a');
    expect(resolve({ ...levels, parameters: {} }).suite).toBe('b');
    expect(resolve({ ...levels, parameters: {}, variant: 'default' }).suite).toBe('c');
    expect(resolve({ defaultsFile: { suite: 'd' } }).suite).toBe('d');
  });

  it('reads lists, URLs and ages', () => {
    const parameters = { extra_pkgs: 'vim, less', mirror: 'https://m.example/debian/', clean_cache: '' };
    expect(resolve({ parameters })).toMatchObject({
      extraPackages: ['vim', 'less'],
      mirror: 'https://m.example/debian',
    });
    expect(resolve({ parameters })).not.toHaveProperty('cacheDays');
    expect(resolve({ parameters: { arch: 'i386' } }).arch).toBe('i386');
  });

  it('takes what only Ganeti’s script understands, without effect', () => {
    expect(resolve({ parameters: { partition_style: 'none' } })).toEqual(resolve());
  });

  it.each([
    [{ siute: 'sid' }, /did you mean suite/],
    [{ suite: '../../etc' }, /suite=/],
    [{ suite: '-x' }, /suite=/],
    [{ mirror: 'ftp://x/' }, /mirror=.*http/],
    [{ mirror: 'http://x y/' }, /mirror=/],
    [{ mirror: '--foreign' }, /mirror=/],
    [{ extra_pkgs: 'vim,--foo' }, /extra_pkgs=/],
    [{ extra_pkgs: 'a;reboot' }, /extra_pkgs=/],
    [{ components: 'main,$(id)' }, /components=/],
    [{ filesystem: 'btrfs' }, /ext2, ext3 or ext4/],
    [{ arch: 'arm64' }, /architecture that this node \(amd64\) runs/],
    [{ clean_cache: '-1' }, /number of days/],
    [{ console_login: 'yes' }, /locked/],
  ])('refuses %j', (parameters, why) => {
    expect(refusal(parameters as Record<string, string>)).toMatch(why);
  });

  it('takes a keyring from who runs the cluster or the node, and from no instance', () => {
    const keyring = '/etc/keys/own.gpg';
    expect(resolve({ cluster: { keyring } }).keyring).toBe(keyring);
    expect(resolve({ defaultsFile: { keyring } }).keyring).toBe(keyring);
    expect(refusal({ keyring })).toMatch(/OS parameter "keyring"/);
    expect(() => resolve({ cluster: { keyring: 'own.gpg' } })).toThrow(/path of a keyring/);
  });

  it('says so when there is no mirror', () => {
    expect(() => resolve({ apt: [] })).toThrow(/give `mirror`/);
  });
});
