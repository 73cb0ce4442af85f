/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Changes registers where a function of a program begins (ACTION_DENY with assignments): it returns at once, or
 * another one runs. All steps are done on a copy: if one can't be, the program goes on as it was.
 */
#ifndef GANDER_REGISTERS_H
#define GANDER_REGISTERS_H

#include "probes.bpf.h"

inline_fn __u64 low_bytes(__u64 value, __u32 size)
{
	return size < sizeof(value) ? value & ((1ULL << (size & 7) * 8) - 1) : value;
}

inline_fn __u64 register_copy(struct scratch *s, __u32 at, __u32 size)
{
	__u64 value = 0;

	bounded(at, 255);
	if (at <= REGISTERS_SIZE - sizeof(value))
		bpf_probe_read_kernel(&value, sizeof(value), (char *)s->registers.words + at);
	return low_bytes(value, size);
}

/* False: the process's memory cannot be read now. */
static __noinline bool assign(struct scratch *s, __u32 at)
{
	struct assignment *step = bpf_map_lookup_elem(&assignments, &at);
	__u32 to, size;
	__u64 value, from;

	if (!step)
		return false;
	value = step->value;
	to = step->to;
	if (step->kind != ASSIGN_VALUE)
		value += register_copy(s, step->from, step->from_size);
	if (step->kind == ASSIGN_MEMORY) {
		from = value;
		value = 0;
		size = step->size;
		bounded(size, 15);
		if (size > sizeof(value) || bpf_probe_read_user(&value, size, (void *)from))
			return false;
	}
	value = low_bytes(value, step->size);
	size = step->to_size;
	bounded(to, 255);
	bounded(size, 15);
	if (to <= REGISTERS_SIZE - sizeof(value) && size <= sizeof(value))
		bpf_probe_read_kernel((char *)s->registers.words + to, size, &value);
	return true;
}

/* Words of struct pt_regs on x86-64: the first 15 are those that programs compute with, but for the stack's. */
enum { GENERAL_REGISTERS = 15, INSTRUCTION_REGISTER = 16, STACK_REGISTER = 19 };

/* Where the program is: another tool at the same place may have sent it elsewhere already. */
inline_fn bool is_at_function(struct scratch *s)
{
	return s->registers.words[INSTRUCTION_REGISTER] == s->raw[RAW_FUNCTION];
}

/* The first verdict of a call decides; another one with the same assignments is done by the same. */
__noinline int change_registers(struct scratch *s, struct verdict *verdict)
{
	__u32 first, count;

	if (!CHANGES_REGISTERS || !s || !verdict) {
		if (lacks(FEATURE_REGISTERS))
			count_lacking();
		return 0;
	}
	first = s->side * MAX_ASSIGNMENTS + verdict->first_assignment;
	count = verdict->nassignments;
	if (s->registers.first_assignment)
		return s->registers.first_assignment == first;
	if (bpf_probe_read_kernel(s->registers.words, REGISTERS_SIZE,
				  (void *)s->raw[RAW_REGISTERS]) ||
	    !is_at_function(s))
		return 0;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < VERDICT_ASSIGNMENTS; i++)
		if (i < count && !assign(s, first + i))
			return 0;
	s->registers.first_assignment = first;
	return 1;
}

/* One store at a constant offset: the verifier accepts no other access to this context. */
inline_fn void write_register(void *ctx, struct scratch *s, const __u32 word)
{
	asm volatile("*(u64 *)(%0 + %2) = %1"
		     :
		     : "r"(ctx), "r"(s->registers.words[word]), "i"(word * sizeof(__u64))
		     : "memory");
}

inline_fn void write_registers(void *ctx, struct scratch *s)
{
	if (!CHANGES_REGISTERS || !s->registers.first_assignment)
		return;
#pragma unroll
	for (__u32 word = 0; word < GENERAL_REGISTERS; word++)
		write_register(ctx, s, word);
	write_register(ctx, s, INSTRUCTION_REGISTER);
	write_register(ctx, s, STACK_REGISTER);
}

#endif
