/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Maps that all objects share (user space gives each object the same ones), and the counters. */
#ifndef GANDER_STATE_H
#define GANDER_STATE_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "abi.h"
#include "maps.bpf.h"

#define inline_fn static __always_inline
/* one copy per program, for all callers; unlike a global function, it accepts addresses as numbers */
#define shared_fn static __attribute__((noinline, unused))

TABLE(config, struct config, 1);
HASH(procs, __u32, struct proc, 32768);
HASH(follow_pids, __u32, struct followed, 8192);
/* The entry in `procs` of the parent as it was at the fork. */
HASH(parents, __u32, struct proc, PAST_PROCESSES);
/* Those at the last exec. A child that never called exec has its parent's. */
HASH(privileges, __u32, struct privileges, PAST_PROCESSES);
RING(events, 8 << 20);
PER_CPU(lifecycle, struct lifecycle_count, RECORD_TYPES);
PER_CPU(faults, __u64, FAULT_MAX);
HASH(cgroups, __u64, __u32, MAX_CGROUPS);
TABLE(cgroup_places, __u64, CGROUP_PLACES);

/*
 * Makes the verifier forget all it knows about `value`, except that it is at most `mask`. Use it right
 * before the access: older verifiers lose an earlier comparison.
 */
#ifndef bounded /* native tests define their own: they lack this assembly */
#define bounded(value, mask)                                                                       \
	do {                                                                                       \
		if (sizeof(value) == 8)                                                            \
			asm volatile("%0 &= %1" : "+r"(value) : "i"(mask));                        \
		else                                                                               \
			asm volatile("%0 &= %1" : "+w"(value) : "i"(mask));                        \
	} while (0)
#endif

inline_fn void count_fault(__u32 fault)
{
	__u64 *n = bpf_map_lookup_elem(&faults, &fault);

	if (n)
		__sync_fetch_and_add(n, 1);
}

inline_fn void count_lifecycle(__u32 type, enum lifecycle_fate fate)
{
	struct lifecycle_count *count = bpf_map_lookup_elem(&lifecycle, &type);

	if (!count)
		return;
	__sync_fetch_and_add(&count->produced, 1);
	if (fate == LIFECYCLE_RING_FULL)
		__sync_fetch_and_add(&count->lost_ring, 1);
	else if (fate == LIFECYCLE_NO_MEMORY)
		__sync_fetch_and_add(&count->lost_memory, 1);
}

inline_fn struct config *get_config(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&config, &zero);
}

/* Address of a kernel object as a number, to store in map memory or to read from. */
#define address_of(pointer) ((__u64)(pointer))

#endif
