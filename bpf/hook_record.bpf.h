/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The record of a hook: header, arguments, stacks. */
#ifndef GANDER_HOOK_RECORD_H
#define GANDER_HOOK_RECORD_H

#include "args.bpf.h"
#include "data.bpf.h"
#include "emit.bpf.h"
#include "hash.bpf.h"
#include "lineage.bpf.h"
#include "owners.bpf.h"

enum { STACK_DEPTH = 127 };

inline_fn bool is_sock_type(__u32 type)
{
	return type == VALUE_SOCK || type == VALUE_SOCKET || type == VALUE_SOCKADDR ||
	       type == VALUE_SOCK_TO_ADDR || type == VALUE_SKB;
}

inline_fn bool is_number_type(__u32 type)
{
	return type >= VALUE_U8 && type <= VALUE_U64;
}

/* Fills `arg` for a text and returns the address of its bytes. */
inline_fn const char *text_argument(struct scratch *s, __u32 slot, struct arg *arg)
{
	__u64 buffer = slot, at;
	struct text_value *text;

	read_text(s, slot);
	bounded(buffer, TEXT_BUFFERS - 1);
	text = &s->texts[buffer];
	text_complete(text);
	at = text->at;
	bounded(at, TEXT_SIZE - 1);
	arg->size = text->size;
	arg->flags |= text->flags;
	arg->extra = text->extra;
	return s->text[buffer] + at;
}

inline_fn const char *sock_argument(struct scratch *s, __u32 slot, struct arg *arg)
{
	read_sock(s, slot);
	bounded(slot, HOOK_SLOTS - 1);
	if (s->failed & (1U << slot)) {
		arg->flags |= TEXT_UNREADABLE;
		return NULL;
	}
	arg->size = sizeof(s->sock);
	return (const char *)&s->sock;
}

/* Of a number that could not be had: a pointer on the way to it is null. */
inline_fn bool is_number_absent(struct scratch *s, __u32 slot)
{
	struct slot *how = slot_of(s, slot);

	return how && how->flags & SLOT_DISTANT && !(s->failed & 1U << (slot & (HOOK_SLOTS - 1)));
}

inline_fn __u64 number_argument(struct scratch *s, __u32 slot, struct arg *arg)
{
	bounded(slot, HOOK_SLOTS - 1);
	if (!(s->have & (1U << slot)))
		read_number(s, slot);
	bounded(slot, HOOK_SLOTS - 1);
	if (!(s->have & (1U << slot)))
		arg->flags |= TEXT_UNREADABLE | (is_number_absent(s, slot) ? TEXT_ABSENT : 0);
	arg->size = 8;
	return address_of(&s->number[slot]);
}

/* Appends the value of a slot to the record. */
__noinline int append_argument(struct scratch *s, struct stage *stage, __u32 slot, __u32 flags)
{
	struct arg arg = { .flags = flags };
	const char *from = NULL;
	struct slot *how;
	__u64 at, end;

	if (IS_TEMPLATE || !s || !stage)
		return 0;
	how = slot_of(s, slot);
	if (!how)
		return 0;
	arg.type = how->type;
	if (is_number_type(arg.type))
		number_argument(s, slot, &arg);
	else if (is_sock_type(arg.type))
		from = sock_argument(s, slot, &arg);
	else if (arg.type)
		from = text_argument(s, slot, &arg);
	at = stage->size;
	if (at > STAGE_SIZE - 2 * sizeof(arg))
		return 0;
	stage->size = at + sizeof(arg);
	if (is_number_type(arg.type)) {
		end = at + sizeof(arg);
		bounded(end, STAGE_SIZE - 1);
		bounded(slot, HOOK_SLOTS - 1);
		*(__u64 *)(stage->bytes + end) = s->number[slot];
		stage->size = at + sizeof(arg) + 8;
	} else if (from && arg.size) {
		__u32 size = stage_append(stage, from, arg.size);

		if (size < arg.size)
			arg.flags |= TEXT_TRUNCATED;
		arg.size = size;
	}
	bounded(at, STAGE_SIZE - 1);
	__builtin_memcpy(stage->bytes + at, &arg, sizeof(arg));
	end = stage->size;
	if (end & 7) { /* this fits: bytes[] is larger than the largest record */
		bounded(end, STAGE_SIZE * 2 - 1);
		if (end <= STAGE_SIZE)
			__builtin_memset(stage->bytes + end, 0, 8);
		stage->size = (stage->size + 7) & ~7ULL;
	}
	stage->hook.nargs++;
	return 0;
}

inline_fn __u16 append_stack(struct stage *stage, __u64 flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 at = stage->size;
	long size;

	if (at > STAGE_SIZE - STACK_DEPTH * 8)
		return 0;
	bounded(at, STAGE_SIZE - 1);
	size = bpf_get_task_stack(task, stage->bytes + at, STACK_DEPTH * 8, flags);
	if (size <= 0)
		return 0;
	stage->size = at + size;
	return size / 8;
}

inline_fn void append_rule_arguments(struct scratch *s, struct stage *stage, struct rule *rule)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i < RULE_ARGS; i++) {
		if (i >= rule->nargs)
			break;
		append_argument(s, stage, rule->args[i], 0);
	}
	if (rule->return_slot != NO_SLOT)
		append_argument(s, stage, rule->return_slot, ARG_RETURN);
}

/* The fixed part of the record of the verdict in force. */
__noinline int fill_hook_record(struct scratch *s, struct stage *stage, struct rule *rule)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct record_hook *hook;
	struct verdict *verdict;
	__u32 at;

	if (IS_TEMPLATE || !s || !stage || !rule)
		return 0;
	at = s->verdict_at;
	verdict = bpf_map_lookup_elem(&verdicts, &at);
	if (!verdict)
		return 0;
	hook = &stage->hook;
	fill_record(&hook->r, RECORD_HOOK, task, bpf_get_current_cgroup_id());
	hook->r.flags |= RECORD_MISSING_FACT * s->missing;
	hook->rule = rule->id;
	hook->selector = verdict->selector;
	hook->nargs = 0;
	hook->signal = verdict->signal;
	hook->actions = verdict->actions;
	hook->done = s->done;
	if (!lacks(FEATURE_HASH) && hook->actions & ACTION_HASH && want_hash(s))
		hook->done |= ACTION_HASH;
	hook->error = verdict->actions & ACTION_DENY ? verdict->error : 0;
	hook->kernel_stack = hook->user_stack = 0;
	stage->size = sizeof(*hook);
	return 0;
}

inline_fn void append_stacks(struct stage *stage, __u32 actions)
{
	if (actions & ACTION_KERNEL_STACK)
		stage->hook.kernel_stack = append_stack(stage, 0);
	if (actions & ACTION_USER_STACK)
		stage->hook.user_stack = append_stack(stage, BPF_F_USER_STACK);
}

enum emit_result { EMITTED, EMIT_NO_STAGE, EMIT_NO_ROOM };

/* Builds the record of the verdict in force and writes it: enum emit_result. */
__noinline int emit_hook(struct scratch *s, struct rule *rule)
{
	int stage_index, result = EMIT_NO_ROOM;
	struct stage *stage;

	if (IS_TEMPLATE || !s || !rule)
		return EMIT_NO_STAGE;
	stage_index = stage_claim();
	if (stage_index < 0)
		return EMIT_NO_STAGE;
	stage = stage_at(stage_index);
	if (stage) {
		if (lacks(FEATURE_DATA)) {
			fill_hook_record(s, stage, rule);
		} else {
			post_data(s, stage, rule);
			fill_hook_record(s, stage, rule);
			stage->record.time = s->data_time;
		}
		if (has_owners())
			name_owner(s, stage, rule);
		append_rule_arguments(s, stage, rule);
		append_stacks(stage, stage->hook.actions);
		if (emit(stage, true))
			result = EMITTED;
	}
	stage_release(stage_index);
	return result;
}

#endif
