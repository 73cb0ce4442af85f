// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* index.bpf.h with random bit sets: it leaves the same rules as a check of each single bit. */
#include "../../kernel.h"
#include <bpf/bpf_helpers.h>
#include "../../index.bpf.h"
#include "../../questions.bpf.h"
#include "../../ranges.bpf.h"
#include "check.h"
#include "random.h"
#include "tree.h"

enum { INDEX = 6, SIDE = 1, SETS = 24 };

static struct application *application;
static struct hook *hook;

static struct bitset *set_at(__u32 at)
{
	at += SIDE * MAX_BITSETS;
	return bpf_map_lookup_elem(&bitsets, &at);
}

static void random_words(__u64 *words)
{
	for (int i = 0; i < RULE_WORDS; i++)
		words[i] =
			random_below(4) ? 0 : 1ULL << random_below(64) | 1ULL << random_below(64);
}

/* An application, and bit sets 1 to SETS. */
static void new_rules(void)
{
	random_words(application->bits);
	random_words(hook->text_rules);
	application->summary = 0;
	for (int i = 0; i < RULE_WORDS; i++) {
		if (application->bits[i])
			application->summary |= 1ULL << i;
	}
	for (__u32 at = 1; at <= SETS; at++) {
		random_words(set_at(at)->bits);
		for (int i = 0; i < RULE_WORDS; i++) {
			if (random_below(3) == 0)
				set_at(at)->bits[i] |= application->bits[i];
		}
	}
}

/* Is a rule of the application left by these sets (0: all rules)? `text`: only those that depend on it. */
static bool is_any_left(__u32 one, __u32 other, bool text)
{
	for (int bit = 0; bit < HOOK_RULES; bit++) {
		__u64 mask = 1ULL << (bit & 63);
		int word = bit >> 6;

		if (!(application->bits[word] & mask) || (text && !(hook->text_rules[word] & mask)))
			continue;
		if ((!one || set_at(one)->bits[word] & mask) &&
		    (!other || set_at(other)->bits[word] & mask))
			return true;
	}
	return false;
}

/* User space's mark in `listed`, of 65536 for each side: bits 48 to 63 of the product. */
static void list_number(__u64 value)
{
	unsigned __int128 product =
		(unsigned __int128)(value + (6ULL << 32)) * 11400714819323198485ULL;
	__u32 bit = (__u64)product >> 48, at = SIDE * 1024 + bit / 64;

	*(__u64 *)bpf_map_lookup_elem(&listed, &at) |= 1ULL << bit % 64;
}

static void numbers(void)
{
	static const __u64 values[] = { 0, 1, 7, (__u64)-1, 0x80000000 };
	static bool known;
	int none = 0;

	for (__u32 i = 0; i < 5 && !known; i++) {
		struct index_int_key key = { .index = INDEX, .value = values[i] };

		*(__u32 *)native_put(&index_int, &key) = i; /* i = 0: all rules */
		list_number(values[i]);
	}
	known = true;
	hook->slots[2].type = VALUE_S32;
	for (int round = 0; round < 4000; round++) {
		__u32 i = random_below(6), at = i < 5 ? i : 9, expected, left;
		/* bits above 32 are not part of the number */
		__u64 number, raw = (i < 5 ? values[i] : 1000 + random_below(50)) ^
				    (__u64)random_below(2) << 40;

		if (i == 4)
			at = 9; /* read as 32 bits with a sign, it is another number */
		new_rules();
		hook->int_default = 9;
		hook->flags = random_below(2) ? HOOK_LISTED_NUMBERS : 0;
		expected = !is_any_left(at, 0, false) ?
				   0 :
				   at << INDEX_NUMBER_SHIFT | INDEX_LEFT |
					   (!at || is_any_left(at, 0, true) ? INDEX_WANTS_TEXT : 0);
		if (!at)
			expected = INDEX_LEFT | INDEX_WANTS_TEXT;
		if (i >= 4 && hook->flags)
			expected = 0;
		none += !expected;
		number = to_number(hook->slots[2].type, raw);
		left = is_unlisted(hook, SIDE, number) ?
			       0 :
			       index_number(application, hook, SIDE, number);
		expect(left == expected, "raw %llx", raw);
	}
	expect(none > 500 && none < 3000, "%d", none);
}

static void open_files(void)
{
	static struct seqcount locks[2];
	struct file *file = native_new(sizeof(*file));
	__u64 at = address_of(file);
	struct sequences before;

	native_set(rename_lock_at, address_of(&locks[0]));
	native_set(mount_lock_at, address_of(&locks[1]));
	for (int round = 0; round < 2000; round++) {
		__u32 number = random_below(SETS + 1), text = random_below(SETS + 1),
		      ending = random_below(SETS + 1), other = random_below(2);
		__u32 first = number ? number : text ? text : ending;
		__u32 found = text | ending << ENDING_SHIFT;
		__u64 asked = number << INDEX_NUMBER_SHIFT | INDEX_LEFT | INDEX_WANTS_TEXT, left;

		new_rules();
		hook->cache_key = INDEX;
		read_sequences(&before);
		remember(hook, at, &before, found);
		left = index_remembered(application, hook, SIDE, asked, at);
		if (first &&
		    !(is_any_left(first, text, false) && is_any_left(first, ending, false)))
			expect(!left);
		else
			expect(left == (number << INDEX_NUMBER_SHIFT | INDEX_LEFT |
					(__u64)found << INDEX_TEXT_SHIFT));
		/* any rename or change of mounts, other tables, another file, the end of this one */
		locks[other].sequence += 2;
		expect(index_remembered(application, hook, SIDE, asked, at) == asked);
		locks[other].sequence -= 2;
		expect(index_remembered(application, hook, SIDE, asked, at) == left);
		hook->cache_key = INDEX + 2;
		expect(index_remembered(application, hook, SIDE, asked, at) == asked);
		hook->cache_key = INDEX;
		expect(index_remembered(application, hook, SIDE, asked, at + (1ULL << 60)) ==
		       asked);
		forget(at);
		expect(index_remembered(application, hook, SIDE, asked, at) == asked);
		/* nothing is cached that changed while it was read, or is changing */
		locks[other].sequence += 2;
		remember(hook, at, &before, found);
		expect(recall(hook, at) == NOT_REMEMBERED);
		locks[other].sequence++;
		read_sequences(&before);
		remember(hook, at, &before, found);
		expect(recall(hook, at) == NOT_REMEMBERED);
		locks[other].sequence++;
	}
	free(file);
}

static void put_text(__u32 index, const char *text, __u32 length, __u32 set)
{
	struct index_text_key key = { .bits = 32 + 8 * length, .index = index };

	memcpy(key.text, text, length);
	*(__u32 *)native_put(&index_text, &key) = set;
}

static void texts(void)
{
	static const struct {
		const char *text;
		__u32 set;
	} cases[] = { { "/etc/passwd", 2 },
		      { "/etc/", 1 },
		      { "/et", 5 },
		      { "/etc/shadow/x", 3 },
		      { "", 5 } };
	static bool known;
	struct scratch *s = the_scratch();

	if (!known) {
		put_text(INDEX, "/etc/", 5, 1);
		put_text(INDEX, "/etc/passwd", 11, 2);
		put_text(INDEX, "/etc/shadow/", 12, 3);
		put_text(INDEX + 1, "/et", 3, 4); /* the other side's */
	}
	known = true;
	hook->index = INDEX;
	hook->index_text = 0;
	hook->text_default = 5;
	for (__u32 i = 0; i < 5; i++) {
		memset(s, 0, sizeof(*s));
		s->hook = 1;
		s->raw[0] = address_of(cases[i].text);
		hook->slots[0] = (struct slot){ .type = VALUE_STRING };
		expect(text_bitset(s, hook) == (int)cases[i].set, "%s", cases[i].text);
	}
	/* the rows decide what could not be read in full */
	for (__u32 flags = 1; flags < 64; flags <<= 1) {
		s->texts[0] = (struct text_value){ .slot = 1, .flags = flags, .size = 1, .at = 8 };
		expect(!text_bitset(s, hook) == !!(flags & (TEXT_UNREADABLE | TEXT_TOO_DEEP)),
		       "flags %x", flags);
	}
}

static void binaries(void)
{
	static struct proc *proc;
	struct scratch *s = the_scratch();
	__u32 tgid = 7;

	new_tree();
	new_rules();
	memset(s, 0, sizeof(*s));
	s->side = SIDE;
	hook->index = INDEX;
	hook->binary_default = 7;
	if (!proc) {
		proc = native_put(&procs, &tgid);
		put_text(INDEX | BINARY_KEYS, "/bin/sh", 8, 6); /* with the 0 appended */
	}
	memcpy(set_at(6)->bits, application->bits, sizeof(application->bits));
	memset(set_at(7)->bits, 0, sizeof(application->bits));
	*proc = (struct proc){ .binary_length = 7, .binary = "/bin/sh" };
	s->words = s->wants_text = 1;
	use_binary_index(s, application, hook);
	expect(s->sets[SET_BINARY] == SIDE * MAX_BITSETS + 6);
	expect(!s->words == !is_any_left(6, 0, false) &&
	       !s->wants_text == !is_any_left(6, 0, true));
	/* a longer path is another one and leaves no rule here */
	*proc = (struct proc){ .binary_length = 8, .binary = "/bin/sh2" };
	use_binary_index(s, application, hook);
	expect(s->sets[SET_BINARY] == SIDE * MAX_BITSETS + 7 && !s->words);
	/* the rows decide a path that the workload may have forged */
	proc->flags = PROC_FORGEABLE_BINARY;
	s->words = 1;
	s->sets[SET_BINARY] = 0;
	use_binary_index(s, application, hook);
	expect(s->words && !s->sets[SET_BINARY]);
}

static void ends_of_texts(void)
{
	static const struct {
		const char *text;
		__u32 set;
	} cases[] = { { "/a.key", 8 }, { "b.key", 8 }, { "_key", 9 },
		      { "key", 9 },    { "ey", 10 },   { "", 10 } };
	struct scratch *s = the_scratch();

	put_text(INDEX | ENDING_KEYS, "yek.", 4, 8);
	put_text(INDEX | ENDING_KEYS, "yek", 3, 9);
	hook->index = INDEX;
	hook->index_text = 0;
	hook->text_default = 0;
	hook->ending_default = 10;
	hook->longest_ending = 4;
	hook->slots[0] = (struct slot){ .type = VALUE_STRING };
	for (__u32 i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(s, 0, sizeof(*s));
		s->hook = 1;
		s->raw[0] = address_of(cases[i].text);
		expect(text_bitset(s, hook) == (int)(cases[i].set << ENDING_SHIFT), "%s",
		       cases[i].text);
	}
	/* the rows decide if the end is not known; of a longer path it is kept apart */
	s->texts[0] = (struct text_value){ .slot = 1, .flags = TEXT_TRUNCATED, .size = 1, .at = 8 };
	expect(!text_bitset(s, hook));
	s->texts[0].has_tail = 1;
	memcpy(s->texts[0].tail + BINARY_TAIL - 4, "_key", 4);
	expect(text_bitset(s, hook) == 9 << ENDING_SHIFT);
	hook->ending_default = 0;
}

static struct bound *bound_of(__u32 at)
{
	at += SIDE * MAX_BOUNDS + hook->first_bound;
	return bpf_map_lookup_elem(&bounds, &at);
}

static void ranges(void)
{
	for (int round = 0; round < 4000; round++) {
		__u64 from = 0, number = random_below(6000);
		__u32 expected = 0;

		hook->first_bound = random_below(100);
		hook->bounds = 1U << random_below(12); /* up to HOOK_BOUNDS */
		for (__u32 i = 0; i < hook->bounds; i++) {
			*bound_of(i) = (struct bound){ .from = from, .bitset = 1 + i };
			if (from <= number)
				expected = 1 + i;
			from += 1 + random_below(5);
		}
		expect(range_bitset(hook, SIDE, number) == expected, "%llu of %u", number,
		       hook->bounds);
	}
	/* the number of an argument: signed ones begin with the least */
	for (int i = -3; i <= 3; i++) {
		struct scratch *s = the_scratch();

		memset(s, 0, sizeof(*s));
		new_rules();
		s->side = SIDE;
		s->hook = 1;
		s->raw[0] = (__u32)i;
		s->words = s->wants_text = 1;
		hook->slots[0] = (struct slot){ .type = VALUE_S32 };
		hook->range_of = ROW_RANGE;
		hook->range_slot = 0;
		hook->range_signed = 1;
		hook->first_bound = 3;
		hook->bounds = 2;
		*bound_of(0) = (struct bound){ .bitset = 11 };
		*bound_of(1) = (struct bound){ .from = (1ULL << 63) - 1, .bitset = 12 };
		use_range_index(s, application, hook);
		expect(s->sets[SET_RANGE] == SIDE * MAX_BITSETS + (i < -1 ? 11U : 12U), "%d", i);
		expect(!s->words == !is_any_left(i < -1 ? 11 : 12, 0, false));
	}
}

/* Questions that do not hold leave the rules for which none of them stands. */
static void questions(void)
{
	for (int round = 0; round < 2000; round++) {
		__u32 one = random_below(SETS + 1), other = 1 + random_below(SETS);
		struct scratch *s = the_scratch();

		memset(s, 0, sizeof(*s));
		new_rules();
		s->side = SIDE;
		s->words = application->summary;
		keep_only(s, application, one);
		expect(!s->words == !(one && is_any_left(one, 0, false)));
		keep_only(s, application, other);
		expect(!s->words == !(one && is_any_left(one, other, false)));
		for (int i = 0; one && i < RULE_WORDS; i++)
			expect(s->kept[i] == (set_at(one)->bits[i] & set_at(other)->bits[i]));
		/* worth asking: a rule for which it stands is left by the number */
		s->application = s->hook = 1;
		s->sets[SET_NUMBER] = one ? SIDE * MAX_BITSETS + one : 0;
		expect(is_asked(s, &(struct row){ .test = other << ASKING_SHIFT | 3 }) ==
		       is_any_left(one, other, false));
		expect(is_asked(s, &(struct row){ .test = 3 }));
	}
}

int main(void)
{
	__u32 at = 1;

	use_walk_maps();
	use_map(applications);
	use_map(hooks);
	use_map(bitsets);
	use_map(bounds);
	use_map(index_int);
	use_map(index_text);
	use_map(listed);
	use_map(path_cache);
	use_map(procs);
	native_set(hook_id, 1U);
	native_set(hook_lacks, 0U);
	application = bpf_map_lookup_elem(&applications, &at);
	hook = bpf_map_lookup_elem(&hooks, &at);
	hook->index = INDEX;
	run(numbers);
	run(open_files);
	run(texts);
	run(binaries);
	run(ends_of_texts);
	run(ranges);
	run(questions);
	return !!test_failures;
}
