/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Buffers in several pieces of the process's memory, put together in a text buffer. */
#ifndef GANDER_SEGMENTS_H
#define GANDER_SEGMENTS_H

#include "objects.h"
#include "slots.bpf.h"

enum {
	SEGMENTS = 1024, /* the most that a call may have: UIO_MAXIOV */
	SEGMENT_PART = 256,
	SEGMENT_STEPS = 2 * SEGMENTS + TEXT_SIZE / SEGMENT_PART,
};

/* A size as records have it. */
inline_fn __u32 in_32_bits(__u64 size)
{
	return size > 0xffffffff ? 0xffffffff : size;
}

inline_fn void next_segment(struct segments *all)
{
	void *next = (void *)all->next;
	struct iovec segment;

	if (all->in_kernel ? bpf_probe_read_kernel(&segment, sizeof(segment), next) :
			     bpf_probe_read_user(&segment, sizeof(segment), next)) {
		all->failed = true;
		return;
	}
	if (all->skip < segment.iov_len) {
		all->from = (__u64)segment.iov_base + all->skip;
		all->left = segment.iov_len - all->skip;
	}
	all->skip = 0;
	all->next += sizeof(segment);
	all->count--;
}

static long copy_part(__u32 step, struct scratch **context)
{
	struct scratch *s = *context;
	struct segments *all = &s->segments;
	__u32 buffer = all->buffer, at = all->at;
	__u64 size = all->left;

	(void)step;
	if (all->failed || at >= TEXT_SIZE || at >= all->wanted || (!size && !all->count))
		return 1;
	if (!size) {
		next_segment(all);
		return 0;
	}
	if (size > SEGMENT_PART)
		size = SEGMENT_PART;
	if (size > TEXT_SIZE - at)
		size = TEXT_SIZE - at;
	if (size > all->wanted - at)
		size = all->wanted - at;
	bounded(buffer, TEXT_BUFFERS - 1);
	bounded(at, TEXT_SIZE - 1);
	bounded(size, SEGMENT_PART * 2 - 1);
	if (size > SEGMENT_PART)
		return 1;
	if (bpf_probe_read_user(s->text[buffer] + at, size, (void *)all->from)) {
		all->failed = true;
		return 1;
	}
	all->at = at + size;
	all->from += size;
	all->left -= size;
	return 0;
}

/* Where the bytes of an iterator are. False: not in memory of a process. */
inline_fn bool segments_of(struct segments *all, struct iov_iter *iter)
{
	struct iov_iter___before_6_4 *older = (struct iov_iter___before_6_4 *)iter;
	__u8 type;

	if (bpf_core_read(&type, sizeof(type), &iter->iter_type))
		return false;
	all->wanted = BPF_CORE_READ(iter, count);
	all->skip = BPF_CORE_READ(iter, iov_offset);
	if (bpf_core_enum_value_exists(enum iter_type, ITER_UBUF) &&
	    type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
		all->from = address_of(BPF_CORE_READ(iter, ubuf)) + all->skip;
		all->left = all->wanted;
		return true;
	}
	if (type != bpf_core_enum_value(enum iter_type, ITER_IOVEC))
		return false;
	all->in_kernel = true;
	all->count = BPF_CORE_READ(iter, nr_segs);
	if (bpf_core_field_exists(iter->__iov))
		all->next = address_of(BPF_CORE_READ(iter, __iov));
	else
		all->next = address_of(BPF_CORE_READ(older, iov));
	return true;
}

/* Reads VALUE_IOV_ITER or VALUE_USER_IOVEC into the buffer of its slot. */
__noinline int read_segments(struct scratch *s, __u32 slot)
{
	struct slot *how = !IS_TEMPLATE && s ? slot_of(s, slot) : NULL;
	struct text_value *text;
	struct segments *all;
	__u32 buffer = slot;
	bool is_cut;

	if (!how)
		return 0;
	all = &s->segments;
	__builtin_memset(all, 0, sizeof(*all));
	all->buffer = slot;
	bounded(buffer, TEXT_BUFFERS - 1);
	text = &s->texts[buffer];
	text->at = text->size = text->extra = text->has_tail = 0;
	text->inode = 0;
	text->absent = !raw_of(s, how);
	text->flags = TEXT_UNREADABLE;
	if (lacks(FEATURE_SEGMENTS)) {
		text->absent = 0;
		count_lacking();
		return 0;
	}
	if (how->type == VALUE_USER_IOVEC) {
		all->next = raw_of(s, how);
		all->count = raw_at(s, how->size_raw, 8);
		all->wanted = ~0ULL;
	} else if (!segments_of(all, (struct iov_iter *)raw_of(s, how))) {
		return 0;
	}
	bpf_loop(SEGMENT_STEPS, copy_part, &s, 0);
	if (all->failed)
		return 0;
	is_cut = all->at < all->wanted && (all->left || all->count);
	text->size = all->at;
	text->extra = all->wanted != ~0ULL ? all->wanted : all->at + is_cut;
	text->flags = is_cut ? TEXT_TRUNCATED : 0;
	return 0;
}

#endif
