/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Does a row hold? One function for each group of operators. */
#ifndef GANDER_ROWS_H
#define GANDER_ROWS_H

#include "args.bpf.h"
#include "binaries.bpf.h"
#include "count_calls.bpf.h"
#include "exec.bpf.h"
#include "identity.bpf.h"
#include "lineage.bpf.h"
#include "marks.bpf.h"
#include "origin.bpf.h"
#include "search.bpf.h"
#include "sets.bpf.h"

inline_fn bool negated(struct row *row, bool hit)
{
	return row->flags & ROW_NEGATE ? !hit : hit;
}

/* The outcome of a row without the fact that it needs. */
__noinline int without_fact(struct scratch *s, struct row *row, __u32 fact)
{
	struct verdict *verdict;
	struct count *count;
	__u32 at;

	if (IS_TEMPLATE || !s || !row)
		return 0;
	at = s->side * MAX_VERDICTS + row->verdict;
	verdict = bpf_map_lookup_elem(&verdicts, &at);
	count = verdict ? bpf_map_lookup_elem(&counts, &verdict->counter) : NULL;
	bounded(fact, 7);
	if (count && fact < FACTS)
		add(count->missing[fact]);
	s->missing |= 1U << fact;
	return !!(row->flags & ROW_UNKNOWN_HOLDS);
}

/* The outcome of a row that needs a feature which the program lacks. */
inline_fn bool without_feature(struct scratch *s, struct row *row)
{
	count_lacking();
	return without_fact(s, row, FACT_MEMORY);
}

/* Would the forger of a path profit if the row believed it? */
inline_fn bool grants_exception(struct row *row)
{
	return row->flags & ROW_NEGATE || !(row->flags & ROW_UNKNOWN_HOLDS);
}

inline_fn bool is_one_of(struct row *row, __u64 value)
{
	__u32 n = row->n;

	return (n > 0 && value == row->values[0]) || (n > 1 && value == row->values[1]) ||
	       (n > 2 && value == row->values[2]) || (n > 3 && value == row->values[3]);
}

inline_fn bool in_values(struct scratch *s, struct row *row, __u64 value)
{
	return row->n ? is_one_of(row, value) : in_int_set(row->set, value);
}

inline_fn bool is_less(struct row *row, __u64 a, __u64 b)
{
	return row->flags & ROW_SIGNED ? (__s64)a < (__s64)b : a < b;
}

inline_fn bool in_range(struct row *row, __u64 value, __u64 low, __u64 high)
{
	return !is_less(row, value, low) && !is_less(row, high, value);
}

/* Ensures that the number of a slot is in s->number. */
inline_fn bool has_number(struct scratch *s, __u32 slot)
{
	__u32 bit = 1U << (slot & (HOOK_SLOTS - 1));

	if (!(s->have & bit))
		read_number(s, slot);
	return s->have & bit;
}

/* The outcome of a row without a number that it needs: it could not be read, or there is none. */
inline_fn bool without_number(struct scratch *s, struct row *row, __u32 slot)
{
	return s->failed & 1U << (slot & (HOOK_SLOTS - 1)) ? without_fact(s, row, FACT_MEMORY) :
							     false;
}

/* Of numbers of 65 bits: is `a` less than `b`? A negative one is 2^64 less than its lower bits. */
inline_fn bool is_less_than(bool a_negative, __u64 a, bool b_negative, __u64 b)
{
	return a_negative == b_negative ? a < b : a_negative;
}

inline_fn bool difference_in(struct row *row, __u64 value, __u64 other)
{
	__u64 from = value ^ row->values[2], taken = other ^ row->values[3];
	__u64 difference = from - taken;
	bool negative = from < taken;

	return !is_less_than(negative, difference, row->n & 1, row->values[0]) &&
	       !is_less_than(row->n & 2, row->values[1], negative, difference);
}

/* A row on `value` and the number in another slot. */
__noinline int pair_holds(struct scratch *s, struct row *row, __u64 value)
{
	__u32 other;

	if (!s || !row)
		return 0;
	if (lacks(FEATURE_PAIRS))
		return without_feature(s, row);
	other = row->set;
	bounded(other, HOOK_SLOTS - 1);
	if (!has_number(s, other))
		return without_number(s, row, other);
	bounded(other, HOOK_SLOTS - 1);
	if (row->op == ROW_GAINED) /* bits of the row that the other one lacks */
		return !!(value & ~s->number[other] & row->values[0]);
	return negated(row, difference_in(row, value, s->number[other]));
}

inline_fn bool number_holds(struct scratch *s, struct row *row)
{
	__u32 slot = row->slot;
	__u64 value;
	bool hit = false;

	if (!has_number(s, slot))
		return without_number(s, row, slot);
	bounded(slot, HOOK_SLOTS - 1);
	value = s->number[slot];
	switch (row->op) {
	case ROW_EQUAL:
		hit = is_one_of(row, value);
		break;
	case ROW_GREATER:
		hit = is_less(row, row->values[0], value);
		break;
	case ROW_LESS:
		hit = is_less(row, value, row->values[0]);
		break;
	case ROW_MASK:
		hit = value & row->values[0];
		break;
	case ROW_RANGE:
		hit = in_range(row, value, row->values[0], row->values[1]) ||
		      (row->n > 1 && in_range(row, value, row->values[2], row->values[3]));
		break;
	case ROW_GAINED:
	case ROW_DIFFERENCE:
		return pair_holds(s, row, value);
	case ROW_INT_SET:
		hit = in_int_set(row->set, value);
		break;
	}
	return negated(row, hit);
}

/* Does the end of a text match? For a cut text, only the end that was kept apart decides. */
inline_fn bool text_postfix(struct scratch *s, struct row *row, struct text_value *text, __u64 from)
{
	if (text->has_tail)
		return in_postfix_set(s, row->set, address_of(text->tail + BINARY_TAIL),
				      BINARY_TAIL, row->values[0]);
	return in_postfix_set(s, row->set, from + text->size, text->size, row->values[0]);
}

/* the order of ROW_STR_* and of ROW_BINARY_* */
enum { MATCH_EQUAL, MATCH_PREFIX, MATCH_POSTFIX, MATCH_CONTAINS, MATCH_CONTAINS_ANY_CASE };

/* The outcome of a row for a text in a buffer; `deep`: the missing fact if the text is TEXT_TOO_DEEP. */
inline_fn bool text_outcome(struct scratch *s, struct row *row, __u32 buffer, __u32 match,
			    __u32 deep)
{
	struct text_value *text;
	__u32 begin;
	__u64 from;
	bool hit = false;

	bounded(buffer, TEXT_BUFFERS - 1);
	text = &s->texts[buffer];
	if (text->flags & TEXT_TOO_DEEP)
		return without_fact(s, row, deep);
	if (text->flags & TEXT_FORGEABLE && grants_exception(row))
		return without_fact(s, row, FACT_NAME);
	begin = text->at;
	bounded(begin, TEXT_SIZE - 1);
	from = address_of(s->text[buffer] + begin);
	switch (match) {
	case MATCH_EQUAL:
		/* a cut text is longer than any value */
		hit = !(text->flags & TEXT_TRUNCATED) && in_str_set(s, row->set, from, text->size);
		break;
	case MATCH_PREFIX:
		hit = begins_with_any(s, buffer, row->set);
		break;
	case MATCH_POSTFIX:
		if (text->flags & TEXT_TRUNCATED && !text->has_tail)
			return without_fact(s, row, FACT_PATH);
		hit = text_postfix(s, row, text, from);
		break;
	case MATCH_CONTAINS:
	case MATCH_CONTAINS_ANY_CASE:
		if (lacks(FEATURE_SEARCH))
			return without_feature(s, row);
		hit = contains_any(s, row, buffer, match == MATCH_CONTAINS_ANY_CASE);
		if (!hit && text->flags & TEXT_TRUNCATED)
			return without_fact(s, row, FACT_PATH);
		break;
	}
	return negated(row, hit);
}

inline_fn bool file_type_holds(struct scratch *s, struct row *row, struct text_value *text)
{
	if (!text->inode)
		return false;
	text_complete(text);
	return negated(row, in_values(s, row, text->extra & S_IFMT));
}

__noinline int text_holds(struct scratch *s, struct row *row)
{
	struct text_value *text;
	__u32 buffer;

	if (!s || !row)
		return 0;
	if (lacks(FEATURE_TEXTS))
		return without_feature(s, row);
	read_text(s, row->slot);
	buffer = row->slot;
	bounded(buffer, TEXT_BUFFERS - 1);
	text = &s->texts[buffer];
	if (text->flags & TEXT_UNREADABLE)
		return text->absent ? 0 : without_fact(s, row, FACT_MEMORY);
	if (row->op == ROW_FILE_TYPE)
		return file_type_holds(s, row, text);
	return text_outcome(s, row, buffer, row->op - ROW_STR_EQUAL, FACT_PATH);
}

inline_fn bool port_in(struct scratch *s, struct row *row, __u16 port)
{
	if (!row->n)
		return in_int_set(row->set, port);
#pragma unroll
	for (int i = 0; i < ROW_VALUES; i++) {
		if (i >= row->n)
			return false;
		if (port >= row->values[i] >> 32 && port <= (__u32)row->values[i])
			return true;
	}
	return false;
}

__noinline int sock_holds(struct scratch *s, struct row *row)
{
	__u32 slot;
	bool hit = false;

	if (!s || !row)
		return 0;
	if (lacks(FEATURE_SOCKETS))
		return without_feature(s, row);
	slot = row->slot;
	read_sock(s, slot);
	bounded(slot, HOOK_SLOTS - 1);
	if (s->failed & (1U << slot))
		return s->unread & (1U << slot) ? without_fact(s, row, FACT_MEMORY) : 0;
	if (s->sock.any_peer == PEER_UNREAD ||
	    (s->sock.any_peer == PEER_NO_PORTS && (row->op == ROW_SPORT || row->op == ROW_DPORT)))
		return without_fact(s, row, FACT_PEER);
	if (row->op <= ROW_DPORT && !s->sock.has_addr)
		return 0;
	/* An exception for the unspecified address itself covers any address that it will become. */
	if (s->sock.any_peer && s->sock.any_peer <= PEER_ANY_ALONE &&
	    (row->op == ROW_DADDR ||
	     (row->op == ROW_SADDR && s->sock.any_peer == PEER_ANY_ALONE)) &&
	    !(grants_exception(row) && in_addr_set(s, row->set, s->sock.family, s->sock.daddr)))
		return without_fact(s, row, FACT_PEER);
	/* If an IPv6 socket is bound to an IPv4 address by then, the peer will be IPv4. */
	if (row->op == ROW_FAMILY && s->sock.any_peer && s->sock.any_peer <= PEER_ANY_ALONE &&
	    s->sock.family == AF_INET6)
		return without_fact(s, row, FACT_PEER);
	switch (row->op) {
	case ROW_SADDR:
		hit = in_addr_set(s, row->set, s->sock.family, s->sock.saddr);
		break;
	case ROW_DADDR:
		hit = in_addr_set(s, row->set, s->sock.family, s->sock.daddr);
		break;
	case ROW_SPORT:
		hit = port_in(s, row, s->sock.sport);
		break;
	case ROW_DPORT:
		hit = port_in(s, row, s->sock.dport);
		break;
	case ROW_PROTOCOL:
		hit = in_values(s, row, s->sock.protocol);
		break;
	case ROW_FAMILY:
		hit = in_values(s, row, s->sock.family);
		break;
	case ROW_STATE:
		hit = in_values(s, row, s->sock.state);
		break;
	}
	return negated(row, hit);
}

/* Where the content of a path's file comes from: the file is found, its path not walked. */
__noinline int origin_holds(struct scratch *s, struct row *row)
{
	enum route_end end = ROUTE_FOUND;
	struct dentry *dentry;
	struct slot *how;
	__u64 inode;
	int origin;

	if (IS_TEMPLATE || !s || !row)
		return 0;
	if (lacks(FEATURE_ORIGINS | FEATURE_PATHS))
		return without_feature(s, row);
	how = slot_of(s, row->slot);
	if (!how)
		return 0;
	if (how->route)
		end = follow_route(s, row->slot);
	if (is_unread(s, how->raw))
		end = ROUTE_UNREADABLE;
	if (end != ROUTE_FOUND)
		return end == ROUTE_ABSENT ? 0 : without_fact(s, row, FACT_MEMORY);
	begin_path(s, row->slot);
	dentry = dentry_of(&s->walk);
	/* by a copy, which gives a number: the verifier accepts no pointer as an argument */
	inode = dentry ? address_of(BPF_CORE_READ(dentry, d_inode)) : 0;
	if (!inode)
		return 0;
	origin = origin_of(inode);
	return origin < 0 ? without_fact(s, row, FACT_MEMORY) :
			    negated(row, in_values(s, row, origin));
}

/*
 * Reads the binary of a process that is not in the table from the task itself: its file, at its current
 * path. Not where the task may have set another file.
 */
__noinline int task_binary_holds(struct scratch *s, struct row *row)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct text_value *text;
	struct mm_struct *mm;
	struct file *file;

	if (lacks(FEATURE_BINARIES) || !s || !row || task->flags & PF_KTHREAD)
		return 0; /* a kernel thread has none */
	mm = pointer_in(task, mm);
	file = mm ? mm->exe_file : NULL;
	if (!file || !is_what_was_started(task, file))
		return without_fact(s, row, FACT_PROCESS);
	walk_begin(s, &file->f_path);
	walk_path(s, BINARY_BUFFER);
	text = &s->texts[BINARY_BUFFER];
	text->slot = 0;
	if (text->flags & TEXT_UNREADABLE)
		return without_fact(s, row, FACT_PROCESS);
	return text_outcome(s, row, BINARY_BUFFER, row->op - ROW_BINARY_EQUAL, FACT_PROCESS);
}

/* Is the running binary one of these files? Paths play no part, so no process can forge one. */
__noinline int binary_file_holds(struct scratch *s, struct row *row)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file_identity file = {};
	struct mm_struct *mm;
	struct proc *proc;

	if (lacks(FEATURE_BINARIES) || !s || !row || task->flags & PF_KTHREAD)
		return 0;
	proc = find_proc(task->tgid);
	mm = pointer_in(task, mm);
	if (proc && proc->file.inode)
		file = proc->file;
	else if (mm && mm->exe_file && is_what_was_started(task, mm->exe_file))
		identify_any(&file, mm->exe_file);
	if (!file.inode)
		return without_fact(s, row, FACT_PROCESS);
	return negated(row, in_file_set(row->set, &file));
}

/* Which bits of the row the entry has. What is kept by pid is the process's own: an entry of `parents` has the parent's. */
inline_fn struct followed followed_bits(struct row *row, struct proc *proc, __u32 tgid)
{
	struct followed found = proc->follow, *extra = NULL;

	if (!(row->flags & ROW_PARENT))
		extra = bpf_map_lookup_elem(&follow_pids, &tgid);
	if (extra) {
		found.bits |= extra->bits;
		found.believed |= extra->believed;
	}
	found.bits &= row->values[0];
	found.believed &= row->values[0];
	return found;
}

/* A row on a process by its entry in `procs` or `parents`. One function for both: verified once. */
__noinline int entry_holds(struct scratch *s, struct row *row, struct proc *proc)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct followed followed = {};
	bool follows, forgeable, hit;
	__u32 match, longest;

	if (lacks(FEATURE_BINARIES) || !s || !row || !proc)
		return 0;
	follows = row->op == ROW_FOLLOW;
	forgeable = proc->flags & PROC_FORGEABLE_BINARY;
	match = row->op - ROW_BINARY_EQUAL;
	longest = row->values[0];
	if (follows) {
		followed = followed_bits(row, proc, task->tgid);
		if (followed.believed || proc->flags & row->values[1])
			return negated(row, true);
		match = row->slot;
		longest = POSTFIX_SIZE;
	} else if (forgeable && grants_exception(row)) {
		return without_fact(s, row, FACT_NAME);
	}
	hit = (!follows || row->set) && binary_in(s, proc, match, row->set, longest);
	if (!follows || (hit && !forgeable))
		return negated(row, hit);
	hit |= !!followed.bits;
	if (row->set && (hit || proc->flags & PROC_FORGEABLE_DESCENT) && grants_exception(row))
		return without_fact(s, row, FACT_NAME);
	if (hit)
		return 1;
	return proc->flags & PROC_FOLLOW_UNSURE ? without_fact(s, row, FACT_PROCESS) :
						  negated(row, false);
}

/* Who forked the process. That a process was forked by a kernel thread is known: no binary. */
inline_fn int parent_holds(struct scratch *s, struct row *row, __u32 tgid)
{
	struct proc *parent = bpf_map_lookup_elem(&parents, &tgid);

	if (!parent ||
	    !(row->op == ROW_FOLLOW || parent->binary_length || parent->flags & PROC_KERNEL_THREAD))
		return without_fact(s, row, FACT_PROCESS);
	return entry_holds(s, row, parent);
}

inline_fn bool lacks_user_ns(struct row *row, struct task_struct *task)
{
	return row->flags & ROW_IN_USER_NS && !pointer_in(task, cred)->user_ns->level;
}

inline_fn __u64 capabilities_of(struct task_struct *task, __u32 kind)
{
	const struct cred *cred = pointer_in(task, cred);
	__u64 set;

	if (kind == CAPS_PERMITTED)
		bpf_core_read(&set, sizeof(set), &cred->cap_permitted);
	else if (kind == CAPS_INHERITABLE)
		bpf_core_read(&set, sizeof(set), &cred->cap_inheritable);
	else
		bpf_core_read(&set, sizeof(set), &cred->cap_effective);
	return set;
}

inline_fn bool capabilities_differ(struct row *row, struct task_struct *task,
				   struct privileges *before)
{
	__u64 set = before->cred.effective;

	if (row->set == CAPS_PERMITTED)
		set = before->cred.permitted;
	else if (row->set == CAPS_INHERITABLE)
		set = before->cred.inheritable;
	return (set ^ capabilities_of(task, row->set)) & row->values[0];
}

/* Has the process other privileges than at its last exec? */
__noinline int change_holds(struct scratch *s, struct row *row)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 tgid = task->tgid, now;
	struct privileges *before;
	bool unknown = false;

	if (IS_TEMPLATE || !s || !row)
		return 0;
	if (lacks(FEATURE_CHANGES))
		return without_feature(s, row);
	if (task->flags & PF_KTHREAD || lacks_user_ns(row, task))
		return 0;
	before = bpf_map_lookup_elem(&privileges, &tgid);
	if (!before)
		return without_fact(s, row, FACT_PROCESS);
	if (row->op == ROW_CAPABILITY_CHANGE)
		return negated(row, capabilities_differ(row, task, before));
	/* Decided kind by kind: results collected as bits would multiply the verifier's paths. */
#pragma unroll
	for (int i = 0; i < NAMESPACES; i++) {
		if (!(row->values[0] & 1U << i))
			continue;
		now = namespace_of(task, i);
		if (!now || !before->namespaces[i])
			unknown = true;
		else if (now != before->namespaces[i])
			return 1;
	}
	return unknown ? without_fact(s, row, FACT_PROCESS) : 0;
}

enum { NANOSECONDS = 1000000000 };

inline_fn __u64 user_of(struct task_struct *task, __u32 property)
{
	const struct cred *cred = pointer_in(task, cred);

	switch (property) {
	case PROPERTY_USER:
		return cred->uid.val;
	case PROPERTY_EFFECTIVE_USER:
		return cred->euid.val;
	case PROPERTY_GROUP:
		return cred->gid.val;
	}
	return cred->egid.val;
}

/*
 * enum origin of the program of the current process, or ORIGIN_UNKNOWN. Of one that is not known from its exec it is
 * read from the task itself, where that is to be believed.
 */
inline_fn int own_origin(struct task_struct *task)
{
	struct proc *proc = find_proc(task->tgid);
	struct mm_struct *mm = pointer_in(task, mm);

	if (proc && proc->flags & PROC_ORIGIN_KNOWN)
		return (proc->flags & PROC_ORIGIN_MASK) >> PROC_ORIGIN_SHIFT;
	if (!mm || !mm->exe_file || !is_what_was_started(task, mm->exe_file))
		return ORIGIN_UNKNOWN;
	return origin_of(address_of(BPF_CORE_READ(mm, exe_file, f_inode)));
}

enum property_read { PROPERTY_READ, PROPERTY_ABSENT, PROPERTY_UNKNOWN };

/* Puts a property into s->fact. Users and groups can be read of every process: each has credentials. */
__noinline int read_property(struct scratch *s, __u32 property)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct inode *inode;
	unsigned short mode;
	struct file *file;
	int origin;

	if (lacks(FEATURE_PROPERTIES) || !s)
		return PROPERTY_UNKNOWN;
	switch (property) {
	case PROPERTY_AGE:
		s->fact =
			(bpf_ktime_get_boot_ns() - pointer_in(task, group_leader)->start_boottime) /
			NANOSECONDS;
		break;
	case PROPERTY_TERMINAL:
		s->fact = !!pointer_in(task, signal)->tty;
		break;
	case PROPERTY_STDIN:
	case PROPERTY_STDOUT:
	case PROPERTY_STDERR:
		file = task->flags & PF_KTHREAD ? NULL :
						  file_of_descriptor(property - PROPERTY_STDIN);
		if (!file)
			return PROPERTY_ABSENT; /* closed: no type */
		inode = BPF_CORE_READ(file, f_inode);
		if (!inode || bpf_core_read(&mode, sizeof(mode), &inode->i_mode))
			return PROPERTY_UNKNOWN;
		s->fact = mode & S_IFMT;
		break;
	case PROPERTY_ORIGIN:
		if (task->flags & PF_KTHREAD)
			return PROPERTY_ABSENT;
		origin = own_origin(task);
		if (origin < 0)
			return PROPERTY_UNKNOWN;
		s->fact = origin;
		break;
	default:
		s->fact = user_of(task, property);
	}
	return PROPERTY_READ;
}

__noinline int property_holds(struct scratch *s, struct row *row)
{
	__u64 value;
	int read;

	if (!s || !row)
		return 0;
	if (lacks(FEATURE_PROPERTIES))
		return without_feature(s, row);
	read = read_property(s, row->slot);
	if (read != PROPERTY_READ)
		return read == PROPERTY_ABSENT ? 0 : without_fact(s, row, FACT_PROCESS);
	value = s->fact;
	return negated(
		row, in_range(row, value, row->values[0], row->values[1]) ||
			     (row->n > 1 && in_range(row, value, row->values[2], row->values[3])));
}

/* Does the process belong to these workloads? Its cgroup's group says so. */
inline_fn bool workloads_hold(struct scratch *s, struct row *row)
{
	__u32 word = row->values[0] / 64;
	struct group *group = group_at(s->group);
	__u64 bit = 1ULL << (row->values[0] & 63);

	bounded(word, WORKLOAD_WORDS - 1);
	if (!group)
		return false;
	return group->unsure[word] & bit ? without_fact(s, row, FACT_PROCESS) :
					   !!(group->within[word] & bit);
}

/*
 * Counts the call, of which all other rows hold. A call that an interrupt makes is not one of the process that it has
 * interrupted, and the idle task is no process: they have no number among its calls.
 */
__noinline int tally_holds(struct scratch *s, struct row *row)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct tally_key key = {};
	struct tally *tally;
	enum tally_of of;

	if (lacks(FEATURE_TALLIES) || !s || !row)
		return 0;
	key.condition = row->values[2];
	of = key.condition & 1;
	key.id = of == TALLY_CGROUP ? bpf_get_current_cgroup_id() : (__u32)task->tgid;
	if (!key.condition || !key.id || in_interrupt())
		return 0;
	tally = bpf_map_lookup_elem(&tallies, &key) ?: add_tally(s, &key);
	if (tally)
		return count_call(tally, row->values[0], row->values[1]);
	if (is_ending(of))
		return 0; /* its first one */
	count_fault(FAULT_TALLIES);
	return without_fact(s, row, FACT_PROCESS);
}

/*
 * A row on the arguments or the variables of the program that is about to run. Of a variable that is set twice, it
 * depends on the program which of the two counts: if a value fits only one, none is known.
 */
__noinline int exec_holds(struct scratch *s, struct row *row)
{
	struct exec_group *found;
	bool some, others;
	__u32 group;
	__u64 bit;

	if (IS_TEMPLATE || !s || !row)
		return 0;
	if (lacks(FEATURE_EXEC) ||
	    ((row->op == ROW_EXEC_CONTAINS || row->op == ROW_EXEC_CONTAINS_ANY_CASE) &&
	     lacks(FEATURE_SEARCH)))
		return without_feature(s, row);
	group = row->test / EXEC_GROUP_TESTS;
	bit = 1ULL << (row->test & (EXEC_GROUP_TESTS - 1));
	bounded(group, EXEC_GROUPS - 1);
	if (!s->exec.tables || !(s->exec.decided & 1U << group))
		read_exec(s, group, bit);
	bounded(group, EXEC_GROUPS - 1);
	found = &s->exec.groups[group];
	if (found->unknown & bit) {
		count_fault(FAULT_UNREADABLE);
		return without_fact(s, row, FACT_MEMORY);
	}
	some = found->some & bit;
	others = found->others & bit;
	if (row->names && some && others)
		return without_fact(s, row, FACT_NAME);
	if (row->op != ROW_EXEC_SET && !some && !others)
		return 0; /* there is none */
	return negated(row, some);
}

__noinline int process_holds(struct scratch *s, struct row *row)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct proc *proc;
	__u64 value;

	if (IS_TEMPLATE || !s || !row)
		return 0;
	switch (row->op) {
	case ROW_PID:
		return negated(row, in_values(s, row, task->tgid));
	case ROW_NS_PID:
		return negated(row, in_values(s, row, ns_pid_of(task)));
	case ROW_NAMESPACE:
		value = namespace_of(task, row->set);
		return value ? negated(row, is_one_of(row, value)) :
			       without_fact(s, row, FACT_PROCESS);
	case ROW_CAPABILITY:
		if (lacks_user_ns(row, task))
			return 0;
		return negated(row, capabilities_of(task, row->set) & row->values[0]);
	case ROW_NAMESPACE_CHANGE:
	case ROW_CAPABILITY_CHANGE:
		return change_holds(s, row);
	case ROW_PROPERTY:
		return property_holds(s, row);
	case ROW_TALLY:
		return lacks(FEATURE_TALLIES) ? without_feature(s, row) : tally_holds(s, row);
	case ROW_WORKLOADS:
		return lacks(FEATURE_WORKLOADS) ? without_feature(s, row) : workloads_hold(s, row);
	case ROW_MARKED_CALL:
		return lacks(FEATURE_MARKS) ? without_feature(s, row) : has_mark(row->values[0]);
	}
	if (lacks(FEATURE_BINARIES))
		return without_feature(s, row);
	if (row->op == ROW_BINARY_FILE)
		return binary_file_holds(s, row);
	if (row->flags & ROW_PARENT)
		return task->flags & PF_KTHREAD ? 0 : parent_holds(s, row, task->tgid);
	proc = find_proc(task->tgid);
	if (proc && (row->op == ROW_FOLLOW || proc->binary_length))
		return entry_holds(s, row, proc);
	if (row->op != ROW_FOLLOW)
		return task_binary_holds(s, row);
	return task->flags & PF_KTHREAD ? 0 : without_fact(s, row, FACT_PROCESS);
}

inline_fn bool row_holds(struct scratch *s, struct row *row)
{
	__u32 op = row->op;

	if (op == ROW_ALWAYS)
		return true;
	if (op <= ROW_INT_SET)
		return number_holds(s, row);
	if (op <= ROW_FILE_TYPE)
		return text_holds(s, row);
	if (op == ROW_ORIGIN)
		return origin_holds(s, row);
	if (op <= ROW_STATE)
		return sock_holds(s, row);
	if (op >= ROW_EXEC_EQUAL)
		return exec_holds(s, row);
	return process_holds(s, row);
}

#endif
