/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From an argument, or the current task, to a value behind it. What a route leads to takes the place of
 * the raw argument, so argument types know nothing of routes. Not in the way of calls without one:
 * follow_route is a function of its own.
 */
#ifndef GANDER_ROUTES_H
#define GANDER_ROUTES_H

#include "slots.bpf.h"

/* System calls of 32-bit programs have numbers of their own. */
inline_fn __u64 compat_flag(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->thread_info.status & TS_COMPAT ? 1ULL << SYSCALL_COMPAT_BIT : 0;
}

inline_fn __u64 to_number(__u32 type, __u64 raw)
{
	switch (type) {
	case VALUE_U8:
		return (__u8)raw;
	case VALUE_S8:
		return (__s64)(__s8)raw;
	case VALUE_U16:
		return (__u16)raw;
	case VALUE_S16:
		return (__s64)(__s16)raw;
	case VALUE_U32:
		return (__u32)raw;
	case VALUE_S32:
		return (__s64)(__s32)raw;
	case VALUE_SYSCALL:
		return raw | compat_flag();
	}
	return raw;
}

enum route_end { ROUTE_FOUND, ROUTE_ABSENT, ROUTE_UNREADABLE };

/*
 * Goes from s->raw[RAW_ROUTE] along the pointers of a route; ends early at a null pointer. Not inlined: the
 * verifier would follow what comes after the loop from each of its rounds.
 */
__noinline int follow_pointers(struct scratch *s, struct route *route)
{
	__u32 steps;
	__u64 at;

	if (lacks(FEATURE_ROUTES) || !s || !route)
		return ROUTE_UNREADABLE;
	steps = route->steps;
	at = s->raw[RAW_ROUTE];
	s->raw[RAW_ROUTE] = 0;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < ROUTE_STEPS && i < steps && at; i++)
		if (bpf_probe_read_kernel(&at, sizeof(at), (void *)(at + route->dereferences[i])))
			return ROUTE_UNREADABLE;
	s->raw[RAW_ROUTE] = at;
	return at ? ROUTE_FOUND : ROUTE_ABSENT;
}

/* Puts the number at s->raw[RAW_ROUTE] in its place. Not inlined for the same reason. */
__noinline int take_number(struct scratch *s, struct route *route, __u32 type)
{
	__u64 number = 0, left, right;
	__u32 size;

	if (lacks(FEATURE_ROUTES) || !s || !route)
		return ROUTE_UNREADABLE;
	left = route->shift_left & 63;
	right = route->shift_right & 63;
	size = route->size;
	bounded(size, 15);
	if (size > sizeof(number) ||
	    bpf_probe_read_kernel(&number, size, (void *)s->raw[RAW_ROUTE])) {
		s->raw[RAW_ROUTE] = 0;
		return ROUTE_UNREADABLE;
	}
	number <<= left;
	number = route->flags & ROUTE_SIGNED ? (__u64)((__s64)number >> right) : number >> right;
	s->raw[RAW_ROUTE] = to_number(type, number);
	return ROUTE_FOUND;
}

/* Follows the route of a slot, so that raw_of gives what it leads to: enum route_end. */
__noinline int follow_route(struct scratch *s, __u32 slot)
{
	struct slot *how = !IS_TEMPLATE && s ? slot_of(s, slot) : NULL;
	struct route *route;
	__u32 at;
	int end;

	if (!how)
		return ROUTE_UNREADABLE;
	if (lacks(FEATURE_ROUTES)) {
		count_lacking();
		return ROUTE_UNREADABLE;
	}
	at = s->side * MAX_ROUTES + how->route;
	route = bpf_map_lookup_elem(&routes, &at);
	if (!route)
		return ROUTE_UNREADABLE;
	s->room = route->room;
	if (route->flags & ROUTE_FROM_TASK)
		s->raw[RAW_ROUTE] = bpf_get_current_task();
	else if (route->flags & ROUTE_FROM_REGISTERS)
		s->raw[RAW_ROUTE] = s->raw[RAW_REGISTERS];
	else if (hook_flags & HOOK_RECORD)
		s->raw[RAW_ROUTE] = raw_at(s, how->raw, how->size);
	else
		s->raw[RAW_ROUTE] = raw_at(s, how->size, 8);
	end = follow_pointers(s, route);
	if (end != ROUTE_FOUND)
		return end;
	s->raw[RAW_ROUTE] += route->offset;
	return route->size ? take_number(s, route, how->type) : ROUTE_FOUND;
}

#endif
