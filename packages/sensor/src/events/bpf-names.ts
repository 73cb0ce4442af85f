// SPDX-License-Identifier: Apache-2.0

const numbered =
  (prefix: string, names: readonly string[]) =>
  (number: number): string => {
    const name = names[number];
    return name === undefined ? String(number) : `${prefix}${name}`;
  };

/** enum bpf_map_type (include/uapi/linux/bpf.h); a number that has no name as text. */
export const mapTypeName = numbered(
  "BPF_MAP_TYPE_",
  (
    "UNSPEC HASH ARRAY PROG_ARRAY PERF_EVENT_ARRAY PERCPU_HASH PERCPU_ARRAY STACK_TRACE CGROUP_ARRAY " +
    "LRU_HASH LRU_PERCPU_HASH LPM_TRIE ARRAY_OF_MAPS HASH_OF_MAPS DEVMAP SOCKMAP CPUMAP XSKMAP SOCKHASH " +
    "CGROUP_STORAGE REUSEPORT_SOCKARRAY PERCPU_CGROUP_STORAGE QUEUE STACK SK_STORAGE DEVMAP_HASH " +
    "STRUCT_OPS RINGBUF INODE_STORAGE TASK_STORAGE BLOOM_FILTER USER_RINGBUF CGRP_STORAGE ARENA"
  ).split(" "),
);

/** enum perf_type_id (include/uapi/linux/perf_event.h); other types are numbered at run time. */
export const perfTypeName = numbered(
  "PERF_TYPE_",
  "HARDWARE SOFTWARE TRACEPOINT HW_CACHE RAW BREAKPOINT".split(" "),
);
