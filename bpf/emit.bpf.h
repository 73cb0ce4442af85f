/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Writes to the ring. The programs wake user space when the waiting bytes cross WAKE_BYTES. User
 * space also polls every few milliseconds until no record has arrived for a while: then it sleeps
 * until it is woken. A record that cannot wait is announced through `urgent`.
 */
#ifndef GANDER_EMIT_H
#define GANDER_EMIT_H

#include "cast.bpf.h"
#include "scratch.bpf.h"

enum { WAKE_BYTES = 64 << 10 };

RING(urgent, 256 << 10);

inline_fn void wake_now(void)
{
	__u64 now;

	/* One unread announcement is enough. */
	if (bpf_ringbuf_query(&urgent, BPF_RB_AVAIL_DATA))
		return;
	now = bpf_ktime_get_boot_ns();
	bpf_ringbuf_output(&urgent, &now, sizeof(now), BPF_RB_FORCE_WAKEUP);
}

inline_fn bool is_asleep(void)
{
	struct config *settings = get_config();

	return settings && settings->flags & CONFIG_ASLEEP;
}

/* Writes the record in `stage`; records of policies leave the last quarter of the ring to others. */
inline_fn bool emit(struct stage *stage, bool policy)
{
	__u64 waiting = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	__u64 size = stage->size, flags = BPF_RB_NO_WAKEUP;

	if (policy && waiting > bpf_ringbuf_query(&events, BPF_RB_RING_SIZE) / 4 * 3)
		return false;
	size = (size + 7) & ~7ULL;
	if (size > STAGE_SIZE)
		size = STAGE_SIZE;
	stage->record.size = size;
	if ((waiting < WAKE_BYTES && waiting + size >= WAKE_BYTES) || (!waiting && is_asleep()))
		flags = BPF_RB_FORCE_WAKEUP;
	bounded(size, STAGE_SIZE * 2 - 1);
	if (size > STAGE_SIZE)
		return false;
	return !bpf_ringbuf_output(&events, stage->bytes, size, flags);
}

inline_fn void emit_lifecycle(struct stage *stage, __u32 type)
{
	count_lifecycle(type, emit(stage, false) ? LIFECYCLE_WRITTEN : LIFECYCLE_RING_FULL);
}

/* Appends `size` bytes of scratch memory at `from` (of a text's buffer: copy_own); returns how many bytes fit. */
inline_fn __u32 stage_append(struct stage *stage, const char *from, __u64 size)
{
	__u64 at = stage->size;

	if (at > STAGE_SIZE)
		return 0;
	if (size > STAGE_SIZE - at)
		size = STAGE_SIZE - at;
	if (size > TEXT_SIZE)
		size = TEXT_SIZE;
	bounded(at, STAGE_SIZE - 1);
	bounded(size, TEXT_SIZE * 2 - 1);
	if (size > TEXT_SIZE)
		return 0;
	if (size <= 8 * SHORT_WORDS)
		copy_own(stage->bytes + at, from);
	else
		bpf_probe_read_kernel(stage->bytes + at, size, from);
	stage->size = at + size;
	return size;
}

#endif
