/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Removes what was counted for conditions that are no longer listed: the sensor reads this iterator over `tallies`. */
#ifndef GANDER_SWEEP_H
#define GANDER_SWEEP_H

#include "tallies.bpf.h"

struct condition_search {
	__u64 condition;
	bool found;
};

static long find_condition(__u64 i, struct condition_search *search)
{
	search->found = condition_at(i) == search->condition;
	return search->found;
}

SEC("iter/bpf_map_elem")
int process__sweep(struct bpf_iter__bpf_map_elem *context)
{
	struct config *settings = get_config();
	struct tally_key *entry = context->key, key;
	struct condition_search search = {};

	if (!entry || !settings)
		return 0;
	key = *entry;
	search.condition = key.condition;
	bpf_loop(settings->conditions, find_condition, &search, 0);
	if (!search.found)
		forget_tally(&key);
	return 0;
}

#endif
