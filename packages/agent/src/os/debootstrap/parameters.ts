/** Parameters of the built-in provider `debootstrap`: the instance's, then the cluster's, then the node's file, then ours. */
import { err, nearest } from '@gantry/model';
import { type AptSource, mirrorFor, sideSources } from './apt-sources.ts';

export interface DebootstrapParameters {
  suite: string;
  arch: string;
  mirror: string;
  components: string[];
  /** Beyond those that every image has. */
  extraPackages: string[];
  filesystem: string;
  proxy?: string;
  /** Days after which a base is built anew; undefined: never. */
  cacheDays?: number;
  /** `root`: the serial console is root’s, without a password (never over ssh). `locked`: ssh keys only. */
  consoleLogin: 'locked' | 'root';
  /** What the archive is signed with, where that is not the keyring of the suite's script. */
  keyring?: string;
  /** Further lines for the guest's sources.list. */
  sideSources: string[];
}

const PROVIDER_DEFAULTS: Readonly<Record<string, string>> = {
  suite: 'bookworm',
  components: 'main',
  extra_pkgs: '',
  filesystem: 'ext4',
  clean_cache: '14',
  console_login: 'root',
  mirror: '',
  proxy: '',
  arch: '',
};
/** Whom the node trusts: never an instance's to say. */
const OF_OPERATORS = 'keyring';
/** In Ganeti's file and of no meaning here: there is no partition table, and the cache is not optional. */
const WITHOUT_MEANING = [
  'generate_cache',
  'partition_style',
  'partition_alignment',
  'customize_dir',
  'variants_dir',
];

export interface ParameterSources {
  parameters: Readonly<Record<string, string>>;
  variant?: string;
  cluster: Readonly<Record<string, string>>;
  defaultsFile: Readonly<Record<string, string>>;
  apt: readonly AptSource[];
  /** Debian architecture of the node. */
  nodeArch: string;
}

/** @throws GantryError `invalid_argument` */
export function resolveParameters(sources: ParameterSources): DebootstrapParameters {
  const { parameters, cluster, defaultsFile, variant, apt, nodeArch } = sources;
  for (const name of Object.keys(parameters)) requireKnown(name);
  for (const name of Object.keys(cluster)) if (name !== OF_OPERATORS) requireKnown(name);
  const variantSays = variant === undefined || variant === 'default' ? {} : { suite: variant };
  const levels = [
    parameters,
    variantSays as Record<string, string>,
    cluster,
    defaultsFile,
    PROVIDER_DEFAULTS,
  ];
  // An empty value means "not said", as in Ganeti's file, except that it switches the cache's age limit off.
  const get = (name: string): string =>
    levels.map((level) => level[name]).find((value) => value !== undefined && value !== '') ?? '';

  const suite = check(
    'suite',
    get('suite'),
    /^[a-z][a-z0-9.-]{0,63}$/,
    'the code name of a release, such as bookworm',
  );
  const mirror = get('mirror').replace(/\/+$/, '') || mirrorFor(apt, suite);
  if (mirror === undefined || mirror === '')
    throw invalid(
      'the mirror of debootstrap',
      'known: apt on the node has no archive to take it from; give `mirror`',
    );
  const proxy = get('proxy');
  const keyring = cluster[OF_OPERATORS] || defaultsFile[OF_OPERATORS];
  const days = levels.map((level) => level['clean_cache']).find((value) => value !== undefined) ?? '';
  return {
    suite,
    arch: checkArch(get('arch') || nodeArch, nodeArch),
    mirror: checkUrl('mirror', mirror),
    components: list('components', get('components'), /^[a-z][a-z0-9-]*$/),
    extraPackages: list('extra_pkgs', get('extra_pkgs'), /^[a-z0-9][a-z0-9+.-]+$/),
    filesystem: check('filesystem', get('filesystem'), /^ext[234]$/, 'ext2, ext3 or ext4'),
    ...(keyring
      ? { keyring: check('keyring', keyring, /^\/[\w./+-]+$/, 'the path of a keyring on the node') }
      : {}),
    ...(proxy === '' ? {} : { proxy: checkUrl('proxy', proxy) }),
    ...(days === ''
      ? {}
      : { cacheDays: Number(check('clean_cache', days, /^\d{1,5}$/, 'a number of days')) }),
    consoleLogin: check(
      'console_login',
      get('console_login'),
      /^(locked|root)$/,
      '`locked` or `root`',
    ) as 'locked',
    sideSources: sideSources(apt, suite),
  };
}

function requireKnown(name: string): void {
  const known = Object.keys(PROVIDER_DEFAULTS);
  if (known.includes(name) || WITHOUT_MEANING.includes(name)) return;
  const close = nearest(name, known);
  throw invalid(
    `OS parameter ${JSON.stringify(name)}`,
    `one that debootstrap knows${close === undefined ? '' : ` (did you mean ${close}?)`}; it knows ${known.join(', ')}`,
  );
}

const invalid = (what: string, wanted: string) => err('invalid_argument', { what, wanted });

function check(name: string, value: string, pattern: RegExp, wanted: string): string {
  if (pattern.test(value)) return value;
  throw invalid(`${name}=${JSON.stringify(value.slice(0, 64))}`, wanted);
}

const list = (name: string, value: string, pattern: RegExp): string[] =>
  value
    .split(/[,\s]+/)
    .filter((word) => word !== '')
    .map((word) => check(name, word, pattern, 'a list of names, separated by commas'));

function checkUrl(name: string, value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url && /^https?:$/.test(url.protocol) && /^[\u0021-\u007e]+$/.test(value)) return value;
  throw invalid(
    `${name}=${JSON.stringify(value.slice(0, 128))}`,
    'a URL that begins with http:// or https://',
  );
}

function checkArch(arch: string, nodeArch: string): string {
  if (arch === nodeArch || (arch === 'i386' && nodeArch === 'amd64')) return arch;
  throw invalid(
    `arch=${JSON.stringify(arch.slice(0, 64))}`,
    `an architecture that this node (${nodeArch}) runs`,
  );
}
