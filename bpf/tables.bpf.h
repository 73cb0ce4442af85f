/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The tables that policies are linked into (abi.h), and the constants set when a hook is loaded. */
#ifndef GANDER_TABLES_H
#define GANDER_TABLES_H

#include "memory.bpf.h"
#include "state.bpf.h"

enum { GROUPS_TABLE = 2 * GROUPS_PAGE, APPLICATIONS_TABLE = 2 * APPLICATIONS_PAGE };

TABLE(groups, struct group, GROUPS_TABLE);
PAGES(group_pages, struct group, GROUPS_TABLE, MAX_GROUPS / GROUPS_PAGE);
TABLE(hooks, struct hook, 2 * MAX_HOOKS);
TABLE(applications, struct application, APPLICATIONS_TABLE);
PAGES(application_pages, struct application, APPLICATIONS_TABLE,
      MAX_APPLICATIONS / APPLICATIONS_PAGE);
TABLE(rules, struct rule, 2 * MAX_RULES);
TABLE(rows, struct row, 2 * MAX_ROWS);
TABLE(verdicts, struct verdict, 2 * MAX_VERDICTS);
TABLE(bitsets, struct bitset, 2 * MAX_BITSETS);
TABLE(bounds, struct bound, 2 * MAX_BOUNDS);
TABLE(routes, struct route, 2 * MAX_ROUTES);
TABLE(assignments, struct assignment, 2 * MAX_ASSIGNMENTS);
TABLE(counts, struct count, MAX_COUNTS);
TABLE(budgets, struct budget, MAX_POLICIES);
HASH(index_int, struct index_int_key, __u32, 2 * INDEX_NUMBERS);
TABLE(listed, __u64, 2 * LISTED_WORDS);
TRIE(index_text, struct index_text_key, __u32,
     2 * (INDEX_PREFIXES + INDEX_ENDINGS + 2 * INDEX_BINARIES));
TRIE(index_addr, struct index_addr_key, __u32, 2 * INDEX_NETWORKS);
TABLE(path_cache, struct cached_path, CACHED_FILES);

/* Frozen when a hook is loaded; the only difference between the programs of two hooks. */
const volatile __u32 hook_id = 0;    /* 0: a template */
const volatile __u32 nargs = 0;	     /* arguments of the function that are read, at most MAX_ARGS */
const volatile __u32 hook_flags = 0; /* enum hook_flags */
const volatile __u32 hook_lacks = -1;	/* enum feature, ORed: what no policy here uses */
const volatile __u64 mount_lock_at = 0; /* address of the kernel's symbol, 0: not known */

/* FEATURE_EXEC: how the kernel maps memory (memory.bpf.h). */
const volatile struct memory_layout memory_layout = {};

/* HOOK_PROBE: the raw arguments. */
const volatile struct probe_argument probe_arguments[MAX_ARGS] = {};

/*
 * A template is cloned for each hook and never runs. In a template, each function that is not inlined
 * returns early, so there is nothing to verify (before 6.8 the verifier checks each, called or not).
 */
#define IS_TEMPLATE (!hook_id)

/*
 * Is the program without this feature, as a template is? The verifier knows the answer and skips what cannot run, so
 * every function of a feature that is not inlined asks. The sensor never links a policy to a hook that lacks what it
 * uses; if it did, the safe side would decide, and FAULT_FEATURE count it.
 */
#define lacks(feature) (hook_lacks & (feature))

/* May it change registers of a program? On other kernels, and of the kernel, no program could be loaded that does. */
#define CHANGES_REGISTERS (!lacks(FEATURE_REGISTERS) && hook_flags & HOOK_REGISTERS)

__noinline int count_lacking(void)
{
	if (!IS_TEMPLATE)
		count_fault(FAULT_FEATURE);
	return 0;
}

#define add(counter) __sync_fetch_and_add(&(counter), 1)

inline_fn struct row *row_at(__u32 at)
{
	return bpf_map_lookup_elem(&rows, &at);
}

inline_fn struct rule *rule_at(__u32 at)
{
	return bpf_map_lookup_elem(&rules, &at);
}

inline_fn struct hook *hook_at(__u32 at)
{
	return bpf_map_lookup_elem(&hooks, &at);
}

/*
 * What is in the table itself costs no more for the pages: an index beyond its end is one of theirs. Page 0 is
 * absent, as the table is in its place.
 */
inline_fn void *in_page(void *pages, __u32 at, __u32 entries)
{
	__u32 number = at / entries, within = at % entries;
	void *page = bpf_map_lookup_elem(pages, &number);

	return page ? bpf_map_lookup_elem(page, &within) : NULL;
}

inline_fn struct group *group_at(__u32 at)
{
	struct group *found = bpf_map_lookup_elem(&groups, &at);

	return found ? found : in_page(&group_pages, at, GROUPS_TABLE);
}

inline_fn struct application *application_at(__u32 at)
{
	struct application *found = bpf_map_lookup_elem(&applications, &at);

	return found ? found : in_page(&application_pages, at, APPLICATIONS_TABLE);
}

inline_fn struct bitset *bitset_at(__u32 at)
{
	return bpf_map_lookup_elem(&bitsets, &at);
}

/* The position of the only set bit in `bit`. */
inline_fn __u32 bit_position(__u64 bit)
{
	static const __u8 positions[64] = {
		0,  1,	2,  53, 3,  7,	54, 27, 4,  38, 41, 8,	34, 55, 48, 28,
		62, 5,	39, 46, 44, 42, 22, 9,	24, 35, 59, 56, 49, 18, 29, 11,
		63, 52, 6,  26, 37, 40, 33, 47, 61, 45, 43, 21, 23, 58, 17, 10,
		51, 25, 36, 32, 60, 20, 57, 16, 50, 31, 19, 15, 30, 14, 13, 12,
	};

	return positions[(bit * 0x022fdd63cc95386dULL) >> 58];
}

#endif
