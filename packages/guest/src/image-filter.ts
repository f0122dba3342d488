/**
 * Can a node run an image’s kind of machine? A node advertises triples of architecture, hypervisor and kind of
 * virtualisation; all that the image says must be found in one of them. Nova’s ImagePropertiesFilter, 26.2.2.
 */
import type { Values } from './specs/read.ts';

export type SupportedInstance = readonly [architecture: string, hypervisor: string, mode: string];

export interface ImageFilterHost {
  readonly supported: readonly SupportedInstance[];
  /** As libvirt counts: major * 1000000 + minor * 1000 + micro. */
  readonly hypervisorVersion?: number;
}

/** `defaultArchitecture` holds where the image names none. */
export function passesImageFilter(
  image: Values,
  host: ImageFilterHost,
  defaultArchitecture?: string,
): boolean {
  const wanted = [
    image.get('hw_architecture')?.value ?? defaultArchitecture,
    image.get('img_hv_type')?.value,
    image.get('hw_vm_mode')?.value,
  ].filter((value) => value !== undefined);
  if (wanted.length === 0) return true;
  const version = image.get('img_hv_requested_version')?.value;
  const found = host.supported.some((triple) => wanted.every((value) => triple.includes(String(value))));
  return found && satisfies(host.hypervisorVersion, version);
}

/** A predicate is looked at only where both sides have a version. */
function satisfies(version: number | undefined, predicate: unknown): boolean {
  if (!version || typeof predicate !== 'string') return true;
  const has = [Math.floor(version / 1_000_000), Math.floor(version / 1000) % 1000, version % 1000];
  return predicate
    .split(',')
    .filter((part) => part.trim() !== '')
    .every((part) => satisfiesOne(has, part));
}

function satisfiesOne(has: readonly number[], part: string): boolean {
  const [, operator = '', text = ''] = /^\s*(<=|>=|==|!=|<|>)\s*([\d.]+)\s*$/.exec(part) ?? [];
  const wanted = text.split('.').map(Number);
  let order = 0;
  for (let index = 0; index < 3 && order === 0; index++)
    order = Math.sign((has[index] ?? 0) - (wanted[index] ?? 0));
  const holds: Record<string, boolean> = {
    '<': order < 0,
    '<=': order <= 0,
    '==': order === 0,
    '!=': order !== 0,
    '>=': order >= 0,
    '>': order > 0,
  };
  return holds[operator] ?? false;
}
