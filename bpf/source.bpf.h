/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where the raw arguments of a call are, for each way of attaching. */
#ifndef GANDER_SOURCE_H
#define GANDER_SOURCE_H

#include "args.bpf.h"
#include "calls.bpf.h"
#include "probes.bpf.h"

enum source {
	FROM_TRAMPOLINE,      /* LSM, fentry, fmod_ret */
	FROM_RETURN,	      /* fexit: arguments and result */
	FROM_REGISTERS,	      /* kprobe */
	FROM_RETURN_REGISTER, /* kretprobe: the result alone */
	FROM_PROGRAM_RETURN,  /* uretprobe: the result, and what was saved when the call began */
	FROM_PROBE,	      /* usdt: where the probe's note says */
	FROM_RAW_TRACEPOINT,
	FROM_RECORD, /* tracepoint: the context is the record */
};

/* An argument of a system call of 32-bit code: the entry has not cleared the upper halves of all registers. */
inline_fn __u32 compat_argument(struct pt_regs *regs, __u32 at)
{
	switch (at) {
	case 0:
		return BPF_CORE_READ(regs, bx);
	case 1:
		return BPF_CORE_READ(regs, cx);
	case 2:
		return BPF_CORE_READ(regs, dx);
	case 3:
		return BPF_CORE_READ(regs, si);
	case 4:
		return BPF_CORE_READ(regs, di);
	case 5:
		return BPF_CORE_READ(regs, bp);
	}
	return 0;
}

/* An argument of a system call, from the registers at its entry (x86-64). */
inline_fn __u64 syscall_argument(struct pt_regs *regs, __u32 at)
{
	if (hook_flags & HOOK_COMPAT)
		return compat_argument(regs, at);
	switch (at) {
	case 0:
		return BPF_CORE_READ(regs, di);
	case 1:
		return BPF_CORE_READ(regs, si);
	case 2:
		return BPF_CORE_READ(regs, dx);
	case 3:
		return BPF_CORE_READ(regs, r10);
	case 4:
		return BPF_CORE_READ(regs, r8);
	case 5:
		return BPF_CORE_READ(regs, r9);
	}
	return 0;
}

inline_fn __u64 trampoline_argument(void *ctx, __u32 at)
{
	__u64 value = 0;

	bpf_get_func_arg(ctx, at, &value);
	return value;
}

/* One load at a constant offset: the verifier accepts no other access to this context. */
#define LOAD_ARGUMENT(N)                                                                           \
	if (N < nargs && at == N) {                                                                \
		asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(value) : "r"(ctx), "i"(N * 8));       \
		return value;                                                                      \
	}

inline_fn __u64 tracepoint_argument(void *ctx, __u32 at)
{
	__u64 value;

	/* clang-format off */
	LOAD_ARGUMENT(0) LOAD_ARGUMENT(1) LOAD_ARGUMENT(2) LOAD_ARGUMENT(3)
	LOAD_ARGUMENT(4) LOAD_ARGUMENT(5) LOAD_ARGUMENT(6) LOAD_ARGUMENT(7)
	LOAD_ARGUMENT(8) LOAD_ARGUMENT(9) LOAD_ARGUMENT(10) LOAD_ARGUMENT(11)
	return 0;
	/* clang-format on */
}

/* The raw argument `at`, for sources with plain arguments. */
inline_fn __u64 plain_argument(void *ctx, enum source source, __u32 at)
{
	if (source == FROM_RAW_TRACEPOINT)
		return tracepoint_argument(ctx, at);
	if (source == FROM_REGISTERS)
		return register_argument(ctx, at);
	return trampoline_argument(ctx, at);
}

/* Copies all raw arguments to scratch memory. */
inline_fn void take_arguments(struct scratch *s, void *ctx, enum source source)
{
	struct pt_regs *regs = ctx;

	if (source == FROM_RECORD) {
		s->raw[0] = address_of(ctx);
		return;
	}
	if (source == FROM_RETURN_REGISTER) {
		s->raw[RAW_RETURN] = regs->ax;
		return;
	}
	if (source == FROM_PROGRAM_RETURN) {
		s->raw[RAW_RETURN] = regs->ax;
		take_saved(s, regs);
		return;
	}
	if (source == FROM_PROBE) {
		take_probe(s, regs);
		return;
	}
	if (source == FROM_RETURN)
		bpf_get_func_ret(ctx, &s->raw[RAW_RETURN]);
#pragma unroll
	for (__u32 i = 0; i < MAX_ARGS; i++) {
		if (i >= nargs && source != FROM_REGISTERS)
			break;
		if (i < 6 || source != FROM_REGISTERS)
			s->raw[i] = plain_argument(ctx, source, i);
	}
	if (source == FROM_REGISTERS && (!lacks(FEATURE_ROUTES) || CHANGES_REGISTERS))
		s->raw[RAW_REGISTERS] = address_of(ctx);
	if (source == FROM_REGISTERS && CHANGES_REGISTERS)
		s->raw[RAW_FUNCTION] = bpf_get_func_ip(ctx);
	if (source == FROM_REGISTERS && hook_flags & HOOK_MANY)
		s->raw[RAW_FUNCTION] = bpf_get_attach_cookie(ctx);
	if (!(hook_flags & HOOK_SYSCALL))
		return;
	regs = (struct pt_regs *)s->raw[0];
#pragma unroll
	for (__u32 i = 0; i < 6; i++)
		s->raw[i] = syscall_argument(regs, i);
}

/* Reads the raw argument of one slot before any is copied. False: this source does not have it. */
inline_fn bool raw_argument(void *ctx, enum source source, struct slot *slot, __u64 *value)
{
	__u32 at = slot->raw, size = slot->size;
	__u64 raw = 0;

	if (source == FROM_PROGRAM_RETURN)
		return false;
	if (source == FROM_RETURN_REGISTER || at >= RAW_MAY_WRITE)
		return false;
	if (source == FROM_PROBE)
		return probe_argument(ctx, at, value);
	if (source == FROM_RECORD) {
		bounded(size, 15);
		if (size > 8)
			return false;
		bpf_probe_read_kernel(&raw, size, (void *)(address_of(ctx) + at));
	} else if (hook_flags & HOOK_SYSCALL) {
		raw = syscall_argument((struct pt_regs *)plain_argument(ctx, source, 0), at);
	} else {
		raw = plain_argument(ctx, source, at);
	}
	*value = raw;
	return true;
}

#endif
