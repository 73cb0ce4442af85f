// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Tells the sensor how the kernel maps memory, and whether programs find by that what a process has. Attached to
 * nothing.
 */
#include "memory.bpf.h"
#include <bpf/bpf_core_read.h>
#include "abi.h"

char _license[] SEC("license") = "Dual BSD/GPL";

enum {
	NOT_THERE = 1, /* a symbol */
	NOT_FOUND = 2, /* the memory of the caller */
};

enum { FOUR_LEVELS_SHIFT = 39, PHYSICAL_BITS = 52, TRIED_BYTES = 64 };

SEC("syscall")
int memory__find(struct memory_query *query)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct memory_layout layout = { .top_shift = FOUR_LEVELS_SHIFT,
					.physical_mask = (1ULL << PHYSICAL_BITS) - 1 };
	__u64 at = BPF_CORE_READ(task, mm, arg_start), frame;
	char known[TRIED_BYTES] = {}, found[TRIED_BYTES] = {};
	struct table_entry entry = {};

	if (bpf_probe_read_kernel(&layout.direct_map, sizeof(layout.direct_map),
				  (void *)query->direct_map_at))
		return NOT_THERE;
	/* A kernel without these has four levels, and no memory that is encrypted. */
	if (query->physical_mask_at &&
	    bpf_probe_read_kernel(&layout.physical_mask, sizeof(layout.physical_mask),
				  (void *)query->physical_mask_at))
		return NOT_THERE;
	if (query->top_shift_at &&
	    bpf_probe_read_kernel(&layout.top_shift, sizeof(layout.top_shift),
				  (void *)query->top_shift_at))
		return NOT_THERE;
	if ((at & (PAGE_BYTES - 1)) > PAGE_BYTES - TRIED_BYTES)
		at -= TRIED_BYTES;
	if (bpf_copy_from_user(known, sizeof(known), (void *)at))
		return NOT_FOUND;
	frame = frame_of(&layout, (__u64)BPF_CORE_READ(task, mm, pgd), at, &entry);
	if (!frame ||
	    bpf_probe_read_kernel(found, sizeof(found), (void *)(frame + (at & (PAGE_BYTES - 1)))))
		return NOT_FOUND;
	for (int i = 0; i < TRIED_BYTES; i++)
		if (known[i] != found[i])
			return NOT_FOUND;
	query->direct_map = layout.direct_map;
	query->physical_mask = layout.physical_mask;
	query->top_shift = layout.top_shift;
	return 0;
}
