// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* rows.bpf.h with random rows and values, against a plain version of what a row means. */
#include "../../kernel.h"
#include <bpf/bpf_helpers.h>
#include "../../rows.bpf.h"
#include "check.h"
#include "random.h"
#include "tree.h"

static struct hook *the_hook(void)
{
	__u32 at = 1;

	return bpf_map_lookup_elem(&hooks, &at);
}

/* A call with this raw argument, read as `type` in slot 0. */
static struct scratch *call_with(__u32 type, __u64 raw)
{
	struct scratch *s = the_scratch();

	memset(s, 0, sizeof(*s));
	memset(&s->key, 0xff, sizeof(s->key)); /* of an earlier call */
	s->hook = 1;
	s->raw[0] = raw;
	the_hook()->slots[0] = (struct slot){ .type = type };
	return s;
}

/* Rows of verdict 1, which counts in `counts` 1. */
static struct row row_of(__u32 op, __u32 flags, __u32 n, __u32 set)
{
	return (struct row){ .op = op, .flags = flags, .n = n, .set = set, .verdict = 1 };
}

static struct count *the_count(void)
{
	__u32 at = 1;

	((struct verdict *)bpf_map_lookup_elem(&verdicts, &at))->counter = 1;
	return bpf_map_lookup_elem(&counts, &at);
}

/* ---- numbers */

static const __u64 numbers[] = { 0,
				 1,
				 2,
				 127,
				 128,
				 200,
				 255,
				 256,
				 32768,
				 65535,
				 65536,
				 0x7fffffff,
				 0x80000000,
				 0xffffffff,
				 0x100000000,
				 0x7fffffffffffffff,
				 0x8000000000000000,
				 -200,
				 -2,
				 -1 };

static __u64 some_number(void)
{
	return numbers[random_below(sizeof(numbers) / sizeof(*numbers))];
}

static const struct {
	__u32 type;
	int bits;
	bool is_signed;
} types[] = { { VALUE_U8, 8, false },  { VALUE_S8, 8, true },	 { VALUE_U16, 16, false },
	      { VALUE_S16, 16, true }, { VALUE_U32, 32, false }, { VALUE_S32, 32, true },
	      { VALUE_U64, 64, false } };

/* The lower bits, extended to 64. */
static __u64 widened(__u64 raw, int bits, bool is_signed)
{
	__u64 mask = bits == 64 ? ~0ULL : (1ULL << bits) - 1;

	return is_signed && raw >> (bits - 1) & 1 ? raw | ~mask : raw & mask;
}

static bool plain_less(const struct row *row, __u64 a, __u64 b)
{
	if (row->flags & ROW_SIGNED && (a >> 63) != (b >> 63))
		return a >> 63;
	return a < b;
}

static bool plain_number(const struct row *row, __u64 value, const __u64 *set, int set_size)
{
	switch (row->op) {
	case ROW_EQUAL:
		for (int i = 0; i < row->n; i++) {
			if (row->values[i] == value)
				return true;
		}
		return false;
	case ROW_GREATER:
		return plain_less(row, row->values[0], value);
	case ROW_LESS:
		return plain_less(row, value, row->values[0]);
	case ROW_MASK:
		return (value & row->values[0]) != 0;
	case ROW_RANGE:
		for (int i = 0; i < row->n; i++) {
			if (!plain_less(row, value, row->values[2 * i]) &&
			    !plain_less(row, row->values[2 * i + 1], value))
				return true;
		}
		return false;
	}
	for (int i = 0; i < set_size; i++) {
		if (set[i] == value)
			return true;
	}
	return false;
}

static void numbers_at_random(void)
{
	static __u64 sets[8][3];
	static bool known;
	int holding = 0;

	for (__u32 set = 0; set < 8 && !known; set++) {
		for (int i = 0; i < 3; i++) {
			sets[set][i] = some_number();
			native_put(&int_set,
				   &(struct int_key){ .set = set, .value = sets[set][i] });
		}
	}
	known = true;
	for (int i = 0; i < 100000; i++) {
		int type = random_below(7);
		__u64 raw = some_number(),
		      value = widened(raw, types[type].bits, types[type].is_signed);
		__u32 flags = (random_below(2) ? ROW_NEGATE : 0) |
			      (types[type].is_signed ? ROW_SIGNED : 0);
		__u32 op = ROW_EQUAL + random_below(ROW_GAINED - ROW_EQUAL + 1);
		struct row row = row_of(op, flags, 1 + random_below(op == ROW_RANGE ? 2 : 4),
					random_below(8));
		bool expected, got;

		if (op == ROW_GAINED) /* compares two slots: below */
			row.op = ROW_INT_SET;
		for (int k = 0; k < ROW_VALUES; k++)
			row.values[k] = some_number();
		expected = plain_number(&row, value, sets[row.set], 3) != !!(flags & ROW_NEGATE);
		got = row_holds(call_with(types[type].type, raw), &row);
		holding += got;
		expect(got == expected, "op %d flags %d type %d raw %llx", row.op, flags,
		       types[type].type, raw);
	}
	expect(holding > 20000 && holding < 80000, "%d", holding);
}

static __int128 exact(__u64 number, bool is_signed)
{
	return is_signed ? (__int128)(__s64)number : (__int128)number;
}

/* A number minus another, or added to it, of any two types: written by the linker's rule (abi.h). */
static void differences_at_random(void)
{
	struct row row = row_of(ROW_DIFFERENCE, 0, 0, 5);
	static const __int128 limit = ((__int128)1 << 64) - 1;
	int holding = 0;

	for (int i = 0; i < 100000; i++) {
		int a = random_below(7), b = random_below(7);
		bool sum = random_below(2), negate = random_below(2), holds;
		__u64 raw = some_number(), other = some_number();
		bool a_signed = types[a].is_signed || (types[a].bits == 64 && random_below(2));
		bool b_signed = types[b].is_signed || (types[b].bits == 64 && random_below(2));
		__int128 x = exact(widened(raw, types[a].bits, types[a].is_signed), a_signed);
		__int128 y = exact(widened(other, types[b].bits, types[b].is_signed), b_signed);
		__int128 made = sum ? x + y : x - y, low, high, by;
		__u64 flip = a_signed ? 1ULL << 63 : 0, flip_other = b_signed ? 1ULL << 63 : 0;
		struct scratch *s;

		low = random_below(3) ? made + (int)random_below(3) - 1 :
					exact(some_number(), random_below(2));
		high = random_below(3) ? low + random_below(3) :
					 exact(some_number(), random_below(2));
		holds = (made >= low && made <= high) != negate;
		by = sum ? (__int128)flip + flip_other - limit : (__int128)flip - flip_other;
		row.flags = negate ? ROW_NEGATE : 0;
		low = low + by < -limit ? -limit : low + by;
		high = high + by > limit ? limit : high + by;
		if (low > limit || high < -limit) {
			low = 1;
			high = 0;
		}
		row.n = (low < 0 ? 1 : 0) | (high < 0 ? 2 : 0);
		row.values[0] = low;
		row.values[1] = high;
		row.values[2] = flip;
		row.values[3] = sum ? ~flip_other : flip_other;
		s = call_with(types[a].type, raw);
		the_hook()->slots[5] = (struct slot){ .type = types[b].type, .raw = 1 };
		s->raw[1] = other;
		expect(row_holds(s, &row) == holds, "types %d and %d, sum %d, raw %llx and %llx", a,
		       b, sum, raw, other);
		holding += holds;
	}
	expect(holding > 20000 && holding < 80000, "%d", holding);
	the_hook()->slots[5] = (struct slot){};
}

/* Neither holds nor holds negated without one of the numbers; one that can't be read: the safe side. */
static void differences_without_numbers(void)
{
	struct row row = row_of(ROW_DIFFERENCE, 0, 1, 5);
	__u64 *number = native_new(sizeof(*number));
	struct slot *slots = the_hook()->slots;
	struct scratch *s;

	for (int flags = 0; flags < 4; flags++) {
		row.flags = (flags & 1 ? ROW_NEGATE : 0) | (flags & 2 ? ROW_UNKNOWN_HOLDS : 0);
		for (int which = 0; which < 2; which++) {
			for (__u64 at = 0; at <= 16; at += 16) {
				s = call_with(VALUE_CAPABILITIES, address_of(number));
				slots[0].flags = SLOT_DISTANT;
				slots[5] = slots[0];
				slots[5].raw = 1;
				s->raw[1] = address_of(number);
				s->raw[which] = at;
				expect(row_holds(s, &row) == (at && flags & 2), "%d of %d", which,
				       flags);
				expect(s->missing == (at ? 1U << FACT_MEMORY : 0));
			}
		}
	}
	slots[5] = (struct slot){};
	free(number);
}

/* One set of capabilities has what another lacks. */
static void sets_at_random(void)
{
	struct row row = row_of(ROW_GAINED, 0, 2, 0);
	__u64 *before = native_new(sizeof(*before)), *after = native_new(sizeof(*after));
	struct slot *slots = the_hook()->slots;
	struct scratch *s;
	int holding = 0;

	row.set = 5;
	for (int i = 0; i < 20000; i++) {
		*before = some_number();
		*after = some_number();
		row.values[0] = random_below(2) ? ~0ULL : some_number();
		s = call_with(VALUE_CAPABILITIES, address_of(after));
		slots[0].flags = slots[5].flags = SLOT_DISTANT;
		slots[5].type = VALUE_CAPABILITIES;
		slots[5].raw = 1;
		s->raw[1] = address_of(before);
		expect(row_holds(s, &row) == !!(*after & ~*before & row.values[0]));
		holding += row_holds(s, &row);
	}
	expect(holding > 2000 && holding < 18000, "%d", holding);
	/* Without either, nothing is known to be gained: no set, or memory that cannot be read. */
	*before = 0;
	*after = row.values[0] = ~0ULL;
	for (int flags = 0; flags <= ROW_UNKNOWN_HOLDS; flags += ROW_UNKNOWN_HOLDS) {
		row.flags = flags;
		for (int which = 0; which < 2; which++) {
			for (__u64 at = 0; at <= 16; at += 16) {
				s = call_with(VALUE_CAPABILITIES, address_of(after));
				slots[0].flags = SLOT_DISTANT;
				s->raw[1] = address_of(before);
				s->raw[which] = at;
				expect(row_holds(s, &row) == (at && flags), "%d", which);
				expect(s->missing == (at ? 1U << FACT_MEMORY : 0));
			}
		}
	}
	slots[5] = (struct slot){};
	free(before);
	free(after);
}

/* ---- texts */

static char letters[TEXT_SIZE + 1];

static void put_text(__u32 set, const char *text, __u32 length)
{
	struct str_key_64 short_key = { .set = set, .length = length };
	struct str_key_256 key = { .set = set, .length = length };
	static struct str_key_4k long_key;

	if (length <= sizeof(short_key.text)) {
		memcpy(short_key.text, text, length);
		native_put(&str_set_64, &short_key);
	} else if (length <= sizeof(key.text)) {
		memcpy(key.text, text, length);
		native_put(&str_set_256, &key);
	} else {
		memset(&long_key, 0, sizeof(long_key));
		long_key.set = set;
		long_key.length = length;
		memcpy(long_key.text, text, length);
		native_put(&str_set_4k, &long_key);
	}
}

static void put_prefix(__u32 set, const char *text, __u32 length, bool reversed)
{
	struct prefix_key key = { .bits = 32 + 8 * length, .set = set };

	for (__u32 i = 0; i < length; i++)
		key.text[i] = text[reversed ? length - 1 - i : i];
	native_put(&prefix_set, &key);
}

/* Set n has the first n letters as a text, as a prefix and, apart, the last n as a postfix. */
enum { EQUALS = 1000, PREFIXES = 10000, POSTFIXES = 20000 };
static const __u32 lengths[] = { 0,   1,   7,	8,   9,	  55,  56,  57,	 63,  64,  65,
				 126, 127, 128, 247, 248, 249, 251, 252, 253, 4094 };

static void texts_of_all_lengths(void)
{
	static bool known;
	enum { COUNT = sizeof(lengths) / sizeof(*lengths) };

	for (int i = 0; i < TEXT_SIZE; i++)
		letters[i] = 'a' + (i * 7 + i / 26) % 26;
	for (int i = 0; i < COUNT && !known; i++) {
		put_text(EQUALS + lengths[i], letters, lengths[i]);
		if (lengths[i] && lengths[i] <= PREFIX_SIZE)
			put_prefix(PREFIXES + lengths[i], letters, lengths[i], false);
		if (lengths[i] && lengths[i] <= POSTFIX_SIZE)
			put_prefix(POSTFIXES + lengths[i], letters + TEXT_SIZE - 1 - lengths[i],
				   lengths[i], true);
	}
	known = true;
	for (int i = 0; i < COUNT; i++) {
		for (int k = 0; k < COUNT; k++) {
			__u32 length = lengths[i], wanted = lengths[k];
			struct row equal = row_of(ROW_STR_EQUAL, 0, 0, EQUALS + wanted);
			struct row prefix = row_of(ROW_STR_PREFIX, 0, 0, PREFIXES + wanted);
			struct row postfix = row_of(ROW_STR_POSTFIX, 0, 0, POSTFIXES + wanted);
			char *text = native_new(length + 1);
			__u64 at = address_of(text);

			memcpy(text, letters, length);
			expect(row_holds(call_with(VALUE_STRING, at), &equal) == (length == wanted),
			       "%u in %u", length, wanted);
			equal.flags = ROW_NEGATE;
			expect(row_holds(call_with(VALUE_STRING, at), &equal) == (length != wanted),
			       "%u not in %u", length, wanted);
			if (wanted && wanted <= PREFIX_SIZE)
				expect(row_holds(call_with(VALUE_STRING, at), &prefix) ==
					       (length >= wanted),
				       "%u begins with %u", length, wanted);
			memcpy(text, letters + TEXT_SIZE - 1 - length, length);
			postfix.values[0] = wanted;
			if (wanted && wanted <= POSTFIX_SIZE)
				expect(row_holds(call_with(VALUE_STRING, at), &postfix) ==
					       (length >= wanted),
				       "%u ends with %u", length, wanted);
			free(text);
		}
	}
}

/* Each part of the letters is in the text, and none with another letter at its end. */
static void parts_of_texts(void)
{
	static const __u32 sizes[] = { 1, 2, 7, 8, 9, 55, 56, 57, 99 };
	enum { COUNT = sizeof(sizes) / sizeof(*sizes), CONTAINED = 30000 };
	char *text = native_new(201);

	for (int i = 0; i < 200; i++)
		text[i] = letters[i] - (i % 3 ? 0 : 'a' - 'A');
	for (int i = 0; i < COUNT; i++) {
		for (int any_case = 0; any_case < 2; any_case++) {
			__u32 from = random_below(200 - sizes[i]),
			      set = CONTAINED + 4 * i + any_case;
			struct row row = row_of(ROW_STR_CONTAINS + any_case, 0, 0, set);
			struct row other = row_of(row.op, 0, 0, set + 2);
			struct row negative = row_of(row.op, ROW_NEGATE, 0, set);
			const char *part = any_case ? letters + from : text + from;
			char wrong[100];
			__u8 first = part[0];

			memcpy(wrong, part, sizes[i]);
			wrong[sizes[i] - 1] = '_';
			put_prefix(set, part, sizes[i], false);
			put_prefix(set + 2, wrong, sizes[i], false);
			row.values[first >> 6] = negative.values[first >> 6] = 1ULL << (first & 63);
			other.values[(__u8)wrong[0] >> 6] = 1ULL << (wrong[0] & 63);
			expect(row_holds(call_with(VALUE_STRING, address_of(text)), &row),
			       "%u from %u", sizes[i], from);
			expect(!row_holds(call_with(VALUE_STRING, address_of(text)), &other));
			expect(!row_holds(call_with(VALUE_STRING, address_of(text)), &negative));
			row.values[first >> 6] = 0; /* the bits decide first */
			expect(!row_holds(call_with(VALUE_STRING, address_of(text)), &row));
		}
	}
	expect(lower_case(0x5b5a41407b7a6160ULL) == 0x5b7a61407b7a6160ULL);
	expect(lower_case(0xdac1ffff80000000ULL) == 0xdac1ffff80000000ULL);
	free(text);
}

/* Few letters, so that texts often begin, end or contain alike. */
static __u32 some_text(char *text, __u32 longest, const char *alphabet)
{
	__u32 length = random_below(longest + 1);

	for (__u32 i = 0; i < length; i++)
		text[i] = alphabet[random_below(strlen(alphabet))];
	text[length] = 0;
	return length;
}

enum { RANDOM_SETS = 64, IN_A_SET = 3, LONGEST_VALUE = 6, RANDOM_TEXTS = 40000 };

static struct {
	char text[IN_A_SET][LONGEST_VALUE + 1];
	__u32 length[IN_A_SET];
} text_sets[RANDOM_SETS];

static bool same_bytes(const char *text, const char *value, __u32 length, bool any_case)
{
	for (__u32 i = 0; i < length; i++) {
		char one = any_case && text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i];

		if (one != value[i])
			return false;
	}
	return true;
}

static bool plain_text(__u32 op, __u32 set, const char *text, __u32 length)
{
	for (int i = 0; i < IN_A_SET; i++) {
		const char *value = text_sets[set].text[i];
		__u32 size = text_sets[set].length[i], from = 0, to = length - size;

		if (size > length || (op == ROW_STR_EQUAL && size != length))
			continue;
		if (op == ROW_STR_POSTFIX)
			from = to;
		if (op == ROW_STR_EQUAL || op == ROW_STR_PREFIX)
			to = 0;
		for (__u32 at = from; at <= to; at++) {
			if (same_bytes(text + at, value, size, op == ROW_STR_CONTAINS_ANY_CASE))
				return true;
		}
	}
	return false;
}

/* Of each set: equal texts, beginnings and parts, and apart its ends. */
static void make_text_sets(void)
{
	for (int set = 0; set < RANDOM_SETS; set++) {
		for (int i = 0; i < IN_A_SET; i++) {
			char *text = text_sets[set].text[i];
			__u32 length;

			do
				length = some_text(text, LONGEST_VALUE, "ab/");
			while (!length);
			text_sets[set].length[i] = length;
			put_text(RANDOM_TEXTS + set, text, length);
			put_prefix(RANDOM_TEXTS + set, text, length, false);
			put_prefix(RANDOM_TEXTS + RANDOM_SETS + set, text, length, true);
		}
	}
}

static void texts_at_random(void)
{
	static bool known;
	int holding = 0;

	if (!known)
		make_text_sets();
	known = true;
	for (int i = 0; i < 100000; i++) {
		__u32 set = random_below(RANDOM_SETS);
		__u32 op =
			ROW_STR_EQUAL + random_below(ROW_STR_CONTAINS_ANY_CASE - ROW_STR_EQUAL + 1);
		__u32 flags = random_below(2) ? ROW_NEGATE : 0;
		struct row row = row_of(op, flags, 0, RANDOM_TEXTS + set);
		char *text = native_new(12);
		__u32 length = some_text(text, 9, random_below(2) ? "ab/" : "aAbB/");
		bool expected = plain_text(op, set, text, length) != !!flags;
		bool got;

		if (op == ROW_STR_POSTFIX) {
			row.set += RANDOM_SETS;
			row.values[0] = LONGEST_VALUE;
		}
		for (int k = 0; op >= ROW_STR_CONTAINS && k < IN_A_SET; k++) {
			__u8 begin = text_sets[set].text[k][0];

			row.values[begin >> 6] |= 1ULL << (begin & 63);
		}
		got = row_holds(call_with(VALUE_STRING, address_of(text)), &row);
		expect(got == expected, "op %d flags %d set %u: %s", op, flags, set, text);
		holding += got;
		free(text);
	}
	expect(holding > 20000 && holding < 80000, "%d", holding);
}

/* ---- what can't be known (docs/decisions/0027) */

static void facts_that_are_missing(void)
{
	for (int flags = 0; flags < 4; flags++) {
		__u32 bits = (flags & 1 ? ROW_NEGATE : 0) | (flags & 2 ? ROW_UNKNOWN_HOLDS : 0);
		struct row row = row_of(ROW_STR_EQUAL, bits, 0, 7);
		struct count *count = the_count();
		struct scratch *s;
		__u64 before;

		/* no value: no filter holds */
		expect(!row_holds(call_with(VALUE_STRING, 0), &row), "flags %d", flags);
		/* a value that can't be read */
		before = count->missing[FACT_MEMORY];
		s = call_with(VALUE_STRING, 16);
		expect(row_holds(s, &row) == !!(flags & 2), "flags %d", flags);
		expect(count->missing[FACT_MEMORY] == before + 1 &&
		       s->missing == 1U << FACT_MEMORY);
		/* a path that a workload may have forged counts only against the workload */
		s = call_with(VALUE_STRING, 0);
		s->texts[0] = (struct text_value){
			.slot = 1, .flags = TEXT_FORGEABLE, .size = 1, .at = 5
		};
		expect(row_holds(s, &row) == (flags == 2 ? false : flags == 3), "flags %d", flags);
		expect(!(s->missing >> FACT_NAME & 1) == (flags == 2), "flags %d", flags);
		/* a path that is too deep never counts */
		s->texts[0].flags = TEXT_TOO_DEEP;
		expect(row_holds(s, &row) == !!(flags & 2), "flags %d", flags);
	}
}

static void postfixes_of_cut_texts(void)
{
	struct row row = row_of(ROW_STR_POSTFIX, 0, 0, POSTFIXES + 56),
		   equal = row_of(ROW_STR_EQUAL, 0, 0, EQUALS + 8);
	struct scratch *s = call_with(VALUE_STRING, 0);
	struct text_value *text = &s->texts[0];

	row.values[0] = 56;
	*text = (struct text_value){ .slot = 1, .flags = TEXT_TRUNCATED, .size = 8, .has_tail = 1 };
	memcpy(text->tail, letters + TEXT_SIZE - 1 - BINARY_TAIL, BINARY_TAIL);
	memcpy(s->text[0], letters, 8);
	expect(row_holds(s, &row));
	expect(!row_holds(s, &equal));
	text->tail[BINARY_TAIL - 1]++;
	expect(!row_holds(s, &row));
	text->has_tail = 0; /* its end was not kept: unknown */
	expect(!row_holds(s, &row) && s->missing == 1U << FACT_PATH);
}

/* ---- sockets */

static void sockets(void)
{
	struct sock sock = {
		.__sk_common = { .skc_family = AF_INET, .skc_num = 1234, .skc_state = 1 },
		.sk_protocol = IPPROTO_TCP
	};
	struct sock_common *common = &sock.__sk_common;
	struct addr_key network = { .bits = 64 + 8, .set = 3, .family = AF_INET, .addr = { 10 } };
	struct row daddr = row_of(ROW_DADDR, 0, 0, 3), saddr = row_of(ROW_SADDR, 0, 0, 3);
	struct row dport = row_of(ROW_DPORT, 0, 1, 0), family = row_of(ROW_FAMILY, 0, 1, 0);
	static const __u8 mapped[16] = { [10] = 255, [11] = 255, [12] = 10, [15] = 9 };
	__u64 at = address_of(&sock);

	native_put(&addr_set, &network);
	common->skc_dport = __builtin_bswap16(443);
	common->skc_daddr = 0x0100000a;
	dport.values[0] = 440ULL << 32 | 443;
	family.values[0] = AF_INET;
	expect(row_holds(call_with(VALUE_SOCK, at), &daddr));
	expect(!row_holds(call_with(VALUE_SOCK, at), &saddr));
	expect(row_holds(call_with(VALUE_SOCK, at), &dport));
	dport.values[0] = 440ULL << 32 | 442;
	expect(!row_holds(call_with(VALUE_SOCK, at), &dport));
	dport.values[1] = 443ULL << 32 | 443;
	dport.n = 2;
	expect(row_holds(call_with(VALUE_SOCK, at), &dport));
	/* ::ffff:10.0.0.9 is the same peer */
	common->skc_family = AF_INET6;
	memcpy(&common->skc_v6_daddr, mapped, 16);
	expect(row_holds(call_with(VALUE_SOCK, at), &daddr));
	expect(row_holds(call_with(VALUE_SOCK, at), &family));
	((__u8 *)&common->skc_v6_daddr)[0] = 1;
	expect(!row_holds(call_with(VALUE_SOCK, at), &daddr));
	expect(!row_holds(call_with(VALUE_SOCK, at), &family));
	common->skc_family = 1; /* no address: no filter on it holds */
	daddr.flags = ROW_NEGATE;
	expect(!row_holds(call_with(VALUE_SOCK, at), &daddr));
	expect(!row_holds(call_with(VALUE_SOCK, 0), &daddr));
}

enum { NETWORK_SETS = 32, RANDOM_NETWORKS = 50000 };

/* Three networks of a set, as user space writes them: bits beyond the prefix are 0. */
static struct addr_key network_sets[NETWORK_SETS][3];

static const __u8 lengths_of_networks[] = { 0, 1, 7, 8, 9, 15, 16, 31, 32, 64, 127, 128 };

static void some_address(__u8 *addr, __u32 size)
{
	static const __u8 bytes[] = { 0, 1, 10, 127, 128, 255 };

	for (__u32 i = 0; i < size; i++)
		addr[i] = i < 2 || i == size - 1 ? bytes[random_below(sizeof(bytes))] : 0;
}

static void make_networks(void)
{
	for (int set = 0; set < NETWORK_SETS; set++) {
		for (int i = 0; i < 3; i++) {
			struct addr_key *key = &network_sets[set][i];
			bool is_v4 = random_below(2);
			__u32 size = is_v4 ? 4 : 16, length;

			do
				length = lengths_of_networks[random_below(
					sizeof(lengths_of_networks))];
			while (length > 8 * size);
			*key = (struct addr_key){ .bits = 64 + length,
						  .set = RANDOM_NETWORKS + set,
						  .family = is_v4 ? AF_INET : AF_INET6 };
			some_address(key->addr, size);
			for (__u32 bit = length; bit < 128; bit++)
				key->addr[bit / 8] &= ~(128 >> bit % 8);
			native_put(&addr_set, key);
		}
	}
}

static bool plain_address(__u32 set, __u32 family, const __u8 *addr)
{
	for (int i = 0; i < 3; i++) {
		const struct addr_key *key = &network_sets[set][i];
		bool differs = key->family != family;

		for (__u32 bit = 0; bit < key->bits - 64; bit++)
			differs |= (key->addr[bit / 8] ^ addr[bit / 8]) & (128 >> bit % 8);
		if (!differs)
			return true;
	}
	return false;
}

static bool plain_socket(struct row *row, const struct sock_common *common, __u32 set)
{
	bool is_v4 = common->skc_family == AF_INET;
	__u32 port = row->op == ROW_SPORT ? common->skc_num : __builtin_bswap16(common->skc_dport);

	switch (row->op) {
	case ROW_SADDR:
		return plain_address(set, common->skc_family,
				     is_v4 ? (const void *)&common->skc_rcv_saddr :
					     (const void *)&common->skc_v6_rcv_saddr);
	case ROW_DADDR:
		return plain_address(set, common->skc_family,
				     is_v4 ? (const void *)&common->skc_daddr :
					     (const void *)&common->skc_v6_daddr);
	case ROW_FAMILY:
	case ROW_STATE:
		for (int i = 0; i < row->n; i++) {
			if (row->values[i] ==
			    (row->op == ROW_FAMILY ? common->skc_family : common->skc_state))
				return true;
		}
		return false;
	}
	for (int i = 0; i < row->n; i++) {
		if (port >= row->values[i] >> 32 && port <= (__u32)row->values[i])
			return true;
	}
	return false;
}

static void sockets_at_random(void)
{
	static const __u32 ops[] = { ROW_SADDR, ROW_DADDR,  ROW_SPORT,
				     ROW_DPORT, ROW_FAMILY, ROW_STATE };
	static const __u16 ports[] = { 0, 1, 80, 443, 1023, 1024, 65535 };
	static bool known;
	int holding = 0;

	if (!known)
		make_networks();
	known = true;
	for (int i = 0; i < 100000; i++) {
		struct sock sock = { .sk_protocol = IPPROTO_TCP };
		struct sock_common *common = &sock.__sk_common;
		__u32 set = random_below(NETWORK_SETS), op = ops[random_below(6)];
		__u32 flags = random_below(2) ? ROW_NEGATE : 0;
		struct row row = row_of(op, flags, op <= ROW_DADDR ? 0 : 1 + random_below(4),
					RANDOM_NETWORKS + set);
		bool is_v4 = random_below(2), expected;

		common->skc_family = is_v4 ? AF_INET : AF_INET6;
		common->skc_state = 1 + random_below(11);
		common->skc_num = ports[random_below(7)];
		common->skc_dport = __builtin_bswap16(ports[random_below(7)]);
		some_address(is_v4 ? (void *)&common->skc_rcv_saddr :
				     (void *)&common->skc_v6_rcv_saddr,
			     is_v4 ? 4 : 16);
		some_address(is_v4 ? (void *)&common->skc_daddr : (void *)&common->skc_v6_daddr,
			     is_v4 ? 4 : 16);
		for (int k = 0; k < row.n; k++) {
			__u64 low = ports[random_below(7)], high = ports[random_below(7)];

			row.values[k] = low << 32 | high;
			if (op == ROW_STATE)
				row.values[k] = 1 + random_below(11);
			else if (op == ROW_FAMILY)
				row.values[k] = random_below(2) ? AF_INET : AF_INET6;
		}
		expected = plain_socket(&row, common, set) != !!flags;
		expect(row_holds(call_with(VALUE_SOCK, address_of(&sock)), &row) == expected,
		       "op %d flags %d set %u", op, flags, set);
		holding += expected;
	}
	expect(holding > 20000 && holding < 80000, "%d", holding);
}

/* ---- processes */

static void processes(void)
{
	struct row pid = row_of(ROW_PID, 0, 2, 0),
		   caps = row_of(ROW_CAPABILITY, 0, 1, CAPS_PERMITTED);
	struct row binary = row_of(ROW_BINARY_EQUAL, 0, 0, EQUALS + 9),
		   prefix = row_of(ROW_BINARY_PREFIX, 0, 0, PREFIXES + 7);
	struct row follow = row_of(ROW_FOLLOW, 0, 1, 0);
	struct scratch *s = call_with(VALUE_U64, 0);
	struct proc *proc;

	new_tree();
	pid.values[1] = 7;
	expect(row_holds(s, &pid));
	pid.flags = ROW_NEGATE;
	expect(!row_holds(s, &pid));
	host_cred.cap_permitted.val = 1 << 21;
	caps.values[0] = 3 << 20;
	expect(row_holds(s, &caps));
	caps.set = CAPS_EFFECTIVE;
	expect(!row_holds(s, &caps));
	caps.set = CAPS_PERMITTED;
	caps.flags = ROW_IN_USER_NS; /* never holds in the host's */
	expect(!row_holds(s, &caps));
	/* the process is unknown and has no file */
	host_task.tgid = native_can_cast ? 8 : 7;
	expect(!row_holds(s, &binary) && s->missing == 1U << FACT_PROCESS);
	proc = native_put(&procs, &host_task.tgid);
	proc->binary_length = 9;
	memcpy(proc->binary, letters, 9);
	expect(row_holds(s, &binary) && row_holds(s, &prefix));
	proc->binary_length = 8;
	expect(!row_holds(s, &binary) && row_holds(s, &prefix));
	proc->flags =
		PROC_FORGEABLE_BINARY; /* an exception for that binary does not cover its forger */
	s->missing = 0;
	expect(!row_holds(s, &prefix) && s->missing == 1U << FACT_NAME);
	prefix.flags = ROW_UNKNOWN_HOLDS;
	expect(row_holds(s, &prefix));
	follow.values[0] = 4;
	expect(!row_holds(s, &follow));
	proc->follow.bits = proc->follow.believed = 4;
	expect(row_holds(s, &follow));
	proc->follow.bits = proc->follow.believed = 0;
	follow.values[1] = PROC_IN_INIT_TREE | PROC_OF_HOST;
	expect(!row_holds(s, &follow));
	proc->flags = PROC_IN_INIT_TREE;
	expect(row_holds(s, &follow));
	proc->flags = PROC_FOLLOW_UNSURE;
	follow.flags = ROW_UNKNOWN_HOLDS;
	expect(row_holds(s, &follow));
	host_task.tgid = 7;
}

static void parents_of_processes(void)
{
	struct row row = row_of(ROW_BINARY_EQUAL, ROW_PARENT, 0, EQUALS + 9);
	struct row prefix = row_of(ROW_BINARY_PREFIX, ROW_PARENT | ROW_NEGATE, 0, PREFIXES + 7);
	struct row follow = row_of(ROW_FOLLOW, ROW_PARENT, 1, 0);
	struct scratch *s = call_with(VALUE_U64, 0);
	struct proc *own, *parent;

	host_task.tgid = native_can_cast ? 10 : 9;
	own = native_put(&procs, &host_task.tgid);
	own->binary_length = 9; /* what the process runs itself plays no part */
	memcpy(own->binary, letters, 9);
	own->follow.bits = own->follow.believed = 4;
	follow.values[0] = 4;
	/* not known: the safe side, negated or not */
	expect(!row_holds(s, &row) && s->missing == 1U << FACT_PROCESS);
	expect(!row_holds(s, &prefix) && !row_holds(s, &follow));
	row.flags |= ROW_UNKNOWN_HOLDS;
	expect(row_holds(s, &row));
	parent = native_put(&parents, &host_task.tgid);
	expect(row_holds(s, &row)); /* known, but not its binary */
	parent->flags = PROC_KERNEL_THREAD;
	expect(!row_holds(s, &row) && row_holds(s, &prefix));
	parent->flags = 0;
	parent->binary_length = 9;
	memcpy(parent->binary, letters, 9);
	s->missing = 0;
	expect(row_holds(s, &row) && !row_holds(s, &prefix) && !row_holds(s, &follow));
	parent->binary_length = 8;
	expect(!row_holds(s, &row));
	parent->follow.bits = parent->follow.believed = 4;
	expect(row_holds(s, &follow) && !s->missing);
	parent->flags = PROC_FORGEABLE_BINARY;
	expect(!row_holds(s, &prefix) && s->missing == 1U << FACT_NAME);
	host_task.flags = PF_KTHREAD;
	expect(!row_holds(s, &row) && !row_holds(s, &follow));
	host_task.flags = 0;
	host_task.tgid = 7;
}

static void changes_since_exec(void)
{
	struct row spaces = row_of(ROW_NAMESPACE_CHANGE, 0, 1, 0);
	struct row caps = row_of(ROW_CAPABILITY_CHANGE, 0, 1, CAPS_INHERITABLE);
	struct scratch *s = call_with(VALUE_U64, 0);
	struct uts_namespace uts = { { 3 } };
	struct ipc_namespace ipc = { { 4 } };
	struct pid_namespace pids = {};
	struct net net = {};
	struct time_namespace time = {};
	struct cgroup_namespace cgroup = {};
	struct nsproxy all = { &uts, &ipc, &host, &pids, &net, &time, &time, &cgroup };
	struct pid pid = { .numbers = { { .ns = &pids } } };
	struct privileges *before;

	host_task.tgid = native_can_cast ? 12 : 11;
	host_task.nsproxy = NULL;
	host_task.thread_pid = &pid;
	spaces.values[0] = 1 << NS_UTS | 1 << NS_IPC;
	caps.values[0] = 1 << 21 | 1;
	expect(!row_holds(s, &spaces) && !row_holds(s, &caps) && s->missing == 1U << FACT_PROCESS);
	spaces.flags = caps.flags = ROW_UNKNOWN_HOLDS;
	expect(row_holds(s, &spaces) && row_holds(s, &caps));
	before = native_put(&privileges, &host_task.tgid);
	before->namespaces[NS_UTS] = 3;
	before->namespaces[NS_IPC] = 4;
	s->missing = 0;
	host_cred.cap_inheritable.val = 1 << 20;
	expect(!row_holds(s, &caps) && !s->missing);
	before->cred.inheritable = 1 << 21;
	expect(row_holds(s, &caps)); /* lost */
	caps.flags = ROW_NEGATE;
	expect(!row_holds(s, &caps));
	caps.flags = ROW_IN_USER_NS;
	expect(!row_holds(s, &caps));
	caps.set = CAPS_PERMITTED;
	before->cred.permitted = host_cred.cap_permitted.val;
	caps.flags = 0;
	expect(!row_holds(s, &caps));
	/* given up: unknown, unless another has changed */
	expect(row_holds(s, &spaces) && s->missing == 1U << FACT_PROCESS);
	host_task.nsproxy = &all;
	s->missing = 0;
	expect(!row_holds(s, &spaces) && !s->missing);
	ipc.ns.inum = 5;
	expect(row_holds(s, &spaces));
	spaces.values[0] = 1 << NS_UTS;
	expect(!row_holds(s, &spaces) && !s->missing);
	host_cred.cap_inheritable.val = 0;
	host_task.nsproxy = &host_namespaces;
	host_task.thread_pid = NULL;
	host_task.tgid = 7;
}

/* By a list that an ancestor was started from; what a forged path has set counts only against its forger. */
static void descent_from_programs(void)
{
	struct row follow = row_of(ROW_FOLLOW, 0, 1, 0);
	struct scratch *s = call_with(VALUE_U64, 0);
	struct followed *extra;
	struct proc *proc;

	host_task.tgid = native_can_cast ? 14 : 13;
	proc = native_put(&procs, &host_task.tgid);
	proc->binary_length = 9;
	memcpy(proc->binary, letters, 9);
	follow.set = PREFIXES + 7;
	expect(!row_holds(s, &follow)); /* there is no such text */
	follow.slot = PATH_PREFIX;
	expect(row_holds(s, &follow));
	follow.set = POSTFIXES + 7;
	follow.slot = PATH_POSTFIX;
	expect(!row_holds(s, &follow));
	memcpy(proc->binary, letters + TEXT_SIZE - 1 - 9, 9);
	expect(row_holds(s, &follow));
	follow.set = EQUALS + 8; /* not its own binary */
	follow.slot = PATH_EQUAL;
	for (int i = 0; i < 2; i++) {
		struct followed *of = &proc->follow;

		if (i) {
			*of = (struct followed){};
			of = native_put(&follow_pids, &host_task.tgid);
		}
		follow.values[0] = 6;
		of->bits = 5;
		for (int flags = 0; flags < 4; flags++) {
			follow.flags =
				(flags & 1 ? ROW_NEGATE : 0) | (flags & 2 ? ROW_UNKNOWN_HOLDS : 0);
			s->missing = 0;
			expect(row_holds(s, &follow) == !!(flags & 2), "%d, flags %d", i, flags);
			expect(!(s->missing >> FACT_NAME & 1) == (flags == 2), "%d, flags %d", i,
			       flags);
		}
		of->believed = 1; /* not one of the row's */
		follow.flags = 0;
		expect(!row_holds(s, &follow));
		of->believed = 5;
		expect(row_holds(s, &follow));
		follow.values[0] = 2;
		expect(!row_holds(s, &follow));
	}
	/* a program that was started by a path which may be forged may be one of the list */
	proc->flags = PROC_FORGEABLE_DESCENT;
	for (int flags = 0; flags < 4; flags++) {
		follow.flags = (flags & 1 ? ROW_NEGATE : 0) | (flags & 2 ? ROW_UNKNOWN_HOLDS : 0);
		expect(row_holds(s, &follow) == (flags == 3), "flags %d", flags);
	}
	follow.set = 0; /* processes are not listed by paths */
	follow.flags = ROW_NEGATE;
	expect(row_holds(s, &follow));
	/* what is kept by pid is not the parent's */
	follow.flags = ROW_PARENT;
	follow.values[0] = 4;
	((struct proc *)native_put(&parents, &host_task.tgid))->binary_length = 1;
	expect(!row_holds(s, &follow));
	host_task.tgid = 7;
}

/* ---- origins */

/* As overlayfs has it (fs/overlayfs/ovl_entry.h). */
struct overlay_inode {
	unsigned long flags;
	struct inode inode;
	struct dentry *upper;
};

static void origins_of_files(void)
{
	struct super_block sb = { .s_magic = 0xef53, .s_user_ns = &host_users };
	struct overlay_inode file = { .inode = { .i_sb = &sb, .i_nlink = 1, .i_mode = S_IFREG } };
	struct dentry upper = {};
	__u64 at = address_of(&file.inode);

	expect(origin_of(at) == ORIGIN_VOLUME);
	sb.s_magic = RAMFS_MAGIC;
	expect(origin_of(at) == ORIGIN_MEMORY);
	sb.s_magic = TMPFS_MAGIC;
	file.inode.i_nlink = 0;
	expect(origin_of(at) == ORIGIN_MEMORY + ORIGIN_UNLINKED);
	sb.s_magic = OVERLAYFS_SUPER_MAGIC;
	expect(origin_of(at) == ORIGIN_IMAGE + ORIGIN_UNLINKED);
	file.inode.i_nlink = 5;
	expect(origin_of(at) == ORIGIN_IMAGE);
	sb.s_user_ns = &other_users; /* not the node's: it may have any lower layer */
	expect(origin_of(at) == ORIGIN_LAYER);
	sb.s_user_ns = NULL;
	expect(origin_of(at) == ORIGIN_LAYER);
	sb.s_user_ns = &host_users;
	file.upper = &upper;
	expect(origin_of(at) == ORIGIN_IMAGE); /* its data is still the lower layer's */
	file.flags = ~(unsigned long)OVL_UPPERDATA;
	expect(origin_of(at) == ORIGIN_IMAGE);
	file.flags = OVL_UPPERDATA;
	expect(origin_of(at) == ORIGIN_LAYER);
	file.flags = 0;
	file.inode.i_mode = 0040000; /* of a folder, the flag says nothing */
	expect(origin_of(at) == ORIGIN_LAYER);
	file.inode.i_sb = NULL;
	expect(origin_of(at) == ORIGIN_UNKNOWN && origin_of(16) == ORIGIN_UNKNOWN);
}

static void filters_on_origins(void)
{
	struct super_block sb = { .s_magic = TMPFS_MAGIC };
	struct inode inode = { .i_sb = &sb };
	struct dentry dentry = { .d_inode = &inode };
	struct file file = { .f_path = { &root_mount->mnt, &dentry } };
	struct row row = row_of(ROW_ORIGIN, 0, 2, 0);
	__u64 at = address_of(&dentry), of_file = address_of(&file);

	row.values[0] = ORIGIN_IMAGE;
	row.values[1] = ORIGIN_MEMORY + ORIGIN_UNLINKED;
	expect(row_holds(call_with(VALUE_DENTRY, at), &row));
	expect(row_holds(call_with(VALUE_FILE, of_file), &row));
	row.flags = ROW_NEGATE;
	expect(!row_holds(call_with(VALUE_DENTRY, at), &row));
	row.values[1] = ORIGIN_MEMORY;
	expect(row_holds(call_with(VALUE_FILE, of_file), &row));
	/* a file that is not there yet */
	dentry.d_inode = NULL;
	expect(!row_holds(call_with(VALUE_DENTRY, at), &row));
	expect(!row_holds(call_with(VALUE_FILE, 0), &row));
	/* one that can't be read */
	dentry.d_inode = (struct inode *)16;
	expect(!row_holds(call_with(VALUE_DENTRY, at), &row));
	row.flags |= ROW_UNKNOWN_HOLDS;
	expect(row_holds(call_with(VALUE_DENTRY, at), &row));
}

static void origins_of_programs(void)
{
	struct row row = row_of(ROW_PROPERTY, 0, 1, 0);
	struct super_block sb = { .s_magic = TMPFS_MAGIC };
	struct inode inode = { .i_sb = &sb, .i_nlink = 1 };
	struct file file = { .f_inode = &inode };
	struct mm_struct mm = { .exe_file = &file };
	struct scratch *s = call_with(VALUE_U64, 0);
	struct proc *proc;

	host_task.tgid = native_can_cast ? 16 : 15;
	row.slot = PROPERTY_ORIGIN;
	row.values[0] = row.values[1] = ORIGIN_MEMORY;
	expect(!row_holds(s, &row) && s->missing == 1U << FACT_PROCESS);
	host_task.mm = &mm;
	expect(!row_holds(s, &row)); /* not the file that was started */
	file.f_flags = FMODE_EXEC;
	expect(row_holds(s, &row));
	proc = native_put(&procs, &host_task.tgid);
	expect(row_holds(s, &row));
	proc->flags = PROC_ORIGIN_KNOWN | ORIGIN_LAYER << PROC_ORIGIN_SHIFT;
	expect(!row_holds(s, &row));
	row.values[1] = row.values[0] = ORIGIN_LAYER;
	expect(row_holds(s, &row));
	host_task.flags = PF_KTHREAD;
	row.flags = ROW_NEGATE;
	row.values[0] = 7;
	expect(!row_holds(s, &row));
	host_task.flags = 0;
	host_task.mm = NULL;
	host_task.tgid = 7;
}

/* What files and the clock say is in the kernel test. */
static void properties_of_processes(void)
{
	struct row row = row_of(ROW_PROPERTY, 0, 1, 0);
	struct scratch *s = call_with(VALUE_U64, 0);
	struct signal_struct signals = {};

	host_task.signal = &signals;
	host_cred.uid.val = 1000;
	host_cred.egid.val = 5;
	row.slot = PROPERTY_USER;
	row.values[0] = row.values[1] = 1000;
	expect(row_holds(s, &row));
	row.flags = ROW_NEGATE;
	expect(!row_holds(s, &row));
	row.slot = PROPERTY_EFFECTIVE_USER;
	expect(row_holds(s, &row));
	row.flags = 0;
	row.slot = PROPERTY_EFFECTIVE_GROUP;
	row.values[2] = 4; /* a second range counts only if it is one of the row's */
	row.values[3] = 6;
	expect(!row_holds(s, &row));
	row.n = 2;
	expect(row_holds(s, &row));
	row.n = 1;
	row.slot = PROPERTY_TERMINAL;
	row.values[0] = row.values[1] = 1;
	expect(!row_holds(s, &row));
	signals.tty = (void *)&signals;
	expect(row_holds(s, &row));
	host_cred.uid.val = host_cred.egid.val = 0;
	host_task.signal = NULL;
}

/* Who descends from the first process of its container, or of the host. */
static void trees_of_processes(void)
{
	const __u32 host = PROC_OF_HOST, tree = PROC_IN_INIT_TREE;

	/* by level of its pid namespace, its number there, and the flags of the process that forked it */
	expect(tree_flags(0, 1, 0) == (host | tree));
	expect(tree_flags(0, 2, 0) == host);
	expect(tree_flags(0, 700, host | tree) == (host | tree));
	expect(tree_flags(0, 701, host) == host);
	expect(tree_flags(1, 1, host | tree) == tree);
	expect(tree_flags(1, 1, host) == tree);
	expect(tree_flags(1, 2, host | tree) == 0); /* brought in */
	expect(tree_flags(1, 3, tree) == tree);
	expect(tree_flags(1, 3, 0) == 0);
	expect(tree_flags(2, 1, 0) == 0); /* by a namespace of its own */
	expect(tree_flags(2, 1, tree) == tree);
	expect(tree_flags(2, 1, host | tree) == 0); /* straight into a nested one */
	expect(tree_flags(1, 3, tree | PROC_FOLLOW_UNSURE | PROC_EXECED) == tree);
}

static void marked_calls_of_threads(void)
{
	__u64 mark = 3ULL << MARK_POLICY_SHIFT | 0x109, other = 4ULL << MARK_POLICY_SHIFT | 0x109;
	struct row row = row_of(ROW_MARKED_CALL, 0, 1, 0);
	struct scratch *s = call_with(VALUE_U64, 0);

	native_registers.ip++;
	row.values[0] = mark;
	expect(!row_holds(s, &row));
	expect(keep_mark(mark) && keep_mark(mark));
	row.values[0] = other;
	expect(!row_holds(s, &row));
	row.values[0] = mark;
	expect(row_holds(s, &row));
	expect(row_holds(s, &row));	    /* all that the call does */
	native_task->flags |= PF_IO_WORKER; /* whose registers never change */
	expect(row_holds(s, &row));
	expect(!row_holds(s, &row));
	native_task->flags &= ~PF_IO_WORKER;
	/* another call, whatever register tells it */
	for (unsigned long at = 0; at < sizeof(native_registers) / sizeof(long); at++) {
		long *one = (long *)&native_registers + at;

		if (one == (long *)&native_registers.ax || one == (long *)&native_registers.cx)
			continue;
		expect(keep_mark(mark));
		(*one)++;
		expect(!row_holds(s, &row));
		(*one)--;
		expect(row_holds(s, &row));
	}
	/* room for four; those of a call before don't count */
	native_registers.ip++;
	for (__u64 i = 1; i <= CALL_MARKS; i++)
		expect(keep_mark(mark + i));
	row.values[0] = other;
	expect(!row_holds(s, &row));
	expect(!keep_mark(other) && row_holds(s, &row));
	row.values[0] = other + 1; /* of whichever policy */
	expect(row_holds(s, &row));
	native_registers.ip++;
	expect(keep_mark(other) && !row_holds(s, &row) && keep_mark(mark));
	row.values[0] = mark;
	expect(row_holds(s, &row));
	expect(forget_marks(mark) == 0 && !row_holds(s, &row));
	row.values[0] = other;
	expect(row_holds(s, &row));
}

/* User space has added it. */
TABLE(page_of_groups, struct group, GROUPS_TABLE);
enum { PAGE_OF_GROUPS = 2 };

/* `at`: a group with its side; `other`: another one, without workloads. */
static void workloads_of(__u32 at, __u32 other)
{
	struct scratch *s = call_with(VALUE_U64, 0);
	struct row row = row_of(ROW_WORKLOADS, 0, 1, 0);
	struct count *count = the_count();
	struct group *group = group_at(at);
	__u64 before = count->missing[FACT_PROCESS];

	memset(group, 0, sizeof(*group));
	group->within[1] = 1ULL << 63;
	group->unsure[3] = 1ULL << 63;
	for (__u32 number = 0; number < MAX_WORKLOADS; number++) {
		row.values[0] = number;
		s->group = other;
		expect(!row_holds(s, &row), "number %u of another group", number);
		s->group = at;
		if (number != MAX_WORKLOADS - 1)
			expect(row_holds(s, &row) == (number == 127), "number %u", number);
	}
	expect(count->missing[FACT_PROCESS] == before);
	expect(!row_holds(s, &row));
	row.flags = ROW_UNKNOWN_HOLDS;
	expect(row_holds(s, &row));
	expect(count->missing[FACT_PROCESS] == before + 2 && s->missing == 1U << FACT_PROCESS);
	memset(group, 0, sizeof(*group));
}

static void workloads_of_groups(void)
{
	__u32 in_the_page = PAGE_OF_GROUPS * GROUPS_TABLE + 2 * 3 + 1;

	native_put_map(&group_pages, PAGE_OF_GROUPS, &page_of_groups);
	workloads_of(2 * 3 + 1, 2 * 3);
	workloads_of(in_the_page, 2 * 3 + 1);
	workloads_of(2 * 3 + 1, in_the_page);
	expect(group_at(GROUPS_TABLE - 1) && !group_at(GROUPS_TABLE));
	expect(group_at((PAGE_OF_GROUPS + 1) * GROUPS_TABLE - 1));
	expect(!group_at((PAGE_OF_GROUPS + 1) * GROUPS_TABLE) && !group_at(-1));
}

int main(void)
{
	use_walk_maps();
	use_map(groups);
	use_map_of_maps(group_pages);
	use_map(page_of_groups);
	use_map(hooks);
	use_map(verdicts);
	use_map(counts);
	use_map(int_set);
	use_map(str_set_64);
	use_map(str_set_256);
	use_map(str_set_4k);
	use_map(prefix_set);
	use_map(addr_set);
	use_map(procs);
	use_map(follow_pids);
	use_map(parents);
	use_map(privileges);
	use_map(config);
	use_map(faults);
	native_use_map(&marked_calls, BPF_MAP_TYPE_TASK_STORAGE, 1, sizeof(int),
		       sizeof(struct marked_call));
	native_set(hook_id, 1U);
	native_set(hook_lacks, 0U);
	run(numbers_at_random);
	run(differences_at_random);
	run(differences_without_numbers);
	run(sets_at_random);
	run(texts_of_all_lengths);
	run(parts_of_texts);
	run(texts_at_random);
	run(facts_that_are_missing);
	run(postfixes_of_cut_texts);
	run(sockets);
	run(sockets_at_random);
	run(processes);
	run(parents_of_processes);
	run(descent_from_programs);
	run(changes_since_exec);
	run(properties_of_processes);
	run(origins_of_files);
	run(filters_on_origins);
	run(origins_of_programs);
	run(trees_of_processes);
	run(workloads_of_groups);
	run(marked_calls_of_threads);
	return !!test_failures;
}
