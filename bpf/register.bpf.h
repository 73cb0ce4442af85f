/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The sensor identifies itself by reading this iterator, through its pin or, where a policy denies
 * opening the pin, through bpf(2). Only root can open the pin; a process that reads it by accident
 * (grep -r) does not open it for writing, and root in a container lacks the capability.
 */
#ifndef GANDER_REGISTER_H
#define GANDER_REGISTER_H

#include "sensor.bpf.h"

inline_fn bool may_load_programs(const struct cred *cred)
{
	__u64 effective = 0;

	bpf_core_read(&effective, sizeof(effective), &cred->cap_effective);
	return !cred->user_ns->level && effective & (1ULL << CAP_BPF | 1ULL << CAP_SYS_ADMIN);
}

inline_fn bool is_meant(struct file *file)
{
	return (file->f_flags & O_ACCMODE) == O_RDWR ||
	       file->f_inode->i_sb->s_magic == ANON_INODE_FS_MAGIC;
}

/* Called for the one element of `config`, then without one. Reading gives a byte if the mark was set. */
SEC("iter/bpf_map_elem")
int process__sensor(struct bpf_iter__bpf_map_elem *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct seq_file *seq = context->meta->seq;
	__u8 done = 1;
	__u32 mark = 1;

	if (!context->key || !is_meant(seq->file) || !may_load_programs(task->cred))
		return 0;
	if (bpf_task_storage_get(&sensors, task->group_leader, &mark,
				 BPF_LOCAL_STORAGE_GET_F_CREATE))
		bpf_seq_write(seq, &done, sizeof(done));
	return 0;
}

#endif
