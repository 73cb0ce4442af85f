/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * FEATURE_DATA: of a buffer (SLOT_MAX_DATA), what the record of the call has no room for, in records of its own
 * before that (struct record_data). They leave half of the ring to all other records. What finds no room, or lies
 * behind memory that cannot be read, is missing: the event has the beginning, and the size of the whole.
 */
#ifndef GANDER_DATA_H
#define GANDER_DATA_H

#include "emit.bpf.h"
#include "segments.bpf.h"

enum { DATA_STEPS = 2 * SEGMENTS + 2 * MAX_DATA / PAGE };

/* A buffer that is being posted; `stage` holds the next record of it. */
struct data_parts {
	struct scratch *s;
	struct stage *stage;
	__u64 in_kernel; /* its bytes, not only what says where they are */
};

/* Writes the record in `stage` and empties it. */
inline_fn bool post_part(struct stage *stage)
{
	__u64 waiting = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	struct record_data *data = &stage->data;

	data->bytes = stage->size - sizeof(*data);
	if (waiting + stage->size > bpf_ringbuf_query(&events, BPF_RB_RING_SIZE) / 2 ||
	    !emit(stage, true)) {
		count_fault(FAULT_DATA);
		stage->size = sizeof(*data);
		return false;
	}
	data->offset += data->bytes;
	stage->size = sizeof(*data);
	return true;
}

inline_fn void pass(struct segments *all, __u64 size)
{
	all->at += size;
	all->from += size;
	all->left -= size;
}

/* Reads up to a page into the stage. */
inline_fn bool read_part(struct data_parts *parts, struct segments *all, __u64 size)
{
	struct stage *stage = parts->stage;
	__u64 at = stage->size, in_page = PAGE - (all->from & (PAGE - 1));
	long error;

	if (size > in_page)
		size = in_page;
	bounded(at, STAGE_SIZE - 1);
	bounded(size, PAGE * 2 - 1);
	if (size > PAGE)
		return false;
	error = parts->in_kernel ?
			bpf_probe_read_kernel(stage->bytes + at, size, (void *)all->from) :
			bpf_probe_read_user(stage->bytes + at, size, (void *)all->from);
	if (error) {
		all->failed = true;
		return false;
	}
	stage->size = at + size;
	pass(all, size);
	return true;
}

static long post_step(__u32 step, struct data_parts *parts)
{
	struct segments *all = &parts->s->segments;
	__u64 size = all->left, rest;

	(void)step;
	if (all->failed || all->at >= all->wanted || (!size && !all->count))
		return 1;
	if (!size) {
		next_segment(all);
		return 0;
	}
	/* The record of the call has the first TEXT_SIZE bytes. */
	rest = (all->at < TEXT_SIZE ? TEXT_SIZE : all->wanted) - all->at;
	if (size > rest)
		size = rest;
	if (all->at < TEXT_SIZE) {
		pass(all, size);
		return 0;
	}
	if (parts->stage->size > STAGE_SIZE - PAGE)
		return !post_part(parts->stage);
	return !read_part(parts, all, size);
}

static long add_length(__u32 step, struct data_parts *parts)
{
	struct segments *all = &parts->s->segments;
	struct iovec segment;

	if (step >= all->count)
		return 1;
	if (bpf_probe_read_user(&segment, sizeof(segment),
				(void *)(all->next + step * sizeof(segment)))) {
		all->failed = true;
		return 1;
	}
	/* The kernel may refuse such a size; here it must not look like a small one. */
	all->wanted += segment.iov_len;
	if (all->wanted < segment.iov_len)
		all->wanted = ~0ULL;
	return all->wanted == ~0ULL;
}

/* Sets s->segments to the beginning of a buffer. False: its bytes cannot be found. */
inline_fn bool begin_data(struct data_parts *parts, struct slot *how)
{
	struct segments *all = &parts->s->segments;
	__u64 raw = raw_of(parts->s, how), size;

	__builtin_memset(all, 0, sizeof(*all));
	if (how->type == VALUE_IOV_ITER)
		return segments_of(all, (struct iov_iter *)raw);
	size = raw_at(parts->s, how->size_raw, 8);
	if (how->type == VALUE_USER_IOVEC) {
		all->next = raw;
		all->count = size;
		bpf_loop(SEGMENTS, add_length, parts, 0);
		return !all->failed;
	}
	parts->in_kernel = how->type == VALUE_BUFFER;
	all->from = raw;
	all->left = all->wanted = size;
	return true;
}

/* Posts what the record will lack of a buffer that has been read (read_text). */
__noinline int post_argument(struct scratch *s, struct stage *stage, __u32 slot)
{
	struct slot *how = !lacks(FEATURE_DATA) && s && stage ? slot_of(s, slot) : NULL;
	struct data_parts parts = {};
	struct text_value *text;
	__u32 buffer = slot;

	if (!how)
		return 0;
	parts.s = s;
	parts.stage = stage;
	bounded(buffer, TEXT_BUFFERS - 1);
	text = &s->texts[buffer];
	if (text->flags != TEXT_TRUNCATED || (how->route && follow_route(s, slot) != ROUTE_FOUND) ||
	    !begin_data(&parts, how))
		return 0;
	stage->data.total = in_32_bits(s->segments.wanted);
	stage->data.offset = TEXT_SIZE;
	stage->size = sizeof(stage->data);
	if (s->segments.wanted > MAX_DATA)
		s->segments.wanted = MAX_DATA;
	bpf_loop(DATA_STEPS, post_step, &parts, 0);
	if (s->segments.failed)
		count_fault(FAULT_UNREADABLE);
	if (stage->size > sizeof(stage->data))
		post_part(stage);
	return 0;
}

/* Posts what the record of the verdict in force, which is built next, will lack of its buffers. */
__noinline int post_data(struct scratch *s, struct stage *stage, struct rule *rule)
{
	struct slot *how;

	if (lacks(FEATURE_DATA) || !s || !stage || !rule)
		return 0;
	s->data_time = bpf_ktime_get_boot_ns();
	__builtin_memset(&stage->data, 0, sizeof(stage->data));
	stage->record.type = RECORD_DATA;
	stage->record.time = s->data_time;
	stage->record.tid = bpf_get_current_pid_tgid();
	stage->data.rule = rule->id;
#pragma clang loop unroll(disable)
	for (int i = 0; i < RULE_ARGS; i++) {
		how = i < rule->nargs ? slot_of(s, rule->args[i]) : NULL;
		if (!how || !(how->flags & SLOT_MAX_DATA))
			continue;
		stage->data.argument = i;
		read_text(s, rule->args[i]);
		post_argument(s, stage, rule->args[i]);
	}
	return 0;
}

#endif
