/** Inherited policy: cluster, then group, then instance; the last level that says something wins, key by key. */
import {
  builtinPolicy,
  err,
  type GuestInput,
  GuestPolicy,
  type LifePolicy,
  matches,
  type TSchema,
} from '@gantry/model';
import { type Decided, decided, type Level, origin } from '../origin.ts';
import { invalid, shown } from '../refusal.ts';

type Levels = GuestInput['policies'];

const order: readonly Levels[number]['level'][] = ['cluster', 'group', 'instance'];

/** A value with its level and the name of the cluster, group or instance that set it. */
export interface PolicyValue<T> {
  readonly value: T;
  readonly level: Level;
  readonly from: string;
}

/** Keys that no level sets are absent, but for those with a built-in default. */
export type EffectivePolicy = {
  readonly [K in keyof GuestPolicy]?: PolicyValue<NonNullable<GuestPolicy[K]>>;
} & { readonly [K in keyof typeof lifeDefaults]: PolicyValue<NonNullable<GuestPolicy[K]>> };

const { machineType: _, ...lifeDefaults } = builtinPolicy;

/** Each value that holds, with the level it comes from. A list such as cpuFlags is replaced as a whole. */
export function resolvePolicy(levels: Levels): EffectivePolicy {
  const effective: Record<string, PolicyValue<unknown>> = {};
  for (const [key, value] of Object.entries(lifeDefaults))
    effective[key] = { value, level: 'builtin', from: 'Gantry' };
  for (const level of order)
    for (const { from, policy } of levels.filter((l) => l.level === level))
      for (const [key, value] of Object.entries(policy))
        if (value !== undefined) effective[key] = { value, level, from };
  return effective as EffectivePolicy;
}

/** The life-cycle part, as the agent obeys it. */
export function lifePolicy(levels: Levels): LifePolicy {
  const { onPoweroff, onReboot, onCrash, startOnBoot, stopTimeoutMs } = resolvePolicy(levels);
  return {
    onPoweroff: onPoweroff.value,
    onReboot: onReboot.value,
    onCrash: onCrash.value,
    startOnBoot: startOnBoot.value,
    stopTimeoutMs: stopTimeoutMs.value,
  };
}

/**
 * The checks of a policy that need no host: each value is of its kind, a custom CPU has a model, flags have a model to
 * change, and what ends QEMU alike is not to be treated otherwise.
 * @throws GantryError `invalid_property`
 */
export function checkPolicy(levels: Levels): void {
  for (const { policy } of levels) checkValues(policy);
  const { cpuMode, cpuModel, cpuFlags, cpuEnforce, onPoweroff, onReboot } = resolvePolicy(levels);
  // QEMU ends at either, and libvirt tells of both as of a poweroff; libvirt itself refuses the pair, too.
  if (onReboot.value === 'stop' && onPoweroff.value === 'restart')
    throw err('invalid_property', {
      key: 'onReboot',
      value: 'stop',
      why: `with onPoweroff=restart (set by ${onPoweroff.level} ${onPoweroff.from}) a reboot cannot be told from a poweroff, so the guest would be started again; set onPoweroff=stop or onReboot=restart`,
    });
  if (cpuMode?.value === 'custom' && !cpuModel)
    throw err('invalid_property', {
      key: 'cpuMode',
      value: 'custom',
      why: 'a custom CPU needs cpuModel as well',
    });
  if (cpuMode?.value === 'none' && cpuEnforce?.value)
    throw err('invalid_property', {
      key: 'cpuEnforce',
      value: 'true',
      why: 'with cpuMode=none nothing is asked for that could be missing',
    });
  if (cpuMode?.value === 'none' && cpuFlags && cpuFlags.value.length > 0)
    throw err('invalid_property', {
      key: 'cpuFlags',
      value: cpuFlags.value.join(','),
      why: 'with cpuMode=none there is no CPU model to change',
    });
}

/** As the API checks them; what is compiled may have come from elsewhere. */
function checkValues(policy: GuestPolicy): void {
  const schemas: Readonly<Record<string, TSchema>> = GuestPolicy.properties;
  for (const [key, value] of Object.entries(policy)) {
    const schema = Object.hasOwn(schemas, key) ? schemas[key] : undefined;
    if (!schema) throw err('unknown_property', { kind: 'policy', key: shown(key), suggestion: '' });
    if (value !== undefined && !matches(schema, value))
      throw invalid(key, String(value), 'no policy has such a value');
  }
}

/** A policy value as a decision about hardware. */
export const fromPolicy = <T>(
  key: string,
  { value, level, from }: PolicyValue<T>,
  rule: string,
): Decided<T> =>
  decided(value, origin(level, key, level === 'builtin' ? rule : `${rule} (set by ${level} ${from})`));
