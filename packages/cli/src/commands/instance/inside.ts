/** What the agent inside a guest tells, for people. */
import type { Inside } from '@gantry/model';
import { entries, join, subTable } from '../../output/describe.ts';

export function insideText(inside: Inside | undefined): string {
  if (!inside) return '';
  const { agent, why, interfaces = [], fileSystems = [] } = inside;
  return join(
    entries([['guest agent', agentText[agent] + (why ? `: ${why}` : '')]], '  '),
    subTable(
      ['INTERFACE', 'MAC', 'ADDRESSES'],
      interfaces.map(({ name, mac, addresses }) => [name, mac ?? '-', addresses.join(' ') || '-']),
    ),
    subTable(
      ['MOUNTPOINT', 'DEVICE', 'TYPE'],
      fileSystems.map(({ mountpoint, device, type }) => [mountpoint, device, type]),
    ),
  );
}

const agentText: Record<Inside['agent'], string> = {
  answers: 'answers',
  silent: 'is connected, but does not answer',
  absent: 'is not connected (qemu-guest-agent in the guest; image property hw_qemu_guest_agent)',
};
