import { accountIn, parseKeyFile } from '@gantry/libvirt';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  polkitRule,
  saslSetting,
  settingIn,
  withAccount,
  withDatabase,
  withMechanism,
  withSetting,
} from './texts.ts';

const account = { authname: 'gantry', password: 'secret' };
const ours =
  '[credentials-gantry]\nauthname=gantry\npassword=secret\n\n[auth-libvirt-localhost]\ncredentials=gantry\n';

describe('auth_unix_rw', () => {
  it.each([
    ['', 'auth_unix_rw = "sasl"\n'],
    ['a = 1\n', 'a = 1\nauth_unix_rw = "sasl"\n'],
    ['a = 1', 'a = 1\nauth_unix_rw = "sasl"\n'],
    ['#auth_unix_rw = "polkit"\nb = 2\n', '#auth_unix_rw = "polkit"\nauth_unix_rw = "sasl"\nb = 2\n'],
    ['auth_unix_rw = "none"\nauth_unix_rw = "polkit"\n', 'auth_unix_rw = "sasl"\nauth_unix_rw = "polkit"\n'],
    [' auth_unix_rw="sasl" # ours\n', ' auth_unix_rw="sasl" # ours\n'],
  ])('%j becomes %j', (before, after) => {
    expect(withSetting(before, 'auth_unix_rw', 'sasl')).toBe(after);
    expect(settingIn(after, 'auth_unix_rw')).toBe('sasl');
  });
});

describe('SASL’s configuration', () => {
  it.each([
    ['', 'mech_list: scram-sha-256\n'],
    ['mech_list: gssapi\nkeytab: /k\n', 'mech_list: scram-sha-256 gssapi\nkeytab: /k\n'],
    ['mech_list: plain, SCRAM-SHA-256\n', 'mech_list: scram-sha-256 plain\n'],
    ['mech_list: SCRAM-SHA-256 plain\n', 'mech_list: SCRAM-SHA-256 plain\n'],
    [
      '#mech_list: a\n#mech_list: b\nx: y\n',
      '#mech_list: a\n#mech_list: b\nmech_list: scram-sha-256\nx: y\n',
    ],
  ])('%j becomes %j', (before, after) => expect(withMechanism(before)).toBe(after));

  it('keeps the database that it names', () => {
    expect(withDatabase('#sasldb_path: /etc/x\n', '/db')).toBe('#sasldb_path: /etc/x\nsasldb_path: /db\n');
    expect(withDatabase('sasldb_path: /other\n', '/db')).toBe('sasldb_path: /other\n');
    expect(saslSetting('sasldb_path:  /other \n', 'sasldb_path')).toBe('/other');
  });
});

describe('auth.conf', () => {
  it.each([
    ['', ours],
    [ours, ours],
    [ours.replace('secret', 'old'), ours],
    [
      '# mine\n[credentials-far]\nauthname=a\npassword=b\n[auth-libvirt-far]\ncredentials=far\n',
      `# mine\n[credentials-far]\nauthname=a\npassword=b\n[auth-libvirt-far]\ncredentials=far\n\n${ours}`,
    ],
    [
      `[auth-libvirt-localhost]\ncredentials=x\n# kept\n[credentials-x]\nauthname=x\npassword=y\n`,
      `# kept\n[credentials-x]\nauthname=x\npassword=y\n\n${ours}`,
    ],
  ])('%j becomes %j', (before, after) => expect(withAccount(before, 'auth.conf', account)).toBe(after));

  it('refuses to touch a file that it cannot read', () =>
    expect(() => withAccount('credentials=x\n', '/home/auth.conf', account)).toThrow(
      /auth.conf line 1 is neither/,
    ));

  it('refuses a password of two lines', () =>
    expect(() => withAccount('', 'auth.conf', { ...account, password: 'a\n[x]' })).toThrow(TypeError));

  it('gives the account back, whatever other sections say', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
    const section = fc.tuple(
      fc.constantFrom('credentials-', 'auth-libvirt-'),
      fc.oneof(word, fc.constantFrom('gantry', 'localhost', 'default')),
      fc.array(fc.tuple(word, word)),
    );
    fc.assert(
      fc.property(fc.array(section), (sections) => {
        const before = sections
          .map(([kind, name, pairs]) =>
            [`[${kind}${name}]`, ...pairs.map((pair) => pair.join('='))].join('\n'),
          )
          .join('\n');
        const after = parseKeyFile(withAccount(before, 'f', account), 'f');
        expect(accountIn(after, 'f', 'libvirt', 'localhost')).toEqual(account);
        for (const [name, pairs] of parseKeyFile(before, 'f'))
          if (name !== 'credentials-gantry' && name !== 'auth-libvirt-localhost')
            expect(after.get(name)).toEqual(pairs);
      }),
    );
  });
});

it('polkit’s rule quotes the name', () => expect(polkitRule('gantry')).toContain('subject.user == "gantry"'));
