/** Identities of nodes for tests, as the cluster's authority would make them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Identity } from '../identity/identity-files.ts';

export interface TestCa {
  /** @param node its id; @param name its host name, at loopback */
  identity(node: string, name: string): Identity;
  remove(): void;
}

const openssl = (...words: string[]) =>
  execFileSync('openssl', words, { stdio: ['ignore', 'pipe', 'ignore'] });
const ellipticKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'];

export function testCa(): TestCa {
  const root = mkdtempSync(join(tmpdir(), 'gantry-ca-'));
  const path = (name: string) => join(root, name);
  const [caKey, caCert] = [path('ca.key'), path('ca.pem')];
  openssl('req', '-x509', ...ellipticKey, '-subj', '/CN=test CA', '-keyout', caKey, '-out', caCert);
  const pair = (subject: string, ...extensions: string[]) => {
    const [key, request, cert, file] = [path('key'), path('csr'), path('cert'), path('ext')];
    writeFileSync(file, extensions.join('\n'));
    openssl('req', '-new', ...ellipticKey, '-subj', subject, '-keyout', key, '-out', request);
    const by = ['-CA', caCert, '-CAkey', caKey, '-days', '2', '-extfile', file];
    openssl('x509', '-req', '-in', request, ...by, '-out', cert);
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  };
  return {
    identity: (node, name) => ({
      ...{ name, node, cluster: 'test', api: 'https://test', ca: readFileSync(caCert, 'utf8') },
      agent: pair(`/O=gantry/OU=agent/CN=${node}`, 'extendedKeyUsage=clientAuth'),
      host: pair(
        `/O=gantry/OU=host/CN=${name}`,
        'extendedKeyUsage=serverAuth,clientAuth',
        `subjectAltName=DNS:${name},IP:127.0.0.1`,
      ),
    }),
    remove: () => rmSync(root, { recursive: true }),
  };
}
