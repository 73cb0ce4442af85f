/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The arguments of a program's static probe (USDT). The compiler leaves them where it has them: a constant,
 * a register, or memory near one. User space reads that from the probe's note (struct probe_argument).
 */
#ifndef GANDER_PROBES_H
#define GANDER_PROBES_H

#include "scratch.bpf.h"
#include "tables.bpf.h"

inline_fn __u64 register_at(struct pt_regs *regs, __u32 offset)
{
	__u64 value = 0;

	if (offset <= REGISTERS_SIZE - sizeof(value))
		bpf_probe_read_kernel(&value, sizeof(value), (void *)(address_of(regs) + offset));
	return value;
}

inline_fn __u64 memory_of_argument(struct pt_regs *regs, const volatile struct probe_argument *how)
{
	return how->value + register_at(regs, how->base) +
	       (register_at(regs, how->index) << (how->shift & 3));
}

/* False: there is no such argument, or the process's memory with it cannot be read now. */
static __noinline bool probe_argument(struct pt_regs *regs, __u32 at, __u64 *value)
{
	const volatile struct probe_argument *how;
	__u64 raw = 0, from, unused;
	__u32 size, base;

	if (at >= MAX_ARGS)
		return false;
	how = &probe_arguments[at];
	size = how->size;
	base = how->base;
	bounded(size, 15);
	if (how->kind == PROBE_CONSTANT) {
		*value = how->value;
		return true;
	}
	if (how->kind == PROBE_NOTHING || size > sizeof(raw))
		return false;
	if (how->kind == PROBE_REGISTER) {
		if (base > REGISTERS_SIZE - sizeof(raw))
			return false;
		bpf_probe_read_kernel(&raw, size, (void *)(address_of(regs) + base));
	} else {
		from = memory_of_argument(regs, how);
		if (bpf_probe_read_user(&raw, size, (void *)from))
			return false;
	}
	unused = (64 - size * 8) & 63;
	*value = how->is_signed ? (__u64)((__s64)(raw << unused) >> unused) : raw;
	return true;
}

/* Not inlined: during evaluate() nothing of it may be on the stack, which is short. */
static __noinline void take_probe(struct scratch *s, struct pt_regs *regs)
{
	__u64 value;

	s->unread_raw = 0;
	if (!lacks(FEATURE_WRITES))
		s->raw[RAW_REGISTERS] = address_of(regs);
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < MAX_ARGS; i++) {
		value = 0;
		if (!probe_argument(regs, i, &value))
			s->unread_raw |= 1U << i;
		s->raw[i] = value;
	}
}

#endif
