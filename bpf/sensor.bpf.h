/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Marks the sensor's process: it is exempt from enforcement, or a policy could prevent its restart.
 * The mark is stored with the task itself: no other process has or inherits it, and it disappears
 * with the process (or at its next exec). Only the exec of a child is the sensor's own deed as well:
 * what was started is not exempt.
 */
#ifndef GANDER_SENSOR_H
#define GANDER_SENSOR_H

#include "state.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} sensors SEC(".maps");

enum { PF_FORKNOEXEC = 0x40 };

inline_fn bool is_marked(struct task_struct *leader)
{
	return bpf_task_storage_get(&sensors, leader, NULL, 0);
}

/* The calling process is the sensor, or was forked by it and is about to become another program. */
inline_fn bool is_sensor(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (is_marked(task->group_leader))
		return true;
	if (!bpf_core_field_exists(task->in_execve))
		return false;
	return task->flags & PF_FORKNOEXEC && BPF_CORE_READ_BITFIELD(task, in_execve) &&
	       is_marked(task->real_parent->group_leader);
}

/* Where x86 keeps the preemption count; which symbol exists depends on the kernel. */
extern const int __preempt_count __ksym __weak;
extern const struct pcpu_hot pcpu_hot __ksym __weak;

enum { IN_SOFTIRQ = 0x100, IN_INTERRUPT = IN_SOFTIRQ | 0xff0000 /* hard interrupts, NMI */ };

/* True: the call is not the current process's own, or this is unknown. */
inline_fn bool in_interrupt(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	int count = IN_INTERRUPT;

	if (&pcpu_hot) {
		const struct pcpu_hot *hot = bpf_this_cpu_ptr(&pcpu_hot);

		if (bpf_core_field_exists(hot->preempt_count))
			count = hot->preempt_count;
	}
	if (&__preempt_count)
		count = *(const int *)bpf_this_cpu_ptr(&__preempt_count);
	if (bpf_core_field_exists(task->softirq_disable_cnt))
		count |= task->softirq_disable_cnt & IN_SOFTIRQ;
	return count & IN_INTERRUPT;
}

#endif
