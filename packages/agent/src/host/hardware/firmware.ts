/**
 * UEFI firmware by its descriptors. A file in /etc/qemu/firmware stands for the one of the same name in
 * /usr/share/qemu/firmware, and an empty one masks it; names order them.
 * https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/firmware.json
 */
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeFirmware } from '@gantry/model';

export const firmwareFolders = ['/usr/share/qemu/firmware', '/etc/qemu/firmware'] as const;

/** Those whose files are there. A descriptor that cannot be read is passed over. */
export async function readFirmware(folders: readonly string[] = firmwareFolders): Promise<NodeFirmware[]> {
  const paths = new Map<string, string>();
  for (const folder of folders)
    for (const name of await readdir(folder).catch(() => []))
      if (name.endsWith('.json')) paths.set(name, join(folder, name));
  const ordered = [...paths].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const found = await Promise.all(ordered.map(async ([, path]) => present(await readOne(path))));
  return found.flat();
}

const readOne = async (path: string): Promise<NodeFirmware[]> =>
  parseFirmware(await readFile(path, 'utf8').catch(() => ''));

async function present(all: NodeFirmware[]): Promise<NodeFirmware[]> {
  const there = (path: string) =>
    access(path).then(
      () => true,
      () => false,
    );
  const checks = all.map(
    async ({ loader, variables }) => (await there(loader)) && (variables === undefined || there(variables)),
  );
  const results = await Promise.all(checks);
  return all.filter((_, index) => results[index]);
}

interface Descriptor {
  'interface-types'?: unknown;
  mapping?: {
    device?: unknown;
    executable?: { filename?: unknown };
    'nvram-template'?: { filename?: unknown };
  };
  targets?: { architecture?: unknown; machines?: unknown }[];
  features?: unknown;
}

/** One for each architecture of a UEFI firmware in flash; none of anything else. */
export function parseFirmware(json: string): NodeFirmware[] {
  const { mapping, targets, features, ...rest } = parsed(json);
  const loader = mapping?.executable?.filename;
  const uefi = strings(rest['interface-types']).includes('uefi');
  if (!uefi || mapping?.device !== 'flash' || typeof loader !== 'string') return [];
  const variables = mapping['nvram-template']?.filename;
  return (Array.isArray(targets) ? targets : []).flatMap(({ architecture, machines }) =>
    typeof architecture === 'string'
      ? [
          {
            loader,
            ...(typeof variables === 'string' ? { variables } : {}),
            architecture,
            machines: strings(machines),
            features: strings(features),
          },
        ]
      : [],
  );
}

const strings = (list: unknown): string[] =>
  Array.isArray(list) ? list.filter((item): item is string => typeof item === 'string') : [];

function parsed(json: string): Descriptor {
  try {
    const value = JSON.parse(json) as unknown;
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
