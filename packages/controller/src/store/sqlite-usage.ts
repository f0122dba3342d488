/** The shares of projects in SQLite, and their limits: part of the transaction that writes the objects. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  describeExcess,
  err,
  excesses,
  noUsage,
  type Project,
  quotaResources,
  sufficientQuota,
  type Usage,
} from '@gantry/model';
import type { Resource } from '../kinds.ts';
import { type Share, shareOf } from './usage.ts';

/** Of one project. */
export const USAGE_SQL = `select instances, vcpus, memory_mib as memoryMiB, disk_mib as diskMiB, addresses
  from usage where project = ?`;

const statements = {
  usage: USAGE_SQL,
  share: `select project, owner, instances, vcpus, memory_mib as memoryMiB, disk_mib as diskMiB, addresses
    from share where kind = ? and id = ?`,
  owned: `select ifnull(max(instances), 0) as instances, ifnull(max(vcpus), 0) as vcpus,
      ifnull(max(memory_mib), 0) as memoryMiB, ifnull(max(disk_mib), 0) as diskMiB,
      ifnull(max(addresses), 0) as addresses
    from share where project = ? and owner = ?`,
  put: `insert into share (kind, id, project, owner, instances, vcpus, memory_mib, disk_mib, addresses)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?)
    on conflict (kind, id) do update set project = excluded.project, owner = excluded.owner,
      instances = excluded.instances, vcpus = excluded.vcpus, memory_mib = excluded.memory_mib,
      disk_mib = excluded.disk_mib, addresses = excluded.addresses`,
  remove: 'delete from share where kind = ? and id = ?',
  add: `insert into usage (project, instances, vcpus, memory_mib, disk_mib, addresses) values (?, ?, ?, ?, ?, ?)
    on conflict (project) do update set instances = instances + excluded.instances, vcpus = vcpus + excluded.vcpus,
      memory_mib = memory_mib + excluded.memory_mib, disk_mib = disk_mib + excluded.disk_mib,
      addresses = addresses + excluded.addresses`,
  project: "select body from object where kind = 'project' and id = ?",
} as const;

type Owned = Pick<Share, 'project' | 'owner'>;

export class UsageBook {
  readonly #sql: Record<keyof typeof statements, StatementSync>;
  /** Projects that change in this transaction, as they were before it. */
  readonly #before = new Map<string, Usage>();

  constructor(db: DatabaseSync) {
    const prepared = Object.entries(statements).map(([name, sql]) => [name, db.prepare(sql)]);
    this.#sql = Object.fromEntries(prepared) as Record<keyof typeof statements, StatementSync>;
  }

  begin(): void {
    this.#before.clear();
  }

  put(object: Resource): void {
    const share = shareOf(object);
    if (!share) return;
    const { kind, id } = object;
    const { project, owner } = share;
    const present = this.#sql.share.get(kind, id) as Share | undefined;
    const same = present?.project === project && present.owner === owner;
    if (same && quotaResources.every((resource) => present[resource] === share[resource])) return;
    if (present && !same) this.remove(object);
    const amounts = quotaResources.map((resource) => share[resource]);
    this.#counting(share, () => this.#sql.put.run(kind, id, project, owner, ...amounts));
  }

  remove({ kind, id }: Pick<Resource, 'kind' | 'id'>): void {
    const present = this.#sql.share.get(kind, id) as Owned | undefined;
    if (present) this.#counting(present, () => this.#sql.remove.run(kind, id));
  }

  /** After all was written. @throws GantryError `quota_exceeded` */
  check(): void {
    for (const [id, before] of this.#before) {
      const after = this.#usage(id);
      if (quotaResources.every((resource) => after[resource] <= before[resource])) continue;
      const project = this.#project(id);
      const over = excesses(project?.spec.quota ?? {}, before, after);
      if (over.length === 0) continue;
      const why = over.map(describeExcess).join('; ');
      throw err('quota_exceeded', { project: project?.name ?? id, why, enough: sufficientQuota(over) });
    }
  }

  /** What a write changes in the largest share of its owner changes in the sum. */
  #counting({ project, owner }: Owned, write: () => void): void {
    const before = this.#sql.owned.get(project, owner) as Usage;
    write();
    const after = this.#sql.owned.get(project, owner) as Usage;
    const more = quotaResources.map((resource) => after[resource] - before[resource]);
    if (more.every((amount) => amount === 0)) return;
    if (!this.#before.has(project)) this.#before.set(project, this.#usage(project));
    this.#sql.add.run(project, ...more);
  }

  #project(id: string): Project | undefined {
    const row = this.#sql.project.get(id) as { body: string } | undefined;
    return row && (JSON.parse(row.body) as Project);
  }

  #usage(project: string): Usage {
    return { ...noUsage, ...(this.#sql.usage.get(project) as Usage | undefined) };
  }
}
