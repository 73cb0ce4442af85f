/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The arguments and environment variables of the program that is about to run (docs/decisions/0051). The kernel has
 * copied them to the top of the new program's stack, one after the other: arguments, variables, then the name of the
 * file. Nothing else uses that memory until the program runs, so what is read here is what it gets.
 *
 * A text is read in pieces into a buffer. One that does not fit is looked at through it, from the beginning to the end,
 * with the last bytes kept: so rows are exact for texts of any length.
 */
#ifndef GANDER_EXEC_H
#define GANDER_EXEC_H

#include "search.bpf.h"
#include "sets.bpf.h"
#include "tables.bpf.h"

enum {
	EXEC_BUFFER = BINARY_BUFFER, /* of paths: it is read again when it is needed */
	EXEC_PIECE = 256,
	EXEC_KEPT = 128,     /* of a text that goes on: no value that is searched for is longer */
	EXEC_WORK = 4 << 20, /* bytes that the rows of a call may read in all… */
	EXEC_TEXT_WORK = 64, /* …and what each text costs beside its bytes */
	EXEC_STEPS = EXEC_WORK / EXEC_TEXT_WORK + 1,
	EXEC_CHECKED = 64, /* bytes of the file's name */
};

_Static_assert(EXEC_KEPT >= POSTFIX_SIZE && EXEC_KEPT >= CONTAINED_SIZE,
	       "pieces overlap by a value");

/* Ensures that `frame` is that of the next byte. */
__noinline int turn_page(struct scratch *s)
{
	struct exec_texts *exec;
	struct table_entry entry;
	__u64 page;

	if (lacks(FEATURE_EXEC) || !s)
		return 0;
	exec = &s->exec;
	page = exec->at & ~(PAGE_BYTES - 1ULL);
	if (exec->frame && exec->page == page)
		return 0;
	entry.at = exec->entry_at;
	entry.value = exec->entry;
	if (exec->frame && !is_unmoved(&memory_layout, &entry))
		exec->failed = true;
	exec->page = page;
	exec->frame = frame_of(&memory_layout, exec->tables, page, &entry);
	exec->entry_at = entry.at;
	exec->entry = entry.value;
	if (!exec->frame)
		exec->failed = true;
	return 0;
}

/*
 * Finds the new program's memory. The kernel has written the file's name there, too: if it is not found, what is read
 * is not the program's memory.
 */
__noinline int open_exec(struct scratch *s)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct linux_binprm *bprm;
	struct exec_texts *exec;
	struct mm_struct *mm;
	__u64 *words, *known;
	__u32 offset, size;
	long length;

	if (lacks(FEATURE_EXEC) || !s)
		return 0;
	exec = &s->exec;
	bprm = (struct linux_binprm *)s->raw[0];
	mm = BPF_CORE_READ(bprm, mm);
	if (!mm)
		mm = BPF_CORE_READ(task, mm);
	exec->tables = address_of(BPF_CORE_READ(mm, pgd));
	exec->left = EXEC_WORK;
	exec->frame = 0;
	exec->failed = false;
	exec->at = BPF_CORE_READ(bprm, exec);
	turn_page(s);
	if (exec->failed)
		return 0;
	offset = exec->at & (PAGE_BYTES - 1);
	size = PAGE_BYTES - offset < EXEC_CHECKED ? PAGE_BYTES - offset : EXEC_CHECKED;
	words = s->key.words8;
	known = (__u64 *)s->text[EXEC_BUFFER];
#pragma unroll
	for (int i = 0; i < EXEC_CHECKED / 8; i++)
		words[i] = known[i] = 0;
	bounded(size, EXEC_CHECKED * 2 - 1);
	if (size > EXEC_CHECKED)
		return 0;
	length = bpf_probe_read_kernel_str(words, size, (void *)(exec->frame + offset));
	if (length != bpf_probe_read_kernel_str(known, size, BPF_CORE_READ(bprm, filename)))
		exec->failed = true;
#pragma unroll
	for (int i = 0; i < EXEC_CHECKED / 8; i++)
		if (words[i] != known[i])
			exec->failed = true;
	return 0;
}

static long find_value(__u32 i, struct scratch **context)
{
	struct scratch *s = *context;
	__u32 at = i;

	bounded(at, EXEC_PIECE - 1);
	if (s->text[EXEC_BUFFER][at] != '=')
		return 0;
	s->exec.value = at + 1;
	return 1;
}

/* The buffer has the beginning of a text: is the row about it, and where in it? */
inline_fn void begin_text(struct scratch *s, struct row *row)
{
	struct exec_texts *exec = &s->exec;

	exec->value = 0;
	exec->hits = false;
	exec->is_other = exec->text < exec->begin;
	if (exec->is_other || !row->names)
		return;
	exec->is_other =
		!in_prefix_set(s, row->names, address_of(s->text[EXEC_BUFFER]), exec->size);
	if (!exec->is_other)
		bpf_loop(PREFIX_SIZE, find_value, &s, 0);
}

/* Does a value of the row fit the text, as far as the buffer shows it? */
inline_fn bool fits_text(struct scratch *s, struct row *row, bool is_end)
{
	struct text_value *text = &s->texts[EXEC_BUFFER];
	struct exec_texts *exec = &s->exec;
	__u32 at = exec->is_later ? 0 : exec->value, size = exec->size;
	__u64 from;

	if (at > size)
		at = size;
	size -= at;
	bounded(at, TEXT_SIZE - 1);
	from = address_of(s->text[EXEC_BUFFER] + at);
	text->at = at;
	text->size = size;
	switch (row->op) {
	case ROW_EXEC_EQUAL:
		return !exec->is_later && is_end && in_str_set(s, row->set, from, size);
	case ROW_EXEC_PREFIX:
		return !exec->is_later && in_prefix_set(s, row->set, from, size);
	case ROW_EXEC_POSTFIX:
		return is_end && in_postfix_set(s, row->set, from + size, size, row->values[0]);
	case ROW_EXEC_SET:
		return true;
	}
	return contains_any(s, row, EXEC_BUFFER, row->op == ROW_EXEC_CONTAINS_ANY_CASE);
}

/* The buffer is full, or has the end of a text. */
inline_fn void look_at_text(struct scratch *s, struct row *row, bool is_end)
{
	struct exec_texts *exec = &s->exec;

	if (!exec->is_later)
		begin_text(s, row);
	if (!exec->is_other && !exec->hits)
		exec->hits = fits_text(s, row, is_end);
	if (!is_end) {
		bpf_probe_read_kernel(s->text[EXEC_BUFFER], EXEC_KEPT,
				      s->text[EXEC_BUFFER] + TEXT_SIZE - EXEC_KEPT);
		exec->size = EXEC_KEPT;
		exec->is_later = true;
		return;
	}
	if (!exec->is_other && exec->hits)
		exec->some = true;
	else if (!exec->is_other)
		exec->others = true;
	exec->text++;
	exec->size = 0;
	exec->is_later = false;
}

/* One argument that fits is enough; of variables with one name, all count. */
inline_fn bool is_decided(struct exec_texts *exec, struct row *row)
{
	return exec->failed || exec->text >= exec->end ||
	       (exec->some && (!row->names || row->op == ROW_EXEC_SET));
}

/* Reads the next piece of a text: to the end of the text, of its page, of the buffer, or EXEC_PIECE bytes. */
static long exec_step(__u32 i, struct scratch **context)
{
	struct scratch *s = *context;
	struct exec_texts *exec = &s->exec;
	__u32 size = exec->size, offset, room, last;
	struct row *row = row_at(s->row);
	bool is_end;
	__u64 from;
	long got;

	if (!row || is_decided(exec, row))
		return 1;
	turn_page(s);
	if (exec->left < EXEC_PIECE + EXEC_TEXT_WORK)
		exec->failed = true;
	if (exec->failed)
		return 1;
	offset = exec->at & (PAGE_BYTES - 1);
	from = exec->frame + offset;
	room = PAGE_BYTES - offset;
	if (room > EXEC_PIECE)
		room = EXEC_PIECE;
	if (room > TEXT_SIZE - size)
		room = TEXT_SIZE - size;
	bounded(size, TEXT_SIZE - 1);
	bounded(room, EXEC_PIECE * 2 - 1);
	if (room > EXEC_PIECE)
		return 1;
	got = bpf_probe_read_kernel_str(s->text[EXEC_BUFFER] + size, room, (void *)from);
	if (got <= 0) {
		exec->failed = true;
		return 1;
	}
	/* If it had no end, its last byte has become one. */
	last = got - 1;
	bounded(last, EXEC_PIECE - 1);
	if (got == room)
		bpf_probe_read_kernel(s->text[EXEC_BUFFER] + size + last, 1, (void *)(from + last));
	exec->at += got;
	exec->left -= got + EXEC_TEXT_WORK;
	is_end = !s->text[EXEC_BUFFER][size + last];
	exec->size = size + last + !is_end;
	if (is_end || exec->size >= TEXT_SIZE)
		look_at_text(s, row, is_end);
	return 0;
}

/* Reads what the row is about: `some` and `others` say what was found, or `failed` is set. */
inline_fn void read_exec(struct scratch *s, struct row *row)
{
	struct linux_binprm *bprm = (struct linux_binprm *)s->raw[0];
	struct exec_texts *exec = &s->exec;
	struct table_entry entry;
	__u32 arguments, variables;

	s->texts[EXEC_BUFFER].slot = 0;
	if (!exec->tables)
		open_exec(s);
	exec->some = exec->others = exec->is_later = false;
	exec->text = exec->size = 0;
	if (exec->failed)
		return;
	arguments = BPF_CORE_READ(bprm, argc);
	variables = BPF_CORE_READ(bprm, envc);
	exec->at = BPF_CORE_READ(bprm, p);
	exec->begin = 0;
	exec->end = arguments;
	if (row->names) {
		exec->begin = arguments;
		exec->end = arguments + variables;
	} else if (row->slot != NO_SLOT) {
		exec->begin = row->slot;
		exec->end = row->slot < arguments ? row->slot + 1U : 0; /* or there is none */
	}
	bpf_loop(EXEC_STEPS, exec_step, &s, 0);
	entry.at = exec->entry_at;
	entry.value = exec->entry;
	if (!is_decided(exec, row) || !is_unmoved(&memory_layout, &entry))
		exec->failed = true;
}

#endif
