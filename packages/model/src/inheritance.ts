/** What holds where several levels may say something: each setting by itself, the nearest level wins. */
import { type Static, strict, Type } from './schema.ts';

export const EffectiveSetting = strict(
  {
    setting: Type.String({ description: 'guest.NAME or host.NAME' }),
    value: Type.Unknown(),
    level: Type.String({ description: 'builtin, cluster, group, node: where it was said' }),
    from: Type.String({ description: 'name of the object that says it' }),
  },
  { description: 'a setting with the level that decided' },
);
export type EffectiveSetting = Static<typeof EffectiveSetting>;

export interface SettingsLevel {
  level: string;
  from: string;
  settings: object | undefined;
}

/** @param levels the farthest first */
export function effectiveSettings(prefix: string, levels: readonly SettingsLevel[]): EffectiveSetting[] {
  const found = new Map<string, EffectiveSetting>();
  for (const { level, from, settings } of levels)
    for (const [name, value] of Object.entries(settings ?? {}))
      found.set(name, { setting: `${prefix}.${name}`, value: value as unknown, level, from });
  return [...found.values()].toSorted((a, b) => (a.setting < b.setting ? -1 : 1));
}
