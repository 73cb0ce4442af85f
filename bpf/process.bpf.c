// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The life of processes: exec, exit, lineage by fork (kept in `procs`, without a record each),
 * processes that ran before us (iterator), and the creation and removal of cgroups.
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "details.bpf.h"
#include "sensor.bpf.h"
#include "identity.bpf.h"
#include "binaries.bpf.h"
#include "origin.bpf.h"
#include "hold.bpf.h"
#include "past.bpf.h"
#include "tallies.bpf.h"

char _license[] SEC("license") = "Dual BSD/GPL";

enum { MAX_ANCESTORS = 256 };

struct climb {
	__u64 task;
	__u32 flags;
};

/* Only by copies: the verifier does not know the type of an ancestor. */
static long climb_callback(__u64 i, struct climb *climb)
{
	struct task_struct *task = (struct task_struct *)climb->task;
	struct proc *known = find_proc(BPF_CORE_READ(task, tgid));
	struct task_struct *leader;
	__u32 level;

	if (known) {
		climb->flags = known->flags;
		return 1;
	}
	leader = BPF_CORE_READ(task, group_leader);
	level = BPF_CORE_READ(leader, thread_pid, level);
	climb->flags = tree_flags(level, BPF_CORE_READ(upid_of(leader), nr), 0);
	if (climb->flags & PROC_IN_INIT_TREE)
		return 1;
	climb->task = address_of(BPF_CORE_READ(task, real_parent));
	return 0;
}

/*
 * The flags of a process with unknown past (tree_flags). Of one from before us, the parents are taken for those
 * that forked. Once all processes are listed, it is one that had no room: the parent that it has by now proves
 * nothing. Not inlined: the verifier would follow each outcome to the end of the program.
 */
__noinline int present_flags(__u64 parent, __u32 level, __u32 number)
{
	struct config *settings = get_config();
	struct climb climb = { .task = parent };

	if (settings && settings->flags & CONFIG_PROCS_LISTED)
		return PROC_FOLLOW_UNSURE | tree_flags(level, number, 0);
	bpf_loop(MAX_ANCESTORS, climb_callback, &climb, 0);
	return tree_flags(level, number, climb.flags);
}

/* Adds a process with unknown past to the table. */
inline_fn struct proc *add_proc(struct stage *stage, struct task_struct *task)
{
	struct task_struct *parent = pointer_in(task, real_parent);
	struct proc *known = find_proc(parent->tgid);
	__u32 tgid = task->tgid;

	bpf_probe_read_kernel(&stage->proc, sizeof(stage->proc), NULL); /* zeros */
	key_of_task(&stage->proc.key, task);
	if (known)
		stage->proc.parent = known->key;
	else
		key_of_task(&stage->proc.parent, parent);
	/* read as a number: the verifier accepts no typed pointer as an argument */
	stage->proc.flags = present_flags(address_of(BPF_CORE_READ(task, real_parent)),
					  pointer_in(task, thread_pid)->level, ns_pid_of(task)) |
			    PROC_COUNTED; /* maybe, before it was known */
	bpf_map_update_elem(&procs, &tgid, &stage->proc, BPF_NOEXIST);
	known = find_proc(tgid);
	if (!known)
		count_fault(FAULT_PROC_TABLE);
	return known;
}

/* Stores the path in buffer 0, for filters on the binary. */
inline_fn void remember_binary(struct proc *proc, struct scratch *s)
{
	struct text_value *path = &s->texts[0];
	__u32 at = path->at, size = path->size;

	if (path->flags & TEXT_FORGEABLE)
		__sync_fetch_and_or(&proc->flags, PROC_FORGEABLE_BINARY | PROC_FORGEABLE_DESCENT);
	else
		__sync_fetch_and_and(&proc->flags, ~PROC_FORGEABLE_BINARY);
	if (path->flags & TEXT_TOO_DEEP)
		__sync_fetch_and_or(&proc->flags, PROC_FOLLOW_UNSURE);
	proc->binary_length = path->flags & TEXT_TOO_DEEP ? 0 : path->has_tail ? TEXT_SIZE : size;
	if (path->has_tail)
		__builtin_memcpy(proc->tail, path->tail, BINARY_TAIL);
	else if (size > BINARY_SIZE)
		bpf_probe_read_kernel(proc->tail, BINARY_TAIL,
				      s->text[0] + TEXT_SIZE - BINARY_TAIL);
	if (size > BINARY_SIZE)
		size = BINARY_SIZE;
	bounded(at, TEXT_SIZE - 1);
	bounded(size, BINARY_SIZE * 2 - 1);
	if (size <= 8 * SHORT_WORDS)
		copy_own(proc->binary, s->text[0] + at);
	else if (size <= BINARY_SIZE)
		bpf_probe_read_kernel(proc->binary, size, s->text[0] + at);
}

struct follow {
	__u32 index;
	__u32 tgid;
};

static long follow_callback(__u64 i, struct follow *follow)
{
	struct scratch *s = scratch_at(follow->index);
	struct config *settings = get_config();
	struct proc *proc = find_proc(follow->tgid);
	__u32 set;

	if (!s || !settings || !proc || i >= settings->follow_count)
		return 1;
	bounded(i, FOLLOW_BITS - 1);
	set = settings->follow[i];
	if (!set || !binary_in(s, proc, settings->follow_match[i], set, POSTFIX_SIZE))
		return 0;
	__sync_fetch_and_or(&proc->follow.bits, 1ULL << i);
	if (!(proc->flags & PROC_FORGEABLE_BINARY))
		__sync_fetch_and_or(&proc->follow.believed, 1ULL << i);
	return 0;
}

/* Of the binary that the process has now. */
inline_fn void remember_origin(struct proc *proc, struct file *file)
{
	int origin = origin_of(word_from(address_of(&file->f_inode)));

	__sync_fetch_and_and(&proc->flags, ~(PROC_ORIGIN_KNOWN | PROC_ORIGIN_MASK));
	if (origin >= 0)
		__sync_fetch_and_or(&proc->flags,
				    PROC_ORIGIN_KNOWN | (__u32)origin << PROC_ORIGIN_SHIFT);
}

/* The privileges that the file gave. The credentials before exec are gone: cred is exec's result. */
inline_fn __u32 privilege_flags(struct linux_binprm *bprm, struct file *file,
				struct credentials *cred)
{
	struct inode *inode = file->f_inode;
	__u32 mode = inode->i_mode, flags = EXEC_SECURE;

	if (!BPF_CORE_READ_BITFIELD(bprm, secureexec))
		return 0;
	if (mode & S_ISUID && cred->euid == inode->i_uid.val && cred->euid != cred->uid)
		flags |= EXEC_SETUID;
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && cred->egid == inode->i_gid.val &&
	    cred->egid != cred->gid)
		flags |= EXEC_SETGID;
	return flags == EXEC_SECURE ? flags | EXEC_FILE_CAPS : flags;
}

inline_fn void append_cwd(struct stage *stage, struct scratch *s, __u32 index,
			  struct record_exec *record, struct task_struct *task)
{
	struct fs_struct *fs = pointer_in(task, fs);

	record->cwd.size = 0;
	record->cwd.flags = TEXT_UNREADABLE;
	if (!fs)
		return;
	walk_begin(s, &fs->pwd);
	if (fs->pwd.dentry == fs->root.dentry && fs->pwd.mnt == fs->root.mnt)
		record->flags |= EXEC_ROOT_CWD;
	walk_to_text(index);
	append_path(stage, s, &record->cwd);
}

inline_fn void exec_record(struct stage *stage, __u32 stage_index, struct scratch *s, __u32 index,
			   struct task_struct *task, struct linux_binprm *bprm, struct file *file,
			   struct proc *proc)
{
	struct record_exec *record = &stage->exec;
	const char *filename = bprm->filename, *interp = bprm->interp;

	fill_record_of(&record->r, RECORD_EXEC, task, proc, bpf_get_current_cgroup_id());
	fill_details(record, task);
	remember_privileges(stage_index, task->tgid, BPF_ANY);
	fill_file(record, file);
	record->flags |= privilege_flags(bprm, file, &record->privileges.cred);
	record->flags |= early_flags(task, &record->r.process);
	record->pad = 0;
	stage->size = sizeof(*record);
	append_path(stage, s, &record->path);
	append_kernel_string(stage, &record->filename, filename);
	append_cwd(stage, s, index, record, task);
	append_arguments(stage, stage_index, record, task);
	record->interp.size = record->interp.flags = 0;
	if (interp != filename) {
		record->flags |= EXEC_SCRIPT;
		append_kernel_string(stage, &record->interp, interp);
	}
	emit_lifecycle(stage, RECORD_EXEC);
}

inline_fn void exec_claimed(struct stage *stage, __u32 stage_index, struct scratch *s, __u32 index,
			    struct task_struct *task, struct linux_binprm *bprm)
{
	struct proc *proc = find_proc(task->tgid);
	struct follow follow = { .index = index, .tgid = task->tgid };
	struct config *settings = get_config();
	struct process_key previous = {};
	struct file *file = pointer_in(bprm, file);
	__u64 now = bpf_ktime_get_boot_ns();

	if (proc)
		previous = proc->key;
	else
		proc = add_proc(stage, task);
	walk_begin(s, &file->f_path);
	walk_to_text(index);
	if (proc) {
		proc->key.start = now;
		__sync_fetch_and_or(&proc->flags, PROC_EXECED | PROC_ANNOUNCED);
		identify(&proc->file, file);
		remember_origin(proc, file);
		remember_binary(proc, s);
		if (settings && settings->follow_count)
			bpf_loop(FOLLOW_BITS, follow_callback, &follow, 0);
	}
	stage->exec.previous = previous;
	stage->record.time = now;
	exec_record(stage, stage_index, s, index, task, bprm, file, proc);
}

/* What was the sensor is another program now. Most tasks have no storage of any map. */
inline_fn void unmark_sensor(struct task_struct *task)
{
	if (pointer_in(task, bpf_storage))
		bpf_task_storage_delete(&sensors, task);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process__exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	int index = scratch_claim(), stage_index = stage_claim();
	struct scratch *s = claimed_scratch(index);
	struct stage *stage = stage_index < 0 ? NULL : stage_at(stage_index);
	struct process_key key;
	struct proc *proc;

	unmark_sensor(task);
	if (s && stage) {
		exec_claimed(stage, stage_index, s, index, task, bprm);
	} else {
		proc = find_proc(task->tgid);
		if (proc) { /* the image has changed all the same */
			proc->key.start = bpf_ktime_get_boot_ns();
			__sync_fetch_and_or(&proc->flags, PROC_EXECED | PROC_FOLLOW_UNSURE);
			proc->binary_length = 0;
			identify(&proc->file, pointer_in(bprm, file));
			remember_origin(proc, pointer_in(bprm, file));
		}
		key_of_task(&key, task);
		early_flags(task, &key);
		forget_privileges(task->tgid);
		count_fault(FAULT_STAGE);
		count_lifecycle(RECORD_EXEC, LIFECYCLE_NO_MEMORY);
	}
	if (index >= 0)
		scratch_release(index);
	if (stage_index >= 0)
		stage_release(stage_index);
	return 0;
}

/*
 * Announces the current process, which never called exec, to user space, before it becomes a parent. Not inlined: the
 * verifier would follow it for a process that was known and for one that was added.
 */
__noinline int announce(__u32 stage_index)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct stage *stage = stage_at(stage_index);
	struct proc *proc = find_proc(task->tgid);

	if (!stage || !proc)
		return 0;
	fill_record(&stage->record, RECORD_CLONE, task, bpf_get_current_cgroup_id());
	stage->size = sizeof(stage->record);
	if (emit(stage, false)) {
		__sync_fetch_and_or(&proc->flags, PROC_ANNOUNCED);
		count_lifecycle(RECORD_CLONE, LIFECYCLE_WRITTEN);
	} else {
		count_lifecycle(RECORD_CLONE, LIFECYCLE_RING_FULL);
	}
	return 0;
}

/*
 * Adds a child, which began at `start`, to the table: its parent's entry, but for what is its own. Not inlined: the
 * verifier would follow it from each way in which the parent's entry was found.
 */
__noinline int add_child(__u32 tgid, __u32 parent, __u64 start, __u32 level, __u32 number)
{
	struct proc *proc = find_proc(parent), *copy;
	struct followed *extra;

	if (!proc)
		return 0;
	if (bpf_map_update_elem(&procs, &tgid, proc, BPF_ANY))
		count_fault(FAULT_PROC_TABLE);
	copy = find_proc(tgid);
	if (!copy)
		return 0;
	extra = bpf_map_lookup_elem(&follow_pids, &parent);
	copy->parent = proc->key;
	copy->key.start = start;
	copy->key.pid = tgid;
	if (extra) {
		copy->follow.bits |= extra->bits;
		copy->follow.believed |= extra->believed;
	}
	copy->flags = (copy->flags & PROC_INHERITED) | tree_flags(level, number, copy->flags);
	return 1;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process__fork, struct task_struct *task, struct task_struct *child)
{
	struct stage *stage;
	struct proc *proc;
	int index = -1;

	if (child->pid != child->tgid)
		return 0; /* a thread */
	proc = find_proc(task->tgid);
	if (!proc || !(proc->flags & PROC_ANNOUNCED)) {
		index = stage_claim();
		stage = index < 0 ? NULL : stage_at(index);
		if (stage && !proc)
			proc = add_proc(stage, task);
		if (stage && proc)
			announce(index);
		if (index >= 0)
			stage_release(index);
	}
	if (!proc) {
		if (index < 0)
			count_fault(FAULT_STAGE);
		return 0;
	}
	if (add_child(child->tgid, task->tgid, child->start_boottime,
		      pointer_in(child, thread_pid)->level, ns_pid_of(child)))
		inherit_past(child->tgid, task->tgid, task->flags);
	return 0;
}

/*
 * Does this thread report the exit of the process? All others have begun to exit; the status is the
 * leader's, which may have exited long before. If the leader is exiting but has not set its status
 * yet, it will get here itself: it drops its memory only after that.
 */
inline_fn bool is_last(struct task_struct *task)
{
	struct task_struct *leader = pointer_in(task, group_leader);

	return !pointer_in(task, signal)->live.counter && (task == leader || !leader->mm);
}

inline_fn __u32 exit_status(struct task_struct *task)
{
	struct signal_struct *signal = pointer_in(task, signal);

	return signal->flags & SIGNAL_GROUP_EXIT ? signal->group_exit_code :
						   pointer_in(task, group_leader)->exit_code;
}

/*
 * Exits that were reported while the process had other threads, because any of these may later find that it
 * is the last. A process with one thread has no entry.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct process_key);
	__type(value, __u32);
} told_exits SEC(".maps");

/* Has another remaining thread reported this exit? If not, none will from now on. */
inline_fn bool is_told_beside(struct process_key *key)
{
	__u32 yes = 1;

	/* Before 6.4 the result is an int; the verifier's shortcut to the map does not set its upper half. */
	return (int)bpf_map_update_elem(&told_exits, key, &yes, BPF_NOEXIST) == -EEXIST;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process__exit, struct task_struct *task)
{
	struct config *settings = get_config();
	bool is_alone = pointer_in(task, signal)->nr_threads == 1;
	__u32 tgid = task->tgid;
	struct process_key key;
	struct stage *stage;
	int index;

	if (!is_last(task))
		return 0;
	key_of_task(&key, task);
	if (!is_alone && is_told_beside(&key))
		return 0;
	index = stage_claim();
	stage = index < 0 ? NULL : stage_at(index);
	if (stage)
		fill_record(&stage->record, RECORD_EXIT, task, bpf_get_current_cgroup_id());
	forget_tallies_of_process(tgid);
	if (bpf_map_delete_elem(&procs, &tgid)) {
		/*
		 * The thread that reported the exit has removed the entry. And a process that started before
		 * us and exits before the iterator reaches it is no loss.
		 */
		if (!(is_alone && bpf_map_lookup_elem(&told_exits, &key)) && settings &&
		    settings->flags & CONFIG_PROCS_LISTED)
			count_fault(FAULT_PROC_UNKNOWN);
	} else if (stage) {
		stage->exit.status = exit_status(task);
		stage->exit.pad = 0;
		stage->size = sizeof(stage->exit);
		emit_lifecycle(stage, RECORD_EXIT);
	} else {
		count_fault(FAULT_STAGE);
		count_lifecycle(RECORD_EXIT, LIFECYCLE_NO_MEMORY);
	}
	if (settings && settings->flags & CONFIG_FOLLOW_PIDS)
		bpf_map_delete_elem(&follow_pids, &tgid);
	if (settings && settings->flags & CONFIG_EARLY)
		forget_held(settings, tgid);
	forget_past(tgid);
	if (index >= 0)
		stage_release(index);
	return 0;
}

#include "register.bpf.h"
#include "tasks.bpf.h"
#include "cgroups.bpf.h"
#include "sweep.bpf.h"
