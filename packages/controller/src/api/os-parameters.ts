import { err, type OsSource } from '@gantry/model';
import type { Caller } from './caller.ts';

/** What an OS provider asks, over the network of the node: of whatever answers there. */
const addresses = ['mirror', 'proxy'];

/**
 * A node reaches what its guests do not: its own services, other nodes, the controller, management networks. Whom it asks
 * is therefore an administrator's to say.
 * @throws GantryError `forbidden`
 */
export function requireOsAllowed({ role }: Caller, os: OsSource | undefined): void {
  const named = addresses.find((name) => (os?.parameters?.[name] ?? '') !== '');
  if (named === undefined || role === 'admin') return;
  throw err('forbidden', {
    action: `let a node ask the ${named} that you name`,
    why: `it would ask any address that it reaches; an administrator of the cluster may, or makes an image with it (\`gantry image create NAME --os ${os?.provider} --os-param ${named}=URL\`)`,
  });
}
