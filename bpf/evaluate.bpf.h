/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One call of a hook, from "does any policy apply?" to the verdict. All state of the evaluation is
 * in scratch memory, so that the verifier sees one small step whatever the number of rules.
 */
#ifndef GANDER_EVALUATE_H
#define GANDER_EVALUATE_H

#include "index.bpf.h"
#include "questions.bpf.h"
#include "ranges.bpf.h"
#include "source.bpf.h"
#include "verdict.bpf.h"

enum { MAX_STEPS = 1 << 20 };

enum { CGROUP_LEVELS = 64 };

static long find_nearest(__u64 i, __u32 *group)
{
	__u64 cgroup = bpf_get_current_ancestor_cgroup_id(i + 1);
	__u32 *found;

	if (!cgroup)
		return 1;
	found = bpf_map_lookup_elem(&cgroups, &cgroup);
	if (found)
		*group = *found;
	return 0;
}

/* The group of the nearest listed ancestor of the current cgroup. */
__noinline int surrounding_group(void)
{
	__u32 group = 0;

	if (!IS_TEMPLATE)
		bpf_loop(CGROUP_LEVELS, find_nearest, &group, 0);
	return group;
}

inline_fn __u32 unlisted_group(struct config *settings)
{
	return settings->flags & CONFIG_UNLISTED ? surrounding_group() : 0;
}

/* The group of the current cgroup. */
inline_fn __u32 find_group(struct config *settings)
{
	__u64 cgroup = bpf_get_current_cgroup_id(), *place, known;
	__u32 at = cgroup & (CGROUP_PLACES - 1), *found;

	place = bpf_map_lookup_elem(&cgroup_places, &at);
	known = place ? *(volatile __u64 *)place : PLACE_SHARED;
	if (!(known & PLACE_SHARED))
		return known & PLACE_TAKEN &&
				       known >> PLACE_CGROUP_SHIFT == cgroup / CGROUP_PLACES ?
			       known & PLACE_GROUP_MASK :
			       unlisted_group(settings);
	found = bpf_map_lookup_elem(&cgroups, &cgroup);
	return found ? *found : unlisted_group(settings);
}

/*
 * The application (index, without side) of the current cgroup's policies on this hook; 0: none. `group`: where in
 * `groups` it is.
 */
inline_fn __u32 find_application(struct config *settings, __u32 side, __u32 *group)
{
	__u32 at = side, hook = hook_id;
	struct group *entry;

	if (settings->flags & CONFIG_CGROUPS)
		at += 2 * find_group(settings);
	*group = at;
	entry = group_at(at);
	if (!entry)
		return 0;
	bounded(hook, MAX_HOOKS - 1);
	return entry->application[hook];
}

inline_fn void reset_scratch(struct scratch *s, __u32 side, __u64 left, bool can_deny)
{
	__u32 number = left >> INDEX_NUMBER_SHIFT & INDEX_SET_MASK;
	__u32 text = left >> INDEX_TEXT_SHIFT & INDEX_SET_MASK, ending = left >> INDEX_ENDING_SHIFT;

	s->side = side;
	s->hook = side * MAX_HOOKS + hook_id;
	s->can_deny = can_deny;
	s->verdict = 0;
	s->rules = 0;
	s->row = 0;
	s->narrowed = 0;
	s->wants_text = left & INDEX_WANTS_TEXT;
	s->sets[SET_NUMBER] = number ? side * MAX_BITSETS + number : 0;
	s->sets[SET_TEXT] = text ? side * MAX_BITSETS + text : 0;
	s->sets[SET_ADDRESS] = s->sets[SET_BINARY] = s->sets[SET_BINARY_ENDING] =
		s->sets[SET_RANGE] = 0;
	s->sets[SET_ENDING] = ending ? side * MAX_BITSETS + ending : 0;
	s->have = s->failed = s->unread = 0;
	s->sock_slot = 0;
	s->connection = CONNECTION_UNKNOWN;
	s->texts[0].slot = s->texts[1].slot = 0;
	s->raw[RAW_MAY_WRITE] = MAY_WRITE;
	s->raw[RAW_RETURN] = 0;
	if (!lacks(FEATURE_EXEC))
		s->exec.tables = 0;
	if (!lacks(FEATURE_HASH))
		s->hashes = 0;
	if (CHANGES_REGISTERS)
		s->registers.first_assignment = 0;
}

/* Does the call concern companions of tcp_connect? For hooks where there are no other rules. */
inline_fn bool is_connection(void *ctx, enum source source, struct application *application)
{
	bool message = application->flags & APPLICATION_FAST_OPEN;

	if (source != FROM_TRAMPOLINE || nargs < 2)
		return true;
	return connects_by_tcp(plain_argument(ctx, source, 0),
			       message ? plain_argument(ctx, source, 1) : 0);
}

inline_fn bool is_dumping_core(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->flags & PF_DUMPCORE;
}

/*
 * Is the kernel truncating the file that it has opened to dump core to (do_coredump, do_truncate)?
 * Where overlayfs repeats the call for the file below, it passes no open file.
 */
inline_fn bool is_core_file(struct scratch *s)
{
	struct iattr *attr;
	__u32 last = nargs - 1;

	if (!is_dumping_core())
		return false;
	bounded(last, RAW_ARGS - 1);
	attr = (struct iattr *)s->raw[last];
	return BPF_CORE_READ(attr, ia_valid) & ATTR_FILE;
}

/* Evaluates the index before scratch memory is claimed; 0: no rule is left. */
inline_fn __u64 index_call(void *ctx, enum source source, struct application *application,
			   struct hook *hook, struct config *settings, __u32 side)
{
	__u64 left = INDEX_LEFT | INDEX_WANTS_TEXT, raw = 0, number;
	__u32 slot;

	if (!hook->index)
		return INDEX_LEFT;
	slot = hook->index_int;
	if (slot < HOOK_SLOTS) {
		bounded(slot, HOOK_SLOTS - 1);
		if (raw_argument(ctx, source, &hook->slots[slot], &raw)) {
			number = to_number(hook->slots[slot].type, raw);
			if (is_unlisted(hook, side, number))
				return 0;
			left = index_number(application, hook, side, number);
		}
	}
	slot = hook->index_text;
	if (!lacks(FEATURE_PATHS) && left & INDEX_WANTS_TEXT && can_cache(hook, settings) &&
	    slot < HOOK_SLOTS) {
		bounded(slot, HOOK_SLOTS - 1);
		if (raw_argument(ctx, source, &hook->slots[slot], &raw))
			left = index_remembered(application, hook, side, left, raw);
	}
	return left;
}

enum { NO_POLICY = -1, NO_SCRATCH = -2 };

/* No scratch memory for a call: counts it and gives begin_call's result. */
inline_fn int cannot_evaluate(__u32 at)
{
	struct application *application = application_at(at);

	count_fault(FAULT_SCRATCH);
	if (!application)
		return NO_SCRATCH;
	add(application->unevaluated);
	return application->flags & APPLICATION_ENFORCES ? NO_SCRATCH : NO_POLICY;
}

/*
 * Begins a call: the index of scratch memory for it, NO_POLICY, or NO_SCRATCH if the call cannot
 * be evaluated although a policy that enforces applies (where it does not: NO_POLICY). `claimed`: the memory.
 * The application is looked up again later: the verifier follows what has its address twice, because it may lie in a
 * page (tables.bpf.h).
 */
inline_fn int begin_call(void *ctx, enum source source, bool can_deny, struct scratch **claimed)
{
	struct config *settings = get_config();
	struct application *application;
	__u32 side, at, group;
	__u64 left;
	struct scratch *s;
	struct hook *hook;
	int index;

	if (IS_TEMPLATE || !settings)
		return NO_POLICY;
	side = *(volatile __u32 *)&settings->side & 1;
	at = find_application(settings, side, &group);
	if (!at)
		return NO_POLICY;
	at = 2 * at + side;
	hook = hook_at(side * MAX_HOOKS + hook_id);
	application = application_at(at);
	if (!application || !hook)
		return NO_POLICY;
	if (application->flags & APPLICATION_CORE_DUMPS && !is_dumping_core())
		return NO_POLICY;
	if (source == FROM_PROGRAM_RETURN && is_beginning(ctx)) {
		save_arguments(ctx);
		return NO_POLICY;
	}
	add(application->calls[bpf_get_smp_processor_id() & (CALL_STRIPES - 1)].n);
	if (application->flags & APPLICATION_CONNECTIONS &&
	    !is_connection(ctx, source, application))
		return NO_POLICY;
	if (source == FROM_PROGRAM_RETURN && !is_saved(ctx)) {
		add(application->unevaluated);
		return NO_POLICY;
	}
	left = index_call(ctx, source, application, hook, settings, side);
	if (!left)
		return NO_POLICY;
	index = scratch_claim();
	s = claimed_scratch(index);
	if (!s)
		return cannot_evaluate(at);
	s->application = at;
	s->group = group;
	reset_scratch(s, side, left, can_deny);
	*claimed = s;
	return index;
}

inline_fn __u64 narrowed(struct scratch *s, __u64 rules, __u32 word)
{
	struct bitset *set;

#pragma unroll
	for (int i = 0; i < INDEX_SETS; i++) {
		set = s->sets[i] ? bitset_at(s->sets[i]) : NULL;
		bounded(word, RULE_WORDS - 1);
		if (set)
			rules &= set->bits[word];
	}
	bounded(word, RULE_WORDS - 1);
	if (!lacks(FEATURE_QUESTIONS) && s->narrowed)
		rules &= s->kept[word];
	return rules;
}

/* Takes the next word of rules; false if none is left. */
inline_fn bool next_word(struct scratch *s)
{
	struct application *application = application_at(s->application);
	__u64 bit = s->words & -s->words;
	__u32 word;

	if (!bit || !application)
		return false;
	s->words ^= bit;
	word = bit_position(bit);
	s->word = word;
	bounded(word, RULE_WORDS - 1);
	s->rules = narrowed(s, application->bits[word], word);
	return true;
}

/* Does the call concern this companion? Where there are other rules, too. Sockets: checked once per call. */
inline_fn bool is_for_call(struct scratch *s, struct rule *rule)
{
	if (!(rule->flags & (RULE_STREAM_SOCKETS | RULE_CORE_DUMPS)))
		return true;
	if (rule->flags & RULE_CORE_DUMPS)
		return is_core_file(s);
	if (s->connection == CONNECTION_UNKNOWN)
		s->connection =
			connects_by_tcp(s->raw[0], rule->flags & RULE_FAST_OPEN ? s->raw[1] : 0) ?
				CONNECTION_TCP :
				CONNECTION_NONE;
	return s->connection == CONNECTION_TCP;
}

/* Takes the next rule of this word: its first row, or 0 if the rule does not concern this call. */
inline_fn __u32 next_rule(struct scratch *s)
{
	struct application *application = application_at(s->application);
	__u64 bit = s->rules & -s->rules;
	struct rule *rule;

	s->rules ^= bit;
	if (!application)
		return 0;
	s->rule = s->side * MAX_RULES + application->first_rule + s->word * 64 + bit_position(bit);
	s->missing = 0;
	rule = rule_at(s->rule);
	if (!rule || !is_for_call(s, rule))
		return 0;
	return rule->first_row ? s->side * MAX_ROWS + rule->first_row : 0;
}

static long step(__u64 i, struct scratch **scratch)
{
	struct scratch *s = *scratch;
	bool is_question, holds;
	struct row *row;

	if (!s->row) {
		if (!s->rules && !next_word(s))
			return 1;
		if (s->rules)
			s->row = next_rule(s);
		if (!s->row)
			return 0;
	}
	row = row_at(s->row);
	if (!row)
		return 1;
	is_question = !lacks(FEATURE_QUESTIONS) && row->flags & ROW_FOR_MANY;
	holds = (is_question && !is_asked(s, row)) || row_holds(s, row);
	if (is_question) {
		answer(s, row, holds);
	} else if (!holds) {
		s->row = row->fail ? s->side * MAX_ROWS + row->fail : 0;
	} else if (row->flags & ROW_LAST) {
		act(s, row);
		s->row = 0;
	} else {
		s->row++;
	}
	return 0;
}

/* Evaluates a call whose raw arguments are in scratch memory; gives the return value for the hook. */
__noinline int evaluate(struct scratch *s)
{
	struct application *application;
	struct hook *hook;

	if (IS_TEMPLATE || !s)
		return 0;
	hook = hook_at(s->hook);
	application = application_at(s->application);
	if (!application || !hook)
		return 0;
	s->words = application->summary;
	if (!lacks(FEATURE_RANGES) && hook->range_of)
		use_range_index(s, application, hook);
	if (hook->flags & HOOK_INDEX_BINARIES && s->words)
		use_binary_index(s, application, hook);
	if (!lacks(FEATURE_TEXTS) && s->words && s->wants_text && hook->index_text != NO_SLOT)
		use_text_index(s, application, hook);
	if (s->words && hook->index_addr != NO_SLOT)
		use_address_index(s, application, hook);
	if (!s->words)
		return s->verdict;
	if (!lacks(FEATURE_QUESTIONS) && hook->first_question) {
		s->row = s->side * MAX_ROWS + hook->first_question;
		s->missing = 0;
	}
	bpf_loop(MAX_STEPS, step, &s, 0);
	return s->verdict;
}

/* The error that a hook may return; 64 bits wide and compared last, for the verifier's proof. */
inline_fn long as_error(long value)
{
	asm volatile("" : "+r"(value));
	return value < 0 && value >= -MAX_ERRNO ? value : 0;
}

#endif
