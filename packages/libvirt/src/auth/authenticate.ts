import { LibvirtError, TransportError } from '../errors.ts';
import { remoteAuthType } from '../procedures/session.ts';
import type { Surroundings } from '../uri/surroundings.ts';
import type { TransportName } from '../uri/transport-name.ts';
import { accountFromAuthConf, authConfPlaces } from './auth-conf.ts';
import type { CredentialSource, Credentials } from './credentials.ts';
import { chooseMechanism, saslClient } from './mechanisms.ts';

/** Everything that decides how to authenticate. */
export interface AuthContext {
  readonly transport: TransportName;
  /** The server's name for auth.conf; `localhost` for a unix socket. */
  readonly host: string;
  /** `auth` of the URI: `none`, `polkit`, `sasl`, `sasl.MECHANISM`. */
  readonly wanted: string | undefined;
  readonly authfile: string | undefined;
  readonly credentials: CredentialSource | undefined;
  readonly surroundings: Surroundings;
}

/** The calls of the session that authentication needs. */
export type AuthCall = (
  name: 'authList' | 'authPolkit' | 'authSaslInit' | 'authSaslStart' | 'authSaslStep',
  args: object,
) => Promise<unknown>;

interface SaslReply {
  readonly complete: boolean;
  readonly nil: boolean;
  readonly data: Uint8Array;
}

const { REMOTE_AUTH_NONE, REMOTE_AUTH_SASL, REMOTE_AUTH_POLKIT } = remoteAuthType;
const NAMES: Readonly<Record<number, string>> = {
  [REMOTE_AUTH_NONE]: 'none',
  [REMOTE_AUTH_SASL]: 'sasl',
  [REMOTE_AUTH_POLKIT]: 'polkit',
};
/** Most turns of an exchange; SCRAM needs two. */
const MAX_TURNS = 10;

/** Does what the server asks for before it serves anybody. @throws TransportError `AUTH`, LibvirtError */
export async function authenticate(call: AuthCall, context: AuthContext): Promise<void> {
  const offered = (await call('authList', {})) as number[];
  switch (chooseKind(offered, context.wanted)) {
    case REMOTE_AUTH_POLKIT:
      await polkit(call);
      break;
    case REMOTE_AUTH_SASL:
      await sasl(call, context);
      break;
    default:
  }
}

function chooseKind(offered: readonly number[], wanted: string | undefined): number {
  const want = wanted?.toLowerCase().split('.')[0];
  const kind = offered.find((one) => NAMES[one] !== undefined && (want === undefined || NAMES[one] === want));
  if (kind !== undefined) return kind;
  const names = offered.map((one) => NAMES[one] ?? `kind ${one}`).join(', ') || 'none at all';
  throw new TransportError(
    'AUTH',
    want === undefined
      ? `the server offers no authentication that this client has (${names}); see auth_unix_rw and auth_tls in libvirtd.conf`
      : `the server does not offer the authentication ${want}, only ${names}`,
  );
}

/** polkit decides by who is at the other end of the socket. */
async function polkit(call: AuthCall): Promise<void> {
  try {
    await call('authPolkit', {});
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
    throw new TransportError(
      'AUTH',
      `polkit refuses this user: ${error.message}; run as root, join the group libvirt, or allow org.libvirt.unix.manage in a rule below /etc/polkit-1/rules.d`,
      { cause: error },
    );
  }
}

async function sasl(call: AuthCall, context: AuthContext): Promise<void> {
  if (context.transport === 'tcp')
    throw new TransportError(
      'AUTH',
      'the server wants SASL over plain TCP, where libvirt takes only mechanisms that encrypt (DIGEST-MD5, GSSAPI), which this client does not have; use qemu+tls:// or qemu+ssh://',
    );
  const offered = ((await call('authSaslInit', {})) as string).split(/[ ,]+/).filter((name) => name !== '');
  const mechanism = chooseMechanism(offered, context.wanted?.split('.')[1]);
  if (mechanism === 'PLAIN' && context.transport === 'ext')
    throw new TransportError('AUTH', 'the server offers only PLAIN, and over +ext nobody knows who listens');
  const credentials = await findCredentials(context, mechanism);
  await exchange(call, mechanism, credentials);
}

/** auth.conf first and then the callback, as libvirt does. */
async function findCredentials(context: AuthContext, mechanism: string): Promise<Credentials> {
  const { host, authfile, surroundings } = context;
  const request = { service: 'libvirt', host, mechanism } as const;
  const found =
    (await accountFromAuthConf(authfile, 'libvirt', host, surroundings)) ??
    (await context.credentials?.(request));
  if (found !== undefined) return found;
  const places = authConfPlaces(authfile, surroundings).map(({ path }) => path);
  throw new TransportError(
    'AUTH',
    `the server wants an account and there is none for it: a section [auth-libvirt-${host}] in ${places.join(' or ')}, or the option credentials`,
  );
}

async function exchange(call: AuthCall, mechanism: string, credentials: Credentials): Promise<void> {
  const client = saslClient(mechanism, credentials);
  let reply = (await refusable(
    call('authSaslStart', { mech: mechanism, nil: false, data: client.first() }),
    mechanism,
    credentials,
  )) as SaslReply;
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const answer = reply.nil || client.done ? undefined : await client.step(reply.data);
    if (reply.complete) return assertServerKnown(client.done);
    const step = { nil: answer === undefined, data: answer ?? new Uint8Array(0) };
    reply = (await refusable(call('authSaslStep', step), mechanism, credentials)) as SaslReply;
  }
  throw new TransportError('AUTH', `the server does not come to an end with ${mechanism}`);
}

function assertServerKnown(done: boolean): void {
  if (!done) throw new TransportError('AUTH', 'the server took the account without proving that it knows it');
}

async function refusable(
  reply: Promise<unknown>,
  mechanism: string,
  { authname }: Credentials,
): Promise<unknown> {
  try {
    return await reply;
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
    throw new TransportError(
      'AUTH',
      `the server refuses ${authname} (${mechanism}): ${error.message}; check the account with sasldblistusers2 -f /etc/libvirt/passwd.db, its password, and sasl_allowed_username_list in libvirtd.conf`,
      { cause: error },
    );
  }
}
