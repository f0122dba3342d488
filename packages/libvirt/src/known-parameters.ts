/** The types of virTypedParameterType, by their position there (1 = int ... 7 = string). */
export const TYPES = ['int', 'uint', 'llong', 'ullong', 'double', 'boolean', 'string'] as const;
export type TypedParamType = (typeof TYPES)[number];

/**
 * libvirt's type for each tunable it lets a client set, by name (the VIR_DOMAIN_*, VIR_MIGRATE_PARAM_* and VIR_NODE_*
 * macros of its headers). libvirtd refuses a parameter whose type differs, and a plain number does not tell which
 * of four integer types is meant.
 */
const BY_TYPE: Readonly<Record<Exclude<TypedParamType, 'double'>, readonly string[]>> = {
  int: [
    ...['shares', 'numa_mode', 'disks_port', 'thread_pool_min', 'thread_pool_max'],
    ...['compression.mt.level', 'compression.mt.threads', 'compression.mt.dthreads'],
    ...['compression.zlib.level', 'compression.zstd.level'],
    ...['auto_converge.initial', 'auto_converge.increment', 'parallel.connections'],
  ],
  uint: [
    ...['weight', 'cap', 'granularity', 'poll_grow', 'poll_shrink'],
    ...['inbound.average', 'inbound.peak', 'inbound.burst', 'inbound.floor'],
    ...['outbound.average', 'outbound.peak', 'outbound.burst'],
    ...['shm_pages_to_scan', 'shm_sleep_millisecs', 'shm_merge_across_nodes'],
  ],
  llong: [...['global_quota', 'vcpu_quota', 'emulator_quota', 'iothread_quota', 'reservation', 'limit']],
  ullong: [
    ...['cpu_shares', 'global_period', 'vcpu_period', 'emulator_period', 'iothread_period'],
    ...['hard_limit', 'soft_limit', 'min_guarantee', 'swap_hard_limit'],
    ...['total_bytes_sec', 'read_bytes_sec', 'write_bytes_sec'],
    ...['total_iops_sec', 'read_iops_sec', 'write_iops_sec', 'size_iops_sec'],
    ...['total_bytes_sec_max', 'read_bytes_sec_max', 'write_bytes_sec_max'],
    ...['total_iops_sec_max', 'read_iops_sec_max', 'write_iops_sec_max'],
    ...['total_bytes_sec_max_length', 'read_bytes_sec_max_length', 'write_bytes_sec_max_length'],
    ...['total_iops_sec_max_length', 'read_iops_sec_max_length', 'write_iops_sec_max_length'],
    ...['bandwidth', 'bandwidth.postcopy', 'compression.xbzrle.cache'],
    ...['buf-size', 'poll_max_ns', 'sev-secret-set-address'],
  ],
  boolean: [
    ...['cmt', 'mbmt', 'mbml', 'cache_misses', 'cache_references', 'instructions', 'cpu_cycles'],
    ...['branch_instructions', 'branch_misses', 'bus_cycles', 'ref_cpu_cycles', 'cpu_clock', 'task_clock'],
    ...['stalled_cycles_frontend', 'stalled_cycles_backend', 'page_faults', 'page_faults_min'],
    ...['page_faults_maj', 'context_switches', 'cpu_migrations', 'alignment_faults', 'emulation_faults'],
  ],
  string: [
    ...['numa_nodeset', 'group_name', 'device_weight', 'device_read_iops_sec', 'device_write_iops_sec'],
    ...['device_read_bytes_sec', 'device_write_bytes_sec', 'file', 'dxml', 'image_format'],
    ...['migrate_uri', 'destination_name', 'destination_xml', 'persistent_xml', 'graphics_uri'],
    ...['listen_address', 'migrate_disks', 'disks_uri', 'compression', 'tls.destination'],
    ...['sev-secret-header', 'sev-secret'],
  ],
};

const TYPE_OF = new Map<string, TypedParamType>(
  Object.entries(BY_TYPE).flatMap(([type, names]) => names.map((name) => [name, type as TypedParamType])),
);

/** The type libvirt demands for a parameter of this name, where there is one. */
export function knownParameterType(name: string): TypedParamType | undefined {
  return TYPE_OF.get(name);
}
