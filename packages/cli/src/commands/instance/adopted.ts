/** What of an imported instance is its domain's own. */
import type { Adopted, KeptPart, WaitingChange } from '@gantry/model';
import { entries, join, subTable } from '../../output/describe.ts';

const inDomain = (path: string): string => path.replace(/^\/domain\/?/, '');

export const keptTable = (kept: readonly KeptPart[]): string =>
  subTable(
    ['ELEMENT', 'WHY'],
    kept.map(({ path, why }) => [inDomain(path), why]),
  );

export const waitingTable = (waiting: readonly WaitingChange[]): string =>
  subTable(
    ['ELEMENT', 'NOW', 'THEN'],
    waiting.map(({ path, now = '-', next = '-' }) => [inDomain(path), now, next]),
  );

export const adoptedText = (adopted: Adopted | undefined): string =>
  adopted === undefined
    ? ''
    : join(
        entries(
          [
            ['imported', `from domain ${adopted.domain} by ${adopted.by} at ${adopted.at}`],
            ['hardware', 'what its definition in libvirt says, at every start'],
            ...adopted.disks.map(({ target, source }) => [`disk ${target}`, source ?? 'empty'] as const),
            ...adopted.nics.map(({ mac, source }) => [`NIC ${mac}`, source] as const),
          ],
          '  ',
        ),
        keptTable(adopted.kept),
      );
