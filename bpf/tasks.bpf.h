/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Processes that ran before us: the iterator puts each into the table (and into those of past.bpf.h: as it is
 * now) and writes a RECORD_TASK for it into its own output. It can't sleep, so no process can make it wait.
 */
#ifndef GANDER_TASKS_H
#define GANDER_TASKS_H

#include "details.bpf.h"
#include "past.bpf.h"

/*
 * Records only the arguments' size: a process may withhold their pages for ever (FUSE,
 * userfaultfd), and nothing here may wait. User space reads them apart.
 */
inline_fn void task_arguments(struct record_exec *record, struct mm_struct *mm)
{
	__u64 from = mm->arg_start, end = mm->arg_end;

	record->arguments_size = end > from ? end - from : 0;
	record->arguments.flags = TEXT_UNREADABLE;
}

inline_fn struct file *walk_to_binary(struct scratch *s, __u32 index, struct task_struct *task)
{
	struct mm_struct *mm = pointer_in(task, mm);
	struct file *file = mm ? mm->exe_file : NULL;

	if (!file)
		return NULL;
	walk_begin(s, &file->f_path);
	walk_to_text(index);
	return file;
}

/* A known binary is that of the last exec, or the parent's: concurrent calls read it. */
inline_fn void remember_task_binary(struct scratch *s, __u32 index, struct task_struct *task,
				    struct proc *proc, struct file *file)
{
	if (proc->flags & PROC_EXECED || proc->binary_length)
		return;
	remember_binary(proc, s);
	if (!is_what_was_started(task, file))
		__sync_fetch_and_or(&proc->flags, PROC_FORGEABLE_BINARY | PROC_FORGEABLE_DESCENT);
	else
		remember_origin(proc, file);
	/* A concurrent exec has set its flag by now, or will write after this (the atomic is a barrier). */
	if (!(__sync_fetch_and_or(&proc->flags, 0) & PROC_EXECED))
		return;
	file = walk_to_binary(s, index, task);
	if (!file)
		return;
	remember_binary(proc, s);
	remember_origin(proc, file);
}

inline_fn void task_record(struct stage *stage, __u32 stage_index, struct scratch *s, __u32 index,
			   struct task_struct *task)
{
	struct follow follow = { .index = index, .tgid = task->tgid };
	struct record_exec *record = &stage->exec;
	struct mm_struct *mm = pointer_in(task, mm);
	struct proc *proc = find_proc(task->tgid);
	struct file *file;

	if (!proc)
		proc = add_proc(stage, task);
	remember_present_parent(stage_index, task->tgid, pointer_in(task, real_parent)->tgid,
				pointer_in(task, real_parent)->flags);
	bpf_probe_read_kernel(record, sizeof(*record), NULL); /* zeros */
	stage->size = sizeof(*record);
	fill_record(&record->r, RECORD_TASK, task, pointer_in(task, cgroups)->dfl_cgrp->kn->id);
	fill_details(record, task);
	remember_privileges(stage_index, task->tgid, BPF_NOEXIST);
	if (task->flags & PF_KTHREAD)
		record->flags |= EXEC_KERNEL_THREAD;
	file = walk_to_binary(s, index, task);
	if (file) {
		fill_file(record, file);
		append_path(stage, s, &record->path);
		if (proc)
			remember_task_binary(s, index, task, proc, file);
	}
	/* the task itself, read as a number: the verifier lets nobody look at the bits of a typed pointer */
	append_kernel_string(stage, &record->filename, BPF_CORE_READ(task, group_leader)->comm);
	append_cwd(stage, s, index, record, task);
	if (mm)
		task_arguments(record, mm);
	stage->record.size = stage->size;
	if (proc) {
		__sync_fetch_and_or(&proc->flags, PROC_ANNOUNCED);
		bpf_loop(FOLLOW_BITS, follow_callback, &follow, 0);
	}
}

SEC("iter/task")
int process__tasks(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;
	struct seq_file *seq = context->meta->seq;
	struct config *settings = get_config();
	struct scratch *s;
	struct stage *stage;
	int index, stage_index;
	__u32 size;

	if (!task && settings)
		__sync_fetch_and_or(&settings->flags, CONFIG_PROCS_LISTED);
	if (!task || task->pid != task->tgid || !pointer_in(task, signal)->live.counter)
		return 0;
	index = scratch_claim();
	stage_index = stage_claim();
	s = claimed_scratch(index);
	stage = stage_index < 0 ? NULL : stage_at(stage_index);
	if (s && stage) {
		task_record(stage, stage_index, s, index, task);
		size = stage->size;
		bounded(size, STAGE_SIZE * 2 - 1);
		if (size <= STAGE_SIZE)
			bpf_seq_write(seq, stage->bytes, size);
		count_lifecycle(RECORD_TASK, LIFECYCLE_WRITTEN);
	} else {
		count_fault(FAULT_STAGE);
		count_lifecycle(RECORD_TASK, LIFECYCLE_NO_MEMORY);
	}
	if (index >= 0)
		scratch_release(index);
	if (stage_index >= 0)
		stage_release(stage_index);
	return 0;
}

#endif
