/**
 * The schema as a list of steps; `pragma user_version` counts those done. Steps are only ever added.
 * Times are ms since 1970. `object.created` is the number of its first change: newest first sorts by it.
 */
export const migrations: readonly string[] = [
  `
  create table meta (key text primary key, value text not null) strict, without rowid;
  create table object (
    kind text not null, id text not null, name text not null, project text, node text, owner text, state text,
    revision integer not null, created integer not null, body text not null,
    primary key (kind, id)
  ) strict, without rowid;
  create index object_name on object (kind, name, id);
  create index object_created on object (kind, created);
  create index object_node on object (node, kind) where node is not null;
  create index object_owner on object (owner, kind) where owner is not null;
  create index object_state on object (kind, state) where state is not null;

  create table change (
    number integer primary key, at integer not null, op text not null,
    before_project text, before_node text, meta text not null, body text not null
  ) strict;
  create index change_at on change (at);

  create table claim (
    space text not null, value text not null, owner text not null, primary key (space, value)
  ) strict, without rowid;
  create index claim_owner on claim (owner);
  create table counter (name text primary key, value integer not null) strict, without rowid;

  create table op_log (
    number integer primary key autoincrement, operation text not null,
    at text not null, level text not null, text text not null
  ) strict;
  create index op_log_operation on op_log (operation, number);
  create table event (
    number integer primary key autoincrement, at integer not null, type text not null,
    subject text, project text, body text not null
  ) strict;
  create index event_at on event (at);
  create index event_subject on event (subject, number);

  create table idempotency (
    token text not null, key text not null, at integer not null, body text not null, primary key (token, key)
  ) strict, without rowid;
  create index idempotency_at on idempotency (at);
  create table secret (hash blob primary key, token text not null) strict, without rowid;
  create index secret_token on secret (token);
  create table node_seen (
    node text primary key, boot text not null, run integer not null, sequence integer not null, body text not null
  ) strict, without rowid;
  create table decision (operation text primary key, body text not null) strict, without rowid;
  `,
  `
  create table label (
    kind text not null, key text not null, value text not null, name text not null, id text not null,
    primary key (kind, key, value, name, id)
  ) strict, without rowid;
  create index label_object on label (kind, id);
  insert into label (kind, key, value, name, id)
    select object.kind, json_each.key, json_each.value, object.name, object.id
    from object, json_each(object.body, '$.labels');
  `,
  `
  create table refusal (
    number integer primary key autoincrement, request text not null unique, at integer not null, project text,
    body text not null
  ) strict;
  create index refusal_at on refusal (at);
  `,
  `
  create table share (
    kind text not null, id text not null, project text not null, owner text not null,
    instances integer not null, vcpus integer not null, memory_mib integer not null, disk_mib integer not null,
    addresses integer not null, primary key (kind, id)
  ) strict, without rowid;
  create index share_owner on share (project, owner, instances, vcpus, memory_mib, disk_mib, addresses);
  create table usage (
    project text primary key, instances integer not null, vcpus integer not null, memory_mib integer not null,
    disk_mib integer not null, addresses integer not null
  ) strict, without rowid;
  insert into share
    select kind, id, project, id, 1, json_extract(body, '$.spec.vcpus'), json_extract(body, '$.spec.memoryMiB'), 0,
      (select count(json_extract(value, '$.ipv4')) + count(json_extract(value, '$.ipv6'))
        from json_each(body, '$.spec.nics'))
    from object where kind = 'instance' and project is not null;
  insert into share
    select kind, id, project, owner, 0,
      max(json_extract(body, '$.spec.input.vcpus'), ifnull(json_extract(body, '$.spec.reserved.vcpus'), 0)),
      max(json_extract(body, '$.spec.input.memoryMiB'), ifnull(json_extract(body, '$.spec.reserved.memoryMiB'), 0)), 0, 0
    from object where kind = 'guest' and project is not null;
  insert into share
    select kind, id, project, id, 0, 0, 0, (json_extract(body, '$.spec.sizeBytes') + 1048575) / 1048576, 0
    from object where kind = 'disk' and project is not null;
  insert into usage
    select project, sum(instances), sum(vcpus), sum(memory), sum(disk), sum(addresses)
    from (select project, max(instances) as instances, max(vcpus) as vcpus, max(memory_mib) as memory,
        max(disk_mib) as disk, max(addresses) as addresses
      from share group by project, owner)
    group by project;
  `,
  `
  alter table event add column audit text;
  update event set audit = ifnull(json_extract(body, '$.actor'), '') where type glob 'api.*';
  create index event_audit on event (number) where audit is not null;
  create index event_actor on event (audit, number) where audit is not null;
  `,
];
