/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The process of a record: the header from the process table, or from the task if it is not there. */
#ifndef GANDER_LINEAGE_H
#define GANDER_LINEAGE_H

#include "cast.bpf.h"
#include "scratch.bpf.h"

inline_fn struct proc *find_proc(__u32 tgid)
{
	return bpf_map_lookup_elem(&procs, &tgid);
}

/* The key of a process that did not call exec while we watched. */
inline_fn void key_of_task(struct process_key *key, struct task_struct *task)
{
	struct task_struct *leader = pointer_in(task, group_leader);

	key->start = leader->start_boottime;
	key->pid = leader->tgid;
	key->pad = 0;
}

inline_fn __u32 record_flags_of(struct proc *proc)
{
	__u32 tree = proc->flags & (PROC_IN_INIT_TREE | PROC_OF_HOST);

	return (tree == PROC_IN_INIT_TREE ? RECORD_IN_INIT_TREE : 0) |
	       (proc->flags & PROC_EXECED ? RECORD_EXECED : 0);
}

inline_fn void fill_process(struct record *record, struct task_struct *task, struct proc *proc)
{
	struct proc *parent;

	if (proc) {
		record->process = proc->key;
		record->parent = proc->parent;
		record->flags = record_flags_of(proc);
		return;
	}
	record->flags = RECORD_UNKNOWN_PROCESS;
	key_of_task(&record->process, task);
	parent = find_proc(pointer_in(task, real_parent)->tgid);
	if (parent)
		record->parent = parent->key;
	else
		key_of_task(&record->parent, pointer_in(task, real_parent));
}

/* All of the header but its size and time. `proc`: the entry of the process, or NULL. */
inline_fn void fill_record_of(struct record *record, __u32 type, struct task_struct *task,
			      struct proc *proc, __u64 cgroup)
{
	fill_process(record, task, proc);
	record->type = type;
	record->size = 0;
	record->cgroup = cgroup;
	record->tid = task->pid;
	record->uid = pointer_in(task, cred)->euid.val;
}

inline_fn void fill_record(struct record *record, __u32 type, struct task_struct *task,
			   __u64 cgroup)
{
	fill_record_of(record, type, task, find_proc(task->tgid), cgroup);
	record->time = bpf_ktime_get_boot_ns();
}

/*
 * The number and namespace of a pid in its own namespace: the last element of numbers[], which has
 * one per level. The pointer is read as a number because typed pointers take no variable offset.
 * Most processes are in the host's namespace, where the element is the first.
 */
inline_fn struct upid *upid_of(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);

	return (struct upid *)(address_of(pid) + bpf_core_field_offset(struct pid, numbers) +
			       (__u64)BPF_CORE_READ(pid, level) * bpf_core_type_size(struct upid));
}

inline_fn __u32 ns_pid_of(struct task_struct *task)
{
	struct task_struct *leader = pointer_in(task, group_leader);

	if (!leader->thread_pid->level)
		return leader->tgid;
	return BPF_CORE_READ(upid_of(leader), nr);
}

inline_fn __u32 pid_namespace_of(struct task_struct *task)
{
	struct pid *pid = pointer_in(task, thread_pid);

	if (!pid->level)
		return pid->numbers[0].ns->ns.inum;
	return BPF_CORE_READ(upid_of(task), ns, ns.inum);
}

/* The inode number of one of the task's namespaces; 0 if it has none (any more). `all`: its nsproxy. */
inline_fn __u32 namespace_in(struct task_struct *task, struct nsproxy *all, __u32 kind)
{
	if (kind == NS_PID)
		return pid_namespace_of(task);
	if (kind == NS_USER)
		return pointer_in(task, cred)->user_ns->ns.inum;
	if (!all)
		return 0;
	switch (kind) {
	case NS_UTS:
		return all->uts_ns->ns.inum;
	case NS_IPC:
		return all->ipc_ns->ns.inum;
	case NS_MNT:
		return all->mnt_ns->ns.inum;
	case NS_PID_FOR_CHILDREN:
		return all->pid_ns_for_children->ns.inum;
	case NS_NET:
		return all->net_ns->ns.inum;
	case NS_TIME:
		return all->time_ns->ns.inum;
	case NS_TIME_FOR_CHILDREN:
		return all->time_ns_for_children->ns.inum;
	case NS_CGROUP:
		return all->cgroup_ns->ns.inum;
	}
	return 0;
}

inline_fn __u32 namespace_of(struct task_struct *task, __u32 kind)
{
	return namespace_in(task, pointer_in(task, nsproxy), kind);
}

/*
 * PROC_IN_INIT_TREE and PROC_OF_HOST of a process that one with the flags `forker` has forked. What comes into a
 * container from the host has no ancestor there. A pid namespace inside of a container is a part of it: else a
 * process that was brought in could become a first process by making one.
 */
inline_fn __u32 tree_flags(__u32 level, __u32 number, __u32 forker)
{
	__u32 flags = forker & (PROC_IN_INIT_TREE | PROC_OF_HOST);

	if (!level)
		flags |= PROC_OF_HOST;
	else if (flags & PROC_OF_HOST)
		flags = 0;
	if (level <= 1 && number == 1)
		flags |= PROC_IN_INIT_TREE;
	return flags;
}

#endif
