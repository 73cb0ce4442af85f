/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * FEATURE_HASH: hashes of files (docs/decisions/0075). The kernel's IMA computes them, which takes time and may sleep;
 * the program that decides must not. So three programs share a call, attached so that they run in this order:
 *
 *   hook__lsm      decides, and posts its record. If that wants a hash, what it enforces is put off: an error would
 *                  end the chain of programs, and a signal the reading of the file
 *   hash__*        sleepable: hashes the file
 *   hash__finish   posts the hash, and does what was put off
 *
 * What they tell each other is stored with the thread (`hash_notes`), so no other thread can push it out.
 */
#ifndef GANDER_HASH_H
#define GANDER_HASH_H

#include "emit.bpf.h"
#include "origin.bpf.h"
#include "tables.bpf.h"

enum {
	MAX_HASHED = 256 << 20
}; /* bytes of a file: hashing more cannot be interrupted for too long */

struct hash_note {
	struct record_hash record;
	__u64 signals; /* bit n - 1: signal n */
	__s32 error;
	bool pending;
	bool wanted; /* by a record that has been posted */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct hash_note);
} hash_notes SEC(".maps");

inline_fn struct hash_note *own_note(__u64 flags)
{
	return bpf_task_storage_get(&hash_notes, bpf_get_current_task_btf(), NULL, flags);
}

inline_fn struct hash_note *pending_note(void)
{
	struct hash_note *note = own_note(0);

	return note && note->pending ? note : NULL;
}

/* ---- in hook__lsm */

/* A note is left if a program of somebody else has ended the chain: it is not about this call. */
inline_fn void drop_note(void)
{
	struct hash_note *note = own_note(0);

	if (note)
		note->pending = false;
}

/* From now on, what this call enforces is put off. Without memory nothing is, and the record says that no hash follows. */
__noinline int begin_hash(struct scratch *s)
{
	struct hash_note *note;

	if (lacks(FEATURE_HASH) || !s || s->hashes)
		return 0;
	note = own_note(BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!note) {
		count_fault(FAULT_HASH);
		return 0;
	}
	__builtin_memset(note, 0, sizeof(*note));
	note->record.r.type = RECORD_HASH;
	note->record.r.size = sizeof(note->record);
	note->record.r.tid = bpf_get_current_pid_tgid();
	note->record.since = bpf_ktime_get_boot_ns();
	note->record.result = HASH_SKIPPED;
	note->pending = true;
	s->hashes = 1;
	return 0;
}

/* The record that is about to be posted wants the hash. False: none will follow. */
inline_fn bool want_hash(struct scratch *s)
{
	struct hash_note *note = s->hashes ? pending_note() : NULL;

	if (note)
		note->wanted = true;
	return note;
}

inline_fn bool put_off_signal(struct scratch *s, __u32 signal)
{
	struct hash_note *note = !lacks(FEATURE_HASH) && s->hashes ? pending_note() : NULL;

	if (note)
		note->signals |= 1ULL << ((signal - 1) & 63);
	return note;
}

/* What the hook returns now. */
inline_fn int put_off_error(struct scratch *s, int error)
{
	struct hash_note *note = s->hashes ? pending_note() : NULL;

	if (!note)
		return error;
	note->error = error;
	return 0;
}

/* ---- in hash__* */

/*
 * File systems that answer without asking another machine or a process: a file of any other could keep the caller,
 * and all who wait until no sleepable program runs, for as long as it likes.
 */
inline_fn bool is_prompt(struct super_block *sb)
{
	switch (field_of(struct super_block, sb, s_magic)) {
	case OVERLAYFS_SUPER_MAGIC: /* what a workload has mounted may have any layers */
		return is_hosts_own(sb);
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
	case ZFS_SUPER_MAGIC:
	case BCACHEFS_SUPER_MAGIC:
	case SQUASHFS_MAGIC:
	case ISOFS_SUPER_MAGIC:
	case MSDOS_SUPER_MAGIC:
	case EXFAT_SUPER_MAGIC:
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
		return true;
	}
	return false;
}

/* Why the file at this address is not hashed; HASH_DONE: it can be. */
inline_fn __u32 hash_obstacle(__u64 at)
{
	struct file *file = (struct file *)at;
	struct inode *inode = at ? field_of(struct file, file, f_inode) : NULL;
	struct super_block *sb = inode ? field_of(struct inode, inode, i_sb) : NULL;

	if (!sb || (field_of(struct inode, inode, i_mode) & S_IFMT) != S_IFREG)
		return HASH_NO_FILE;
	if (!is_prompt(sb))
		return HASH_FILE_SYSTEM;
	if ((__u64)field_of(struct inode, inode, i_size) > MAX_HASHED)
		return HASH_TOO_LARGE;
	/* IMA would open it again, and policies decide about that */
	if (!(field_of(struct file, file, f_mode) & FMODE_READ) ||
	    field_of(struct file, file, f_flags) & O_DIRECT)
		return HASH_NOT_READABLE;
	return HASH_DONE;
}

/* `at`: the file's address, for the verifier only a number: it would take `file` for one that is always there. */
inline_fn void hash_file(struct hash_note *note, struct file *file, __u64 at)
{
	__u32 result = hash_obstacle(at);
	long algorithm;

	if (result == HASH_DONE) {
		algorithm = bpf_ima_file_hash(file, note->record.digest, HASH_SIZE);
		if (algorithm < 0)
			result = HASH_FAILED;
		else
			note->record.algorithm = algorithm;
	}
	note->record.result = result;
}

/* ---- in hash__finish */

inline_fn void post_hash(struct hash_note *note)
{
	__u64 waiting = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
	struct config *settings = get_config();

	note->record.r.time = bpf_ktime_get_boot_ns();
	if (waiting > bpf_ringbuf_query(&events, BPF_RB_RING_SIZE) / 4 * 3 ||
	    bpf_ringbuf_output(&events, &note->record, sizeof(note->record),
			       waiting ? BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP))
		count_fault(FAULT_HASH);
	else if (note->signals || note->error || (settings && settings->flags & CONFIG_WATCHED))
		wake_now();
}

/* The error that was put off. */
inline_fn int finish(struct hash_note *note)
{
	note->pending = false;
	if (note->wanted)
		post_hash(note);
#pragma clang loop unroll(disable)
	for (__u32 signal = 1; signal <= 64; signal++)
		if (note->signals & 1ULL << (signal - 1) && bpf_send_signal(signal))
			count_fault(FAULT_HASH);
	return note->error;
}

#endif
