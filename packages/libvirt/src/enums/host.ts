// Connection, node and typed parameters.
// Names and values as in libvirt's public headers, release 9.0.0; later releases only add members.

export const virConnectCloseReason = {
  VIR_CONNECT_CLOSE_REASON_ERROR: 0,
  VIR_CONNECT_CLOSE_REASON_EOF: 1,
  VIR_CONNECT_CLOSE_REASON_KEEPALIVE: 2,
  VIR_CONNECT_CLOSE_REASON_CLIENT: 3,
} as const;

export const virTypedParameterType = {
  VIR_TYPED_PARAM_INT: 1,
  VIR_TYPED_PARAM_UINT: 2,
  VIR_TYPED_PARAM_LLONG: 3,
  VIR_TYPED_PARAM_ULLONG: 4,
  VIR_TYPED_PARAM_DOUBLE: 5,
  VIR_TYPED_PARAM_BOOLEAN: 6,
  VIR_TYPED_PARAM_STRING: 7,
} as const;

export const virTypedParameterFlags = {
  VIR_TYPED_PARAM_STRING_OKAY: 4,
} as const;

export const virNodeSuspendTarget = {
  VIR_NODE_SUSPEND_TARGET_MEM: 0,
  VIR_NODE_SUSPEND_TARGET_DISK: 1,
  VIR_NODE_SUSPEND_TARGET_HYBRID: 2,
} as const;

export const virNodeGetCPUStatsAllCPUs = {
  VIR_NODE_CPU_STATS_ALL_CPUS: -1,
} as const;

export const virNodeGetMemoryStatsAllCells = {
  VIR_NODE_MEMORY_STATS_ALL_CELLS: -1,
} as const;

export const virConnectFlags = {
  VIR_CONNECT_RO: 1,
  VIR_CONNECT_NO_ALIASES: 2,
} as const;

export const virConnectCredentialType = {
  VIR_CRED_USERNAME: 1,
  VIR_CRED_AUTHNAME: 2,
  VIR_CRED_LANGUAGE: 3,
  VIR_CRED_CNONCE: 4,
  VIR_CRED_PASSPHRASE: 5,
  VIR_CRED_ECHOPROMPT: 6,
  VIR_CRED_NOECHOPROMPT: 7,
  VIR_CRED_REALM: 8,
  VIR_CRED_EXTERNAL: 9,
} as const;

export const virCPUCompareResult = {
  VIR_CPU_COMPARE_ERROR: -1,
  VIR_CPU_COMPARE_INCOMPATIBLE: 0,
  VIR_CPU_COMPARE_IDENTICAL: 1,
  VIR_CPU_COMPARE_SUPERSET: 2,
} as const;

export const virConnectCompareCPUFlags = {
  VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE: 1,
  VIR_CONNECT_COMPARE_CPU_VALIDATE_XML: 2,
} as const;

export const virConnectBaselineCPUFlags = {
  VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES: 1,
  VIR_CONNECT_BASELINE_CPU_MIGRATABLE: 2,
} as const;

export const virNodeAllocPagesFlags = {
  VIR_NODE_ALLOC_PAGES_ADD: 0,
  VIR_NODE_ALLOC_PAGES_SET: 1,
} as const;

export const virEventHandleType = {
  VIR_EVENT_HANDLE_READABLE: 1,
  VIR_EVENT_HANDLE_WRITABLE: 2,
  VIR_EVENT_HANDLE_ERROR: 4,
  VIR_EVENT_HANDLE_HANGUP: 8,
} as const;
