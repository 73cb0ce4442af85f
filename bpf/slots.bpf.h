/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The raw argument of each slot: 64 bits that a reader makes a value of. That of a slot with a route is
 * at the end of the route: a reader follows it first.
 */
#ifndef GANDER_SLOTS_H
#define GANDER_SLOTS_H

#include "tables.bpf.h"

inline_fn struct slot *slot_of(struct scratch *s, __u32 slot)
{
	struct hook *hook = hook_at(s->hook);

	bounded(slot, HOOK_SLOTS - 1);
	return hook ? &hook->slots[slot] : NULL;
}

inline_fn __u64 raw_at(struct scratch *s, __u32 at, __u32 size)
{
	__u64 value = 0;

	if (hook_flags & HOOK_RECORD) {
		if (size > 8)
			size = 8;
		bounded(size, 15);
		if (size <= 8)
			bpf_probe_read_kernel(&value, size, (void *)(s->raw[0] + at));
		return value;
	}
	bounded(at, RAW_ARGS - 1);
	return s->raw[at];
}

/* The process's memory that holds a static probe's raw argument could not be read. */
inline_fn bool is_unread(struct scratch *s, __u32 raw)
{
	return hook_flags & HOOK_PROBE && s->unread_raw >> (raw & 31) & 1;
}

inline_fn __u64 raw_of(struct scratch *s, struct slot *slot)
{
	if (hook_flags & HOOK_RECORD && slot->route)
		return s->raw[RAW_ROUTE];
	return raw_at(s, slot->raw, slot->size);
}

/* A null pointer; or the error that a function has returned in place of a pointer. */
inline_fn bool is_nothing(struct slot *slot, __u64 raw)
{
	return !raw || (slot->raw == RAW_RETURN && raw >= (__u64)-MAX_ERRNO);
}

#endif
