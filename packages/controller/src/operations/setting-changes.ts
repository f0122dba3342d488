/** What of an instance differs between before and after it was set, with when its guest gets it. Pure. */
import { type Application, type LiveSize, resolvePolicy, settingApplies } from '@gantry/guest';
import type { GuestInput, Instance, SettingChange } from '@gantry/model';

type Policies = GuestInput['policies'];

/** Beside the instances: what they inherit, and names for ids. */
export interface Change {
  before: Instance;
  after: Instance;
  policies: Policies;
  flavors: { before: string | undefined; after: string | undefined };
  /** No QEMU of it runs, and none is about to. */
  down: boolean;
  /** What a guest that runs takes of its new size. */
  live?: LiveSize;
}

export function settingChanges(change: Change): SettingChange[] {
  const { before, after, flavors, down } = change;
  const parts = sizeChanges(change);
  return [
    ...differing('flavor', flavors.before, flavors.after, whole(parts, down)),
    ...parts,
    ...pairs(before.spec.boot, after.spec.boot).flatMap(([key, from, to]) =>
      differing(`boot.${key}`, from, to, when('boot', to, down)),
    ),
    ...differing(
      'bootOrder',
      before.spec.bootOrder?.join(', '),
      after.spec.bootOrder?.join(', '),
      when('bootOrder', undefined, down),
    ),
    ...policyChanges(change),
    ...pairs(before.labels, after.labels).flatMap(([key, from, to]) => ofOurs(`label.${key}`, from, to)),
    ...ofOurs('protected', yesNo(before.spec.protected), yesNo(after.spec.protected)),
  ];
}

/** What a flavor sets, part by part. */
function sizeChanges({ before, after, down, live }: Change): SettingChange[] {
  const one = hardware(down);
  const [was, is] = [before.spec, after.spec];
  return [
    ...differing('vcpus', was.vcpus, is.vcpus, said(live?.vcpus) ?? when('vcpus', is.vcpus, down)),
    ...differing(
      'memory',
      size(was.memoryMiB),
      size(is.memoryMiB),
      said(live?.memory) ?? when('memory', is.memoryMiB, down),
    ),
    ...one('maxVcpus', was.maxVcpus, is.maxVcpus),
    ...one('maxMemory', sizeIf(was.maxMemoryMiB), sizeIf(is.maxMemoryMiB)),
    ...pairs(was.extraSpecs, is.extraSpecs).flatMap(([key, from, to]) => one(key, from, to)),
  ];
}

/** A flavor is as late as the last of what it sets. */
const whole = (parts: readonly SettingChange[], down: boolean): Timing =>
  parts.every(({ applies }) => applies === 'now') && !down
    ? { applies: 'now', why: 'the guest has all that it sets, or gets it while it runs' }
    : when('flavor', undefined, down);

const said = (application: Application | undefined): Timing | undefined =>
  application && { applies: application.applies === 'live' ? 'now' : 'next-start', why: application.why };

type Timing = Pick<SettingChange, 'applies' | 'why'>;

/** Exact: who sets it sees what he set. */
const size = (mib: number): string => (mib % 1024 === 0 ? `${mib / 1024} GiB` : `${mib} MiB`);

const sizeIf = (mib: number | undefined): string | undefined => (mib === undefined ? undefined : size(mib));

type Shown = string | number | undefined;

const hardware =
  (down: boolean) =>
  (setting: string, from: Shown, to: Shown): SettingChange[] =>
    differing(setting, from, to, when(setting, to, down));

/** What a stopped guest gets it gets when it starts, whatever could be done live. */
function when(setting: string, value: unknown, down: boolean): Pick<SettingChange, 'applies' | 'why'> {
  const { applies, why } = settingApplies(setting, value);
  if (applies === 'live') return { applies: 'now', why };
  return { applies: 'next-start', why: down ? 'it does not run: its next start takes it' : why };
}

/** `onReboot` unset may still come to `stop`: the effective value tells when. */
function policyChanges({ before, after, policies, down }: Change): SettingChange[] {
  const effective = resolvePolicy(policies);
  return pairs(before.spec.guest, after.spec.guest).flatMap(([key, from, to]) => {
    const value: unknown = effective[key as keyof typeof effective]?.value;
    return differing(`guest.${key}`, from, to, when(key, value, down));
  });
}

const kept = { applies: 'now', why: 'it is kept with the instance; the guest does not see it' } as const;
const ofOurs = (setting: string, from: Shown, to: Shown): SettingChange[] =>
  differing(setting, from, to, kept);

function differing(
  setting: string,
  from: Shown,
  to: Shown,
  how: Pick<SettingChange, 'applies' | 'why'>,
): SettingChange[] {
  if (from === to) return [];
  const shown = (key: 'from' | 'to', value: Shown) => (value === undefined ? {} : { [key]: String(value) });
  return [{ setting, ...shown('from', from), ...shown('to', to), ...how }];
}

const yesNo = (value: boolean | undefined): string => (value ? 'yes' : 'no');

/** Keys of either, with both values as text. */
function pairs(before: object = {}, after: object = {}): [string, string | undefined, string | undefined][] {
  const text = (map: object, key: string): string | undefined => {
    const value: unknown = Object.hasOwn(map, key) ? map[key as keyof typeof map] : undefined;
    return value === undefined ? undefined : Array.isArray(value) ? value.join(' ') : String(value);
  };
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
  return keys.map((key) => [key, text(before, key), text(after, key)]);
}
