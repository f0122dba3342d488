/** hw:locked_memory, huge pages, realtime and encryption: what stands behind the guest’s memory. */
import { hugePage, type MemoryBacking, memoryBacking } from '../elements/memory-backing.ts';
import { requireAbility } from '../host-facts.ts';
import { type Origin, origin } from '../origin.ts';
import { conflict, invalid, refused } from '../refusal.ts';
import type { Wanted } from '../wanted.ts';
import { booleanOf, type Settings } from './settings.ts';

export function memoryBackingFrom(wanted: Wanted): MemoryBacking | undefined {
  const { settings, node, numa, encrypted } = wanted;
  const realtime = settings.flavor.get('hw:cpu_realtime')?.value === true;
  checkRealtimeShare(wanted, realtime);
  const asksPages = numa?.topology.pageSize !== undefined;
  if (asksPages && node.fileBackedMemory)
    throw refused(
      'the node keeps guests’ memory in files, and this guest asks for pages of its own (hw:mem_page_size)',
      'MemoryPagesUnsupported',
    );
  const locked = realtime || encrypted || lockedSetting(settings) === true;
  if (locked) {
    const asks = realtime ? 'hw:cpu_realtime' : encrypted ? 'hw:mem_encryption' : 'hw:locked_memory';
    requireAbility(wanted.host, 'lockedMemory', `${asks} needs locked memory`);
  }
  const hugePages = pagesFrom(wanted);
  if (hugePages.length === 0 && !locked && !node.fileBackedMemory) return undefined;
  return memoryBacking({
    hugePages,
    noSharePages: realtime,
    locked,
    fileBacked: node.fileBackedMemory,
    origin: reason(wanted, realtime),
  });
}

function reason({ encrypted, node, numa }: Wanted, realtime: boolean): Origin {
  if (realtime) return origin('flavor', 'hw:cpu_realtime', 'a realtime guest never waits for its memory');
  if (encrypted) return origin('flavor', 'hw:mem_encryption', 'encrypted memory cannot be moved');
  if (node.fileBackedMemory) return origin('host', 'fileBackedMemory', 'as the node is configured');
  return numa?.topology.pageSize === undefined
    ? origin('flavor', 'hw:locked_memory', 'the memory is never swapped')
    : origin('flavor', 'hw:mem_page_size', 'pages as asked for, and as placement found them');
}

function pagesFrom({ numa }: Wanted) {
  const smallest = numa?.cells[0]?.smallestPageKiB;
  if (!numa || smallest === undefined) return [];
  const by = origin('flavor', 'hw:mem_page_size', 'pages larger than the host’s ordinary ones');
  return numa.cells.flatMap(({ pageKiB }, cell) =>
    pageKiB !== undefined && pageKiB > smallest ? [hugePage({ sizeKiB: pageKiB, cell, origin: by })] : [],
  );
}

function checkRealtimeShare({ settings, node }: Wanted, realtime: boolean): void {
  const share = settings.flavor.get('hw:emulator_threads_policy')?.value === 'share';
  if (realtime && share && !node.sharedCpus)
    throw refused(
      'hw:emulator_threads_policy=share needs a node that has CPUs for sharing set apart',
      'RealtimeMaskNotFoundOrInvalid',
    );
}

/**
 * Locked memory must be counted per cell, which any page size, `small` too, brings about.
 * @throws GantryError `property_conflict`, `invalid_property`
 */
export function lockedSetting(settings: Settings): boolean | undefined {
  const flavor = booleanOf(settings, 'flavor', 'hw:locked_memory');
  const image = booleanOf(settings, 'image', 'hw_locked_memory');
  if (flavor && image && flavor.value !== image.value)
    throw conflict('hw:locked_memory', flavor.value, image.value, 'FlavorImageLockedMemoryConflict');
  const found = flavor ?? image;
  const sized = settings.flavor.has('hw:mem_page_size') || settings.image.has('hw_mem_page_size');
  if (found?.value && !sized)
    throw invalid(
      found.source,
      'true',
      'set hw:mem_page_size too, small at least, so that the memory is counted where it is locked',
      'LockMemoryForbidden',
    );
  return found?.value;
}
