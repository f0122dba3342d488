/** The guest's memory: pages, locking, encryption. */
import { boolean, built, effect, type Family, family, matching, newer, twins, words } from '../key.ts';

const pageSize = matching(
  /^(large|small|any|\d{1,12}([kKMGT]i?)?(b|bit|B)?)$/,
  'small, large, any or a size such as 2048 (KiB), 2MB, 1GB',
);

export const memory: Family = family('Memory', [
  twins(
    built,
    'mem_page_size',
    'refine',
    pageSize,
    'pages of the host’s smallest size, without a cell',
    'Size of the pages behind the guest’s memory; an image may choose only where the flavor says large or any. Puts the guest into a NUMA cell.',
    {
      ...effect('memoryBacking/hugepages/page, cpu/numa/cell@memAccess'),
      nova: 'MemoryPageSizeInvalid',
    },
    { nova: 'MemoryPageSizeInvalid' },
  ),
  twins(
    built,
    'locked_memory',
    'equal',
    boolean,
    'false',
    'The guest’s memory is never swapped; needs hw:mem_page_size, so that it is counted per cell.',
    { ...effect('memoryBacking/locked') },
  ),
  twins(
    built,
    'mem_encryption',
    'equal',
    boolean,
    'false',
    'Encrypted guest memory (AMD SEV); needs UEFI and a q35 machine. Locks the memory.',
    { ...effect('launchSecurity, driver@iommu of virtio devices') },
  ),
  twins(
    built,
    'mem_encryption_model',
    'equal',
    words(['amd-sev', 'amd-sev-es', 'amd-sev-snp']),
    'amd-sev',
    'Kind of memory encryption; only amd-sev is built.',
    { ...newer, ...effect('launchSecurity') },
  ),
]);
