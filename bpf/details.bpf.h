/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The details of a process that exec and the task iterator report. */
#ifndef GANDER_DETAILS_H
#define GANDER_DETAILS_H

#include "emit.bpf.h"
#include "lineage.bpf.h"
#include "path.bpf.h"

enum { ARGUMENTS_SIZE = 16384 };

inline_fn void fill_credentials(struct credentials *to, struct task_struct *task)
{
	const struct cred *cred = pointer_in(task, cred);
	struct user_namespace *user = cred->user_ns;

	to->uid = cred->uid.val;
	to->gid = cred->gid.val;
	to->euid = cred->euid.val;
	to->egid = cred->egid.val;
	to->suid = cred->suid.val;
	to->sgid = cred->sgid.val;
	to->fsuid = cred->fsuid.val;
	to->fsgid = cred->fsgid.val;
	to->securebits = cred->securebits;
	to->auid = bpf_core_field_exists(task->loginuid) ? task->loginuid.val : -1;
	/* __u32[2] before 6.3, __u64 since: the same bytes */
	to->permitted = word_from(address_of(&cred->cap_permitted));
	to->effective = word_from(address_of(&cred->cap_effective));
	to->inheritable = word_from(address_of(&cred->cap_inheritable));
	to->user_ns_level = user->level;
	to->user_ns_owner = user->owner.val;
	to->user_ns_group = user->group.val;
	to->pad = 0;
}

inline_fn void fill_details(struct record_exec *record, struct task_struct *task)
{
	struct nsproxy *all = pointer_in(task, nsproxy);

	record->flags = 0;
	fill_credentials(&record->privileges.cred, task);
#pragma unroll
	for (int i = 0; i < NAMESPACES; i++)
		record->privileges.namespaces[i] = namespace_in(task, all, i);
	record->ns_pid = ns_pid_of(task);
	record->threads = pointer_in(task, signal)->nr_threads;
}

inline_fn void fill_file(struct record_exec *record, struct file *file)
{
	struct inode *inode = file->f_inode;

	record->inode = inode->i_ino;
	record->links = inode->i_nlink;
	record->mode = inode->i_mode;
}

/* Walks from the start set by walk_begin, into text buffer 0. */
__noinline int walk_to_text(__u32 index)
{
	struct scratch *s = scratch_at(index);

	if (s)
		walk_path(s, 0);
	return 0;
}

/* Appends the path in buffer 0. */
inline_fn void append_path(struct stage *stage, struct scratch *s, struct text *text)
{
	struct text_value *value = &s->texts[0];
	__u64 at = value->at;

	text_complete(value);
	bounded(at, TEXT_SIZE - 1);
	text->size = stage_append(stage, s->text[0] + at, value->size);
	text->flags = value->flags;
}

/* How many of the eight bytes of a word belong to a string that ends in it, with its zero; 0: it does not. */
inline_fn __u32 bytes_to_zero(__u64 word)
{
	const __u64 ones = 0x0101010101010101ULL;
	__u64 zeros = (word - ones) & ~word & 0x80 * ones;

	return zeros ? ((zeros - 1) & ~zeros & ones) * ones >> 56 : 0;
}

/*
 * Copies a string of the kernel's with its end, by words: most are short. Gives its size; 0: it is longer, or lies where
 * a word of it may reach into a page that cannot be read.
 */
inline_fn __u32 copy_short_string(char *to, const char *from)
{
	const __u64 at = address_of(from);
	__u32 last;
	__u64 word;

	if (!can_cast() || (at & (PAGE - 1)) > PAGE - 8 * SHORT_WORDS)
		return 0;
#pragma unroll
	for (__u32 i = 0; i < SHORT_WORDS; i++) {
		word = word_at(at + 8 * i);
		*(__u64 *)(to + 8 * i) = word;
		last = bytes_to_zero(word);
		if (last)
			return 8 * i + last;
	}
	return 0;
}

inline_fn void append_kernel_string(struct stage *stage, struct text *text, const char *from)
{
	__u64 at = stage->size;
	long size;

	text->size = 0;
	text->flags = 0;
	if (!from || at > STAGE_SIZE) {
		text->flags = TEXT_UNREADABLE;
		return;
	}
	bounded(at, STAGE_SIZE - 1);
	size = copy_short_string(stage->bytes + at, from);
	if (!size)
		size = bpf_probe_read_kernel_str(stage->bytes + at, TEXT_SIZE, from);
	if (size <= 0) {
		text->flags = TEXT_UNREADABLE;
		return;
	}
	if (size == TEXT_SIZE)
		text->flags = TEXT_TRUNCATED;
	text->size = size - 1;
	stage->size = at + size - 1;
}

struct pages {
	__u32 index; /* of the stage */
	__u32 left;
	__u64 from;
};

static long pages_callback(__u64 i, struct pages *pages)
{
	struct stage *stage = stage_at(pages->index);
	__u32 size = PAGE - (pages->from & (PAGE - 1));
	__u64 at;

	if (!stage || !pages->left)
		return 1;
	if (size > pages->left)
		size = pages->left;
	at = stage->size;
	if (at > STAGE_SIZE - PAGE)
		return 1;
	bounded(at, STAGE_SIZE - 1);
	bounded(size, PAGE * 2 - 1);
	if (size > PAGE || bpf_probe_read_user(stage->bytes + at, size, (void *)pages->from))
		return 1;
	stage->size = at + size;
	pages->from += size;
	pages->left -= size;
	return 0;
}

/* Appends the arguments of the current process; page by page if not all can be read. */
inline_fn void append_arguments(struct stage *stage, __u32 stage_index, struct record_exec *record,
				struct task_struct *task)
{
	struct text *text = &record->arguments;
	struct mm_struct *mm = pointer_in(task, mm);
	__u64 from = mm->arg_start, end = mm->arg_end, at = stage->size, size = end - from;
	struct pages pages = { .index = stage_index, .from = from };

	text->size = 0;
	text->flags = 0;
	record->arguments_size = size;
	if (end < from || at > STAGE_SIZE) {
		text->flags = TEXT_UNREADABLE;
		return;
	}
	if (size > ARGUMENTS_SIZE) {
		size = ARGUMENTS_SIZE;
		text->flags = TEXT_TRUNCATED;
	}
	pages.left = size;
	bounded(at, STAGE_SIZE / 2 - 1); /* fixed part and paths are shorter */
	bounded(size, ARGUMENTS_SIZE * 2 - 1);
	if (size > ARGUMENTS_SIZE)
		return;
	if (!bpf_probe_read_user(stage->bytes + at, size, (void *)from)) {
		stage->size = at + size;
		text->size = size;
		return;
	}
	bpf_loop(ARGUMENTS_SIZE / PAGE + 1, pages_callback, &pages, 0);
	text->size = size - pages.left;
	text->flags |= pages.left ? TEXT_UNREADABLE : 0;
}

#endif
