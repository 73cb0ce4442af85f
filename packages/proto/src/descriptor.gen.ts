// SPDX-License-Identifier: Apache-2.0
// Generated from proto/ by scripts/generate.ts; do not edit.

export const descriptor: Readonly<Record<string, object>> = {
 "nested": {
  "tetragon": {
   "nested": {
    "CapabilitiesType": {
     "values": {
      "CAP_CHOWN": 0,
      "DAC_OVERRIDE": 1,
      "CAP_DAC_READ_SEARCH": 2,
      "CAP_FOWNER": 3,
      "CAP_FSETID": 4,
      "CAP_KILL": 5,
      "CAP_SETGID": 6,
      "CAP_SETUID": 7,
      "CAP_SETPCAP": 8,
      "CAP_LINUX_IMMUTABLE": 9,
      "CAP_NET_BIND_SERVICE": 10,
      "CAP_NET_BROADCAST": 11,
      "CAP_NET_ADMIN": 12,
      "CAP_NET_RAW": 13,
      "CAP_IPC_LOCK": 14,
      "CAP_IPC_OWNER": 15,
      "CAP_SYS_MODULE": 16,
      "CAP_SYS_RAWIO": 17,
      "CAP_SYS_CHROOT": 18,
      "CAP_SYS_PTRACE": 19,
      "CAP_SYS_PACCT": 20,
      "CAP_SYS_ADMIN": 21,
      "CAP_SYS_BOOT": 22,
      "CAP_SYS_NICE": 23,
      "CAP_SYS_RESOURCE": 24,
      "CAP_SYS_TIME": 25,
      "CAP_SYS_TTY_CONFIG": 26,
      "CAP_MKNOD": 27,
      "CAP_LEASE": 28,
      "CAP_AUDIT_WRITE": 29,
      "CAP_AUDIT_CONTROL": 30,
      "CAP_SETFCAP": 31,
      "CAP_MAC_OVERRIDE": 32,
      "CAP_MAC_ADMIN": 33,
      "CAP_SYSLOG": 34,
      "CAP_WAKE_ALARM": 35,
      "CAP_BLOCK_SUSPEND": 36,
      "CAP_AUDIT_READ": 37,
      "CAP_PERFMON": 38,
      "CAP_BPF": 39,
      "CAP_CHECKPOINT_RESTORE": 40
     }
    },
    "SecureBitsType": {
     "values": {
      "SecBitNotSet": 0,
      "SecBitNoRoot": 1,
      "SecBitNoRootLocked": 2,
      "SecBitNoSetUidFixup": 4,
      "SecBitNoSetUidFixupLocked": 8,
      "SecBitKeepCaps": 16,
      "SecBitKeepCapsLocked": 32,
      "SecBitNoCapAmbientRaise": 64,
      "SecBitNoCapAmbientRaiseLocked": 128
     }
    },
    "ProcessPrivilegesChanged": {
     "values": {
      "PRIVILEGES_CHANGED_UNSET": 0,
      "PRIVILEGES_RAISED_EXEC_FILE_CAP": 1,
      "PRIVILEGES_RAISED_EXEC_FILE_SETUID": 2,
      "PRIVILEGES_RAISED_EXEC_FILE_SETGID": 3
     }
    },
    "BpfCmd": {
     "values": {
      "BPF_MAP_CREATE": 0,
      "BPF_MAP_LOOKUP_ELEM": 1,
      "BPF_MAP_UPDATE_ELEM": 2,
      "BPF_MAP_DELETE_ELEM": 3,
      "BPF_MAP_GET_NEXT_KEY": 4,
      "BPF_PROG_LOAD": 5,
      "BPF_OBJ_PIN": 6,
      "BPF_OBJ_GET": 7,
      "BPF_PROG_ATTACH": 8,
      "BPF_PROG_DETACH": 9,
      "BPF_PROG_TEST_RUN": 10,
      "BPF_PROG_GET_NEXT_ID": 11,
      "BPF_MAP_GET_NEXT_ID": 12,
      "BPF_PROG_GET_FD_BY_ID": 13,
      "BPF_MAP_GET_FD_BY_ID": 14,
      "BPF_OBJ_GET_INFO_BY_FD": 15,
      "BPF_PROG_QUERY": 16,
      "BPF_RAW_TRACEPOINT_OPEN": 17,
      "BPF_BTF_LOAD": 18,
      "BPF_BTF_GET_FD_BY_ID": 19,
      "BPF_TASK_FD_QUERY": 20,
      "BPF_MAP_LOOKUP_AND_DELETE_ELEM": 21,
      "BPF_MAP_FREEZE": 22,
      "BPF_BTF_GET_NEXT_ID": 23,
      "BPF_MAP_LOOKUP_BATCH": 24,
      "BPF_MAP_LOOKUP_AND_DELETE_BATCH": 25,
      "BPF_MAP_UPDATE_BATCH": 26,
      "BPF_MAP_DELETE_BATCH": 27,
      "BPF_LINK_CREATE": 28,
      "BPF_LINK_UPDATE": 29,
      "BPF_LINK_GET_FD_BY_ID": 30,
      "BPF_LINK_GET_NEXT_ID": 31,
      "BPF_ENABLE_STATS": 32,
      "BPF_ITER_CREATE": 33,
      "BPF_LINK_DETACH": 34,
      "BPF_PROG_BIND_MAP": 35,
      "BPF_TOKEN_CREATE": 36
     }
    },
    "BpfProgramType": {
     "values": {
      "BPF_PROG_TYPE_UNSPEC": 0,
      "BPF_PROG_TYPE_SOCKET_FILTER": 1,
      "BPF_PROG_TYPE_KPROBE": 2,
      "BPF_PROG_TYPE_SCHED_CLS": 3,
      "BPF_PROG_TYPE_SCHED_ACT": 4,
      "BPF_PROG_TYPE_TRACEPOINT": 5,
      "BPF_PROG_TYPE_XDP": 6,
      "BPF_PROG_TYPE_PERF_EVENT": 7,
      "BPF_PROG_TYPE_CGROUP_SKB": 8,
      "BPF_PROG_TYPE_CGROUP_SOCK": 9,
      "BPF_PROG_TYPE_LWT_IN": 10,
      "BPF_PROG_TYPE_LWT_OUT": 11,
      "BPF_PROG_TYPE_LWT_XMIT": 12,
      "BPF_PROG_TYPE_SOCK_OPS": 13,
      "BPF_PROG_TYPE_SK_SKB": 14,
      "BPF_PROG_TYPE_CGROUP_DEVICE": 15,
      "BPF_PROG_TYPE_SK_MSG": 16,
      "BPF_PROG_TYPE_RAW_TRACEPOINT": 17,
      "BPF_PROG_TYPE_CGROUP_SOCK_ADDR": 18,
      "BPF_PROG_TYPE_LWT_SEG6LOCAL": 19,
      "BPF_PROG_TYPE_LIRC_MODE2": 20,
      "BPF_PROG_TYPE_SK_REUSEPORT": 21,
      "BPF_PROG_TYPE_FLOW_DISSECTOR": 22,
      "BPF_PROG_TYPE_CGROUP_SYSCTL": 23,
      "BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE": 24,
      "BPF_PROG_TYPE_CGROUP_SOCKOPT": 25,
      "BPF_PROG_TYPE_TRACING": 26,
      "BPF_PROG_TYPE_STRUCT_OPS": 27,
      "BPF_PROG_TYPE_EXT": 28,
      "BPF_PROG_TYPE_LSM": 29,
      "BPF_PROG_TYPE_SK_LOOKUP": 30,
      "BPF_PROG_TYPE_SYSCALL": 31,
      "BPF_PROG_TYPE_NETFILTER": 32
     }
    },
    "Image": {
     "fields": {
      "id": {
       "type": "string",
       "id": 1
      },
      "name": {
       "type": "string",
       "id": 2
      }
     }
    },
    "SecurityContext": {
     "fields": {
      "privileged": {
       "type": "bool",
       "id": 1
      }
     }
    },
    "Container": {
     "fields": {
      "id": {
       "type": "string",
       "id": 1
      },
      "name": {
       "type": "string",
       "id": 2
      },
      "image": {
       "type": "Image",
       "id": 3
      },
      "start_time": {
       "type": "google.protobuf.Timestamp",
       "id": 4
      },
      "pid": {
       "type": "google.protobuf.UInt32Value",
       "id": 5
      },
      "maybe_exec_probe": {
       "type": "bool",
       "id": 13
      },
      "security_context": {
       "type": "SecurityContext",
       "id": 14
      }
     }
    },
    "Pod": {
     "fields": {
      "namespace": {
       "type": "string",
       "id": 1
      },
      "name": {
       "type": "string",
       "id": 2
      },
      "uid": {
       "type": "string",
       "id": 3
      },
      "container": {
       "type": "Container",
       "id": 4
      },
      "pod_labels": {
       "keyType": "string",
       "type": "string",
       "id": 5
      },
      "workload": {
       "type": "string",
       "id": 6
      },
      "workload_kind": {
       "type": "string",
       "id": 7
      },
      "pod_annotations": {
       "keyType": "string",
       "type": "string",
       "id": 8
      }
     }
    },
    "Capabilities": {
     "fields": {
      "permitted": {
       "rule": "repeated",
       "type": "CapabilitiesType",
       "id": 1
      },
      "effective": {
       "rule": "repeated",
       "type": "CapabilitiesType",
       "id": 2
      },
      "inheritable": {
       "rule": "repeated",
       "type": "CapabilitiesType",
       "id": 3
      }
     }
    },
    "Namespace": {
     "fields": {
      "inum": {
       "type": "uint32",
       "id": 1
      },
      "is_host": {
       "type": "bool",
       "id": 2
      }
     }
    },
    "Namespaces": {
     "fields": {
      "uts": {
       "type": "Namespace",
       "id": 1
      },
      "ipc": {
       "type": "Namespace",
       "id": 2
      },
      "mnt": {
       "type": "Namespace",
       "id": 3
      },
      "pid": {
       "type": "Namespace",
       "id": 4
      },
      "pid_for_children": {
       "type": "Namespace",
       "id": 5
      },
      "net": {
       "type": "Namespace",
       "id": 6
      },
      "time": {
       "type": "Namespace",
       "id": 7
      },
      "time_for_children": {
       "type": "Namespace",
       "id": 8
      },
      "cgroup": {
       "type": "Namespace",
       "id": 9
      },
      "user": {
       "type": "Namespace",
       "id": 10
      }
     }
    },
    "UserNamespace": {
     "fields": {
      "level": {
       "type": "google.protobuf.Int32Value",
       "id": 1
      },
      "uid": {
       "type": "google.protobuf.UInt32Value",
       "id": 2
      },
      "gid": {
       "type": "google.protobuf.UInt32Value",
       "id": 3
      },
      "ns": {
       "type": "Namespace",
       "id": 4
      }
     }
    },
    "ProcessCredentials": {
     "fields": {
      "uid": {
       "type": "google.protobuf.UInt32Value",
       "id": 1
      },
      "gid": {
       "type": "google.protobuf.UInt32Value",
       "id": 2
      },
      "euid": {
       "type": "google.protobuf.UInt32Value",
       "id": 3
      },
      "egid": {
       "type": "google.protobuf.UInt32Value",
       "id": 4
      },
      "suid": {
       "type": "google.protobuf.UInt32Value",
       "id": 5
      },
      "sgid": {
       "type": "google.protobuf.UInt32Value",
       "id": 6
      },
      "fsuid": {
       "type": "google.protobuf.UInt32Value",
       "id": 7
      },
      "fsgid": {
       "type": "google.protobuf.UInt32Value",
       "id": 8
      },
      "securebits": {
       "rule": "repeated",
       "type": "SecureBitsType",
       "id": 9
      },
      "caps": {
       "type": "Capabilities",
       "id": 10
      },
      "user_ns": {
       "type": "UserNamespace",
       "id": 11
      }
     }
    },
    "InodeProperties": {
     "fields": {
      "number": {
       "type": "uint64",
       "id": 1
      },
      "links": {
       "type": "google.protobuf.UInt32Value",
       "id": 2
      }
     }
    },
    "FileProperties": {
     "fields": {
      "inode": {
       "type": "InodeProperties",
       "id": 1
      },
      "path": {
       "type": "string",
       "id": 2
      }
     }
    },
    "BinaryProperties": {
     "fields": {
      "setuid": {
       "type": "google.protobuf.UInt32Value",
       "id": 1
      },
      "setgid": {
       "type": "google.protobuf.UInt32Value",
       "id": 2
      },
      "privileges_changed": {
       "rule": "repeated",
       "type": "ProcessPrivilegesChanged",
       "id": 3
      },
      "file": {
       "type": "FileProperties",
       "id": 4
      }
     }
    },
    "UserRecord": {
     "fields": {
      "name": {
       "type": "string",
       "id": 1
      }
     }
    },
    "EnvVar": {
     "fields": {
      "Key": {
       "type": "string",
       "id": 1
      },
      "Value": {
       "type": "string",
       "id": 2
      }
     }
    },
    "Process": {
     "fields": {
      "exec_id": {
       "type": "string",
       "id": 1
      },
      "pid": {
       "type": "google.protobuf.UInt32Value",
       "id": 2
      },
      "uid": {
       "type": "google.protobuf.UInt32Value",
       "id": 3
      },
      "cwd": {
       "type": "string",
       "id": 4
      },
      "binary": {
       "type": "string",
       "id": 5
      },
      "arguments": {
       "type": "string",
       "id": 6
      },
      "flags": {
       "type": "string",
       "id": 7
      },
      "start_time": {
       "type": "google.protobuf.Timestamp",
       "id": 8
      },
      "auid": {
       "type": "google.protobuf.UInt32Value",
       "id": 9
      },
      "pod": {
       "type": "Pod",
       "id": 10
      },
      "docker": {
       "type": "string",
       "id": 11
      },
      "parent_exec_id": {
       "type": "string",
       "id": 12
      },
      "refcnt": {
       "type": "uint32",
       "id": 13
      },
      "cap": {
       "type": "Capabilities",
       "id": 14
      },
      "ns": {
       "type": "Namespaces",
       "id": 15
      },
      "tid": {
       "type": "google.protobuf.UInt32Value",
       "id": 16
      },
      "process_credentials": {
       "type": "ProcessCredentials",
       "id": 17
      },
      "binary_properties": {
       "type": "BinaryProperties",
       "id": 18
      },
      "user": {
       "type": "UserRecord",
       "id": 19
      },
      "in_init_tree": {
       "type": "google.protobuf.BoolValue",
       "id": 20
      },
      "environment_variables": {
       "rule": "repeated",
       "type": "EnvVar",
       "id": 21
      }
     }
    },
    "ProcessExec": {
     "fields": {
      "process": {
       "type": "Process",
       "id": 1
      },
      "parent": {
       "type": "Process",
       "id": 2
      },
      "ancestors": {
       "rule": "repeated",
       "type": "Process",
       "id": 3
      }
     }
    },
    "ProcessExit": {
     "fields": {
      "process": {
       "type": "Process",
       "id": 1
      },
      "parent": {
       "type": "Process",
       "id": 2
      },
      "signal": {
       "type": "string",
       "id": 3
      },
      "status": {
       "type": "uint32",
       "id": 4
      },
      "time": {
       "type": "google.protobuf.Timestamp",
       "id": 5
      },
      "ancestors": {
       "rule": "repeated",
       "type": "Process",
       "id": 6
      }
     }
    },
    "KprobeSock": {
     "fields": {
      "family": {
       "type": "string",
       "id": 1
      },
      "type": {
       "type": "string",
       "id": 2
      },
      "protocol": {
       "type": "string",
       "id": 3
      },
      "mark": {
       "type": "uint32",
       "id": 4
      },
      "priority": {
       "type": "uint32",
       "id": 5
      },
      "saddr": {
       "type": "string",
       "id": 6
      },
      "daddr": {
       "type": "string",
       "id": 7
      },
      "sport": {
       "type": "uint32",
       "id": 8
      },
      "dport": {
       "type": "uint32",
       "id": 9
      },
      "cookie": {
       "type": "uint64",
       "id": 10
      },
      "state": {
       "type": "string",
       "id": 11
      }
     }
    },
    "KprobeSkb": {
     "fields": {
      "hash": {
       "type": "uint32",
       "id": 1
      },
      "len": {
       "type": "uint32",
       "id": 2
      },
      "priority": {
       "type": "uint32",
       "id": 3
      },
      "mark": {
       "type": "uint32",
       "id": 4
      },
      "saddr": {
       "type": "string",
       "id": 5
      },
      "daddr": {
       "type": "string",
       "id": 6
      },
      "sport": {
       "type": "uint32",
       "id": 7
      },
      "dport": {
       "type": "uint32",
       "id": 8
      },
      "proto": {
       "type": "uint32",
       "id": 9
      },
      "sec_path_len": {
       "type": "uint32",
       "id": 10
      },
      "sec_path_olen": {
       "type": "uint32",
       "id": 11
      },
      "protocol": {
       "type": "string",
       "id": 12
      },
      "family": {
       "type": "string",
       "id": 13
      }
     }
    },
    "KprobeSockaddr": {
     "fields": {
      "family": {
       "type": "string",
       "id": 1
      },
      "addr": {
       "type": "string",
       "id": 2
      },
      "port": {
       "type": "uint32",
       "id": 3
      }
     }
    },
    "KprobeSockaddrUn": {
     "fields": {
      "family": {
       "type": "string",
       "id": 1
      },
      "path": {
       "type": "string",
       "id": 2
      }
     }
    },
    "KprobeNetDev": {
     "fields": {
      "name": {
       "type": "string",
       "id": 1
      }
     }
    },
    "KprobePath": {
     "fields": {
      "mount": {
       "type": "string",
       "id": 1
      },
      "path": {
       "type": "string",
       "id": 2
      },
      "flags": {
       "type": "string",
       "id": 3
      },
      "permission": {
       "type": "string",
       "id": 4
      }
     }
    },
    "KprobeFile": {
     "fields": {
      "mount": {
       "type": "string",
       "id": 1
      },
      "path": {
       "type": "string",
       "id": 2
      },
      "flags": {
       "type": "string",
       "id": 3
      },
      "permission": {
       "type": "string",
       "id": 4
      }
     }
    },
    "KprobeTruncatedBytes": {
     "fields": {
      "bytes_arg": {
       "type": "bytes",
       "id": 1
      },
      "orig_size": {
       "type": "uint64",
       "id": 2
      }
     }
    },
    "KprobeCred": {
     "fields": {
      "permitted": {
       "rule": "repeated",
       "type": "CapabilitiesType",
       "id": 1
      },
      "effective": {
       "rule": "repeated",
       "type": "CapabilitiesType",
       "id": 2
      },
      "inheritable": {
       "rule": "repeated",
       "type": "CapabilitiesType",
       "id": 3
      }
     }
    },
    "KprobeLinuxBinprm": {
     "fields": {
      "path": {
       "type": "string",
       "id": 1
      },
      "flags": {
       "type": "string",
       "id": 2
      },
      "permission": {
       "type": "string",
       "id": 3
      }
     }
    },
    "KprobeCapability": {
     "fields": {
      "value": {
       "type": "google.protobuf.Int32Value",
       "id": 1
      },
      "name": {
       "type": "string",
       "id": 2
      }
     }
    },
    "KprobeUserNamespace": {
     "fields": {
      "level": {
       "type": "google.protobuf.Int32Value",
       "id": 1
      },
      "owner": {
       "type": "google.protobuf.UInt32Value",
       "id": 2
      },
      "group": {
       "type": "google.protobuf.UInt32Value",
       "id": 3
      },
      "ns": {
       "type": "Namespace",
       "id": 4
      }
     }
    },
    "KprobeBpfAttr": {
     "fields": {
      "ProgType": {
       "type": "string",
       "id": 1
      },
      "InsnCnt": {
       "type": "uint32",
       "id": 2
      },
      "ProgName": {
       "type": "string",
       "id": 3
      }
     }
    },
    "KprobeBpfProg": {
     "fields": {
      "ProgType": {
       "type": "string",
       "id": 1
      },
      "InsnCnt": {
       "type": "uint32",
       "id": 2
      },
      "ProgName": {
       "type": "string",
       "id": 3
      }
     }
    },
    "KprobePerfEvent": {
     "fields": {
      "KprobeFunc": {
       "type": "string",
       "id": 1
      },
      "Type": {
       "type": "string",
       "id": 2
      },
      "Config": {
       "type": "uint64",
       "id": 3
      },
      "ProbeOffset": {
       "type": "uint64",
       "id": 4
      }
     }
    },
    "KprobeBpfMap": {
     "fields": {
      "MapType": {
       "type": "string",
       "id": 1
      },
      "KeySize": {
       "type": "uint32",
       "id": 2
      },
      "ValueSize": {
       "type": "uint32",
       "id": 3
      },
      "MaxEntries": {
       "type": "uint32",
       "id": 4
      },
      "MapName": {
       "type": "string",
       "id": 5
      }
     }
    },
    "KprobeError": {
     "fields": {
      "Message": {
       "type": "string",
       "id": 1
      }
     }
    },
    "SyscallId": {
     "fields": {
      "id": {
       "type": "uint32",
       "id": 1
      },
      "abi": {
       "type": "string",
       "id": 2
      }
     }
    },
    "KprobeArgument": {
     "oneofs": {
      "arg": {
       "oneof": [
        "string_arg",
        "int_arg",
        "skb_arg",
        "size_arg",
        "bytes_arg",
        "path_arg",
        "file_arg",
        "truncated_bytes_arg",
        "sock_arg",
        "cred_arg",
        "long_arg",
        "bpf_attr_arg",
        "perf_event_arg",
        "bpf_map_arg",
        "uint_arg",
        "user_namespace_arg",
        "capability_arg",
        "process_credentials_arg",
        "user_ns_arg",
        "module_arg",
        "kernel_cap_t_arg",
        "cap_inheritable_arg",
        "cap_permitted_arg",
        "cap_effective_arg",
        "linux_binprm_arg",
        "net_dev_arg",
        "bpf_cmd_arg",
        "syscall_id",
        "sockaddr_arg",
        "bpf_prog_arg",
        "error_arg",
        "sockaddrun_arg"
       ]
      }
     },
     "fields": {
      "string_arg": {
       "type": "string",
       "id": 1
      },
      "int_arg": {
       "type": "int32",
       "id": 2
      },
      "skb_arg": {
       "type": "KprobeSkb",
       "id": 3
      },
      "size_arg": {
       "type": "uint64",
       "id": 4
      },
      "bytes_arg": {
       "type": "bytes",
       "id": 5
      },
      "path_arg": {
       "type": "KprobePath",
       "id": 6
      },
      "file_arg": {
       "type": "KprobeFile",
       "id": 7
      },
      "truncated_bytes_arg": {
       "type": "KprobeTruncatedBytes",
       "id": 8
      },
      "sock_arg": {
       "type": "KprobeSock",
       "id": 9
      },
      "cred_arg": {
       "type": "KprobeCred",
       "id": 10
      },
      "long_arg": {
       "type": "int64",
       "id": 11
      },
      "bpf_attr_arg": {
       "type": "KprobeBpfAttr",
       "id": 12
      },
      "perf_event_arg": {
       "type": "KprobePerfEvent",
       "id": 13
      },
      "bpf_map_arg": {
       "type": "KprobeBpfMap",
       "id": 14
      },
      "uint_arg": {
       "type": "uint32",
       "id": 15
      },
      "user_namespace_arg": {
       "type": "KprobeUserNamespace",
       "id": 16
      },
      "capability_arg": {
       "type": "KprobeCapability",
       "id": 17
      },
      "process_credentials_arg": {
       "type": "ProcessCredentials",
       "id": 19
      },
      "user_ns_arg": {
       "type": "UserNamespace",
       "id": 20
      },
      "module_arg": {
       "type": "KernelModule",
       "id": 21
      },
      "kernel_cap_t_arg": {
       "type": "string",
       "id": 22
      },
      "cap_inheritable_arg": {
       "type": "string",
       "id": 23
      },
      "cap_permitted_arg": {
       "type": "string",
       "id": 24
      },
      "cap_effective_arg": {
       "type": "string",
       "id": 25
      },
      "linux_binprm_arg": {
       "type": "KprobeLinuxBinprm",
       "id": 26
      },
      "net_dev_arg": {
       "type": "KprobeNetDev",
       "id": 27
      },
      "bpf_cmd_arg": {
       "type": "BpfCmd",
       "id": 28
      },
      "syscall_id": {
       "type": "SyscallId",
       "id": 29
      },
      "sockaddr_arg": {
       "type": "KprobeSockaddr",
       "id": 30
      },
      "bpf_prog_arg": {
       "type": "KprobeBpfProg",
       "id": 31
      },
      "error_arg": {
       "type": "KprobeError",
       "id": 32
      },
      "sockaddrun_arg": {
       "type": "KprobeSockaddrUn",
       "id": 33
      },
      "label": {
       "type": "string",
       "id": 18
      }
     }
    },
    "KprobeAction": {
     "values": {
      "KPROBE_ACTION_UNKNOWN": 0,
      "KPROBE_ACTION_POST": 1,
      "KPROBE_ACTION_FOLLOWFD": 2,
      "KPROBE_ACTION_SIGKILL": 3,
      "KPROBE_ACTION_UNFOLLOWFD": 4,
      "KPROBE_ACTION_OVERRIDE": 5,
      "KPROBE_ACTION_COPYFD": 6,
      "KPROBE_ACTION_GETURL": 7,
      "KPROBE_ACTION_DNSLOOKUP": 8,
      "KPROBE_ACTION_NOPOST": 9,
      "KPROBE_ACTION_SIGNAL": 10,
      "KPROBE_ACTION_TRACKSOCK": 11,
      "KPROBE_ACTION_UNTRACKSOCK": 12,
      "KPROBE_ACTION_NOTIFYENFORCER": 13,
      "KPROBE_ACTION_CLEANUPENFORCERNOTIFICATION": 14,
      "KPROBE_ACTION_SET": 15
     }
    },
    "ProcessKprobe": {
     "fields": {
      "process": {
       "type": "Process",
       "id": 1
      },
      "parent": {
       "type": "Process",
       "id": 2
      },
      "function_name": {
       "type": "string",
       "id": 3
      },
      "args": {
       "rule": "repeated",
       "type": "KprobeArgument",
       "id": 4
      },
      "return": {
       "type": "KprobeArgument",
       "id": 5
      },
      "action": {
       "type": "KprobeAction",
       "id": 6
      },
      "kernel_stack_trace": {
       "rule": "repeated",
       "type": "StackTraceEntry",
       "id": 7
      },
      "policy_name": {
       "type": "string",
       "id": 8
      },
      "return_action": {
       "type": "KprobeAction",
       "id": 9
      },
      "message": {
       "type": "string",
       "id": 10
      },
      "tags": {
       "rule": "repeated",
       "type": "string",
       "id": 11
      },
      "user_stack_trace": {
       "rule": "repeated",
       "type": "StackTraceEntry",
       "id": 12
      },
      "ancestors": {
       "rule": "repeated",
       "type": "Process",
       "id": 13
      },
      "data": {
       "rule": "repeated",
       "type": "KprobeArgument",
       "id": 14
      }
     }
    },
    "ProcessTracepoint": {
     "fields": {
      "process": {
       "type": "Process",
       "id": 1
      },
      "parent": {
       "type": "Process",
       "id": 2
      },
      "subsys": {
       "type": "string",
       "id": 4
      },
      "event": {
       "type": "string",
       "id": 5
      },
      "args": {
       "rule": "repeated",
       "type": "KprobeArgument",
       "id": 6
      },
      "policy_name": {
       "type": "string",
       "id": 7
      },
      "action": {
       "type": "KprobeAction",
       "id": 8
      },
      "message": {
       "type": "string",
       "id": 9
      },
      "tags": {
       "rule": "repeated",
       "type": "string",
       "id": 10
      },
      "ancestors": {
       "rule": "repeated",
       "type": "Process",
       "id": 11
      }
     }
    },
    "ProcessUprobe": {
     "fields": {
      "process": {
       "type": "Process",
       "id": 1
      },
      "parent": {
       "type": "Process",
       "id": 2
      },
      "path": {
       "type": "string",
       "id": 3
      },
      "symbol": {
       "type": "string",
       "id": 4
      },
      "policy_name": {
       "type": "string",
       "id": 5
      },
      "message": {
       "type": "string",
       "id": 6
      },
      "args": {
       "rule": "repeated",
       "type": "KprobeArgument",
       "id": 7
      },
      "tags": {
       "rule": "repeated",
       "type": "string",
       "id": 8
      },
      "ancestors": {
       "rule": "repeated",
       "type": "Process",
       "id": 9
      },
      "offset": {
       "type": "uint64",
       "id": 10
      },
      "ref_ctr_offset": {
       "type": "uint64",
       "id": 11
      },
      "action": {
       "type": "KprobeAction",
       "id": 12
      },
      "data": {
       "rule": "repeated",
       "type": "KprobeArgument",
       "id": 13
      }
     }
    },
    "ProcessUsdt": {
     "fields": {
      "process": {
       "type": "Process",
       "id": 1
      },
      "parent": {
       "type": "Process",
       "id": 2
      },
      "path": {
       "type": "string",
       "id": 3
      },
      "provider": {
       "type": "string",
       "id": 4
      },
      "name": {
       "type": "string",
       "id": 5
      },
      "policy_name": {
       "type": "string",
       "id": 6
      },
      "message": {
       "type": "string",
       "id": 7
      },
      "args": {
       "rule": "repeated",
       "type": "KprobeArgument",
       "id": 8
      },
      "tags": {
       "rule": "repeated",
       "type": "string",
       "id": 9
      },
      "ancestors": {
       "rule": "repeated",
       "type": "Process",
       "id": 10
      },
      "action": {
       "type": "KprobeAction",
       "id": 11
      },
      "flags": {
       "type": "string",
       "id": 12
      }
     }
    },
    "ProcessLsm": {
     "fields": {
      "process": {
       "type": "Process",
       "id": 1
      },
      "parent": {
       "type": "Process",
       "id": 2
      },
      "function_name": {
       "type": "string",
       "id": 3
      },
      "policy_name": {
       "type": "string",
       "id": 5
      },
      "message": {
       "type": "string",
       "id": 6
      },
      "args": {
       "rule": "repeated",
       "type": "KprobeArgument",
       "id": 7
      },
      "action": {
       "type": "KprobeAction",
       "id": 8
      },
      "tags": {
       "rule": "repeated",
       "type": "string",
       "id": 9
      },
      "ancestors": {
       "rule": "repeated",
       "type": "Process",
       "id": 10
      },
      "ima_hash": {
       "type": "string",
       "id": 11
      }
     }
    },
    "KernelModule": {
     "fields": {
      "name": {
       "type": "string",
       "id": 1
      },
      "signature_ok": {
       "type": "google.protobuf.BoolValue",
       "id": 2
      },
      "tainted": {
       "rule": "repeated",
       "type": "TaintedBitsType",
       "id": 3
      }
     }
    },
    "Test": {
     "fields": {
      "arg0": {
       "type": "uint64",
       "id": 1
      },
      "arg1": {
       "type": "uint64",
       "id": 2
      },
      "arg2": {
       "type": "uint64",
       "id": 3
      },
      "arg3": {
       "type": "uint64",
       "id": 4
      }
     }
    },
    "HealthStatusType": {
     "values": {
      "HEALTH_STATUS_TYPE_UNDEF": 0,
      "HEALTH_STATUS_TYPE_STATUS": 1
     }
    },
    "HealthStatusResult": {
     "values": {
      "HEALTH_STATUS_UNDEF": 0,
      "HEALTH_STATUS_RUNNING": 1,
      "HEALTH_STATUS_STOPPED": 2,
      "HEALTH_STATUS_ERROR": 3
     }
    },
    "GetHealthStatusRequest": {
     "fields": {
      "event_set": {
       "rule": "repeated",
       "type": "HealthStatusType",
       "id": 1
      }
     }
    },
    "TaintedBitsType": {
     "values": {
      "TAINT_UNSET": 0,
      "TAINT_PROPRIETARY_MODULE": 1,
      "TAINT_FORCED_MODULE": 2,
      "TAINT_FORCED_UNLOAD_MODULE": 4,
      "TAINT_STAGED_MODULE": 1024,
      "TAINT_OUT_OF_TREE_MODULE": 4096,
      "TAINT_UNSIGNED_MODULE": 8192,
      "TAINT_KERNEL_LIVE_PATCH_MODULE": 32768,
      "TAINT_TEST_MODULE": 262144
     }
    },
    "HealthStatus": {
     "fields": {
      "event": {
       "type": "HealthStatusType",
       "id": 1
      },
      "status": {
       "type": "HealthStatusResult",
       "id": 2
      },
      "details": {
       "type": "string",
       "id": 3
      }
     }
    },
    "GetHealthStatusResponse": {
     "fields": {
      "health_status": {
       "rule": "repeated",
       "type": "HealthStatus",
       "id": 1
      },
      "event_counters": {
       "type": "EventCounters",
       "id": 1001
      },
      "operator": {
       "type": "OperatorConnection",
       "id": 1002
      }
     }
    },
    "OperatorConnection": {
     "fields": {
      "address": {
       "type": "string",
       "id": 1
      },
      "connected": {
       "type": "bool",
       "id": 2
      },
      "peer": {
       "type": "string",
       "id": 3
      },
      "since": {
       "type": "google.protobuf.Timestamp",
       "id": 4
      },
      "last_error": {
       "type": "string",
       "id": 5
      },
      "epoch": {
       "type": "uint64",
       "id": 6
      },
      "source": {
       "type": "string",
       "id": 7
      },
      "policies": {
       "type": "uint32",
       "id": 8
      },
      "exceptions": {
       "type": "uint32",
       "id": 9
      },
      "pods": {
       "type": "uint32",
       "id": 10
      },
      "store_problem": {
       "type": "string",
       "id": 11
      }
     }
    },
    "EventCounters": {
     "fields": {
      "exec": {
       "type": "RecordCounters",
       "id": 1
      },
      "exit": {
       "type": "RecordCounters",
       "id": 2
      },
      "policy": {
       "type": "RecordCounters",
       "id": 3
      },
      "readers": {
       "rule": "repeated",
       "type": "ReaderCounters",
       "id": 4
      },
      "undecodable": {
       "type": "uint64",
       "id": 5
      },
      "faults": {
       "rule": "repeated",
       "type": "FaultCounter",
       "id": 6
      }
     }
    },
    "FaultCounter": {
     "fields": {
      "name": {
       "type": "string",
       "id": 1
      },
      "count": {
       "type": "uint64",
       "id": 2
      },
      "meaning": {
       "type": "string",
       "id": 3
      },
      "advice": {
       "type": "string",
       "id": 4
      }
     }
    },
    "RecordCounters": {
     "fields": {
      "produced": {
       "type": "uint64",
       "id": 1
      },
      "lost_ring_full": {
       "type": "uint64",
       "id": 2
      },
      "lost_memory": {
       "type": "uint64",
       "id": 3
      }
     }
    },
    "ReaderCounters": {
     "oneofs": {
      "_written": {
       "oneof": [
        "written"
       ]
      },
      "_rate_limited": {
       "oneof": [
        "rate_limited"
       ]
      }
     },
     "fields": {
      "name": {
       "type": "string",
       "id": 1
      },
      "written": {
       "type": "uint64",
       "id": 2,
       "options": {
        "proto3_optional": true
       }
      },
      "dropped": {
       "type": "uint64",
       "id": 3
      },
      "rate_limited": {
       "type": "uint64",
       "id": 4,
       "options": {
        "proto3_optional": true
       }
      }
     }
    },
    "ProcessLoader": {
     "fields": {
      "process": {
       "type": "Process",
       "id": 1
      },
      "path": {
       "type": "string",
       "id": 2
      },
      "buildid": {
       "type": "bytes",
       "id": 3
      },
      "parent": {
       "type": "Process",
       "id": 4
      },
      "ancestors": {
       "rule": "repeated",
       "type": "Process",
       "id": 5
      }
     }
    },
    "RuntimeHookRequest": {
     "oneofs": {
      "event": {
       "oneof": [
        "createContainer"
       ]
      }
     },
     "fields": {
      "createContainer": {
       "type": "CreateContainer",
       "id": 1
      }
     }
    },
    "RuntimeHookResponse": {
     "fields": {}
    },
    "Mount": {
     "fields": {
      "destination": {
       "type": "string",
       "id": 1
      },
      "type": {
       "type": "string",
       "id": 2
      },
      "source": {
       "type": "string",
       "id": 3
      },
      "options": {
       "rule": "repeated",
       "type": "string",
       "id": 4
      }
     }
    },
    "CreateContainer": {
     "fields": {
      "cgroupsPath": {
       "type": "string",
       "id": 1
      },
      "rootDir": {
       "type": "string",
       "id": 2
      },
      "annotations": {
       "keyType": "string",
       "type": "string",
       "id": 3
      },
      "containerName": {
       "type": "string",
       "id": 4
      },
      "containerID": {
       "type": "string",
       "id": 5
      },
      "podName": {
       "type": "string",
       "id": 6
      },
      "podUID": {
       "type": "string",
       "id": 7
      },
      "podNamespace": {
       "type": "string",
       "id": 8
      },
      "containerImage": {
       "type": "string",
       "id": 9
      },
      "mounts": {
       "rule": "repeated",
       "type": "Mount",
       "id": 10
      }
     }
    },
    "StackTraceEntry": {
     "fields": {
      "address": {
       "type": "uint64",
       "id": 1
      },
      "offset": {
       "type": "uint64",
       "id": 2
      },
      "symbol": {
       "type": "string",
       "id": 3
      },
      "module": {
       "type": "string",
       "id": 4
      }
     }
    },
    "EventType": {
     "values": {
      "UNDEF": 0,
      "PROCESS_EXEC": 1,
      "PROCESS_EXIT": 5,
      "PROCESS_KPROBE": 9,
      "PROCESS_TRACEPOINT": 10,
      "PROCESS_LOADER": 11,
      "PROCESS_UPROBE": 12,
      "PROCESS_THROTTLE": 27,
      "PROCESS_LSM": 28,
      "PROCESS_USDT": 29,
      "TEST": 40000,
      "RATE_LIMIT_INFO": 40001
     }
    },
    "Filter": {
     "fields": {
      "binary_regex": {
       "rule": "repeated",
       "type": "string",
       "id": 1
      },
      "namespace": {
       "rule": "repeated",
       "type": "string",
       "id": 2
      },
      "health_check": {
       "type": "google.protobuf.BoolValue",
       "id": 3
      },
      "pid": {
       "rule": "repeated",
       "type": "uint32",
       "id": 4
      },
      "pid_set": {
       "rule": "repeated",
       "type": "uint32",
       "id": 5
      },
      "event_set": {
       "rule": "repeated",
       "type": "EventType",
       "id": 6
      },
      "pod_regex": {
       "rule": "repeated",
       "type": "string",
       "id": 7
      },
      "arguments_regex": {
       "rule": "repeated",
       "type": "string",
       "id": 8
      },
      "labels": {
       "rule": "repeated",
       "type": "string",
       "id": 9
      },
      "policy_names": {
       "rule": "repeated",
       "type": "string",
       "id": 10
      },
      "capabilities": {
       "type": "CapFilter",
       "id": 11
      },
      "parent_binary_regex": {
       "rule": "repeated",
       "type": "string",
       "id": 12
      },
      "cel_expression": {
       "rule": "repeated",
       "type": "string",
       "id": 13
      },
      "parent_arguments_regex": {
       "rule": "repeated",
       "type": "string",
       "id": 14
      },
      "container_id": {
       "rule": "repeated",
       "type": "string",
       "id": 15
      },
      "in_init_tree": {
       "type": "google.protobuf.BoolValue",
       "id": 16
      },
      "ancestor_binary_regex": {
       "rule": "repeated",
       "type": "string",
       "id": 17
      },
      "container_name_regex": {
       "rule": "repeated",
       "type": "string",
       "id": 18
      },
      "namespace_regex": {
       "rule": "repeated",
       "type": "string",
       "id": 19
      }
     }
    },
    "CapFilter": {
     "fields": {
      "permitted": {
       "type": "CapFilterSet",
       "id": 1
      },
      "effective": {
       "type": "CapFilterSet",
       "id": 2
      },
      "inheritable": {
       "type": "CapFilterSet",
       "id": 3
      }
     }
    },
    "CapFilterSet": {
     "fields": {
      "any": {
       "rule": "repeated",
       "type": "CapabilitiesType",
       "id": 1
      },
      "all": {
       "rule": "repeated",
       "type": "CapabilitiesType",
       "id": 2
      },
      "exactly": {
       "rule": "repeated",
       "type": "CapabilitiesType",
       "id": 3
      },
      "none": {
       "rule": "repeated",
       "type": "CapabilitiesType",
       "id": 4
      }
     }
    },
    "RedactionFilter": {
     "fields": {
      "match": {
       "rule": "repeated",
       "type": "Filter",
       "id": 1,
       "options": {
        "deprecated": true
       }
      },
      "redact": {
       "rule": "repeated",
       "type": "string",
       "id": 2
      },
      "binary_regex": {
       "rule": "repeated",
       "type": "string",
       "id": 3
      }
     }
    },
    "FieldFilterAction": {
     "values": {
      "INCLUDE": 0,
      "EXCLUDE": 1
     }
    },
    "FieldFilter": {
     "fields": {
      "event_set": {
       "rule": "repeated",
       "type": "EventType",
       "id": 1
      },
      "fields": {
       "type": "google.protobuf.FieldMask",
       "id": 2
      },
      "action": {
       "type": "FieldFilterAction",
       "id": 3
      },
      "invert_event_set": {
       "type": "google.protobuf.BoolValue",
       "id": 4
      }
     }
    },
    "GetEventsRequest": {
     "fields": {
      "allow_list": {
       "rule": "repeated",
       "type": "Filter",
       "id": 1
      },
      "deny_list": {
       "rule": "repeated",
       "type": "Filter",
       "id": 2
      },
      "aggregation_options": {
       "type": "AggregationOptions",
       "id": 3
      },
      "field_filters": {
       "rule": "repeated",
       "type": "FieldFilter",
       "id": 4
      }
     }
    },
    "AggregationOptions": {
     "fields": {
      "window_size": {
       "type": "google.protobuf.Duration",
       "id": 1
      },
      "channel_buffer_size": {
       "type": "uint64",
       "id": 2
      }
     }
    },
    "AggregationInfo": {
     "fields": {
      "count": {
       "type": "uint64",
       "id": 1
      }
     }
    },
    "RateLimitInfo": {
     "fields": {
      "number_of_dropped_process_events": {
       "type": "uint64",
       "id": 1
      }
     }
    },
    "ThrottleType": {
     "values": {
      "THROTTLE_UNKNOWN": 0,
      "THROTTLE_START": 1,
      "THROTTLE_STOP": 2
     }
    },
    "ProcessThrottle": {
     "fields": {
      "type": {
       "type": "ThrottleType",
       "id": 1
      },
      "cgroup": {
       "type": "string",
       "id": 2
      }
     }
    },
    "GetEventsResponse": {
     "oneofs": {
      "event": {
       "oneof": [
        "process_exec",
        "process_exit",
        "process_kprobe",
        "process_tracepoint",
        "process_loader",
        "process_uprobe",
        "process_throttle",
        "process_lsm",
        "process_usdt",
        "test",
        "rate_limit_info"
       ]
      }
     },
     "fields": {
      "process_exec": {
       "type": "ProcessExec",
       "id": 1
      },
      "process_exit": {
       "type": "ProcessExit",
       "id": 5
      },
      "process_kprobe": {
       "type": "ProcessKprobe",
       "id": 9
      },
      "process_tracepoint": {
       "type": "ProcessTracepoint",
       "id": 10
      },
      "process_loader": {
       "type": "ProcessLoader",
       "id": 11
      },
      "process_uprobe": {
       "type": "ProcessUprobe",
       "id": 12
      },
      "process_throttle": {
       "type": "ProcessThrottle",
       "id": 27
      },
      "process_lsm": {
       "type": "ProcessLsm",
       "id": 28
      },
      "process_usdt": {
       "type": "ProcessUsdt",
       "id": 29
      },
      "test": {
       "type": "Test",
       "id": 40000
      },
      "rate_limit_info": {
       "type": "RateLimitInfo",
       "id": 40001
      },
      "node_name": {
       "type": "string",
       "id": 1000
      },
      "time": {
       "type": "google.protobuf.Timestamp",
       "id": 1001
      },
      "aggregation_info": {
       "type": "AggregationInfo",
       "id": 1002
      },
      "cluster_name": {
       "type": "string",
       "id": 1003
      },
      "node_labels": {
       "keyType": "string",
       "type": "string",
       "id": 1004
      }
     }
    },
    "ListSensorsRequest": {
     "fields": {}
    },
    "SensorStatus": {
     "fields": {
      "name": {
       "type": "string",
       "id": 1
      },
      "enabled": {
       "type": "bool",
       "id": 2
      },
      "collection": {
       "type": "string",
       "id": 3
      }
     }
    },
    "ListSensorsResponse": {
     "fields": {
      "sensors": {
       "rule": "repeated",
       "type": "SensorStatus",
       "id": 1
      }
     }
    },
    "ListTracingPoliciesRequest": {
     "fields": {
      "domain": {
       "type": "string",
       "id": 1
      }
     }
    },
    "TracingPolicyState": {
     "values": {
      "TP_STATE_UNKNOWN": 0,
      "TP_STATE_ENABLED": 1,
      "TP_STATE_DISABLED": 2,
      "TP_STATE_LOAD_ERROR": 3,
      "TP_STATE_ERROR": 4,
      "TP_STATE_LOADING": 5,
      "TP_STATE_UNLOADING": 6,
      "TP_STATE_SKIPPED": 7,
      "TP_STATE_PARTIALLY_ENABLED": 8
     }
    },
    "TracingPolicyMode": {
     "values": {
      "TP_MODE_UNKNOWN": 0,
      "TP_MODE_ENFORCE": 1,
      "TP_MODE_MONITOR": 2,
      "TP_MODE_MONITOR_ONLY": 3
     }
    },
    "TracingPolicyActionCounters": {
     "fields": {
      "post": {
       "type": "uint64",
       "id": 1
      },
      "signal": {
       "type": "uint64",
       "id": 2
      },
      "monitor_signal": {
       "type": "uint64",
       "id": 3
      },
      "override": {
       "type": "uint64",
       "id": 4
      },
      "monitor_override": {
       "type": "uint64",
       "id": 5
      },
      "notify_enforcer": {
       "type": "uint64",
       "id": 6
      },
      "monitor_notify_enforcer": {
       "type": "uint64",
       "id": 7
      },
      "set": {
       "type": "uint64",
       "id": 8
      },
      "monitor_set": {
       "type": "uint64",
       "id": 9
      },
      "nopost": {
       "type": "uint64",
       "id": 10
      },
      "hits": {
       "type": "uint64",
       "id": 1001
      },
      "filtered": {
       "type": "uint64",
       "id": 1002
      },
      "suppressed_rate_limit": {
       "type": "uint64",
       "id": 1003
      },
      "suppressed_budget": {
       "type": "uint64",
       "id": 1004
      },
      "lost_ring_full": {
       "type": "uint64",
       "id": 1005
      },
      "enforce_failed": {
       "type": "uint64",
       "id": 1006
      },
      "lost_memory": {
       "type": "uint64",
       "id": 1007
      },
      "unevaluated": {
       "type": "uint64",
       "id": 1008
      },
      "missed": {
       "type": "uint64",
       "id": 1009
      },
      "unknown_process": {
       "type": "uint64",
       "id": 1010
      },
      "unknown_path": {
       "type": "uint64",
       "id": 1011
      },
      "unknown_name": {
       "type": "uint64",
       "id": 1012
      },
      "unknown_memory": {
       "type": "uint64",
       "id": 1013
      },
      "unknown_peer": {
       "type": "uint64",
       "id": 1014
      },
      "exempt": {
       "type": "uint64",
       "id": 1015
      }
     }
    },
    "TracingPolicySelectorActionCounters": {
     "fields": {
      "hook": {
       "type": "string",
       "id": 1
      },
      "hook_index": {
       "type": "google.protobuf.UInt32Value",
       "id": 2
      },
      "selector_index": {
       "type": "google.protobuf.UInt32Value",
       "id": 3
      },
      "action_counters": {
       "type": "TracingPolicyActionCounters",
       "id": 4
      },
      "selector_label": {
       "type": "string",
       "id": 5
      }
     }
    },
    "TracingPolicyStats": {
     "fields": {
      "action_counters": {
       "type": "TracingPolicyActionCounters",
       "id": 1
      },
      "selector_action_counters": {
       "rule": "repeated",
       "type": "TracingPolicySelectorActionCounters",
       "id": 2
      }
     }
    },
    "HookState": {
     "values": {
      "STATUS_UNSPECIFIED": 0,
      "STATUS_LOADED": 1,
      "STATUS_DIGEST_REJECTED": 2,
      "STATUS_CALL_NOT_FOUND": 3,
      "STATUS_PARTIAL_CALL_NOT_FOUND": 4
     }
    },
    "HookStatus": {
     "fields": {
      "section": {
       "type": "string",
       "id": 1
      },
      "state": {
       "type": "HookState",
       "id": 2
      },
      "hook_description": {
       "type": "string",
       "id": 3
      },
      "hook_idx": {
       "type": "uint32",
       "id": 4
      }
     }
    },
    "TracingPolicyStatus": {
     "oneofs": {
      "_stats": {
       "oneof": [
        "stats"
       ]
      }
     },
     "fields": {
      "id": {
       "type": "uint64",
       "id": 1
      },
      "name": {
       "type": "string",
       "id": 2
      },
      "namespace": {
       "type": "string",
       "id": 3
      },
      "info": {
       "type": "string",
       "id": 4
      },
      "sensors": {
       "rule": "repeated",
       "type": "string",
       "id": 5
      },
      "enabled": {
       "type": "bool",
       "id": 6,
       "options": {
        "deprecated": true
       }
      },
      "filter_id": {
       "type": "uint64",
       "id": 7
      },
      "error": {
       "type": "string",
       "id": 8
      },
      "state": {
       "type": "TracingPolicyState",
       "id": 9
      },
      "kernel_memory_bytes": {
       "type": "uint64",
       "id": 10
      },
      "mode": {
       "type": "TracingPolicyMode",
       "id": 11
      },
      "stats": {
       "type": "TracingPolicyStats",
       "id": 12,
       "options": {
        "proto3_optional": true
       }
      },
      "domain": {
       "type": "string",
       "id": 13
      },
      "hook_statuses": {
       "rule": "repeated",
       "type": "HookStatus",
       "id": 14
      }
     }
    },
    "ListTracingPoliciesResponse": {
     "fields": {
      "policies": {
       "rule": "repeated",
       "type": "TracingPolicyStatus",
       "id": 1
      }
     }
    },
    "AddTracingPolicyRequest": {
     "fields": {
      "yaml": {
       "type": "string",
       "id": 1
      },
      "domain": {
       "type": "string",
       "id": 2
      }
     }
    },
    "AddTracingPolicyResponse": {
     "fields": {}
    },
    "DeleteTracingPolicyRequest": {
     "fields": {
      "name": {
       "type": "string",
       "id": 1
      },
      "namespace": {
       "type": "string",
       "id": 2
      },
      "domain": {
       "type": "string",
       "id": 3
      }
     }
    },
    "DeleteTracingPolicyResponse": {
     "fields": {}
    },
    "EnableTracingPolicyRequest": {
     "fields": {
      "name": {
       "type": "string",
       "id": 1
      },
      "namespace": {
       "type": "string",
       "id": 2
      },
      "domain": {
       "type": "string",
       "id": 3
      }
     }
    },
    "EnableTracingPolicyResponse": {
     "fields": {}
    },
    "DisableTracingPolicyRequest": {
     "fields": {
      "name": {
       "type": "string",
       "id": 1
      },
      "namespace": {
       "type": "string",
       "id": 2
      },
      "domain": {
       "type": "string",
       "id": 3
      }
     }
    },
    "DisableTracingPolicyResponse": {
     "fields": {}
    },
    "ConfigureTracingPolicyRequest": {
     "oneofs": {
      "_enable": {
       "oneof": [
        "enable"
       ]
      },
      "_mode": {
       "oneof": [
        "mode"
       ]
      }
     },
     "fields": {
      "name": {
       "type": "string",
       "id": 1
      },
      "namespace": {
       "type": "string",
       "id": 2
      },
      "enable": {
       "type": "bool",
       "id": 3,
       "options": {
        "proto3_optional": true
       }
      },
      "mode": {
       "type": "TracingPolicyMode",
       "id": 4,
       "options": {
        "proto3_optional": true
       }
      },
      "domain": {
       "type": "string",
       "id": 5
      }
     }
    },
    "ConfigureTracingPolicyResponse": {
     "fields": {}
    },
    "RemoveSensorRequest": {
     "fields": {
      "name": {
       "type": "string",
       "id": 1
      }
     }
    },
    "RemoveSensorResponse": {
     "fields": {}
    },
    "EnableSensorRequest": {
     "fields": {
      "name": {
       "type": "string",
       "id": 1
      }
     }
    },
    "EnableSensorResponse": {
     "fields": {}
    },
    "DisableSensorRequest": {
     "fields": {
      "name": {
       "type": "string",
       "id": 1
      }
     }
    },
    "DisableSensorResponse": {
     "fields": {}
    },
    "ListDomainsRequest": {
     "fields": {}
    },
    "ListDomainsResponse": {
     "fields": {
      "domains": {
       "rule": "repeated",
       "type": "string",
       "id": 1
      }
     }
    },
    "GetVersionRequest": {
     "fields": {}
    },
    "GetVersionResponse": {
     "fields": {
      "version": {
       "type": "string",
       "id": 1
      }
     }
    },
    "GetInfoRequest": {
     "fields": {}
    },
    "GetInfoResponse": {
     "fields": {
      "version": {
       "type": "string",
       "id": 1
      },
      "name": {
       "type": "string",
       "id": 2
      },
      "probes": {
       "rule": "repeated",
       "type": "Probe",
       "id": 3
      },
      "conf": {
       "rule": "repeated",
       "type": "ConfVal",
       "id": 4
      },
      "build": {
       "type": "BuildInfo",
       "id": 5
      }
     },
     "nested": {
      "Probe": {
       "fields": {
        "Name": {
         "type": "string",
         "id": 1
        },
        "Enabled": {
         "type": "google.protobuf.BoolValue",
         "id": 2
        }
       }
      },
      "ConfVal": {
       "fields": {
        "key": {
         "type": "string",
         "id": 1
        },
        "value": {
         "type": "google.protobuf.Any",
         "id": 2
        }
       }
      },
      "BuildInfo": {
       "fields": {
        "go_version": {
         "type": "string",
         "id": 1
        },
        "commit": {
         "type": "string",
         "id": 2
        },
        "time": {
         "type": "string",
         "id": 3
        },
        "modified": {
         "type": "string",
         "id": 4
        }
       }
      }
     }
    },
    "ConfigFlag": {
     "values": {
      "CONFIG_FLAG_LOG_LEVEL": 0,
      "CONFIG_FLAG_DUMP_PROCESS_CACHE": 1
     }
    },
    "LogLevel": {
     "values": {
      "LOG_LEVEL_PANIC": 0,
      "LOG_LEVEL_FATAL": 1,
      "LOG_LEVEL_ERROR": 2,
      "LOG_LEVEL_WARN": 3,
      "LOG_LEVEL_INFO": 4,
      "LOG_LEVEL_DEBUG": 5,
      "LOG_LEVEL_TRACE": 6
     }
    },
    "DumpProcessCacheReqArgs": {
     "fields": {
      "skip_zero_refcnt": {
       "type": "bool",
       "id": 1
      },
      "exclude_execve_map_processes": {
       "type": "bool",
       "id": 2
      }
     }
    },
    "ProcessInternal": {
     "fields": {
      "process": {
       "type": "Process",
       "id": 1
      },
      "color": {
       "type": "string",
       "id": 2
      },
      "refcnt": {
       "type": "google.protobuf.UInt32Value",
       "id": 3
      },
      "refcnt_ops": {
       "keyType": "string",
       "type": "int32",
       "id": 4
      }
     }
    },
    "DumpProcessCacheResArgs": {
     "fields": {
      "processes": {
       "rule": "repeated",
       "type": "ProcessInternal",
       "id": 1
      }
     }
    },
    "GetDebugRequest": {
     "oneofs": {
      "arg": {
       "oneof": [
        "dump"
       ]
      }
     },
     "fields": {
      "flag": {
       "type": "ConfigFlag",
       "id": 1
      },
      "dump": {
       "type": "DumpProcessCacheReqArgs",
       "id": 2
      }
     }
    },
    "GetDebugResponse": {
     "oneofs": {
      "arg": {
       "oneof": [
        "level",
        "processes"
       ]
      }
     },
     "fields": {
      "flag": {
       "type": "ConfigFlag",
       "id": 1
      },
      "level": {
       "type": "LogLevel",
       "id": 2
      },
      "processes": {
       "type": "DumpProcessCacheResArgs",
       "id": 3
      }
     }
    },
    "SetDebugRequest": {
     "oneofs": {
      "arg": {
       "oneof": [
        "level"
       ]
      }
     },
     "fields": {
      "flag": {
       "type": "ConfigFlag",
       "id": 1
      },
      "level": {
       "type": "LogLevel",
       "id": 2
      }
     }
    },
    "SetDebugResponse": {
     "oneofs": {
      "arg": {
       "oneof": [
        "level"
       ]
      }
     },
     "fields": {
      "flag": {
       "type": "ConfigFlag",
       "id": 1
      },
      "level": {
       "type": "LogLevel",
       "id": 2
      }
     }
    },
    "FineGuidanceSensors": {
     "methods": {
      "GetEvents": {
       "requestType": "GetEventsRequest",
       "responseType": "GetEventsResponse",
       "responseStream": true
      },
      "GetHealth": {
       "requestType": "GetHealthStatusRequest",
       "responseType": "GetHealthStatusResponse"
      },
      "AddTracingPolicy": {
       "requestType": "AddTracingPolicyRequest",
       "responseType": "AddTracingPolicyResponse"
      },
      "DeleteTracingPolicy": {
       "requestType": "DeleteTracingPolicyRequest",
       "responseType": "DeleteTracingPolicyResponse"
      },
      "ListTracingPolicies": {
       "requestType": "ListTracingPoliciesRequest",
       "responseType": "ListTracingPoliciesResponse"
      },
      "ConfigureTracingPolicy": {
       "requestType": "ConfigureTracingPolicyRequest",
       "responseType": "ConfigureTracingPolicyResponse"
      },
      "EnableTracingPolicy": {
       "requestType": "EnableTracingPolicyRequest",
       "responseType": "EnableTracingPolicyResponse"
      },
      "DisableTracingPolicy": {
       "requestType": "DisableTracingPolicyRequest",
       "responseType": "DisableTracingPolicyResponse"
      },
      "ListSensors": {
       "requestType": "ListSensorsRequest",
       "responseType": "ListSensorsResponse"
      },
      "EnableSensor": {
       "requestType": "EnableSensorRequest",
       "responseType": "EnableSensorResponse"
      },
      "DisableSensor": {
       "requestType": "DisableSensorRequest",
       "responseType": "DisableSensorResponse"
      },
      "RemoveSensor": {
       "requestType": "RemoveSensorRequest",
       "responseType": "RemoveSensorResponse"
      },
      "ListDomains": {
       "requestType": "ListDomainsRequest",
       "responseType": "ListDomainsResponse"
      },
      "GetVersion": {
       "requestType": "GetVersionRequest",
       "responseType": "GetVersionResponse"
      },
      "GetInfo": {
       "requestType": "GetInfoRequest",
       "responseType": "GetInfoResponse"
      },
      "RuntimeHook": {
       "requestType": "RuntimeHookRequest",
       "responseType": "RuntimeHookResponse"
      },
      "GetDebug": {
       "requestType": "GetDebugRequest",
       "responseType": "GetDebugResponse"
      },
      "SetDebug": {
       "requestType": "SetDebugRequest",
       "responseType": "SetDebugResponse"
      }
     }
    }
   }
  },
  "google": {
   "nested": {
    "protobuf": {
     "nested": {
      "Timestamp": {
       "fields": {
        "seconds": {
         "type": "int64",
         "id": 1
        },
        "nanos": {
         "type": "int32",
         "id": 2
        }
       }
      },
      "DoubleValue": {
       "fields": {
        "value": {
         "type": "double",
         "id": 1
        }
       }
      },
      "FloatValue": {
       "fields": {
        "value": {
         "type": "float",
         "id": 1
        }
       }
      },
      "Int64Value": {
       "fields": {
        "value": {
         "type": "int64",
         "id": 1
        }
       }
      },
      "UInt64Value": {
       "fields": {
        "value": {
         "type": "uint64",
         "id": 1
        }
       }
      },
      "Int32Value": {
       "fields": {
        "value": {
         "type": "int32",
         "id": 1
        }
       }
      },
      "UInt32Value": {
       "fields": {
        "value": {
         "type": "uint32",
         "id": 1
        }
       }
      },
      "BoolValue": {
       "fields": {
        "value": {
         "type": "bool",
         "id": 1
        }
       }
      },
      "StringValue": {
       "fields": {
        "value": {
         "type": "string",
         "id": 1
        }
       }
      },
      "BytesValue": {
       "fields": {
        "value": {
         "type": "bytes",
         "id": 1
        }
       }
      },
      "Duration": {
       "fields": {
        "seconds": {
         "type": "int64",
         "id": 1
        },
        "nanos": {
         "type": "int32",
         "id": 2
        }
       }
      },
      "FieldMask": {
       "fields": {
        "paths": {
         "rule": "repeated",
         "type": "string",
         "id": 1
        }
       }
      },
      "Any": {
       "fields": {
        "type_url": {
         "type": "string",
         "id": 1
        },
        "value": {
         "type": "bytes",
         "id": 2
        }
       }
      }
     }
    }
   }
  },
  "grpc": {
   "nested": {
    "health": {
     "nested": {
      "v1": {
       "nested": {
        "HealthCheckRequest": {
         "fields": {
          "service": {
           "type": "string",
           "id": 1
          }
         }
        },
        "HealthCheckResponse": {
         "fields": {
          "status": {
           "type": "ServingStatus",
           "id": 1
          }
         },
         "nested": {
          "ServingStatus": {
           "values": {
            "UNKNOWN": 0,
            "SERVING": 1,
            "NOT_SERVING": 2,
            "SERVICE_UNKNOWN": 3
           }
          }
         }
        },
        "Health": {
         "methods": {
          "Check": {
           "requestType": "HealthCheckRequest",
           "responseType": "HealthCheckResponse"
          },
          "Watch": {
           "requestType": "HealthCheckRequest",
           "responseType": "HealthCheckResponse",
           "responseStream": true
          }
         }
        }
       }
      }
     }
    }
   }
  }
 }
};
