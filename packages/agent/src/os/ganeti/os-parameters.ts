/**
 * OS parameters -> variables of an OS script. Scripts run as root and were written for an operator who trusts himself:
 * so only declared parameters get through, and the known settings of instance-debootstrap with values that its shell
 * cannot misread (a blank in MIRROR would name a program to run, a slash in SUITE another script).
 */
import { err } from '@gantry/model';
import type { Logger } from '../../actions.ts';
import type { AptSource } from '../debootstrap/apt-sources.ts';
import { resolveParameters } from '../debootstrap/parameters.ts';
import type { OsDefinition } from './definition.ts';

export interface OsParameters {
  /** OSP_NAME -> value. */
  declared: Record<string, string>;
  /** Variables under their own name. */
  plain: Record<string, string>;
}

export interface OsParameterSources {
  parameters: Readonly<Record<string, string>>;
  cluster: Readonly<Record<string, string>>;
  apt: readonly AptSource[];
  nodeArch: string;
  hasDeviceMapper: boolean;
}

/** @throws GantryError `invalid_argument` */
export function osParameters(
  definition: OsDefinition,
  sources: OsParameterSources,
  log: Logger,
): OsParameters {
  const given = { ...sources.cluster, ...sources.parameters };
  const declared: Record<string, string> = {};
  const others: Record<string, string> = {};
  for (const [name, value] of Object.entries(given))
    if (definition.parameters.has(name)) declared[`OSP_${name.toUpperCase()}`] = value;
    else others[name] = value;
  const plain = definition.name === 'debootstrap' ? debootstrapVariables(others, sources, log) : {};
  const unknown = Object.keys(others).find((name) => plain[name.toUpperCase()] === undefined);
  if (unknown !== undefined) throw unknownParameter(definition, unknown);
  return { declared, plain };
}

const unknownParameter = ({ name, parameters }: OsDefinition, unknown: string) =>
  err('invalid_argument', {
    what: `OS parameter ${JSON.stringify(unknown)}`,
    wanted: `one that ${name} declares${parameters.size > 0 ? `: ${[...parameters.keys()].join(', ')}` : ' (it declares none)'}`,
  });

/** Settings that our own provider has too, and checks. */
const SHARED = ['suite', 'mirror', 'arch', 'extra_pkgs', 'components', 'proxy', 'clean_cache'];
const OWN: Readonly<Record<string, RegExp>> = {
  partition_style: /^(none|msdos)$/,
  partition_alignment: /^\d{1,6}$/,
  generate_cache: /^(yes|no)$/,
};

/**
 * What stock instance-debootstrap needs and does not find out by itself: its built-in suite is long gone and it knows
 * no mirror; its partitions want device-mapper, and a root device other than the whole disk that guests have here.
 */
function debootstrapVariables(
  given: Readonly<Record<string, string>>,
  { apt, nodeArch, hasDeviceMapper }: OsParameterSources,
  log: Logger,
): Record<string, string> {
  const pick = (names: readonly string[]) =>
    Object.fromEntries(Object.entries(given).filter(([n]) => names.includes(n)));
  const resolved = resolveParameters({
    parameters: pick(SHARED),
    cluster: {},
    defaultsFile: {},
    apt,
    nodeArch,
  });
  const own = pick(Object.keys(OWN));
  for (const [name, value] of Object.entries(own))
    if (!OWN[name]?.test(value))
      throw err('invalid_argument', {
        what: `${name}=${JSON.stringify(value.slice(0, 64))}`,
        wanted: `${OWN[name]}`,
      });
  if (own['partition_style'] === 'msdos' && !hasDeviceMapper)
    throw err('invalid_argument', {
      what: 'partition_style=msdos',
      wanted: 'possible on this node: its kernel has no device-mapper to map partitions with; use `none`',
    });
  const variables: Record<string, string> = {
    SUITE: resolved.suite,
    MIRROR: resolved.mirror,
    PARTITION_STYLE: 'none',
  };
  const reasons = {
    suite: 'its own default is no longer in the archive',
    mirror: 'where apt of this node gets it',
    partition_style: hasDeviceMapper ? 'guests boot the whole disk' : 'this kernel has no device-mapper',
  };
  for (const [name, why] of Object.entries(reasons))
    if (given[name] === undefined)
      log('info', `${name.toUpperCase()}=${variables[name.toUpperCase()]} (${why})`);
  for (const [name, value] of Object.entries({ ...pick(SHARED), ...own }))
    if (name === 'extra_pkgs' || name === 'components') variables[name.toUpperCase()] = commas(value);
    else if (value !== '' || name === 'clean_cache') variables[name.toUpperCase()] = value;
  return variables;
}

const commas = (list: string): string =>
  list
    .split(/[,\s]+/)
    .filter(Boolean)
    .join(',');
