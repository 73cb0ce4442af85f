// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* exec.bpf.h: texts of a new program, in an address space made of pages that lie anywhere, against plain comparisons. */
#define _GNU_SOURCE
#include "../../kernel.h"
#include <bpf/bpf_helpers.h>
#include "../../rows.bpf.h"
#include "check.h"
#include "random.h"
#include "tree.h"

enum { SPACE_PAGES = 128, LEVELS = 4, ROW_AT = 1, WHOLE_TEXT = SPACE_PAGES * PAGE_BYTES };
#define SPACE_BEGINS 0x7ffd12300000ULL

static __u64 *levels[LEVELS]; /* the first table first */
static char *pages[SPACE_PAGES];
static struct mm_struct space;
static struct linux_binprm bprm;
static __u64 written; /* end of the texts */

static void *new_page(void)
{
	void *page = aligned_alloc(PAGE_BYTES, PAGE_BYTES);

	if (!page)
		abort();
	memset(page, 0, PAGE_BYTES);
	return page;
}

static __u64 *entry_of_page(int page)
{
	__u64 address = SPACE_BEGINS + (__u64)page * PAGE_BYTES;

	return &levels[LEVELS - 1][address >> PAGE_SHIFT & 511];
}

static void new_space(void)
{
	static struct memory_layout layout = { .physical_mask = (1ULL << 52) - 1, .top_shift = 39 };

	native_set(memory_layout, layout);
	for (int i = 0; i < LEVELS; i++)
		levels[i] = new_page();
	for (int i = 0; i < LEVELS - 1; i++)
		levels[i][SPACE_BEGINS >> (39 - 9 * i) & 511] =
			address_of(levels[i + 1]) | 1ULL << 63 | ENTRY_PRESENT;
	for (int i = SPACE_PAGES - 1; i >= 0; i--) {
		pages[i] = new_page();
		*entry_of_page(i) = address_of(pages[i]) | 1ULL << 63 | ENTRY_PRESENT;
	}
	space.pgd = (pgd_t *)levels[0];
}

static void write_text(const char *text)
{
	for (size_t i = 0; i <= strlen(text); i++, written++)
		pages[written / PAGE_BYTES][written % PAGE_BYTES] = text[i];
}

static void begin_program(__u32 offset)
{
	bprm = (struct linux_binprm){ .mm = &space,
				      .p = SPACE_BEGINS + offset,
				      .filename = "/usr/bin/the-program" };
	written = offset;
}

static void add_argument(const char *text)
{
	write_text(text);
	bprm.argc++;
}

static void add_variable(const char *text)
{
	write_text(text);
	bprm.envc++;
}

static struct scratch *end_program(void)
{
	struct scratch *s = the_scratch();

	bprm.exec = SPACE_BEGINS + written;
	write_text(bprm.filename);
	memset(s, 0, sizeof(*s));
	s->raw[0] = address_of(&bprm);
	return s;
}

/* The rows are the tests of a hook, and one application asks them all. */
static void ask(struct scratch *s, const struct row *rows, int count)
{
	struct application *application = application_at(0);

	hook_at(0)->exec_rows = ROW_AT;
	memset(application->exec_tests, 0, sizeof(application->exec_tests));
	for (int i = 0; i < count; i++) {
		*row_at(ROW_AT + i) = rows[i];
		row_at(ROW_AT + i)->test = i;
		application->exec_tests[i / EXEC_GROUP_TESTS] |= 1ULL << i % EXEC_GROUP_TESTS;
	}
	s->exec.decided = 0;
}

/* Whether the row holds, as the only one; programs look it up again. */
static bool holds(struct scratch *s, const struct row *row)
{
	ask(s, row, 1);
	return row_holds(s, row_at(ROW_AT));
}

static struct row row_of(__u32 op, __u32 set)
{
	return (struct row){ .op = op, .slot = NO_SLOT, .set = set, .verdict = 1 };
}

static __u32 put_whole(const char *text)
{
	static __u32 set = 1000;
	static struct str_key_4k key;
	__u32 length = strlen(text);
	void *map = length <= 56  ? (void *)&str_set_64 :
		    length <= 248 ? (void *)&str_set_256 :
				    (void *)&str_set_4k;

	memset(&key, 0, sizeof(key));
	key.set = ++set;
	key.length = length;
	memcpy(key.text, text, length);
	native_put(map, &key);
	return set;
}

static __u32 put_part(const char *text, __u32 length, bool reversed)
{
	static __u32 set = 1000000;
	struct prefix_key key = { .bits = 32 + 8 * length, .set = ++set };

	for (__u32 i = 0; i < length; i++)
		key.text[i] = text[reversed ? length - 1 - i : i];
	native_put(&prefix_set, &key);
	return set;
}

/* A row that compares with `length` bytes at `at` of a text. */
static struct row row_with(__u32 op, const char *text, __u32 at, __u32 length)
{
	struct row row;
	__u8 first = text[at];

	if (op == ROW_EXEC_EQUAL)
		return row_of(op, put_whole(text));
	row = row_of(op, put_part(text + at, length, op == ROW_EXEC_POSTFIX));
	if (op == ROW_EXEC_POSTFIX)
		row.values[0] = length;
	if (op == ROW_EXEC_CONTAINS)
		row.values[first >> 6] = 1ULL << (first & 63);
	return row;
}

static bool plainly_fits(__u32 op, const char *text, const char *value, __u32 length)
{
	__u32 size = strlen(text);

	switch (op) {
	case ROW_EXEC_EQUAL:
		return !strcmp(text, value);
	case ROW_EXEC_PREFIX:
		return size >= length && !memcmp(text, value, length);
	case ROW_EXEC_POSTFIX:
		return size >= length && !memcmp(text + size - length, value, length);
	}
	return memmem(text, size, value, length) != NULL;
}

static const __u32 lengths[] = { 0,    1,    2,	   63,	 127,  128,  255,  256,	 257,  1000,
				 3839, 3968, 4094, 4095, 4096, 4097, 4351, 8192, 9000, 30000 };

static void fill_text(char *text)
{
	__u32 length = lengths[random_below(sizeof(lengths) / sizeof(*lengths))];

	for (__u32 i = 0; i < length; i++)
		text[i] = 'a' + random_below(26);
	text[length] = 0;
}

static void arguments_at_random(void)
{
	static char texts[4][WHOLE_TEXT], value[WHOLE_TEXT];
	static const __u32 most[] = { 3840, 250, 127, 99 };
	int holding = 0;

	for (int i = 0; i < 400; i++) {
		__u32 count = 1 + random_below(4), chosen = random_below(count);
		__u32 op = ROW_EXEC_EQUAL + random_below(4), length, at, size;
		bool negate = random_below(2), any = random_below(2), expected = false, got;
		__u32 index = random_below(count);
		struct scratch *s;
		struct row row;

		begin_program(random_below(2 * PAGE_BYTES));
		for (__u32 k = 0; k < count; k++) {
			fill_text(texts[k]);
			add_argument(texts[k]);
		}
		s = end_program();
		size = strlen(texts[chosen]);
		length = op == ROW_EXEC_EQUAL ? size : 1 + random_below(most[op - ROW_EXEC_EQUAL]);
		if (length > size || length > most[op - ROW_EXEC_EQUAL] ||
		    (!length && op != ROW_EXEC_EQUAL))
			continue;
		at = op == ROW_EXEC_PREFIX  ? 0 :
		     op == ROW_EXEC_POSTFIX ? size - length :
		     op == ROW_EXEC_EQUAL   ? 0 :
					      random_below(size - length + 1);
		memcpy(value, texts[chosen] + at, length);
		value[length] = 0;
		if (length && !random_below(3))
			value[random_below(length)] = '_';
		row = row_with(op, value, 0, length);
		row.flags = negate ? ROW_NEGATE : 0;
		if (!any)
			row.slot = index;
		for (__u32 k = 0; k < count; k++)
			expected |=
				(any || k == index) && plainly_fits(op, texts[k], value, length);
		got = holds(s, &row);
		holding += got;
		expect(got == (expected != negate) && !s->missing, "round %d op %u length %u at %u",
		       i, op, length, at);
	}
	expect(holding > 80 && holding < 320, "%d", holding);
}

static void arguments_by_position(void)
{
	struct row row = row_of(ROW_EXEC_EQUAL, put_whole("-e"));
	struct scratch *s;

	begin_program(4090);
	add_argument("nc");
	add_argument("-e");
	add_argument("");
	s = end_program();
	expect(holds(s, &row));
	row.slot = 1;
	expect(holds(s, &row));
	row.slot = 0;
	expect(!holds(s, &row));
	row.set = put_whole("");
	expect(!holds(s, &row));
	row.slot = 2;
	expect(holds(s, &row));
	/* what it does not have fits no filter */
	row.slot = 3;
	expect(!holds(s, &row));
	row.flags = ROW_NEGATE | ROW_UNKNOWN_HOLDS;
	expect(!holds(s, &row) && !s->missing);
}

static void variables_by_name(void)
{
	__u32 names = put_part("LD_PRELOAD=", 11, false);
	struct row tmp = row_of(ROW_EXEC_PREFIX, put_part("/tmp/", 5, false));
	struct row part = row_with(ROW_EXEC_CONTAINS, ":/tmp/", 0, 6);
	struct row set = row_of(ROW_EXEC_SET, 0);
	struct scratch *s;

	tmp.names = part.names = set.names = names;
	begin_program(4000);
	add_argument("LD_PRELOAD=/tmp/no-variable");
	add_variable("LD_PRELOADED=/tmp/");
	add_variable("A=LD_PRELOAD=/tmp/");
	add_variable("LD_PRELOAD");
	s = end_program();
	expect(!holds(s, &tmp) && !holds(s, &set));
	tmp.flags = set.flags = ROW_NEGATE;
	expect(!holds(s, &tmp) && holds(s, &set)); /* only a value can be another */
	tmp.flags = set.flags = 0;

	begin_program(4000);
	add_argument("a");
	add_variable("HOME=/");
	add_variable("LD_PRELOAD=/opt/a.so:/tmp/b.so");
	s = end_program();
	expect(!holds(s, &tmp) && holds(s, &part) && holds(s, &set));
	tmp.flags = ROW_NEGATE;
	expect(holds(s, &tmp));
	tmp.flags = 0;

	begin_program(4000);
	add_argument("a");
	add_variable("LD_PRELOAD=/tmp/a");
	add_variable("LD_PRELOAD=/tmp/b");
	s = end_program();
	expect(holds(s, &tmp));
	/* which of the two the program takes is not known */
	begin_program(4000);
	add_argument("a");
	add_variable("LD_PRELOAD=/tmp/a");
	add_variable("LD_PRELOAD=/opt/c");
	s = end_program();
	expect(!holds(s, &tmp) && s->missing == 1U << FACT_NAME);
	tmp.flags = ROW_NEGATE | ROW_UNKNOWN_HOLDS;
	expect(holds(s, &tmp));
	expect(holds(s, &set));
}

/* The memory cannot be read, moves meanwhile, or is not that of the program. */
static int moves_after;

static void move_page(void)
{
	if (moves_after > 0 && !--moves_after)
		*entry_of_page(0) = address_of(pages[1]) | ENTRY_PRESENT;
}

static void memory_that_is_not_there(void)
{
	struct row row = row_of(ROW_EXEC_EQUAL, put_whole("a"));
	struct scratch *s;
	int readable = 0, lost = 0;

	begin_program(100);
	add_argument("b");
	s = end_program();
	expect(!holds(s, &row) && !s->missing);
	for (int flags = 0; flags < 4; flags++) {
		row.flags = (flags & 1 ? ROW_NEGATE : 0) | (flags & 2 ? ROW_UNKNOWN_HOLDS : 0);
		*entry_of_page(0) &= ~(__u64)ENTRY_PRESENT;
		s = end_program();
		expect(holds(s, &row) == !!(flags & 2) && s->missing == 1U << FACT_MEMORY);
		*entry_of_page(0) |= ENTRY_PRESENT;
		s = end_program();
		pages[0][bprm.exec - SPACE_BEGINS + 3] ^= 1; /* another name of the file */
		expect(holds(s, &row) == !!(flags & 2) && s->missing == 1U << FACT_MEMORY);
		expect(holds(s, &row) == !!(flags & 2)); /* and again */
	}
	row.flags = ROW_UNKNOWN_HOLDS;
	for (int i = 1; i < 60; i++) {
		s = end_program();
		moves_after = i;
		native_meanwhile = move_page;
		if (holds(s, &row))
			lost += s->missing == 1U << FACT_MEMORY;
		else
			readable++;
		native_meanwhile = NULL;
		*entry_of_page(0) = address_of(pages[0]) | ENTRY_PRESENT;
	}
	/* either it stayed to the end, or it is unknown: never the text of another page */
	expect(lost > 5 && readable > 5 && lost + readable == 59, "%d %d", lost, readable);
}

static void more_than_can_be_read(void)
{
	struct row row = row_of(ROW_EXEC_EQUAL, put_whole("x")), first = row;
	struct scratch *s;

	begin_program(0);
	for (int i = 0; i < 50000; i++)
		add_argument("");
	add_argument("x");
	s = end_program();
	expect(holds(s, &row) && !s->missing);
	begin_program(0);
	for (int i = 0; i < 100000; i++)
		add_argument("");
	add_argument("x");
	s = end_program();
	row.flags = ROW_UNKNOWN_HOLDS;
	expect(holds(s, &row) && s->missing == 1U << FACT_MEMORY);
	row.flags = ROW_NEGATE;
	expect(!holds(s, &row));
	/* the first ones can be */
	first.slot = 5;
	s = end_program();
	expect(!holds(s, &first) && !s->missing);
}

static int pages_read;

static void count_pages(void)
{
	pages_read++;
}

/* Several rows at once decide as each of them alone. */
static void several_tests(void)
{
	static char texts[6][WHOLE_TEXT], value[WHOLE_TEXT];
	static const __u32 most[] = { 3840, 250, 127, 99 };
	__u32 names = put_part("NAME=", 5, false);
	int holding = 0, all = 0;

	for (int i = 0; i < 6; i++) {
		__u32 count = 1 + random_below(3), variables = random_below(3);
		struct row rows[EXEC_GROUPS * EXEC_GROUP_TESTS];
		__u32 asked = i ? 1 + random_below(70) : EXEC_GROUPS * EXEC_GROUP_TESTS;
		bool alone[EXEC_GROUPS * EXEC_GROUP_TESTS];
		struct scratch *s;

		begin_program(random_below(2 * PAGE_BYTES));
		for (__u32 k = 0; k < count + variables; k++) {
			fill_text(texts[k]);
			if (k >= count && random_below(2))
				memcpy(texts[k], "NAME=", 5), texts[k][5] = 0;
			if (k < count)
				add_argument(texts[k]);
			else
				add_variable(texts[k]);
		}
		s = end_program();
		for (__u32 k = 0; k < asked; k++) {
			__u32 op = ROW_EXEC_EQUAL + random_below(4);
			const char *from = texts[random_below(count + variables)];
			__u32 size = strlen(from), length = size;

			if (length > most[op - ROW_EXEC_EQUAL])
				length = most[op - ROW_EXEC_EQUAL];
			if (op == ROW_EXEC_EQUAL && length < size)
				op = ROW_EXEC_PREFIX, length = length > 250 ? 250 : length;
			if (!length)
				op = ROW_EXEC_EQUAL;
			memcpy(value, from + (op == ROW_EXEC_POSTFIX ? size - length : 0), length);
			value[length] = 0;
			rows[k] = row_with(op, value, 0, length);
			rows[k].flags = random_below(2) ? ROW_NEGATE : 0;
			if (!random_below(3))
				rows[k].slot = random_below(4);
			else if (!random_below(3))
				rows[k].names = names;
			alone[k] = holds(s, &rows[k]);
			holding += alone[k];
		}
		all += asked;
		s = end_program();
		ask(s, rows, asked);
		for (__u32 k = 0; k < asked; k++)
			expect(row_holds(s, row_at(ROW_AT + k)) == alone[k],
			       "round %d, row %u of %u", i, k, asked);
	}
	expect(holding > all / 10 && holding < all * 9 / 10, "%d of %d", holding, all);
}

/* What is read does not grow with the number of rows, and an unknown text leaves what is known. */
static void many_rows(void)
{
	struct row rows[EXEC_GROUP_TESTS];
	int once, known = 0;
	struct scratch *s;

	for (int i = 0; i < EXEC_GROUP_TESTS; i++)
		rows[i] = row_of(ROW_EXEC_EQUAL, put_whole(i % 2 ? "x" : "y"));
	begin_program(0);
	for (int i = 0; i < 50000; i++)
		add_argument("");
	add_argument("x");
	s = end_program();
	pages_read = 0;
	native_meanwhile = count_pages;
	expect(holds(s, &rows[1]) && !s->missing);
	once = pages_read;
	s = end_program();
	ask(s, rows, 12);
	pages_read = 0;
	for (int i = 0; i < 12; i++)
		expect(row_holds(s, row_at(ROW_AT + i)) == i % 2 && !s->missing, "%d", i);
	expect(pages_read > 40000 && pages_read < once + 12 * 50001 * 2, "%d %d", pages_read, once);
	native_meanwhile = NULL;
	/* so many comparisons are too many */
	s = end_program();
	ask(s, rows, EXEC_GROUP_TESTS);
	for (int i = 0; i < EXEC_GROUP_TESTS; i++) {
		rows[i].flags = ROW_UNKNOWN_HOLDS;
		row_at(ROW_AT + i)->flags = ROW_UNKNOWN_HOLDS;
		known += !row_holds(s, row_at(ROW_AT + i));
	}
	expect(!known && s->missing == 1U << FACT_MEMORY, "%d", known);
	/* a page that is not there: what came before it is known */
	begin_program(0);
	add_argument("x");
	for (int i = 0; i < PAGE_BYTES; i++)
		add_argument("");
	add_argument("y");
	written = 4 * PAGE_BYTES;
	s = end_program();
	*entry_of_page(1) &= ~(__u64)ENTRY_PRESENT;
	ask(s, rows, 2);
	expect(row_holds(s, row_at(ROW_AT + 1)) && !s->missing);
	expect(row_holds(s, row_at(ROW_AT)) && s->missing == 1U << FACT_MEMORY);
	*entry_of_page(1) |= ENTRY_PRESENT;
}

int main(void)
{
	use_walk_maps();
	use_map(rows);
	use_map(hooks);
	use_map(applications);
	use_map(verdicts);
	use_map(counts);
	use_map(str_set_64);
	use_map(str_set_256);
	use_map(str_set_4k);
	use_map(prefix_set);
	native_set(hook_id, 1U);
	native_set(hook_lacks, 0U);
	new_space();
	run(arguments_at_random);
	run(arguments_by_position);
	run(variables_by_name);
	run(memory_that_is_not_there);
	run(more_than_can_be_read);
	run(several_tests);
	run(many_rows);
	return !!test_failures;
}
