/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The index of a number that many rules compare with ranges: of an argument, of a socket or of the process. All their
 * bounds are sorted, and the rules are the same between two neighbours, so a few steps find those that are left.
 */
#ifndef GANDER_RANGES_H
#define GANDER_RANGES_H

#include "index.bpf.h"

/* Puts a port into s->fact; false: let the rows decide. */
inline_fn bool read_port(struct scratch *s, __u32 slot, bool of_peer)
{
	if (lacks(FEATURE_SOCKETS))
		return false;
	read_sock(s, slot);
	bounded(slot, HOOK_SLOTS - 1);
	if (s->failed & (1U << slot) || !s->sock.has_addr || s->sock.any_peer)
		return false;
	s->fact = of_peer ? s->sock.dport : s->sock.sport;
	return true;
}

/* Puts the number into s->fact, as the rows read it; false: let them decide. */
inline_fn bool read_ranged(struct scratch *s, struct hook *hook)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 slot = hook->range_slot;

	switch (hook->range_of) {
	case ROW_RANGE:
		if (!has_number(s, slot))
			return false;
		bounded(slot, HOOK_SLOTS - 1);
		s->fact = s->number[slot];
		return true;
	case ROW_SPORT:
		return read_port(s, slot, false);
	case ROW_DPORT:
		return read_port(s, slot, true);
	case ROW_PID:
		s->fact = task->tgid;
		return true;
	case ROW_NS_PID:
		s->fact = ns_pid_of(task);
		return true;
	case ROW_NAMESPACE:
		s->fact = namespace_of(task, slot);
		return s->fact;
	case ROW_PROPERTY:
		return read_property(s, slot) == PROPERTY_READ;
	}
	return false;
}

/* The bit set of the last bound that is not above the number. */
inline_fn __u32 range_bitset(struct hook *hook, __u32 side, __u64 number)
{
	__u32 first = side * MAX_BOUNDS + hook->first_bound, half = hook->bounds / 2, at;
	struct bound *bound;

#pragma clang loop unroll(disable)
	for (int i = 1; i < HOOK_BOUNDS && half; i *= 2, half /= 2) {
		at = first + half;
		bound = bpf_map_lookup_elem(&bounds, &at);
		if (bound && bound->from <= number)
			first = at;
	}
	bound = bpf_map_lookup_elem(&bounds, &first);
	return bound ? bound->bitset : 0;
}

/* Narrows s->sets by the number; clears s->words or s->wants_text if no such rule is left. */
__noinline int use_range_index(struct scratch *s, struct application *application,
			       struct hook *hook)
{
	__u64 number;

	if (lacks(FEATURE_RANGES) || !s || !application || !hook || !read_ranged(s, hook))
		return 0;
	number = s->fact ^ (__u64)hook->range_signed << 63;
	use_bitset(s, application, hook, SET_RANGE, range_bitset(hook, s->side, number));
	return 0;
}

#endif
