/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Calls of a program's functions that have begun and whose return is hooked: the arguments are gone from
 * the registers by then. A call that never returns (longjmp, exit) leaves its entry, which is forgotten
 * when room is needed. A call whose entry is gone counts as unevaluated.
 */
#ifndef GANDER_CALLS_H
#define GANDER_CALLS_H

#include "scratch.bpf.h"
#include "tables.bpf.h"

enum { BEGUN_CALLS = 4096, REGISTER_ARGUMENTS = 6 };

/* The stack tells a call from another in which the function calls itself. */
struct call_key {
	__u64 thread;
	__u64 stack; /* where the return address was */
	__u32 hook;
	__u32 pad;
};

struct call_arguments {
	__u64 raw[REGISTER_ARGUMENTS];
};

LRU(begun_calls, struct call_key, struct call_arguments, BEGUN_CALLS);

inline_fn __u64 register_argument(struct pt_regs *regs, __u32 at)
{
	switch (at) {
	case 0:
		return regs->di;
	case 1:
		return regs->si;
	case 2:
		return regs->dx;
	case 3:
		return regs->cx;
	case 4:
		return regs->r8;
	case 5:
		return regs->r9;
	}
	return 0;
}

inline_fn struct call_key key_of_call(struct pt_regs *regs, __u32 returned_bytes)
{
	struct call_key key = {
		.thread = bpf_get_current_pid_tgid(),
		.stack = regs->sp - returned_bytes,
		.hook = hook_id,
	};

	return key;
}

/* Is the program called because the function begins? */
inline_fn bool is_beginning(void *ctx)
{
	return bpf_get_attach_cookie(ctx) == COOKIE_BEGINS;
}

/* Not inlined, as the next two: during evaluate() nothing of theirs may be on the stack, which is short. */
static __noinline void save_arguments(struct pt_regs *regs)
{
	struct call_key key = key_of_call(regs, 0);
	struct call_arguments arguments = {};

#pragma unroll
	for (__u32 i = 0; i < REGISTER_ARGUMENTS; i++)
		arguments.raw[i] = register_argument(regs, i);
	bpf_map_update_elem(&begun_calls, &key, &arguments, BPF_ANY);
}

/* When it returns, the function has taken the return address from the stack. */
static __noinline bool is_saved(struct pt_regs *regs)
{
	struct call_key key = key_of_call(regs, sizeof(__u64));

	return bpf_map_lookup_elem(&begun_calls, &key);
}

static __noinline void take_saved(struct scratch *s, struct pt_regs *regs)
{
	struct call_key key = key_of_call(regs, sizeof(__u64));
	struct call_arguments *saved = bpf_map_lookup_elem(&begun_calls, &key);

	if (!saved)
		return;
#pragma unroll
	for (__u32 i = 0; i < REGISTER_ARGUMENTS; i++)
		s->raw[i] = saved->raw[i];
	bpf_map_delete_elem(&begun_calls, &key);
}

#endif
