/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Handles a matched selector: act, count, limit, report. */
#ifndef GANDER_VERDICT_H
#define GANDER_VERDICT_H

#include "fuses.bpf.h"
#include "hook_record.bpf.h"
#include "marks.bpf.h"
#include "registers.bpf.h"
#include "sensor.bpf.h"
#include "writes.bpf.h"

enum { RATE_BYTES = 40 };

LRU(rates, struct rate_key, __u64, 4096);

inline_fn __u64 mix_bytes(__u64 hash, __u64 from, __u32 size)
{
	__u64 words[RATE_BYTES / 8] = {};

	hash = mix(hash, size);
	if (size > RATE_BYTES)
		size = RATE_BYTES;
	bounded(size, 63);
	if (size <= RATE_BYTES)
		bpf_probe_read_kernel(words, size, (void *)from);
#pragma unroll
	for (int i = 0; i < RATE_BYTES / 8; i++)
		hash = mix(hash, words[i]);
	return hash;
}

/* Adds an argument to s->rate.hash: its first 40 bytes; for sockets: peer, its port and protocol. */
__noinline int mix_argument(struct scratch *s, __u32 slot)
{
	struct slot *how = !lacks(FEATURE_RATES) && s ? slot_of(s, slot) : NULL;
	struct arg arg = {};
	__u64 hash, from;

	if (!how)
		return 0;
	hash = s->rate.hash;
	if (is_number_type(how->type)) {
		from = number_argument(s, slot, &arg);
		hash = mix_bytes(hash, from, 8);
	} else if (is_sock_type(how->type)) {
		if (sock_argument(s, slot, &arg)) {
			hash = mix_bytes(hash, address_of(s->sock.daddr), 16);
			hash = mix(hash, (__u64)s->sock.dport << 32 | s->sock.protocol);
		}
	} else {
		from = address_of(text_argument(s, slot, &arg));
		hash = mix_bytes(hash, from, arg.size);
	}
	s->rate.hash = hash;
	return 0;
}

/* Was the same reported within the window? If not, remembers the current time. */
inline_fn bool is_rate_limited(struct scratch *s, struct rule *rule, struct verdict *verdict)
{
	__u64 id, now, *last;
	struct rate_key key;

	if (!verdict->rate_window_ns)
		return false;
	if (lacks(FEATURE_RATES)) {
		count_lacking();
		return false;
	}
	id = bpf_get_current_pid_tgid();
	now = bpf_ktime_get_boot_ns();
	if (verdict->rate_scope == RATE_PROCESS)
		id >>= 32;
	else if (verdict->rate_scope == RATE_GLOBAL)
		id = 0;
	s->rate.hash = 0;
#pragma clang loop unroll(disable)
	for (int i = 0; i < RULE_ARGS; i++)
		if (i < rule->nargs)
			mix_argument(s, rule->args[i]);
	s->rate.verdict = (__u64)verdict->counter << 32 | (__u32)id;
	key = s->rate;
	last = bpf_map_lookup_elem(&rates, &key);
	if (last) {
		if (now - *last < verdict->rate_window_ns)
			return true;
		*last = now;
	} else if (bpf_map_update_elem(&rates, &key, &now, BPF_ANY)) {
		count_fault(FAULT_RATE_TABLE);
	}
	return false;
}

inline_fn bool is_over_budget(struct rule *rule)
{
	__u32 policy = rule->policy;
	struct budget *budget = bpf_map_lookup_elem(&budgets, &policy);
	__u64 now, start;

	if (!budget || !budget->limit)
		return false;
	now = bpf_ktime_get_boot_ns();
	start = budget->start;
	/* the caller that moves the window empties it */
	if (now - start >= budget->window_ns &&
	    __sync_val_compare_and_swap(&budget->start, start, now) == start)
		budget->used = 0;
	return __sync_fetch_and_add(&budget->used, 1) >= budget->limit;
}

inline_fn void enforce_signal(struct scratch *s, struct count *count, __u32 action, __u32 signal,
			      __u64 *done)
{
	if (!put_off_signal(s, signal) && bpf_send_signal(signal)) {
		add(count->enforce_failed);
		return;
	}
	s->done |= action;
	add(*done);
}

/*
 * Leaves the current call to the policy's enforcer. If there is no room for the mark, its process is killed, and all
 * enforcers stop the call. An interrupt's call is not the thread's, whose own is innocent.
 */
__noinline int notify_enforcer(struct scratch *s)
{
	struct verdict *verdict;
	struct count *count;
	__u32 at;

	if (IS_TEMPLATE || !s)
		return 0;
	at = s->verdict_at;
	verdict = bpf_map_lookup_elem(&verdicts, &at);
	count = verdict ? bpf_map_lookup_elem(&counts, &verdict->counter) : NULL;
	if (!count)
		return 0;
	if (in_interrupt()) {
		add(count->enforce_failed);
	} else if (!(__u32)verdict->mark) {
		s->done |= ACTION_MARK_CALL;
	} else if (!lacks(FEATURE_MARKS) && keep_mark(verdict->mark)) {
		s->done |= ACTION_MARK_CALL;
		add(count->notified);
	} else {
		count_fault(lacks(FEATURE_MARKS) ? FAULT_FEATURE : FAULT_MARKS);
		enforce_signal(s, count, ACTION_KILL, SIGKILL, &count->killed);
	}
	return 0;
}

/* Makes the hook return an error. The first denial decides which; each record shows its own. */
inline_fn void deny(struct scratch *s, __s32 error)
{
	s->raw[RAW_RETURN] = (__s64)error;
	if (!s->verdict)
		s->verdict = error;
}

inline_fn void set_argument(struct scratch *s, struct verdict *verdict, struct count *count)
{
	if (lacks(FEATURE_WRITES))
		count_lacking();
	if (!lacks(FEATURE_WRITES) && write_argument(s, verdict)) {
		s->done |= ACTION_SET;
		add(count->written);
	} else {
		s->missing |= 1U << MISSING_WRITE;
		add(count->enforce_failed);
	}
}

inline_fn void enforce(struct scratch *s, struct verdict *verdict, struct count *count)
{
	__u32 actions = verdict->actions;
	bool exempt = is_sensor();

	if (s->can_deny)
		s->raw[RAW_RETURN] = 0;
	if (exempt) {
		add(count->exempt);
		/* An interrupt of the sensor is not its own call: no reason to allow it. */
		if (!in_interrupt())
			return;
	}
	if (actions & ACTION_KILL) {
		if (!exempt)
			enforce_signal(s, count, ACTION_KILL, SIGKILL, &count->killed);
		/* a kill alone would let the call in progress finish */
		if (s->can_deny && !(actions & ACTION_DENY))
			deny(s, -EPERM);
	}
	if (actions & ACTION_SIGNAL && !exempt)
		enforce_signal(s, count, ACTION_SIGNAL, verdict->signal, &count->signalled);
	if (actions & ACTION_MARK_CALL && !exempt)
		notify_enforcer(s);
	if (actions & ACTION_SET && !exempt)
		set_argument(s, verdict, count);
	if (!(actions & ACTION_DENY))
		return;
	if (verdict->nassignments) {
		if (!change_registers(s, verdict)) {
			s->missing |= 1U << MISSING_REGISTERS;
			add(count->enforce_failed);
			return;
		}
	} else if (!s->can_deny) {
		add(count->enforce_failed);
		return;
	} else {
		deny(s, verdict->error);
	}
	s->done |= ACTION_DENY;
	add(count->denied);
}

inline_fn void count_would(__u32 actions, struct count *count)
{
	if (actions & ACTION_KILL)
		add(count->would_kill);
	if (actions & ACTION_SIGNAL)
		add(count->would_signal);
	if (actions & ACTION_DENY)
		add(count->would_deny);
	if (actions & ACTION_MARK_CALL)
		add(count->would_notify);
	if (actions & ACTION_SET)
		add(count->would_write);
}

inline_fn void tell(struct scratch *s, struct rule *rule, struct verdict *verdict,
		    struct count *count)
{
	struct config *settings = get_config();
	int result;

	if (!(verdict->actions & ACTION_POST)) {
		add(count->suppressed_nopost);
		return;
	}
	if (is_rate_limited(s, rule, verdict)) {
		add(count->suppressed_rate);
		return;
	}
	if (is_over_budget(rule)) {
		add(count->suppressed_budget);
		return;
	}
	result = emit_hook(s, rule);
	if (result == EMITTED)
		add(count->emitted);
	else if (result == EMIT_NO_ROOM)
		add(count->lost_ring);
	else
		add(count->lost_stage);
	if (s->done || (settings && settings->flags & CONFIG_WATCHED))
		wake_now();
}

/* The selector that ends with `row` matched. */
inline_fn void act(struct scratch *s, struct row *row)
{
	__u32 at = s->side * MAX_VERDICTS + row->verdict;
	struct verdict *verdict;
	struct count *count;
	struct rule *rule;
	int fuse = FUSE_HOLDS;
	bool enforces;

	rule = rule_at(s->rule);
	s->verdict_at = at;
	verdict = bpf_map_lookup_elem(&verdicts, &at);
	if (!rule || !verdict)
		return;
	count = bpf_map_lookup_elem(&counts, &verdict->counter);
	if (!count)
		return;
	enforces = verdict->actions & ACTION_ENFORCE && !(rule->flags & RULE_MONITOR);
	if (!lacks(FEATURE_FUSES) && enforces && rule->fuse)
		fuse = fuse_state(s);
	if (fuse != FUSE_HOLDS)
		enforces = false;
	/* What blows it is told of by the rule that was to enforce. */
	if (fuse != FUSE_BLOWS && rule->flags & (enforces ? RULE_OBSERVER : RULE_ENFORCER))
		return;
	add(count->matched);
	s->done = 0;
	if (verdict->actions & ACTION_HASH) {
		if (lacks(FEATURE_HASH))
			count_lacking();
		else
			begin_hash(s);
	}
	if (enforces)
		enforce(s, verdict, count);
	else
		count_would(verdict->actions, count);
	tell(s, rule, verdict, count);
	if (verdict->actions & (ACTION_TRACK_SOCK | ACTION_UNTRACK_SOCK))
		track_sockets(s, rule);
	if (verdict->actions & ACTION_UNMARK_CALL)
		forget_marks(verdict->mark);
}

#endif
