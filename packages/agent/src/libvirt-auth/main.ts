/** `gantry node libvirt-auth`: lets the agent of this machine in where libvirt asks who comes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { err } from '@gantry/model';
import { type Change, describeChange, perform } from './change.ts';
import { type Daemon, daemonAt, refusal } from './daemon.ts';
import { planPolkit } from './polkit.ts';
import { planSasl, SASL_CONF } from './sasl.ts';
import { type ServiceUser, serviceUser } from './service-user.ts';

const TRIES = 20;
const TRY_EVERY_MS = 250;

type Mechanism = 'sasl' | 'polkit';

/** Says what it does on stderr. @throws GantryError */
export async function libvirtAuth(argv: readonly string[]): Promise<void> {
  const values = parsed(argv);
  const mechanism = mechanismOf(values.mechanism);
  if (process.geteuid?.() !== 0)
    throw err('host_unfit', { why: 'it takes the rights of root', remedy: 'Run it as root.' });
  const daemon = daemonAt(values.libvirt);
  const user = await serviceUser(values['service-user'] ?? 'root');
  const changes =
    mechanism === 'polkit'
      ? await planPolkit(daemon, user)
      : await planSasl({
          daemon,
          user,
          ...(values.user === undefined ? {} : { account: values.user }),
          ...(values['credentials-file'] === undefined
            ? {}
            : { credentialsFile: values['credentials-file'] }),
        });
  for (const change of changes) {
    say(`${values.plan ? 'would ' : ''}${describeChange(change)}`);
    if (!values.plan) await perform(change);
  }
  if (!values.plan) await conclude(daemon, user, mechanism, changes);
}

/** A daemon that was restarted must let the user in; one that was not cannot yet. */
async function conclude(
  daemon: Daemon,
  user: ServiceUser,
  mechanism: Mechanism,
  changes: readonly Change[],
): Promise<void> {
  let why = await refusal(daemon, user, mechanism);
  const restarted = changes.some(({ kind }) => kind === 'restart');
  const pending = !restarted && changes.some((change) => change.kind === 'file' && needsRestart(change.path));
  // A restart, and polkitd's look at its rules, take a moment.
  for (let tries = 0; why !== undefined && !pending && changes.length > 0 && tries < TRIES; tries++) {
    await sleep(TRY_EVERY_MS);
    why = await refusal(daemon, user, mechanism);
  }
  if (why === undefined) return say(`${daemon.name} lets ${user.name} in by ${mechanism}`);
  if (!pending) throw err('hypervisor_auth', { node: 'this machine', why });
  say(`${daemon.name} must be restarted (guests run on), then run this again; until then: ${why}`);
}

/** libvirt's daemons read these when they start. */
const needsRestart = (path: string): boolean => path.startsWith('/etc/libvirt/') || path === SASL_CONF;

const say = (text: string): void => void process.stderr.write(`  ${text}\n`);

function mechanismOf(text: string | undefined): Mechanism {
  if (text === 'sasl' || text === 'polkit') return text;
  throw err('usage', { what: '--mechanism must be sasl or polkit' });
}

function parsed(argv: readonly string[]) {
  const text = { type: 'string' as const };
  const options = {
    mechanism: text,
    user: text,
    'credentials-file': text,
    'service-user': text,
    libvirt: text,
    plan: { type: 'boolean' as const },
  };
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    throw err('usage', { what: (error as Error).message }, error);
  }
}
