/** Networks on their nodes, filters of NICs, and who holds which address. */
import { tapName } from '@gantry/guest';
import type { Guest, Instance, Node, NodeLook } from '@gantry/model';
import { address6Space, addressSpace, MAC_SPACE } from '../objects.ts';
import { about, type Check, type Facts, type Found } from './facts.ts';

export const networks: Check = (facts) => [...unready(facts), ...unplugged(facts)];

const unready: Check = ({ attachments, networks: all, nodes, looks, moving }) =>
  attachments.flatMap(({ id, spec }) => {
    const [network, node] = [
      all.find((one) => one.id === spec.network),
      nodes.find((one) => one.id === spec.node),
    ];
    const look = looks.get(spec.node)?.look;
    if (!network || !node || !look || spec.desired === 'absent' || moving.has(id) || moving.has(spec.network))
      return [];
    const seen = look.networks.find((one) => one.network === spec.network);
    if (seen?.ready) return [];
    const why = seen?.why ?? `there is no bridge ${spec.bridge}`;
    const remedy = `Its agent tries again by itself; \`gantry network show ${network.name}\` tells each node’s state.`;
    return [about('error', network, `it does not work on ${node.name}: ${why}`, remedy)];
  });

interface Running {
  guest: Guest;
  instance: Instance;
  node: Node;
  look: NodeLook;
}

/** Guests that QEMU runs and nothing works on. What was adopted keeps the taps that it had. */
const running = ({ guests, instances, nodes, looks, moving }: Facts): Running[] =>
  guests.flatMap((guest) => {
    const { spec } = guest;
    const look = looks.get(spec.node)?.look;
    const node = nodes.find(({ id }) => id === spec.node);
    const instance = instances.find((one) => one.id === spec.instance);
    const runs = look?.domains.some(({ uuid, alive, ours }) => alive && ours && uuid === spec.instance);
    if (!look || !node || !instance || !runs || moving.has(spec.instance) || moving.has(guest.id)) return [];
    return spec.input.definition === 'kept' ? [] : [{ guest, instance, node, look }];
  });

/** Of each NIC, with its place. */
const tapsOf = ({ spec }: Guest) =>
  spec.input.nics.map(({ slot, bridge }, index) => ({
    ...{ place: slot ?? index, bridge },
    tap: tapName(spec.instance, slot ?? index),
  }));

/** A tap that is no port of its bridge reaches nobody. */
const unplugged: Check = (facts) =>
  running(facts).flatMap(({ guest, instance, node, look }) =>
    tapsOf(guest).flatMap(({ tap, bridge, place }) => {
      const at = look.networks.find((one) => one.bridge === bridge && one.ready);
      if (at?.ports?.includes(tap) !== false) return [];
      const message = `its NIC ${place} is not at the bridge ${bridge} on ${node.name}: ${tap} is no port of it`;
      const remedy = `On ${node.name}: \`ip link set dev ${tap} master ${bridge}\`; to stop and start the guest does it, too.`;
      return [about('error', instance, message, remedy)];
    }),
  );

/** A guest without its filter may pretend to be another one, or reach nobody: a tap without a chain lets nothing out. */
export const filters: Check = (facts) =>
  running(facts).flatMap(({ guest, instance, look }) => {
    const without = tapsOf(guest).filter(({ tap }) =>
      look.taps ? !look.taps.includes(tap) : !look.filters.includes(guest.spec.instance),
    );
    if (without.length === 0) return [];
    const which = without.map(({ place }) => place).join(', ');
    const remedy =
      'Its agent puts it back within a minute; if not, look at the agent’s log and at `nft list table bridge gantry` there.';
    return [
      about(
        'error',
        instance,
        `it runs without the filter of its NIC ${which}, or with a changed one`,
        remedy,
      ),
    ];
  });

/** Every address has one holder, and every holder its claim. */
export const addresses: Check = (facts) => [...unclaimed(facts), ...unowned(facts)];

const held = ({ spec }: Instance): [space: string, value: string][] =>
  spec.nics.flatMap(({ mac, ipv4, ipv6, network }) => [
    [MAC_SPACE, mac] as [string, string],
    ...(ipv4 ? [[addressSpace(network), ipv4] as [string, string]] : []),
    ...(ipv6 ? [[address6Space(network), ipv6] as [string, string]] : []),
  ]);

function unclaimed({ instances, claims, moving }: Facts): Found[] {
  const owners = new Map(claims.map(({ space, value, owner }) => [`${space} ${value}`, owner]));
  return instances
    .filter(({ id }) => !moving.has(id))
    .flatMap((instance) =>
      held(instance)
        .filter(([space, value]) => owners.get(`${space} ${value}`) !== instance.id)
        .map(([, value]) =>
          about(
            'error',
            instance,
            `${value} is in use by it and not claimed for it`,
            'The store is damaged: restore a backup, and report this.',
          ),
        ),
    );
}

function unowned({ instances, claims, networks: all, moving }: Facts): Found[] {
  const known = new Map(
    instances.map((instance) => [
      instance.id as string,
      new Set(held(instance).map((pair) => pair.join(' '))),
    ]),
  );
  return claims
    .filter(({ space, value, owner }) => !moving.has(owner) && !known.get(owner)?.has(`${space} ${value}`))
    .map(({ space, value }) => {
      const network = all.find(({ id }) => space.endsWith(id));
      const subject = network ?? { kind: 'cluster', name: 'cluster' };
      return about(
        'warning',
        subject,
        `${value} is claimed, and nobody uses it`,
        'It is not given away. Report this: a claim outlived its owner.',
      );
    });
}
