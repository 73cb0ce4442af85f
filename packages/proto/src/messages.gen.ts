// SPDX-License-Identifier: Apache-2.0
// Generated from proto/ by scripts/generate.ts; do not edit.

export type CapabilitiesType = "CAP_CHOWN" | "DAC_OVERRIDE" | "CAP_DAC_READ_SEARCH" | "CAP_FOWNER" | "CAP_FSETID" | "CAP_KILL" | "CAP_SETGID" | "CAP_SETUID" | "CAP_SETPCAP" | "CAP_LINUX_IMMUTABLE" | "CAP_NET_BIND_SERVICE" | "CAP_NET_BROADCAST" | "CAP_NET_ADMIN" | "CAP_NET_RAW" | "CAP_IPC_LOCK" | "CAP_IPC_OWNER" | "CAP_SYS_MODULE" | "CAP_SYS_RAWIO" | "CAP_SYS_CHROOT" | "CAP_SYS_PTRACE" | "CAP_SYS_PACCT" | "CAP_SYS_ADMIN" | "CAP_SYS_BOOT" | "CAP_SYS_NICE" | "CAP_SYS_RESOURCE" | "CAP_SYS_TIME" | "CAP_SYS_TTY_CONFIG" | "CAP_MKNOD" | "CAP_LEASE" | "CAP_AUDIT_WRITE" | "CAP_AUDIT_CONTROL" | "CAP_SETFCAP" | "CAP_MAC_OVERRIDE" | "CAP_MAC_ADMIN" | "CAP_SYSLOG" | "CAP_WAKE_ALARM" | "CAP_BLOCK_SUSPEND" | "CAP_AUDIT_READ" | "CAP_PERFMON" | "CAP_BPF" | "CAP_CHECKPOINT_RESTORE";
export const CapabilitiesType = {
  CAP_CHOWN: 0,
  DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_LINUX_IMMUTABLE: 9,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_BROADCAST: 11,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_IPC_LOCK: 14,
  CAP_IPC_OWNER: 15,
  CAP_SYS_MODULE: 16,
  CAP_SYS_RAWIO: 17,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_PACCT: 20,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_BOOT: 22,
  CAP_SYS_NICE: 23,
  CAP_SYS_RESOURCE: 24,
  CAP_SYS_TIME: 25,
  CAP_SYS_TTY_CONFIG: 26,
  CAP_MKNOD: 27,
  CAP_LEASE: 28,
  CAP_AUDIT_WRITE: 29,
  CAP_AUDIT_CONTROL: 30,
  CAP_SETFCAP: 31,
  CAP_MAC_OVERRIDE: 32,
  CAP_MAC_ADMIN: 33,
  CAP_SYSLOG: 34,
  CAP_WAKE_ALARM: 35,
  CAP_BLOCK_SUSPEND: 36,
  CAP_AUDIT_READ: 37,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
  CAP_CHECKPOINT_RESTORE: 40,
} as const;

export type SecureBitsType = "SecBitNotSet" | "SecBitNoRoot" | "SecBitNoRootLocked" | "SecBitNoSetUidFixup" | "SecBitNoSetUidFixupLocked" | "SecBitKeepCaps" | "SecBitKeepCapsLocked" | "SecBitNoCapAmbientRaise" | "SecBitNoCapAmbientRaiseLocked";
export const SecureBitsType = {
  SecBitNotSet: 0,
  SecBitNoRoot: 1,
  SecBitNoRootLocked: 2,
  SecBitNoSetUidFixup: 4,
  SecBitNoSetUidFixupLocked: 8,
  SecBitKeepCaps: 16,
  SecBitKeepCapsLocked: 32,
  SecBitNoCapAmbientRaise: 64,
  SecBitNoCapAmbientRaiseLocked: 128,
} as const;

export type ProcessPrivilegesChanged = "PRIVILEGES_CHANGED_UNSET" | "PRIVILEGES_RAISED_EXEC_FILE_CAP" | "PRIVILEGES_RAISED_EXEC_FILE_SETUID" | "PRIVILEGES_RAISED_EXEC_FILE_SETGID";
export const ProcessPrivilegesChanged = {
  PRIVILEGES_CHANGED_UNSET: 0,
  PRIVILEGES_RAISED_EXEC_FILE_CAP: 1,
  PRIVILEGES_RAISED_EXEC_FILE_SETUID: 2,
  PRIVILEGES_RAISED_EXEC_FILE_SETGID: 3,
} as const;

export type BpfCmd = "BPF_MAP_CREATE" | "BPF_MAP_LOOKUP_ELEM" | "BPF_MAP_UPDATE_ELEM" | "BPF_MAP_DELETE_ELEM" | "BPF_MAP_GET_NEXT_KEY" | "BPF_PROG_LOAD" | "BPF_OBJ_PIN" | "BPF_OBJ_GET" | "BPF_PROG_ATTACH" | "BPF_PROG_DETACH" | "BPF_PROG_TEST_RUN" | "BPF_PROG_GET_NEXT_ID" | "BPF_MAP_GET_NEXT_ID" | "BPF_PROG_GET_FD_BY_ID" | "BPF_MAP_GET_FD_BY_ID" | "BPF_OBJ_GET_INFO_BY_FD" | "BPF_PROG_QUERY" | "BPF_RAW_TRACEPOINT_OPEN" | "BPF_BTF_LOAD" | "BPF_BTF_GET_FD_BY_ID" | "BPF_TASK_FD_QUERY" | "BPF_MAP_LOOKUP_AND_DELETE_ELEM" | "BPF_MAP_FREEZE" | "BPF_BTF_GET_NEXT_ID" | "BPF_MAP_LOOKUP_BATCH" | "BPF_MAP_LOOKUP_AND_DELETE_BATCH" | "BPF_MAP_UPDATE_BATCH" | "BPF_MAP_DELETE_BATCH" | "BPF_LINK_CREATE" | "BPF_LINK_UPDATE" | "BPF_LINK_GET_FD_BY_ID" | "BPF_LINK_GET_NEXT_ID" | "BPF_ENABLE_STATS" | "BPF_ITER_CREATE" | "BPF_LINK_DETACH" | "BPF_PROG_BIND_MAP" | "BPF_TOKEN_CREATE";
export const BpfCmd = {
  BPF_MAP_CREATE: 0,
  BPF_MAP_LOOKUP_ELEM: 1,
  BPF_MAP_UPDATE_ELEM: 2,
  BPF_MAP_DELETE_ELEM: 3,
  BPF_MAP_GET_NEXT_KEY: 4,
  BPF_PROG_LOAD: 5,
  BPF_OBJ_PIN: 6,
  BPF_OBJ_GET: 7,
  BPF_PROG_ATTACH: 8,
  BPF_PROG_DETACH: 9,
  BPF_PROG_TEST_RUN: 10,
  BPF_PROG_GET_NEXT_ID: 11,
  BPF_MAP_GET_NEXT_ID: 12,
  BPF_PROG_GET_FD_BY_ID: 13,
  BPF_MAP_GET_FD_BY_ID: 14,
  BPF_OBJ_GET_INFO_BY_FD: 15,
  BPF_PROG_QUERY: 16,
  BPF_RAW_TRACEPOINT_OPEN: 17,
  BPF_BTF_LOAD: 18,
  BPF_BTF_GET_FD_BY_ID: 19,
  BPF_TASK_FD_QUERY: 20,
  BPF_MAP_LOOKUP_AND_DELETE_ELEM: 21,
  BPF_MAP_FREEZE: 22,
  BPF_BTF_GET_NEXT_ID: 23,
  BPF_MAP_LOOKUP_BATCH: 24,
  BPF_MAP_LOOKUP_AND_DELETE_BATCH: 25,
  BPF_MAP_UPDATE_BATCH: 26,
  BPF_MAP_DELETE_BATCH: 27,
  BPF_LINK_CREATE: 28,
  BPF_LINK_UPDATE: 29,
  BPF_LINK_GET_FD_BY_ID: 30,
  BPF_LINK_GET_NEXT_ID: 31,
  BPF_ENABLE_STATS: 32,
  BPF_ITER_CREATE: 33,
  BPF_LINK_DETACH: 34,
  BPF_PROG_BIND_MAP: 35,
  BPF_TOKEN_CREATE: 36,
} as const;

export type BpfProgramType = "BPF_PROG_TYPE_UNSPEC" | "BPF_PROG_TYPE_SOCKET_FILTER" | "BPF_PROG_TYPE_KPROBE" | "BPF_PROG_TYPE_SCHED_CLS" | "BPF_PROG_TYPE_SCHED_ACT" | "BPF_PROG_TYPE_TRACEPOINT" | "BPF_PROG_TYPE_XDP" | "BPF_PROG_TYPE_PERF_EVENT" | "BPF_PROG_TYPE_CGROUP_SKB" | "BPF_PROG_TYPE_CGROUP_SOCK" | "BPF_PROG_TYPE_LWT_IN" | "BPF_PROG_TYPE_LWT_OUT" | "BPF_PROG_TYPE_LWT_XMIT" | "BPF_PROG_TYPE_SOCK_OPS" | "BPF_PROG_TYPE_SK_SKB" | "BPF_PROG_TYPE_CGROUP_DEVICE" | "BPF_PROG_TYPE_SK_MSG" | "BPF_PROG_TYPE_RAW_TRACEPOINT" | "BPF_PROG_TYPE_CGROUP_SOCK_ADDR" | "BPF_PROG_TYPE_LWT_SEG6LOCAL" | "BPF_PROG_TYPE_LIRC_MODE2" | "BPF_PROG_TYPE_SK_REUSEPORT" | "BPF_PROG_TYPE_FLOW_DISSECTOR" | "BPF_PROG_TYPE_CGROUP_SYSCTL" | "BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE" | "BPF_PROG_TYPE_CGROUP_SOCKOPT" | "BPF_PROG_TYPE_TRACING" | "BPF_PROG_TYPE_STRUCT_OPS" | "BPF_PROG_TYPE_EXT" | "BPF_PROG_TYPE_LSM" | "BPF_PROG_TYPE_SK_LOOKUP" | "BPF_PROG_TYPE_SYSCALL" | "BPF_PROG_TYPE_NETFILTER";
export const BpfProgramType = {
  BPF_PROG_TYPE_UNSPEC: 0,
  BPF_PROG_TYPE_SOCKET_FILTER: 1,
  BPF_PROG_TYPE_KPROBE: 2,
  BPF_PROG_TYPE_SCHED_CLS: 3,
  BPF_PROG_TYPE_SCHED_ACT: 4,
  BPF_PROG_TYPE_TRACEPOINT: 5,
  BPF_PROG_TYPE_XDP: 6,
  BPF_PROG_TYPE_PERF_EVENT: 7,
  BPF_PROG_TYPE_CGROUP_SKB: 8,
  BPF_PROG_TYPE_CGROUP_SOCK: 9,
  BPF_PROG_TYPE_LWT_IN: 10,
  BPF_PROG_TYPE_LWT_OUT: 11,
  BPF_PROG_TYPE_LWT_XMIT: 12,
  BPF_PROG_TYPE_SOCK_OPS: 13,
  BPF_PROG_TYPE_SK_SKB: 14,
  BPF_PROG_TYPE_CGROUP_DEVICE: 15,
  BPF_PROG_TYPE_SK_MSG: 16,
  BPF_PROG_TYPE_RAW_TRACEPOINT: 17,
  BPF_PROG_TYPE_CGROUP_SOCK_ADDR: 18,
  BPF_PROG_TYPE_LWT_SEG6LOCAL: 19,
  BPF_PROG_TYPE_LIRC_MODE2: 20,
  BPF_PROG_TYPE_SK_REUSEPORT: 21,
  BPF_PROG_TYPE_FLOW_DISSECTOR: 22,
  BPF_PROG_TYPE_CGROUP_SYSCTL: 23,
  BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE: 24,
  BPF_PROG_TYPE_CGROUP_SOCKOPT: 25,
  BPF_PROG_TYPE_TRACING: 26,
  BPF_PROG_TYPE_STRUCT_OPS: 27,
  BPF_PROG_TYPE_EXT: 28,
  BPF_PROG_TYPE_LSM: 29,
  BPF_PROG_TYPE_SK_LOOKUP: 30,
  BPF_PROG_TYPE_SYSCALL: 31,
  BPF_PROG_TYPE_NETFILTER: 32,
} as const;

export type KprobeAction = "KPROBE_ACTION_UNKNOWN" | "KPROBE_ACTION_POST" | "KPROBE_ACTION_FOLLOWFD" | "KPROBE_ACTION_SIGKILL" | "KPROBE_ACTION_UNFOLLOWFD" | "KPROBE_ACTION_OVERRIDE" | "KPROBE_ACTION_COPYFD" | "KPROBE_ACTION_GETURL" | "KPROBE_ACTION_DNSLOOKUP" | "KPROBE_ACTION_NOPOST" | "KPROBE_ACTION_SIGNAL" | "KPROBE_ACTION_TRACKSOCK" | "KPROBE_ACTION_UNTRACKSOCK" | "KPROBE_ACTION_NOTIFYENFORCER" | "KPROBE_ACTION_CLEANUPENFORCERNOTIFICATION" | "KPROBE_ACTION_SET";
export const KprobeAction = {
  KPROBE_ACTION_UNKNOWN: 0,
  KPROBE_ACTION_POST: 1,
  KPROBE_ACTION_FOLLOWFD: 2,
  KPROBE_ACTION_SIGKILL: 3,
  KPROBE_ACTION_UNFOLLOWFD: 4,
  KPROBE_ACTION_OVERRIDE: 5,
  KPROBE_ACTION_COPYFD: 6,
  KPROBE_ACTION_GETURL: 7,
  KPROBE_ACTION_DNSLOOKUP: 8,
  KPROBE_ACTION_NOPOST: 9,
  KPROBE_ACTION_SIGNAL: 10,
  KPROBE_ACTION_TRACKSOCK: 11,
  KPROBE_ACTION_UNTRACKSOCK: 12,
  KPROBE_ACTION_NOTIFYENFORCER: 13,
  KPROBE_ACTION_CLEANUPENFORCERNOTIFICATION: 14,
  KPROBE_ACTION_SET: 15,
} as const;

export type HealthStatusType = "HEALTH_STATUS_TYPE_UNDEF" | "HEALTH_STATUS_TYPE_STATUS";
export const HealthStatusType = {
  HEALTH_STATUS_TYPE_UNDEF: 0,
  HEALTH_STATUS_TYPE_STATUS: 1,
} as const;

export type HealthStatusResult = "HEALTH_STATUS_UNDEF" | "HEALTH_STATUS_RUNNING" | "HEALTH_STATUS_STOPPED" | "HEALTH_STATUS_ERROR";
export const HealthStatusResult = {
  HEALTH_STATUS_UNDEF: 0,
  HEALTH_STATUS_RUNNING: 1,
  HEALTH_STATUS_STOPPED: 2,
  HEALTH_STATUS_ERROR: 3,
} as const;

export type TaintedBitsType = "TAINT_UNSET" | "TAINT_PROPRIETARY_MODULE" | "TAINT_FORCED_MODULE" | "TAINT_FORCED_UNLOAD_MODULE" | "TAINT_STAGED_MODULE" | "TAINT_OUT_OF_TREE_MODULE" | "TAINT_UNSIGNED_MODULE" | "TAINT_KERNEL_LIVE_PATCH_MODULE" | "TAINT_TEST_MODULE";
export const TaintedBitsType = {
  TAINT_UNSET: 0,
  TAINT_PROPRIETARY_MODULE: 1,
  TAINT_FORCED_MODULE: 2,
  TAINT_FORCED_UNLOAD_MODULE: 4,
  TAINT_STAGED_MODULE: 1024,
  TAINT_OUT_OF_TREE_MODULE: 4096,
  TAINT_UNSIGNED_MODULE: 8192,
  TAINT_KERNEL_LIVE_PATCH_MODULE: 32768,
  TAINT_TEST_MODULE: 262144,
} as const;

export type EventType = "UNDEF" | "PROCESS_EXEC" | "PROCESS_EXIT" | "PROCESS_KPROBE" | "PROCESS_TRACEPOINT" | "PROCESS_LOADER" | "PROCESS_UPROBE" | "PROCESS_THROTTLE" | "PROCESS_LSM" | "PROCESS_USDT" | "TEST" | "RATE_LIMIT_INFO" | "POLICY_FUSE";
export const EventType = {
  UNDEF: 0,
  PROCESS_EXEC: 1,
  PROCESS_EXIT: 5,
  PROCESS_KPROBE: 9,
  PROCESS_TRACEPOINT: 10,
  PROCESS_LOADER: 11,
  PROCESS_UPROBE: 12,
  PROCESS_THROTTLE: 27,
  PROCESS_LSM: 28,
  PROCESS_USDT: 29,
  TEST: 40000,
  RATE_LIMIT_INFO: 40001,
  POLICY_FUSE: 40002,
} as const;

export type FieldFilterAction = "INCLUDE" | "EXCLUDE";
export const FieldFilterAction = {
  INCLUDE: 0,
  EXCLUDE: 1,
} as const;

export type ThrottleType = "THROTTLE_UNKNOWN" | "THROTTLE_START" | "THROTTLE_STOP";
export const ThrottleType = {
  THROTTLE_UNKNOWN: 0,
  THROTTLE_START: 1,
  THROTTLE_STOP: 2,
} as const;

export type TracingPolicyState = "TP_STATE_UNKNOWN" | "TP_STATE_ENABLED" | "TP_STATE_DISABLED" | "TP_STATE_LOAD_ERROR" | "TP_STATE_ERROR" | "TP_STATE_LOADING" | "TP_STATE_UNLOADING" | "TP_STATE_SKIPPED" | "TP_STATE_PARTIALLY_ENABLED";
export const TracingPolicyState = {
  TP_STATE_UNKNOWN: 0,
  TP_STATE_ENABLED: 1,
  TP_STATE_DISABLED: 2,
  TP_STATE_LOAD_ERROR: 3,
  TP_STATE_ERROR: 4,
  TP_STATE_LOADING: 5,
  TP_STATE_UNLOADING: 6,
  TP_STATE_SKIPPED: 7,
  TP_STATE_PARTIALLY_ENABLED: 8,
} as const;

export type TracingPolicyMode = "TP_MODE_UNKNOWN" | "TP_MODE_ENFORCE" | "TP_MODE_MONITOR" | "TP_MODE_MONITOR_ONLY";
export const TracingPolicyMode = {
  TP_MODE_UNKNOWN: 0,
  TP_MODE_ENFORCE: 1,
  TP_MODE_MONITOR: 2,
  TP_MODE_MONITOR_ONLY: 3,
} as const;

export type HookState = "STATUS_UNSPECIFIED" | "STATUS_LOADED" | "STATUS_DIGEST_REJECTED" | "STATUS_CALL_NOT_FOUND" | "STATUS_PARTIAL_CALL_NOT_FOUND";
export const HookState = {
  STATUS_UNSPECIFIED: 0,
  STATUS_LOADED: 1,
  STATUS_DIGEST_REJECTED: 2,
  STATUS_CALL_NOT_FOUND: 3,
  STATUS_PARTIAL_CALL_NOT_FOUND: 4,
} as const;

export type ConfigFlag = "CONFIG_FLAG_LOG_LEVEL" | "CONFIG_FLAG_DUMP_PROCESS_CACHE";
export const ConfigFlag = {
  CONFIG_FLAG_LOG_LEVEL: 0,
  CONFIG_FLAG_DUMP_PROCESS_CACHE: 1,
} as const;

export type LogLevel = "LOG_LEVEL_PANIC" | "LOG_LEVEL_FATAL" | "LOG_LEVEL_ERROR" | "LOG_LEVEL_WARN" | "LOG_LEVEL_INFO" | "LOG_LEVEL_DEBUG" | "LOG_LEVEL_TRACE";
export const LogLevel = {
  LOG_LEVEL_PANIC: 0,
  LOG_LEVEL_FATAL: 1,
  LOG_LEVEL_ERROR: 2,
  LOG_LEVEL_WARN: 3,
  LOG_LEVEL_INFO: 4,
  LOG_LEVEL_DEBUG: 5,
  LOG_LEVEL_TRACE: 6,
} as const;

export type HealthCheckResponseServingStatus = "UNKNOWN" | "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";
export const HealthCheckResponseServingStatus = {
  UNKNOWN: 0,
  SERVING: 1,
  NOT_SERVING: 2,
  SERVICE_UNKNOWN: 3,
} as const;

export type Image = {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
};

export type SecurityContext = {
  readonly privileged?: boolean | undefined;
};

export type Container = {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly image?: Image | undefined;
  readonly start_time?: Timestamp | undefined;
  readonly pid?: UInt32Value | undefined;
  readonly maybe_exec_probe?: boolean | undefined;
  readonly security_context?: SecurityContext | undefined;
};

export type Pod = {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly uid?: string | undefined;
  readonly container?: Container | undefined;
  readonly pod_labels?: Readonly<Record<string, string>> | undefined;
  readonly workload?: string | undefined;
  readonly workload_kind?: string | undefined;
  readonly pod_annotations?: Readonly<Record<string, string>> | undefined;
};

export type Capabilities = {
  readonly permitted?: readonly CapabilitiesType[] | undefined;
  readonly effective?: readonly CapabilitiesType[] | undefined;
  readonly inheritable?: readonly CapabilitiesType[] | undefined;
};

export type Namespace = {
  readonly inum?: number | undefined;
  readonly is_host?: boolean | undefined;
};

export type Namespaces = {
  readonly uts?: Namespace | undefined;
  readonly ipc?: Namespace | undefined;
  readonly mnt?: Namespace | undefined;
  readonly pid?: Namespace | undefined;
  readonly pid_for_children?: Namespace | undefined;
  readonly net?: Namespace | undefined;
  readonly time?: Namespace | undefined;
  readonly time_for_children?: Namespace | undefined;
  readonly cgroup?: Namespace | undefined;
  readonly user?: Namespace | undefined;
};

export type UserNamespace = {
  readonly level?: Int32Value | undefined;
  readonly uid?: UInt32Value | undefined;
  readonly gid?: UInt32Value | undefined;
  readonly ns?: Namespace | undefined;
};

export type ProcessCredentials = {
  readonly uid?: UInt32Value | undefined;
  readonly gid?: UInt32Value | undefined;
  readonly euid?: UInt32Value | undefined;
  readonly egid?: UInt32Value | undefined;
  readonly suid?: UInt32Value | undefined;
  readonly sgid?: UInt32Value | undefined;
  readonly fsuid?: UInt32Value | undefined;
  readonly fsgid?: UInt32Value | undefined;
  readonly securebits?: readonly SecureBitsType[] | undefined;
  readonly caps?: Capabilities | undefined;
  readonly user_ns?: UserNamespace | undefined;
};

export type InodeProperties = {
  readonly number?: string | undefined;
  readonly links?: UInt32Value | undefined;
};

export type FileProperties = {
  readonly inode?: InodeProperties | undefined;
  readonly path?: string | undefined;
};

export type BinaryProperties = {
  readonly setuid?: UInt32Value | undefined;
  readonly setgid?: UInt32Value | undefined;
  readonly privileges_changed?: readonly ProcessPrivilegesChanged[] | undefined;
  readonly file?: FileProperties | undefined;
};

export type UserRecord = {
  readonly name?: string | undefined;
};

export type EnvVar = {
  readonly Key?: string | undefined;
  readonly Value?: string | undefined;
};

export type Process = {
  readonly exec_id?: string | undefined;
  readonly pid?: UInt32Value | undefined;
  readonly uid?: UInt32Value | undefined;
  readonly cwd?: string | undefined;
  readonly binary?: string | undefined;
  readonly arguments?: string | undefined;
  readonly flags?: string | undefined;
  readonly start_time?: Timestamp | undefined;
  readonly auid?: UInt32Value | undefined;
  readonly pod?: Pod | undefined;
  readonly docker?: string | undefined;
  readonly parent_exec_id?: string | undefined;
  readonly refcnt?: number | undefined;
  readonly cap?: Capabilities | undefined;
  readonly ns?: Namespaces | undefined;
  readonly tid?: UInt32Value | undefined;
  readonly process_credentials?: ProcessCredentials | undefined;
  readonly binary_properties?: BinaryProperties | undefined;
  readonly user?: UserRecord | undefined;
  readonly in_init_tree?: BoolValue | undefined;
  readonly environment_variables?: readonly EnvVar[] | undefined;
  readonly session?: Session | undefined;
};

export type Session = {
  readonly kind?: string | undefined;
  readonly user?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly request_uid?: string | undefined;
  readonly unannounced?: boolean | undefined;
  readonly candidates?: readonly SessionRequest[] | undefined;
};

export type SessionRequest = {
  readonly kind?: string | undefined;
  readonly user?: string | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly request_uid?: string | undefined;
};

export type ProcessExec = {
  readonly process?: Process | undefined;
  readonly parent?: Process | undefined;
  readonly ancestors?: readonly Process[] | undefined;
};

export type ProcessExit = {
  readonly process?: Process | undefined;
  readonly parent?: Process | undefined;
  readonly signal?: string | undefined;
  readonly status?: number | undefined;
  readonly time?: Timestamp | undefined;
  readonly ancestors?: readonly Process[] | undefined;
};

export type KprobeSock = {
  readonly family?: string | undefined;
  readonly type?: string | undefined;
  readonly protocol?: string | undefined;
  readonly mark?: number | undefined;
  readonly priority?: number | undefined;
  readonly saddr?: string | undefined;
  readonly daddr?: string | undefined;
  readonly sport?: number | undefined;
  readonly dport?: number | undefined;
  readonly cookie?: string | undefined;
  readonly state?: string | undefined;
};

export type KprobeSkb = {
  readonly hash?: number | undefined;
  readonly len?: number | undefined;
  readonly priority?: number | undefined;
  readonly mark?: number | undefined;
  readonly saddr?: string | undefined;
  readonly daddr?: string | undefined;
  readonly sport?: number | undefined;
  readonly dport?: number | undefined;
  readonly proto?: number | undefined;
  readonly sec_path_len?: number | undefined;
  readonly sec_path_olen?: number | undefined;
  readonly protocol?: string | undefined;
  readonly family?: string | undefined;
};

export type KprobeSockaddr = {
  readonly family?: string | undefined;
  readonly addr?: string | undefined;
  readonly port?: number | undefined;
};

export type KprobeSockaddrUn = {
  readonly family?: string | undefined;
  readonly path?: string | undefined;
};

export type KprobeNetDev = {
  readonly name?: string | undefined;
};

export type KprobePath = {
  readonly mount?: string | undefined;
  readonly path?: string | undefined;
  readonly flags?: string | undefined;
  readonly permission?: string | undefined;
};

export type KprobeFile = {
  readonly mount?: string | undefined;
  readonly path?: string | undefined;
  readonly flags?: string | undefined;
  readonly permission?: string | undefined;
};

export type KprobeTruncatedBytes = {
  readonly bytes_arg?: Uint8Array | undefined;
  readonly orig_size?: string | undefined;
};

export type KprobeCred = {
  readonly permitted?: readonly CapabilitiesType[] | undefined;
  readonly effective?: readonly CapabilitiesType[] | undefined;
  readonly inheritable?: readonly CapabilitiesType[] | undefined;
};

export type KprobeLinuxBinprm = {
  readonly path?: string | undefined;
  readonly flags?: string | undefined;
  readonly permission?: string | undefined;
};

export type KprobeCapability = {
  readonly value?: Int32Value | undefined;
  readonly name?: string | undefined;
};

export type KprobeUserNamespace = {
  readonly level?: Int32Value | undefined;
  readonly owner?: UInt32Value | undefined;
  readonly group?: UInt32Value | undefined;
  readonly ns?: Namespace | undefined;
};

export type KprobeBpfAttr = {
  readonly ProgType?: string | undefined;
  readonly InsnCnt?: number | undefined;
  readonly ProgName?: string | undefined;
};

export type KprobeBpfProg = {
  readonly ProgType?: string | undefined;
  readonly InsnCnt?: number | undefined;
  readonly ProgName?: string | undefined;
};

export type KprobePerfEvent = {
  readonly KprobeFunc?: string | undefined;
  readonly Type?: string | undefined;
  readonly Config?: string | undefined;
  readonly ProbeOffset?: string | undefined;
};

export type KprobeBpfMap = {
  readonly MapType?: string | undefined;
  readonly KeySize?: number | undefined;
  readonly ValueSize?: number | undefined;
  readonly MaxEntries?: number | undefined;
  readonly MapName?: string | undefined;
};

export type KprobeError = {
  readonly Message?: string | undefined;
};

export type SyscallId = {
  readonly id?: number | undefined;
  readonly abi?: string | undefined;
};

export type KprobeArgument = {
  readonly string_arg?: string | undefined;
  readonly int_arg?: number | undefined;
  readonly skb_arg?: KprobeSkb | undefined;
  readonly size_arg?: string | undefined;
  readonly bytes_arg?: Uint8Array | undefined;
  readonly path_arg?: KprobePath | undefined;
  readonly file_arg?: KprobeFile | undefined;
  readonly truncated_bytes_arg?: KprobeTruncatedBytes | undefined;
  readonly sock_arg?: KprobeSock | undefined;
  readonly cred_arg?: KprobeCred | undefined;
  readonly long_arg?: string | undefined;
  readonly bpf_attr_arg?: KprobeBpfAttr | undefined;
  readonly perf_event_arg?: KprobePerfEvent | undefined;
  readonly bpf_map_arg?: KprobeBpfMap | undefined;
  readonly uint_arg?: number | undefined;
  readonly user_namespace_arg?: KprobeUserNamespace | undefined;
  readonly capability_arg?: KprobeCapability | undefined;
  readonly process_credentials_arg?: ProcessCredentials | undefined;
  readonly user_ns_arg?: UserNamespace | undefined;
  readonly module_arg?: KernelModule | undefined;
  readonly kernel_cap_t_arg?: string | undefined;
  readonly cap_inheritable_arg?: string | undefined;
  readonly cap_permitted_arg?: string | undefined;
  readonly cap_effective_arg?: string | undefined;
  readonly linux_binprm_arg?: KprobeLinuxBinprm | undefined;
  readonly net_dev_arg?: KprobeNetDev | undefined;
  readonly bpf_cmd_arg?: BpfCmd | undefined;
  readonly syscall_id?: SyscallId | undefined;
  readonly sockaddr_arg?: KprobeSockaddr | undefined;
  readonly bpf_prog_arg?: KprobeBpfProg | undefined;
  readonly error_arg?: KprobeError | undefined;
  readonly sockaddrun_arg?: KprobeSockaddrUn | undefined;
  readonly label?: string | undefined;
};

export type ProcessKprobe = {
  readonly process?: Process | undefined;
  readonly parent?: Process | undefined;
  readonly function_name?: string | undefined;
  readonly args?: readonly KprobeArgument[] | undefined;
  readonly return?: KprobeArgument | undefined;
  readonly action?: KprobeAction | undefined;
  readonly kernel_stack_trace?: readonly StackTraceEntry[] | undefined;
  readonly policy_name?: string | undefined;
  readonly return_action?: KprobeAction | undefined;
  readonly message?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly user_stack_trace?: readonly StackTraceEntry[] | undefined;
  readonly ancestors?: readonly Process[] | undefined;
  readonly data?: readonly KprobeArgument[] | undefined;
};

export type ProcessTracepoint = {
  readonly process?: Process | undefined;
  readonly parent?: Process | undefined;
  readonly subsys?: string | undefined;
  readonly event?: string | undefined;
  readonly args?: readonly KprobeArgument[] | undefined;
  readonly policy_name?: string | undefined;
  readonly action?: KprobeAction | undefined;
  readonly message?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly ancestors?: readonly Process[] | undefined;
};

export type ProcessUprobe = {
  readonly process?: Process | undefined;
  readonly parent?: Process | undefined;
  readonly path?: string | undefined;
  readonly symbol?: string | undefined;
  readonly policy_name?: string | undefined;
  readonly message?: string | undefined;
  readonly args?: readonly KprobeArgument[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly ancestors?: readonly Process[] | undefined;
  readonly offset?: string | undefined;
  readonly ref_ctr_offset?: string | undefined;
  readonly action?: KprobeAction | undefined;
  readonly data?: readonly KprobeArgument[] | undefined;
};

export type ProcessUsdt = {
  readonly process?: Process | undefined;
  readonly parent?: Process | undefined;
  readonly path?: string | undefined;
  readonly provider?: string | undefined;
  readonly name?: string | undefined;
  readonly policy_name?: string | undefined;
  readonly message?: string | undefined;
  readonly args?: readonly KprobeArgument[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly ancestors?: readonly Process[] | undefined;
  readonly action?: KprobeAction | undefined;
  readonly flags?: string | undefined;
};

export type ProcessLsm = {
  readonly process?: Process | undefined;
  readonly parent?: Process | undefined;
  readonly function_name?: string | undefined;
  readonly policy_name?: string | undefined;
  readonly message?: string | undefined;
  readonly args?: readonly KprobeArgument[] | undefined;
  readonly action?: KprobeAction | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly ancestors?: readonly Process[] | undefined;
  readonly ima_hash?: string | undefined;
};

export type KernelModule = {
  readonly name?: string | undefined;
  readonly signature_ok?: BoolValue | undefined;
  readonly tainted?: readonly TaintedBitsType[] | undefined;
};

export type Test = {
  readonly arg0?: string | undefined;
  readonly arg1?: string | undefined;
  readonly arg2?: string | undefined;
  readonly arg3?: string | undefined;
};

export type GetHealthStatusRequest = {
  readonly event_set?: readonly HealthStatusType[] | undefined;
};

export type HealthStatus = {
  readonly event?: HealthStatusType | undefined;
  readonly status?: HealthStatusResult | undefined;
  readonly details?: string | undefined;
};

export type GetHealthStatusResponse = {
  readonly health_status?: readonly HealthStatus[] | undefined;
  readonly event_counters?: EventCounters | undefined;
  readonly operator?: OperatorConnection | undefined;
  readonly new_pods?: NewPods | undefined;
};

export type NewPods = {
  readonly mode?: string | undefined;
  readonly limit_ms?: number | undefined;
  readonly held_now?: number | undefined;
  readonly held?: string | undefined;
  readonly ran_early?: string | undefined;
};

export type OperatorConnection = {
  readonly address?: string | undefined;
  readonly connected?: boolean | undefined;
  readonly peer?: string | undefined;
  readonly since?: Timestamp | undefined;
  readonly last_error?: string | undefined;
  readonly epoch?: string | undefined;
  readonly source?: string | undefined;
  readonly policies?: number | undefined;
  readonly exceptions?: number | undefined;
  readonly pods?: number | undefined;
  readonly store_problem?: string | undefined;
};

export type EventCounters = {
  readonly exec?: RecordCounters | undefined;
  readonly exit?: RecordCounters | undefined;
  readonly policy?: RecordCounters | undefined;
  readonly readers?: readonly ReaderCounters[] | undefined;
  readonly undecodable?: string | undefined;
  readonly faults?: readonly FaultCounter[] | undefined;
  readonly sessions?: SessionCounters | undefined;
};

export type SessionCounters = {
  readonly announced?: string | undefined;
  readonly matched?: string | undefined;
  readonly ambiguous?: string | undefined;
  readonly unannounced?: string | undefined;
  readonly expired?: string | undefined;
  readonly dropped?: string | undefined;
};

export type FaultCounter = {
  readonly name?: string | undefined;
  readonly count?: string | undefined;
  readonly meaning?: string | undefined;
  readonly advice?: string | undefined;
};

export type RecordCounters = {
  readonly produced?: string | undefined;
  readonly lost_ring_full?: string | undefined;
  readonly lost_memory?: string | undefined;
};

export type ReaderCounters = {
  readonly name?: string | undefined;
  readonly written?: string | undefined;
  readonly dropped?: string | undefined;
  readonly rate_limited?: string | undefined;
};

export type ProcessLoader = {
  readonly process?: Process | undefined;
  readonly path?: string | undefined;
  readonly buildid?: Uint8Array | undefined;
  readonly parent?: Process | undefined;
  readonly ancestors?: readonly Process[] | undefined;
};

export type RuntimeHookRequest = {
  readonly createContainer?: CreateContainer | undefined;
};

export type RuntimeHookResponse = {
};

export type Mount = {
  readonly destination?: string | undefined;
  readonly type?: string | undefined;
  readonly source?: string | undefined;
  readonly options?: readonly string[] | undefined;
};

export type CreateContainer = {
  readonly cgroupsPath?: string | undefined;
  readonly rootDir?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly containerName?: string | undefined;
  readonly containerID?: string | undefined;
  readonly podName?: string | undefined;
  readonly podUID?: string | undefined;
  readonly podNamespace?: string | undefined;
  readonly containerImage?: string | undefined;
  readonly mounts?: readonly Mount[] | undefined;
};

export type StackTraceEntry = {
  readonly address?: string | undefined;
  readonly offset?: string | undefined;
  readonly symbol?: string | undefined;
  readonly module?: string | undefined;
};

export type Filter = {
  readonly binary_regex?: readonly string[] | undefined;
  readonly namespace?: readonly string[] | undefined;
  readonly health_check?: BoolValue | undefined;
  readonly pid?: readonly number[] | undefined;
  readonly pid_set?: readonly number[] | undefined;
  readonly event_set?: readonly EventType[] | undefined;
  readonly pod_regex?: readonly string[] | undefined;
  readonly arguments_regex?: readonly string[] | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly policy_names?: readonly string[] | undefined;
  readonly capabilities?: CapFilter | undefined;
  readonly parent_binary_regex?: readonly string[] | undefined;
  readonly cel_expression?: readonly string[] | undefined;
  readonly parent_arguments_regex?: readonly string[] | undefined;
  readonly container_id?: readonly string[] | undefined;
  readonly in_init_tree?: BoolValue | undefined;
  readonly ancestor_binary_regex?: readonly string[] | undefined;
  readonly container_name_regex?: readonly string[] | undefined;
  readonly namespace_regex?: readonly string[] | undefined;
  readonly user?: readonly string[] | undefined;
};

export type CapFilter = {
  readonly permitted?: CapFilterSet | undefined;
  readonly effective?: CapFilterSet | undefined;
  readonly inheritable?: CapFilterSet | undefined;
};

export type CapFilterSet = {
  readonly any?: readonly CapabilitiesType[] | undefined;
  readonly all?: readonly CapabilitiesType[] | undefined;
  readonly exactly?: readonly CapabilitiesType[] | undefined;
  readonly none?: readonly CapabilitiesType[] | undefined;
};

export type RedactionFilter = {
  readonly match?: readonly Filter[] | undefined;
  readonly redact?: readonly string[] | undefined;
  readonly binary_regex?: readonly string[] | undefined;
};

export type FieldFilter = {
  readonly event_set?: readonly EventType[] | undefined;
  readonly fields?: FieldMask | undefined;
  readonly action?: FieldFilterAction | undefined;
  readonly invert_event_set?: BoolValue | undefined;
};

export type GetEventsRequest = {
  readonly allow_list?: readonly Filter[] | undefined;
  readonly deny_list?: readonly Filter[] | undefined;
  readonly aggregation_options?: AggregationOptions | undefined;
  readonly field_filters?: readonly FieldFilter[] | undefined;
};

export type AggregationOptions = {
  readonly window_size?: Duration | undefined;
  readonly channel_buffer_size?: string | undefined;
};

export type AggregationInfo = {
  readonly count?: string | undefined;
};

export type RateLimitInfo = {
  readonly number_of_dropped_process_events?: string | undefined;
};

export type PolicyFuse = {
  readonly policy_name?: string | undefined;
  readonly policy_namespace?: string | undefined;
  readonly fuse?: string | undefined;
  readonly state?: string | undefined;
};

export type ProcessThrottle = {
  readonly type?: ThrottleType | undefined;
  readonly cgroup?: string | undefined;
};

export type GetEventsResponse = {
  readonly process_exec?: ProcessExec | undefined;
  readonly process_exit?: ProcessExit | undefined;
  readonly process_kprobe?: ProcessKprobe | undefined;
  readonly process_tracepoint?: ProcessTracepoint | undefined;
  readonly process_loader?: ProcessLoader | undefined;
  readonly process_uprobe?: ProcessUprobe | undefined;
  readonly process_throttle?: ProcessThrottle | undefined;
  readonly process_lsm?: ProcessLsm | undefined;
  readonly process_usdt?: ProcessUsdt | undefined;
  readonly test?: Test | undefined;
  readonly rate_limit_info?: RateLimitInfo | undefined;
  readonly policy_fuse?: PolicyFuse | undefined;
  readonly node_name?: string | undefined;
  readonly time?: Timestamp | undefined;
  readonly aggregation_info?: AggregationInfo | undefined;
  readonly cluster_name?: string | undefined;
  readonly node_labels?: Readonly<Record<string, string>> | undefined;
};

export type ListSensorsRequest = {
};

export type SensorStatus = {
  readonly name?: string | undefined;
  readonly enabled?: boolean | undefined;
  readonly collection?: string | undefined;
};

export type ListSensorsResponse = {
  readonly sensors?: readonly SensorStatus[] | undefined;
};

export type ListTracingPoliciesRequest = {
  readonly domain?: string | undefined;
};

export type TracingPolicyActionCounters = {
  readonly post?: string | undefined;
  readonly signal?: string | undefined;
  readonly monitor_signal?: string | undefined;
  readonly override?: string | undefined;
  readonly monitor_override?: string | undefined;
  readonly notify_enforcer?: string | undefined;
  readonly monitor_notify_enforcer?: string | undefined;
  readonly set?: string | undefined;
  readonly monitor_set?: string | undefined;
  readonly nopost?: string | undefined;
  readonly hits?: string | undefined;
  readonly filtered?: string | undefined;
  readonly suppressed_rate_limit?: string | undefined;
  readonly suppressed_budget?: string | undefined;
  readonly lost_ring_full?: string | undefined;
  readonly enforce_failed?: string | undefined;
  readonly lost_memory?: string | undefined;
  readonly unevaluated?: string | undefined;
  readonly missed?: string | undefined;
  readonly unknown_process?: string | undefined;
  readonly unknown_path?: string | undefined;
  readonly unknown_name?: string | undefined;
  readonly unknown_memory?: string | undefined;
  readonly unknown_peer?: string | undefined;
  readonly exempt?: string | undefined;
};

export type TracingPolicySelectorActionCounters = {
  readonly hook?: string | undefined;
  readonly hook_index?: UInt32Value | undefined;
  readonly selector_index?: UInt32Value | undefined;
  readonly action_counters?: TracingPolicyActionCounters | undefined;
  readonly selector_label?: string | undefined;
};

export type TracingPolicyStats = {
  readonly action_counters?: TracingPolicyActionCounters | undefined;
  readonly selector_action_counters?: readonly TracingPolicySelectorActionCounters[] | undefined;
};

export type HookStatus = {
  readonly section?: string | undefined;
  readonly state?: HookState | undefined;
  readonly hook_description?: string | undefined;
  readonly hook_idx?: number | undefined;
};

export type TracingPolicyStatus = {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly info?: string | undefined;
  readonly sensors?: readonly string[] | undefined;
  readonly enabled?: boolean | undefined;
  readonly filter_id?: string | undefined;
  readonly error?: string | undefined;
  readonly state?: TracingPolicyState | undefined;
  readonly kernel_memory_bytes?: string | undefined;
  readonly mode?: TracingPolicyMode | undefined;
  readonly stats?: TracingPolicyStats | undefined;
  readonly domain?: string | undefined;
  readonly hook_statuses?: readonly HookStatus[] | undefined;
  readonly fuse?: FuseStatus | undefined;
};

export type FuseStatus = {
  readonly fuse?: string | undefined;
  readonly blown_at?: string | undefined;
  readonly spared?: string | undefined;
};

export type ListTracingPoliciesResponse = {
  readonly policies?: readonly TracingPolicyStatus[] | undefined;
};

export type AddTracingPolicyRequest = {
  readonly yaml?: string | undefined;
  readonly domain?: string | undefined;
};

export type AddTracingPolicyResponse = {
};

export type DeleteTracingPolicyRequest = {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly domain?: string | undefined;
};

export type DeleteTracingPolicyResponse = {
};

export type EnableTracingPolicyRequest = {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly domain?: string | undefined;
};

export type EnableTracingPolicyResponse = {
};

export type DisableTracingPolicyRequest = {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly domain?: string | undefined;
};

export type DisableTracingPolicyResponse = {
};

export type ConfigureTracingPolicyRequest = {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly enable?: boolean | undefined;
  readonly mode?: TracingPolicyMode | undefined;
  readonly domain?: string | undefined;
  readonly rearm_fuse?: boolean | undefined;
};

export type ConfigureTracingPolicyResponse = {
};

export type RemoveSensorRequest = {
  readonly name?: string | undefined;
};

export type RemoveSensorResponse = {
};

export type EnableSensorRequest = {
  readonly name?: string | undefined;
};

export type EnableSensorResponse = {
};

export type DisableSensorRequest = {
  readonly name?: string | undefined;
};

export type DisableSensorResponse = {
};

export type ListDomainsRequest = {
};

export type ListDomainsResponse = {
  readonly domains?: readonly string[] | undefined;
};

export type GetVersionRequest = {
};

export type GetVersionResponse = {
  readonly version?: string | undefined;
};

export type GetInfoRequest = {
};

export type GetInfoResponse = {
  readonly version?: string | undefined;
  readonly name?: string | undefined;
  readonly probes?: readonly GetInfoResponseProbe[] | undefined;
  readonly conf?: readonly GetInfoResponseConfVal[] | undefined;
  readonly build?: GetInfoResponseBuildInfo | undefined;
};

export type GetInfoResponseProbe = {
  readonly Name?: string | undefined;
  readonly Enabled?: BoolValue | undefined;
};

export type GetInfoResponseConfVal = {
  readonly key?: string | undefined;
  readonly value?: Any | undefined;
};

export type GetInfoResponseBuildInfo = {
  readonly go_version?: string | undefined;
  readonly commit?: string | undefined;
  readonly time?: string | undefined;
  readonly modified?: string | undefined;
};

export type DumpProcessCacheReqArgs = {
  readonly skip_zero_refcnt?: boolean | undefined;
  readonly exclude_execve_map_processes?: boolean | undefined;
};

export type ProcessInternal = {
  readonly process?: Process | undefined;
  readonly color?: string | undefined;
  readonly refcnt?: UInt32Value | undefined;
  readonly refcnt_ops?: Readonly<Record<string, number>> | undefined;
};

export type DumpProcessCacheResArgs = {
  readonly processes?: readonly ProcessInternal[] | undefined;
};

export type GetDebugRequest = {
  readonly flag?: ConfigFlag | undefined;
  readonly dump?: DumpProcessCacheReqArgs | undefined;
};

export type GetDebugResponse = {
  readonly flag?: ConfigFlag | undefined;
  readonly level?: LogLevel | undefined;
  readonly processes?: DumpProcessCacheResArgs | undefined;
};

export type SetDebugRequest = {
  readonly flag?: ConfigFlag | undefined;
  readonly level?: LogLevel | undefined;
};

export type SetDebugResponse = {
  readonly flag?: ConfigFlag | undefined;
  readonly level?: LogLevel | undefined;
};

export type Timestamp = {
  readonly seconds?: string | undefined;
  readonly nanos?: number | undefined;
};

export type DoubleValue = {
  readonly value?: number | undefined;
};

export type FloatValue = {
  readonly value?: number | undefined;
};

export type Int64Value = {
  readonly value?: string | undefined;
};

export type UInt64Value = {
  readonly value?: string | undefined;
};

export type Int32Value = {
  readonly value?: number | undefined;
};

export type UInt32Value = {
  readonly value?: number | undefined;
};

export type BoolValue = {
  readonly value?: boolean | undefined;
};

export type StringValue = {
  readonly value?: string | undefined;
};

export type BytesValue = {
  readonly value?: Uint8Array | undefined;
};

export type Duration = {
  readonly seconds?: string | undefined;
  readonly nanos?: number | undefined;
};

export type FieldMask = {
  readonly paths?: readonly string[] | undefined;
};

export type Any = {
  readonly type_url?: string | undefined;
  readonly value?: Uint8Array | undefined;
};

export type HealthCheckRequest = {
  readonly service?: string | undefined;
};

export type HealthCheckResponse = {
  readonly status?: HealthCheckResponseServingStatus | undefined;
};

/** Full name of each message to its type. */
export type Messages = {
  "tetragon.Image": Image;
  "tetragon.SecurityContext": SecurityContext;
  "tetragon.Container": Container;
  "tetragon.Pod": Pod;
  "tetragon.Capabilities": Capabilities;
  "tetragon.Namespace": Namespace;
  "tetragon.Namespaces": Namespaces;
  "tetragon.UserNamespace": UserNamespace;
  "tetragon.ProcessCredentials": ProcessCredentials;
  "tetragon.InodeProperties": InodeProperties;
  "tetragon.FileProperties": FileProperties;
  "tetragon.BinaryProperties": BinaryProperties;
  "tetragon.UserRecord": UserRecord;
  "tetragon.EnvVar": EnvVar;
  "tetragon.Process": Process;
  "tetragon.Session": Session;
  "tetragon.SessionRequest": SessionRequest;
  "tetragon.ProcessExec": ProcessExec;
  "tetragon.ProcessExit": ProcessExit;
  "tetragon.KprobeSock": KprobeSock;
  "tetragon.KprobeSkb": KprobeSkb;
  "tetragon.KprobeSockaddr": KprobeSockaddr;
  "tetragon.KprobeSockaddrUn": KprobeSockaddrUn;
  "tetragon.KprobeNetDev": KprobeNetDev;
  "tetragon.KprobePath": KprobePath;
  "tetragon.KprobeFile": KprobeFile;
  "tetragon.KprobeTruncatedBytes": KprobeTruncatedBytes;
  "tetragon.KprobeCred": KprobeCred;
  "tetragon.KprobeLinuxBinprm": KprobeLinuxBinprm;
  "tetragon.KprobeCapability": KprobeCapability;
  "tetragon.KprobeUserNamespace": KprobeUserNamespace;
  "tetragon.KprobeBpfAttr": KprobeBpfAttr;
  "tetragon.KprobeBpfProg": KprobeBpfProg;
  "tetragon.KprobePerfEvent": KprobePerfEvent;
  "tetragon.KprobeBpfMap": KprobeBpfMap;
  "tetragon.KprobeError": KprobeError;
  "tetragon.SyscallId": SyscallId;
  "tetragon.KprobeArgument": KprobeArgument;
  "tetragon.ProcessKprobe": ProcessKprobe;
  "tetragon.ProcessTracepoint": ProcessTracepoint;
  "tetragon.ProcessUprobe": ProcessUprobe;
  "tetragon.ProcessUsdt": ProcessUsdt;
  "tetragon.ProcessLsm": ProcessLsm;
  "tetragon.KernelModule": KernelModule;
  "tetragon.Test": Test;
  "tetragon.GetHealthStatusRequest": GetHealthStatusRequest;
  "tetragon.HealthStatus": HealthStatus;
  "tetragon.GetHealthStatusResponse": GetHealthStatusResponse;
  "tetragon.NewPods": NewPods;
  "tetragon.OperatorConnection": OperatorConnection;
  "tetragon.EventCounters": EventCounters;
  "tetragon.SessionCounters": SessionCounters;
  "tetragon.FaultCounter": FaultCounter;
  "tetragon.RecordCounters": RecordCounters;
  "tetragon.ReaderCounters": ReaderCounters;
  "tetragon.ProcessLoader": ProcessLoader;
  "tetragon.RuntimeHookRequest": RuntimeHookRequest;
  "tetragon.RuntimeHookResponse": RuntimeHookResponse;
  "tetragon.Mount": Mount;
  "tetragon.CreateContainer": CreateContainer;
  "tetragon.StackTraceEntry": StackTraceEntry;
  "tetragon.Filter": Filter;
  "tetragon.CapFilter": CapFilter;
  "tetragon.CapFilterSet": CapFilterSet;
  "tetragon.RedactionFilter": RedactionFilter;
  "tetragon.FieldFilter": FieldFilter;
  "tetragon.GetEventsRequest": GetEventsRequest;
  "tetragon.AggregationOptions": AggregationOptions;
  "tetragon.AggregationInfo": AggregationInfo;
  "tetragon.RateLimitInfo": RateLimitInfo;
  "tetragon.PolicyFuse": PolicyFuse;
  "tetragon.ProcessThrottle": ProcessThrottle;
  "tetragon.GetEventsResponse": GetEventsResponse;
  "tetragon.ListSensorsRequest": ListSensorsRequest;
  "tetragon.SensorStatus": SensorStatus;
  "tetragon.ListSensorsResponse": ListSensorsResponse;
  "tetragon.ListTracingPoliciesRequest": ListTracingPoliciesRequest;
  "tetragon.TracingPolicyActionCounters": TracingPolicyActionCounters;
  "tetragon.TracingPolicySelectorActionCounters": TracingPolicySelectorActionCounters;
  "tetragon.TracingPolicyStats": TracingPolicyStats;
  "tetragon.HookStatus": HookStatus;
  "tetragon.TracingPolicyStatus": TracingPolicyStatus;
  "tetragon.FuseStatus": FuseStatus;
  "tetragon.ListTracingPoliciesResponse": ListTracingPoliciesResponse;
  "tetragon.AddTracingPolicyRequest": AddTracingPolicyRequest;
  "tetragon.AddTracingPolicyResponse": AddTracingPolicyResponse;
  "tetragon.DeleteTracingPolicyRequest": DeleteTracingPolicyRequest;
  "tetragon.DeleteTracingPolicyResponse": DeleteTracingPolicyResponse;
  "tetragon.EnableTracingPolicyRequest": EnableTracingPolicyRequest;
  "tetragon.EnableTracingPolicyResponse": EnableTracingPolicyResponse;
  "tetragon.DisableTracingPolicyRequest": DisableTracingPolicyRequest;
  "tetragon.DisableTracingPolicyResponse": DisableTracingPolicyResponse;
  "tetragon.ConfigureTracingPolicyRequest": ConfigureTracingPolicyRequest;
  "tetragon.ConfigureTracingPolicyResponse": ConfigureTracingPolicyResponse;
  "tetragon.RemoveSensorRequest": RemoveSensorRequest;
  "tetragon.RemoveSensorResponse": RemoveSensorResponse;
  "tetragon.EnableSensorRequest": EnableSensorRequest;
  "tetragon.EnableSensorResponse": EnableSensorResponse;
  "tetragon.DisableSensorRequest": DisableSensorRequest;
  "tetragon.DisableSensorResponse": DisableSensorResponse;
  "tetragon.ListDomainsRequest": ListDomainsRequest;
  "tetragon.ListDomainsResponse": ListDomainsResponse;
  "tetragon.GetVersionRequest": GetVersionRequest;
  "tetragon.GetVersionResponse": GetVersionResponse;
  "tetragon.GetInfoRequest": GetInfoRequest;
  "tetragon.GetInfoResponse": GetInfoResponse;
  "tetragon.GetInfoResponse.Probe": GetInfoResponseProbe;
  "tetragon.GetInfoResponse.ConfVal": GetInfoResponseConfVal;
  "tetragon.GetInfoResponse.BuildInfo": GetInfoResponseBuildInfo;
  "tetragon.DumpProcessCacheReqArgs": DumpProcessCacheReqArgs;
  "tetragon.ProcessInternal": ProcessInternal;
  "tetragon.DumpProcessCacheResArgs": DumpProcessCacheResArgs;
  "tetragon.GetDebugRequest": GetDebugRequest;
  "tetragon.GetDebugResponse": GetDebugResponse;
  "tetragon.SetDebugRequest": SetDebugRequest;
  "tetragon.SetDebugResponse": SetDebugResponse;
  "google.protobuf.Timestamp": Timestamp;
  "google.protobuf.DoubleValue": DoubleValue;
  "google.protobuf.FloatValue": FloatValue;
  "google.protobuf.Int64Value": Int64Value;
  "google.protobuf.UInt64Value": UInt64Value;
  "google.protobuf.Int32Value": Int32Value;
  "google.protobuf.UInt32Value": UInt32Value;
  "google.protobuf.BoolValue": BoolValue;
  "google.protobuf.StringValue": StringValue;
  "google.protobuf.BytesValue": BytesValue;
  "google.protobuf.Duration": Duration;
  "google.protobuf.FieldMask": FieldMask;
  "google.protobuf.Any": Any;
  "grpc.health.v1.HealthCheckRequest": HealthCheckRequest;
  "grpc.health.v1.HealthCheckResponse": HealthCheckResponse;
};
