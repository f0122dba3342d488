/** The things per node of a new instance: disks and their replicas, bases, attachments of its networks. */
import type {
  Cluster,
  ClusterId,
  Disk,
  DiskId,
  DiskReplicaSpec,
  Instance,
  InstanceId,
  Network,
  NodeId,
  Operation,
  OperationId,
  OsContext,
} from '@gantry/model';
import type { App } from '../api/call.ts';
import type { Env } from '../env.ts';
import { newObject } from '../objects.ts';
import { type Draft, withSpec } from '../store/batch.ts';
import type { Sources } from './create-sources.ts';
import { bridgeOf } from './guest-spec.ts';

export function newDisks(
  env: Env,
  instance: Pick<Instance, 'id' | 'name' | 'project'>,
  sources: Sources,
  operation: string,
): Disk[] {
  return sources.disks.map(({ sizeBytes, template }, index) =>
    newObject(env, 'disk', {
      name: `${instance.name}:${index}`,
      project: instance.project,
      spec: {
        instance: instance.id as InstanceId,
        index,
        template,
        sizeBytes,
        source: index === 0 ? sources.content : { kind: 'blank' },
        ownedByInstance: true,
        createdBy: operation as OperationId,
      },
      status: { state: 'creating' },
    }),
  );
}

interface Parts {
  instance: Instance;
  cluster: Cluster;
  disks: Disk[];
  networks: Network[];
  node: NodeId;
  operation: Operation;
  /** It was there before. */
  reinstall?: boolean;
}

/** @param more how the bytes of a disk come to be, where its content does not say it */
export async function newReplicas(
  app: App,
  draft: Draft,
  parts: Parts,
  more: (disk: Disk) => Partial<DiskReplicaSpec> = () => ({}),
): Promise<void> {
  const { cluster, disks, node, operation } = parts;
  for (const disk of disks) {
    const spec: DiskReplicaSpec = {
      what: 'disk',
      node,
      cluster: cluster.id as ClusterId,
      disk: disk.id as DiskId,
      desired: 'present',
      template: disk.spec.template,
      sizeBytes: disk.spec.sizeBytes,
      source: disk.spec.source,
      operation: operation.id as OperationId,
      ...(disk.spec.source.kind === 'os' ? { os: osContext(parts, disk.spec.source.os.provider) } : {}),
      ...more(disk),
    };
    draft.add(newObject(app.env, 'replica', { name: disk.name, spec, status: { state: 'pending' } }));
    await ensureBase(app, draft, disk, parts);
  }
}

/** The base image that a disk stands on, once per node. One that failed before is tried anew. */
export async function ensureBase(
  app: Pick<App, 'store' | 'env'>,
  draft: Draft,
  { spec }: Disk,
  { cluster, node }: Pick<Parts, 'cluster' | 'node'>,
): Promise<void> {
  if (spec.source.kind !== 'image') return;
  const { image, sha256, format } = spec.source;
  const { items } = await app.store.list('replica', { owner: image, node });
  const base = items.find((replica) => replica.spec.what === 'base' && replica.spec.sha256 === sha256);
  if (base) {
    const again = base.spec.desired === 'absent' || base.status.state === 'failed';
    if (again) draft.put(withSpec(base, { desired: 'present' }) as typeof base);
    else draft.relyOn(base);
    return;
  }
  const wanted = { what: 'base' as const, node, cluster: cluster.id as ClusterId, image, sha256, format };
  draft.add(
    newObject(app.env, 'replica', {
      name: `base ${sha256.slice(0, 12)}`,
      spec: { ...wanted, desired: 'present' },
      status: { state: 'pending' },
    }),
  );
}

function osContext({ instance, cluster, networks, reinstall }: Parts, provider: string): OsContext {
  return {
    instance: instance.name,
    vcpus: instance.spec.vcpus,
    memoryMiB: instance.spec.memoryMiB,
    nics: instance.spec.nics.flatMap((nic) => {
      const network = networks.find(({ id }) => id === nic.network);
      if (!network) return [];
      const { subnet, subnet6 } = network.spec;
      return {
        mac: nic.mac,
        ...(nic.ipv4 ? { ip: nic.ipv4 } : {}),
        bridge: bridgeOf(network),
        network: network.name,
        networkId: network.id,
        ...(nic.ipv6 ? { ipv6: nic.ipv6 } : {}),
        ...(subnet ? { subnet: subnet.cidr } : {}),
        ...(subnet?.gateway ? { gateway: subnet.gateway } : {}),
        ...(subnet6 ? { subnet6: subnet6.cidr } : {}),
        ...(subnet6?.gateway ? { gateway6: subnet6.gateway } : {}),
      };
    }),
    personality: instance.spec.personality,
    ...(reinstall ? { reinstall } : {}),
    clusterParameters: cluster.spec.os?.[provider] ?? {},
  };
}
