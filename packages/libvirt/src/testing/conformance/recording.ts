/** Lifecycle events of one domain by their names: `EVENT/detail`. */
import type { LibvirtClient } from '../../client.ts';
import { virDomainEventType } from '../../enums/domain-events.ts';
import type { DomainEvent } from '../../procedures/domain-events.ts';

type Lifecycle = Extract<DomainEvent, { kind: 'lifecycle' }>;
const EVENT_NAMES = new Map<number, string>(
  Object.entries(virDomainEventType).map(([name, value]) => [
    value,
    name.replace('VIR_DOMAIN_EVENT_', '').toLowerCase(),
  ]),
);

const named = ({ event, detail }: Lifecycle): string => `${EVENT_NAMES.get(event)}/${detail}`;

/** Collects the lifecycle events of one domain until it is told to stop. */
export async function record(
  lv: LibvirtClient,
  uuid: string,
): Promise<{ until(last: string): Promise<string[]> }> {
  const events = lv.domainEvents(['lifecycle']);
  await events.ready;
  const seen: string[] = [];
  return {
    async until(last) {
      for (;;) {
        const { value, done } = await events.next();
        if (done === true) throw new Error(`the events ended before ${last}: ${seen.join(' ')}`);
        if (value.kind === 'missed') throw new Error('events were missed');
        // told late by a busy daemon: it is of the definition before the recording
        if (named(value) === 'defined/0') continue;
        if (value.dom.uuid === uuid) seen.push(named(value));
        if (value.dom.uuid === uuid && named(value) === last) return seen.splice(0);
      }
    },
  };
}

/** QEMU's own goodbye (`shutdown/2`) may or may not get through before libvirt has killed it. */
export const withoutGoodbye = (events: readonly string[]): string[] =>
  events.filter((name) => name !== 'shutdown/2');
