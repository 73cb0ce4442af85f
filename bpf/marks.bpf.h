/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Calls that an enforcer has to stop: NotifyEnforcer marks the call that the thread is in, and the hooks that the
 * same policy has at the calls of its `enforcers` look for the mark. A mark is for one call and all that it does: it
 * has a digest of the registers with which the thread entered the kernel, and the next call with others voids it.
 * Nothing that is cheap to read tells two calls with the same registers apart: a mark holds for both. It is stored
 * with the thread, so it needs no table that others could fill, and ends with it. A worker of io_uring and a thread
 * of the kernel have only one call: what was marked there stays so until an enforcer takes it.
 */
#ifndef GANDER_MARKS_H
#define GANDER_MARKS_H

#include "sensor.bpf.h"
#include "tables.bpf.h"

enum { CALL_MARKS = 4 };

struct marked_call {
	__u64 call;
	__u64 marks[CALL_MARKS]; /* of that many policies; 0: free */
	__u64 overflowed;	 /* there were more: every enforcer stops the call */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct marked_call);
} marked_calls SEC(".maps");

inline_fn __u64 mix(__u64 hash, __u64 value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

/* Tells a call from the thread's next. `ax` is left out: it becomes the result. */
inline_fn __u64 current_call(struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	__u64 hash = mix(task->thread_info.status & TS_COMPAT, regs->orig_ax);

	hash = mix(hash, regs->ip);
	hash = mix(hash, regs->sp);
	hash = mix(hash, regs->di);
	hash = mix(hash, regs->si);
	hash = mix(hash, regs->dx);
	hash = mix(hash, regs->r10);
	hash = mix(hash, regs->r8);
	hash = mix(hash, regs->r9);
	hash = mix(hash, regs->bx);
	hash = mix(hash, regs->bp);
	hash = mix(hash, regs->r12);
	hash = mix(hash, regs->r13);
	hash = mix(hash, regs->r14);
	return mix(hash, regs->r15);
}

/* Marks the current call. False: there is no room for this mark. */
inline_fn bool keep_mark(__u64 mark)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct marked_call *marked =
		bpf_task_storage_get(&marked_calls, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	__u64 call;

	if (!marked)
		return false;
	call = current_call(task);
	if (marked->call != call) {
		__builtin_memset(marked->marks, 0, sizeof(marked->marks));
		marked->overflowed = false;
		marked->call = call;
	}
#pragma unroll
	for (int i = 0; i < CALL_MARKS; i++) {
		if (marked->marks[i] && marked->marks[i] != mark)
			continue;
		marked->marks[i] = mark;
		return true;
	}
	marked->overflowed = true;
	return false;
}

/* Has the current call this mark? An interrupt's calls are not the thread's. */
__noinline int has_mark(__u64 mark)
{
	struct task_struct *task = bpf_get_current_task_btf();
	bool one_call = task->flags & (PF_IO_WORKER | PF_KTHREAD);
	struct marked_call *marked;

	if (lacks(FEATURE_MARKS))
		return 0;
	marked = bpf_task_storage_get(&marked_calls, task, NULL, 0);
	if (!marked || marked->call != current_call(task) || in_interrupt())
		return 0;
#pragma unroll
	for (int i = 0; i < CALL_MARKS; i++) {
		if (marked->marks[i] != mark)
			continue;
		if (one_call)
			marked->marks[i] = 0;
		return 1;
	}
	if (!marked->overflowed)
		return 0;
	if (one_call)
		marked->overflowed = false;
	return 1;
}

/* Removes all marks of a policy from the thread. */
__noinline int forget_marks(__u64 mark)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct marked_call *marked;

	if (IS_TEMPLATE || in_interrupt())
		return 0;
	if (lacks(FEATURE_MARKS))
		return count_lacking();
	marked = bpf_task_storage_get(&marked_calls, task, NULL, 0);
	if (!marked)
		return 0;
#pragma unroll
	for (int i = 0; i < CALL_MARKS; i++)
		if (marked->marks[i] >> MARK_POLICY_SHIFT == mark >> MARK_POLICY_SHIFT)
			marked->marks[i] = 0;
	return 0;
}

#endif
