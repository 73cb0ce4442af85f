/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Questions: rows that stand for those of many rules, evaluated before any rule (packages/sensor/src/link/questions.ts).
 * If one does not hold, the rules that it stands for are not looked at.
 */
#ifndef GANDER_QUESTIONS_H
#define GANDER_QUESTIONS_H

#include "index.bpf.h"

/* Does the index leave a rule that the question stands for? If not, it is not worth asking. */
inline_fn bool is_asked(struct scratch *s, struct row *row)
{
	__u32 asking = row->test >> ASKING_SHIFT;

	return !asking || left_by(application_at(s->application), hook_at(s->hook),
				  s->sets[SET_NUMBER], sided(s->side, asking)) &
				  INDEX_LEFT;
}

/* Leaves only the rules of a bit set; clears s->words if there are none. */
__noinline int keep_only(struct scratch *s, struct application *application, __u32 at)
{
	struct bitset *set = bitset_of(s ? s->side : 0, at);
	__u64 left = 0;

	if (lacks(FEATURE_QUESTIONS) || !s || !application || (at && !set))
		return 0;
#pragma clang loop unroll(disable)
	for (int i = 0; set && i < RULE_WORDS; i++) {
		s->kept[i] = s->narrowed ? s->kept[i] & set->bits[i] : set->bits[i];
		left |= application->bits[i] & s->kept[i];
	}
	s->narrowed = 1;
	if (!left)
		s->words = 0;
	return 0;
}

/* A row that stands for those of many rules has been evaluated: goes on with the next one, or with the rules. */
inline_fn void answer(struct scratch *s, struct row *row, bool holds)
{
	/* Without a fact that it needs, each rule's own row decides, and is counted. */
	if (!holds && !s->missing)
		keep_only(s, application_at(s->application), row->test & INDEX_SET_MASK);
	s->missing = 0;
	s->row = row->fail && s->words ? s->side * MAX_ROWS + row->fail : 0;
}

#endif
