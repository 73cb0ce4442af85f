// SPDX-License-Identifier: Apache-2.0
// Generated from bpf/records.h and bpf/abi.h by scripts/generate-abi.ts; do not edit.

export const defines = {
  LISTED_FACTOR: 11400714819323200000,
  BINARY_KEYS: 2147483648,
} as const;

export const recordLimits = {
  RULE_ARGS: 8,
  NAMESPACES: 10,
} as const;

export const valueType = {
  VALUE_NONE: 0,
  VALUE_U8: 1,
  VALUE_S8: 2,
  VALUE_U16: 3,
  VALUE_S16: 4,
  VALUE_U32: 5,
  VALUE_S32: 6,
  VALUE_U64: 7,
  VALUE_STRING: 8,
  VALUE_USER_STRING: 9,
  VALUE_BUFFER: 10,
  VALUE_USER_BUFFER: 11,
  VALUE_FILENAME: 12,
  VALUE_FD: 13,
  VALUE_FILE: 14,
  VALUE_PATH: 15,
  VALUE_BINPRM: 16,
  VALUE_SOCK: 17,
  VALUE_SOCKADDR: 18,
  VALUE_SOCK_TO_ADDR: 19,
  VALUE_SOCKET: 20,
  VALUE_DATA_LOC: 21,
  VALUE_DENTRY: 22,
  VALUE_ATTR_FILE: 23,
} as const;

export const recordType = {
  RECORD_EXEC: 1,
  RECORD_CLONE: 2,
  RECORD_EXIT: 3,
  RECORD_HOOK: 4,
  RECORD_TASK: 5,
  RECORD_CGROUP_MKDIR: 6,
  RECORD_CGROUP_RMDIR: 7,
  RECORD_TYPES: 8,
} as const;

export const recordFlags = {
  RECORD_UNKNOWN_PROCESS: 1,
  RECORD_IN_INIT_TREE: 2,
  RECORD_EXECED: 4,
  RECORD_MISSING_FACT: 256,
} as const;

export const textFlags = {
  TEXT_TRUNCATED: 1,
  TEXT_UNREADABLE: 2,
  TEXT_DELETED: 4,
  TEXT_DETACHED: 8,
  TEXT_TOO_DEEP: 16,
  TEXT_FORGEABLE: 32,
  ARG_RETURN: 128,
} as const;

export const fact = {
  FACT_PROCESS: 0,
  FACT_PATH: 1,
  FACT_NAME: 2,
  FACT_MEMORY: 3,
  FACT_PEER: 4,
  FACTS: 5,
} as const;

export const execFlags = {
  EXEC_SCRIPT: 1,
  EXEC_SECURE: 2,
  EXEC_SETUID: 4,
  EXEC_SETGID: 8,
  EXEC_FILE_CAPS: 16,
  EXEC_KERNEL_THREAD: 32,
  EXEC_ROOT_CWD: 64,
} as const;

export const action = {
  ACTION_POST: 1,
  ACTION_KILL: 2,
  ACTION_SIGNAL: 4,
  ACTION_DENY: 8,
  ACTION_KERNEL_STACK: 16,
  ACTION_USER_STACK: 32,
  ACTION_ENFORCE: 14,
} as const;

export const anyPeer = {
  PEER_KNOWN: 0,
  PEER_ANY: 1,
  PEER_ANY_ALONE: 2,
} as const;

export const limits = {
  MAX_HOOKS: 512,
  MAX_GROUPS: 256,
  MAX_CGROUPS: 32768,
  MAX_INHERITED: 16384,
  MAX_APPLICATIONS: 512,
  MAX_RULES: 4096,
  HOOK_RULES: 1024,
  RULE_WORDS: 16,
  MAX_ROWS: 8192,
  MAX_VERDICTS: 4096,
  MAX_COUNTS: 4096,
  MAX_BITSETS: 1024,
  MAX_POLICIES: 512,
  HOOK_SLOTS: 16,
  ROW_VALUES: 4,
  CALL_STRIPES: 8,
  FOLLOW_BITS: 64,
  PREFIX_SIZE: 252,
  POSTFIX_SIZE: 127,
  NO_SLOT: 255,
  RAW_MAY_WRITE: 14,
  RAW_RETURN: 15,
  BINARY_SIZE: 256,
  BINARY_TAIL: 128,
} as const;

export const rowOp = {
  ROW_ALWAYS: 0,
  ROW_EQUAL: 1,
  ROW_GREATER: 2,
  ROW_LESS: 3,
  ROW_MASK: 4,
  ROW_RANGE: 5,
  ROW_INT_SET: 6,
  ROW_STR_EQUAL: 7,
  ROW_STR_PREFIX: 8,
  ROW_STR_POSTFIX: 9,
  ROW_SADDR: 10,
  ROW_DADDR: 11,
  ROW_SPORT: 12,
  ROW_DPORT: 13,
  ROW_PROTOCOL: 14,
  ROW_FAMILY: 15,
  ROW_STATE: 16,
  ROW_PID: 17,
  ROW_NS_PID: 18,
  ROW_BINARY_EQUAL: 19,
  ROW_BINARY_PREFIX: 20,
  ROW_BINARY_POSTFIX: 21,
  ROW_FOLLOW: 22,
  ROW_NAMESPACE: 23,
  ROW_CAPABILITY: 24,
  ROW_BINARY_FILE: 25,
} as const;

export const rowFlags = {
  ROW_NEGATE: 1,
  ROW_LAST: 2,
  ROW_ON_RETURN: 4,
  ROW_SIGNED: 8,
  ROW_UNKNOWN_HOLDS: 16,
  ROW_IN_USER_NS: 32,
} as const;

export const namespaceKind = {
  NS_UTS: 0,
  NS_IPC: 1,
  NS_MNT: 2,
  NS_PID: 3,
  NS_PID_FOR_CHILDREN: 4,
  NS_NET: 5,
  NS_TIME: 6,
  NS_TIME_FOR_CHILDREN: 7,
  NS_CGROUP: 8,
  NS_USER: 9,
} as const;

export const capabilityKind = {
  CAPS_EFFECTIVE: 0,
  CAPS_PERMITTED: 1,
  CAPS_INHERITABLE: 2,
} as const;

export const rateScope = {
  RATE_NONE: 0,
  RATE_THREAD: 1,
  RATE_PROCESS: 2,
  RATE_GLOBAL: 3,
} as const;

export const ruleFlags = {
  RULE_MONITOR: 1,
  RULE_ENFORCER: 2,
  RULE_OBSERVER: 4,
  RULE_STREAM_SOCKETS: 8,
  RULE_FAST_OPEN: 16,
  RULE_CORE_DUMPS: 32,
} as const;

export const slotFlags = {
  SLOT_IN_PLACE: 1,
  SLOT_MESSAGE: 2,
  SLOT_TO_BIND: 4,
} as const;

export const hookTableFlags = {
  HOOK_CACHE_PATHS: 1,
  HOOK_LISTED_NUMBERS: 2,
  HOOK_INDEX_BINARIES: 4,
} as const;

export const applicationFlags = {
  APPLICATION_ENFORCES: 1,
  APPLICATION_CONNECTIONS: 2,
  APPLICATION_FAST_OPEN: 4,
  APPLICATION_CORE_DUMPS: 8,
} as const;

export const cgroupPlace = {
  PLACE_GROUP_MASK: 255,
  PLACE_TAKEN: 256,
  PLACE_SHARED: 512,
  PLACE_CGROUP_SHIFT: 10,
} as const;

export const fault = {
  FAULT_SCRATCH: 0,
  FAULT_STAGE: 1,
  FAULT_PROC_TABLE: 2,
  FAULT_PROC_UNKNOWN: 3,
  FAULT_UNREADABLE: 4,
  FAULT_PATH_DEPTH: 5,
  FAULT_RATE_TABLE: 6,
  FAULT_CGROUP_TABLE: 7,
  FAULT_MAX: 8,
} as const;

export const lifecycleFate = {
  LIFECYCLE_WRITTEN: 0,
  LIFECYCLE_RING_FULL: 1,
  LIFECYCLE_NO_MEMORY: 2,
} as const;

export const configFlags = {
  CONFIG_CGROUPS: 1,
  CONFIG_WATCHED: 2,
  CONFIG_FOLLOW_PIDS: 4,
  CONFIG_PATH_CACHE: 8,
  CONFIG_UNLISTED: 32,
  CONFIG_PROCS_LISTED: 64,
  CONFIG_ASLEEP: 16,
} as const;

export const procFlags = {
  PROC_ANNOUNCED: 1,
  PROC_EXECED: 2,
  PROC_IN_INIT_TREE: 4,
  PROC_FORGEABLE_BINARY: 8,
  PROC_FOLLOW_UNSURE: 16,
} as const;
