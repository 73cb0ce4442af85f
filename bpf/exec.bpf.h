/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The arguments and environment variables of the program that is about to run (docs/decisions/0051). The kernel has
 * copied them to the top of the new program's stack, one after the other: arguments, variables, then the name of the
 * file. Nothing else uses that memory until the program runs, so what is read here is what it gets.
 *
 * The texts are read once for all rows of the call. Rows that ask the same are one test (hook.exec_rows); the first row
 * that needs a test has those of its group decided, as far as rules of this call have them.
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
	EXEC_KEPT = 128,      /* of a text that goes on: no value that is searched for is longer */
	EXEC_WORK = 4 << 20,  /* bytes that are read at most for a group of tests… */
	EXEC_TEXT_WORK = 64,  /* …and what each text costs beside its bytes */
	EXEC_TESTS = 1 << 20, /* how often a call compares a text with a test… */
	EXEC_SEARCHED = 16,   /* …where a search counts once more for this many bytes */
	EXEC_STEPS = (EXEC_WORK / EXEC_TEXT_WORK + 2) * (EXEC_GROUP_TESTS + 1),
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
		exec->failed = exec->moved = true;
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
	exec->tests_left = EXEC_TESTS;
	exec->frame = exec->decided = 0;
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

/* The buffer has the beginning of a text: is the test about it? */
inline_fn bool is_about_text(struct scratch *s, struct row *row)
{
	struct exec_texts *exec = &s->exec;

	if (!row->names)
		return row->slot == NO_SLOT || row->slot == exec->text;
	if (!in_prefix_set(s, row->names, address_of(s->text[EXEC_BUFFER]), exec->size))
		return false;
	if (!exec->value)
		bpf_loop(PREFIX_SIZE, find_value, &s, 0);
	return true;
}

/* Does a value of the row fit the text, as far as the buffer shows it? */
inline_fn bool fits_text(struct scratch *s, struct row *row)
{
	struct text_value *text = &s->texts[EXEC_BUFFER];
	struct exec_texts *exec = &s->exec;
	__u32 at = exec->is_later || !row->names ? 0 : exec->value, size = exec->size;
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
		return !exec->is_later && exec->is_end && in_str_set(s, row->set, from, size);
	case ROW_EXEC_PREFIX:
		return !exec->is_later && in_prefix_set(s, row->set, from, size);
	case ROW_EXEC_POSTFIX:
		return exec->is_end &&
		       in_postfix_set(s, row->set, from + size, size, row->values[0]);
	case ROW_EXEC_SET:
		return true;
	}
	return contains_any(s, row, EXEC_BUFFER, row->op == ROW_EXEC_CONTAINS_ANY_CASE);
}

/* Compares the text, as far as the buffer shows it, with the first test that waits. */
inline_fn void test_text(struct scratch *s)
{
	struct exec_texts *exec = &s->exec;
	__u64 bit = exec->waiting & -exec->waiting;
	struct row *row = row_at(exec->first_row + bit_position(bit));
	__u32 work = 1;

	if (row && row->op >= ROW_EXEC_CONTAINS && row->op <= ROW_EXEC_CONTAINS_ANY_CASE)
		work += exec->size / EXEC_SEARCHED;
	if (!row || exec->tests_left < work) {
		exec->failed = true;
		return;
	}
	exec->waiting ^= bit;
	exec->tests_left -= work;
	if (!exec->is_later) {
		if (!is_about_text(s, row))
			return;
		exec->about |= bit;
	}
	if (fits_text(s, row))
		exec->hits |= bit;
}

/* Sorts the first test that is not sorted yet. */
inline_fn void sort_test(struct exec_texts *exec)
{
	__u64 bit = exec->unsorted & -exec->unsorted;
	struct row *row = row_at(exec->first_row + bit_position(bit));

	exec->unsorted ^= bit;
	if (!row)
		return;
	if (row->names)
		exec->of_variables |= bit;
	else if (row->slot != NO_SLOT)
		exec->at_position |= bit;
	/* One argument that fits is enough; of variables with one name, all count. */
	if (!row->names || row->op == ROW_EXEC_SET)
		exec->at_once |= bit;
}

/* All arguments have been read: what is left to know is about variables. */
inline_fn void end_arguments(struct exec_texts *exec)
{
	if (exec->text >= exec->arguments)
		exec->open &= exec->of_variables;
}

/* The buffer has been compared with all tests that waited. */
inline_fn void end_piece(struct scratch *s)
{
	struct exec_texts *exec = &s->exec;

	if (!exec->is_end) {
		bpf_probe_read_kernel(s->text[EXEC_BUFFER], EXEC_KEPT,
				      s->text[EXEC_BUFFER] + TEXT_SIZE - EXEC_KEPT);
		exec->size = EXEC_KEPT;
		exec->is_later = true;
		return;
	}
	exec->some |= exec->hits;
	exec->others |= exec->about & ~exec->hits;
	exec->open &= ~((exec->hits & exec->at_once) | (exec->about & exec->at_position));
	exec->hits = exec->about = 0;
	exec->text++;
	exec->size = exec->value = 0;
	exec->is_later = false;
	end_arguments(exec);
}

/*
 * Reads the next piece of a text: to the end of the text, of its page, of the buffer, or EXEC_PIECE bytes. True: the
 * buffer is full, or has the end of the text.
 */
inline_fn bool read_piece(struct scratch *s)
{
	struct exec_texts *exec = &s->exec;
	__u32 size = exec->size, offset, room, last;
	__u64 from;
	long got;

	turn_page(s);
	if (exec->left < EXEC_PIECE + EXEC_TEXT_WORK)
		exec->failed = true;
	if (exec->failed)
		return false;
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
		return false;
	got = bpf_probe_read_kernel_str(s->text[EXEC_BUFFER] + size, room, (void *)from);
	if (got <= 0) {
		exec->failed = true;
		return false;
	}
	/* If it had no end, its last byte has become one. */
	last = got - 1;
	bounded(last, EXEC_PIECE - 1);
	if (got == room)
		bpf_probe_read_kernel(s->text[EXEC_BUFFER] + size + last, 1, (void *)(from + last));
	exec->at += got;
	exec->left -= got + EXEC_TEXT_WORK;
	exec->is_end = !s->text[EXEC_BUFFER][size + last];
	exec->size = size + last + !exec->is_end;
	return exec->is_end || exec->size >= TEXT_SIZE;
}

/* Sorts a test, or reads a piece, or compares what was read with a test. */
static long exec_step(__u32 i, struct scratch **context)
{
	struct scratch *s = *context;
	struct exec_texts *exec = &s->exec;

	if (exec->unsorted) {
		sort_test(exec);
		if (!exec->unsorted)
			end_arguments(exec);
		return 0;
	}
	if (!exec->waiting) {
		if (!exec->open || exec->text >= exec->texts)
			return 1;
		if (!read_piece(s))
			return exec->failed != 0;
		exec->waiting = exec->is_later		     ? exec->about & ~exec->hits :
				exec->text < exec->arguments ? exec->open & ~exec->of_variables :
							       exec->open & exec->of_variables;
	}
	if (exec->waiting)
		test_text(s);
	if (!exec->waiting)
		end_piece(s);
	return exec->failed != 0;
}

/* Reads the texts for all tests of a group: fills its struct exec_group. `asked`: one that is certainly wanted. */
inline_fn void read_exec(struct scratch *s, __u32 group, __u64 asked)
{
	struct application *application;
	struct linux_binprm *bprm;
	struct table_entry entry;
	struct exec_texts *exec;
	struct hook *hook;
	__u64 wanted;

	exec = &s->exec;
	bprm = (struct linux_binprm *)s->raw[0];
	s->texts[EXEC_BUFFER].slot = 0;
	if (!exec->tables) {
		open_exec(s);
		exec->is_foreign = exec->failed;
	}
	application = application_at(s->application);
	hook = hook_at(s->hook);
	if (!application || !hook)
		return;
	bounded(group, EXEC_GROUPS - 1);
	wanted = application->exec_tests[group] | asked;
	exec->first_row = s->side * MAX_ROWS + hook->exec_rows + group * EXEC_GROUP_TESTS;
	exec->open = exec->unsorted = wanted;
	exec->of_variables = exec->at_position = exec->at_once = 0;
	exec->some = exec->others = exec->waiting = exec->hits = exec->about = 0;
	exec->text = exec->size = exec->value = 0;
	exec->is_later = exec->moved = false;
	exec->failed = exec->is_foreign;
	exec->left = EXEC_WORK;
	exec->arguments = BPF_CORE_READ(bprm, argc);
	exec->texts = exec->arguments + BPF_CORE_READ(bprm, envc);
	exec->at = BPF_CORE_READ(bprm, p);
	if (!exec->failed)
		bpf_loop(EXEC_STEPS, exec_step, &s, 0);
	entry.at = exec->entry_at;
	entry.value = exec->entry;
	if (exec->frame && !is_unmoved(&memory_layout, &entry))
		exec->moved = true;
	bounded(group, EXEC_GROUPS - 1);
	exec->groups[group].some = exec->some;
	exec->groups[group].others = exec->others;
	exec->groups[group].unknown = exec->moved  ? ~0ULL :
				      exec->failed ? ~wanted | exec->open :
						     ~wanted;
	exec->decided |= 1U << group;
}

#endif
