/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Memory of an address space that is not the current one, by its page tables (x86-64): nothing else reads it from a
 * program that must not sleep. The kernel has all memory mapped at one place, its direct map.
 */
#ifndef GANDER_MEMORY_H
#define GANDER_MEMORY_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>

enum {
	PAGE_SHIFT = 12,
	PAGE_BYTES = 1 << PAGE_SHIFT,
	TABLE_SHIFT = 9,	/* each table has 512 entries */
	FIVE_LEVELS_SHIFT = 48, /* of the top table where there are five of them */
	ENTRY_BYTES = 8,
	ENTRY_PRESENT = 1,
	ENTRY_LARGE = 128, /* a page of 2 MiB or more, instead of a table */
};

struct memory_layout {
	__u64 direct_map;    /* where physical memory begins */
	__u64 physical_mask; /* bits of an entry that are an address: others mark encrypted memory */
	__u32 top_shift;     /* of an address: the index of its entry in the first table */
	__u32 pad;
};

struct table_entry {
	__u64 at, value;
};

#define address_in(layout, entry) ((entry) & (layout)->physical_mask & ~(PAGE_BYTES - 1ULL))

static __always_inline bool read_entry(struct table_entry *to)
{
	return !bpf_probe_read_kernel(&to->value, sizeof(to->value), (void *)to->at) &&
	       to->value & ENTRY_PRESENT;
}

/* Where the kernel has the page of an address; 0: it is not in memory. `entry`: of that page. */
static __always_inline __u64 frame_of(const volatile struct memory_layout *layout, __u64 tables,
				      __u64 address, struct table_entry *entry)
{
#pragma unroll
	for (int shift = FIVE_LEVELS_SHIFT; shift >= PAGE_SHIFT; shift -= TABLE_SHIFT) {
		if (shift > (int)layout->top_shift)
			continue;
		entry->at = tables + (address >> shift & ((1 << TABLE_SHIFT) - 1)) * ENTRY_BYTES;
		if (!read_entry(entry) || (shift > PAGE_SHIFT && entry->value & ENTRY_LARGE))
			return 0;
		tables = layout->direct_map + address_in(layout, entry->value);
	}
	return tables;
}

/* Is the page still where it was? The kernel may have moved it to a disk, and given its place to another. */
static __always_inline bool is_unmoved(const volatile struct memory_layout *layout,
				       const struct table_entry *entry)
{
	struct table_entry now = { .at = entry->at };

	return read_entry(&now) &&
	       address_in(layout, now.value) == address_in(layout, entry->value);
}

#endif
