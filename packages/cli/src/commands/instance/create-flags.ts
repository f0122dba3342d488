/** Options of `instance create` and `launch`, and the request that they make. */
import { type Body, parseDurationMs, parseMiB } from '@gantry/model';
import type { Given } from '../../given.ts';
import { flavorNames, imageNames, isoNames, networkNames, nodeNames } from '../../names.ts';
import { operationFlags, wishFlags } from '../../operations/submit.ts';
import {
  nicForm,
  parseCount,
  parseDisk,
  parseNic,
  parseOs,
  parsePairs,
  parseSshKeys,
  readText,
} from '../../parse.ts';
import type { Flag } from '../../verb.ts';
import { bootFlag, parseBootOrder } from '../boot-flags.ts';
import { guestFlags, guestPolicy } from '../guest-settings.ts';
import { room, roomFlags } from '../room-flags.ts';
import { affinityFlags, affinityOf } from './affinity.ts';

const size: readonly Flag[] = [
  { flags: '--flavor <flavor>', description: 'size and hardware', complete: flavorNames },
  { flags: '--vcpus <count>', description: 'virtual CPUs, instead of the flavor’s' },
  { flags: '--memory <size>', description: 'memory with its unit (1G), instead of the flavor’s' },
  ...roomFlags,
  {
    flags: '--disk <disk>',
    description: 'SIZE[,template=file-qcow2|file-raw]; the first takes the image',
    many: true,
  },
  {
    flags: '--nic <nic>',
    description: `${nicForm}; default: one in network default`,
    many: true,
    complete: networkNames,
  },
];
const cdromFlag: Flag = {
  flags: '--cdrom <image>',
  description: 'a CD drive with that ISO image in it; `empty`: without',
  many: true,
  complete: async (session, before) => ['empty', ...(await isoNames(session, before))] as string[],
};
export const imageFlag: Flag = {
  flags: '--image <image>',
  description: 'what its first disk is made from; an ISO image lies in a CD drive beside an empty disk',
  complete: imageNames,
};
const software: readonly Flag[] = [
  cdromFlag,
  bootFlag,
  {
    flags: '--os <provider>',
    description: 'an OS provider instead of an image: debootstrap, debootstrap+VARIANT',
  },
  { flags: '--os-param <key=value>', description: 'parameter of the OS provider', many: true },
  {
    flags: '--kernel <kernel>',
    description:
      'disk (its own boot loader), node (the node’s kernel) or a path on the node; default: the image’s, node with --os',
  },
  { flags: '--initrd <initrd>', description: 'node or a path on the node' },
  { flags: '--root <device>', description: 'root device for the kernel' },
  { flags: '--kernel-args <args>', description: 'further kernel arguments' },
  { flags: '--hostname <name>', description: 'host name, default: the instance’s name' },
  { flags: '--ssh-key <key>', description: 'public key, or a file with such', many: true },
  { flags: '--user-data <file>', description: 'cloud-init user-data' },
];
export const noNameCheck: Flag = {
  flags: '--no-name-check',
  description: 'even if the name resolves to another address',
};
const rest: readonly Flag[] = [
  { flags: '--label <key=value>', description: 'label', many: true },
  { flags: '--node <node>', description: 'on this node', complete: nodeNames },
  ...affinityFlags,
  { flags: '--stopped', description: 'do not start it' },
  { flags: '--protect', description: 'refuse its deletion' },
  { flags: '--no-address-check', description: 'do not ask its networks whether its addresses are in use' },
  noNameCheck,
  { flags: '--until <sign>', description: 'when it counts as done', choices: ['running', 'ping', 'ssh'] },
  ...wishFlags,
];

export const createFlags: readonly Flag[] = [...size, ...software, ...guestFlags, ...rest, ...operationFlags];

/** The body of the request. @throws GantryError `invalid_argument` */
export function createBody(name: string, image: string | undefined, given: Given): Body<'createInstance'> {
  const labels = parsePairs(given.all('label'));
  const [disks, nics] = [given.all('disk').map(parseDisk), given.all('nic').map(parseNic)];
  const cds = given.all('cdrom').map((image) => (image === 'empty' ? {} : { image }));
  const guest = guestPolicy(given);
  const personality = personalityOf(given);
  const parameters = parsePairs(given.all('osParam'));
  const kernel = given.text('kernel');
  return {
    name,
    ...unlessEmpty('labels', labels),
    ...given.string('flavor', 'flavor'),
    ...given.put('vcpus', 'vcpus', parseCount),
    ...given.put('memoryMiB', 'memory', parseMiB),
    ...room(given),
    ...(image === undefined ? {} : { image }),
    ...given.put('os', 'os', (text) => parseOs(text, parameters)),
    ...(kernel === undefined ? {} : { boot: { kernel, ...bootRest(given) } }),
    ...(disks.length > 0 ? { disks } : {}),
    ...(nics.length > 0 ? { nics } : {}),
    ...(cds.length > 0 ? { cds } : {}),
    ...given.put('bootOrder', 'boot', parseBootOrder),
    ...(given.on('stopped') ? { power: 'stopped' as const } : {}),
    ...unlessEmpty('guest', guest),
    ...unlessEmpty('personality', personality),
    ...affinityOf(given),
    ...(given.on('protect') ? { protected: true } : {}),
    ...(given.off('addressCheck') ? { addressCheck: false } : {}),
    ...(given.off('nameCheck') ? { nameCheck: false } : {}),
    ...given.string('node', 'node'),
    ...given.put('until', 'until', (text) => text as 'running'),
    ...given.put('deadlineMs', 'deadline', parseDurationMs),
    ...given.string('reason', 'reason'),
  };
}

function personalityOf(given: Given) {
  const sshKeys = given.all('sshKey').flatMap(parseSshKeys);
  return {
    ...given.string('hostname', 'hostname'),
    ...(sshKeys.length > 0 ? { sshKeys } : {}),
    ...given.put('userData', 'userData', readText),
  };
}

const bootRest = (given: Given) => ({
  ...given.string('initrd', 'initrd'),
  ...given.string('root', 'root'),
  ...given.string('args', 'kernelArgs'),
});

const unlessEmpty = <K extends string, T extends object>(key: K, value: T): { [key in K]?: T } =>
  Object.keys(value).length > 0 ? ({ [key]: value } as { [key in K]?: T }) : {};
