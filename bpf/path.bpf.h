/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Paths of dentries, from the last component to the first, into a text buffer.
 *
 * A path starts at the root of the mount namespace, not at the root of the calling process: so
 * chroot does not hide a file from a policy, and the path found for one process is right for the
 * whole namespace. A mount in no namespace (umount -l, open_tree) has no such path: its files have
 * their path inside the file system, flagged TEXT_DETACHED.
 *
 * A rename changes names and parents under the walk. The kernel counts renames in rename_lock; if
 * the count stood still, so did the path. Else the walk is repeated, and notes d_seq of each dentry,
 * which counts the renames of that dentry: when two successive walks have seen the same, the path
 * was the same in between, however much is renamed elsewhere.
 *
 * If a path is longer than the buffer, its beginning (WALK_KEPT bytes or more) and, apart, its end
 * are kept: so prefixes and postfixes are decided exactly.
 */
#ifndef GANDER_PATH_H
#define GANDER_PATH_H

#include "cast.bpf.h"
#include "scratch.bpf.h"

#define PATH_STEPS 8192 /* most components of a walk */
#define WALK_TRIES 8	/* walks after the first, if dentries of this path are being renamed */
#define NAME_SIZE 255

const volatile __u64 rename_lock_at = 0; /* address of the kernel's symbol, 0: not known */

#define dentry_of(walk) ((struct dentry *)(walk)->dentry)
#define mount_of(walk) ((struct mount *)(walk)->mount)

/* Makes room in front: keeps the beginning of the path here and its end in `tail`. */
inline_fn void walk_make_room(struct scratch *s, struct walk *w, __u32 buffer)
{
	struct text_value *text = &s->texts[buffer];
	__u32 at = w->at;

	if (!text->has_tail) {
		bpf_probe_read_kernel(text->tail, BINARY_TAIL,
				      s->text[buffer] + TEXT_SIZE - BINARY_TAIL);
		text->has_tail = 1;
	}
	/* at < 256, so source and destination do not overlap */
	bounded(at, 255);
	bpf_probe_read_kernel(s->text[buffer] + TEXT_SIZE - WALK_KEPT, WALK_KEPT,
			      s->text[buffer] + at);
	w->at = TEXT_SIZE - WALK_KEPT;
	w->flags |= TEXT_TRUNCATED;
}

/* Positions have 64 bits here: the compiler would clear the upper half of shorter ones wherever they are bounded. */
inline_fn void put_word(char *to, __u64 at, __u64 word)
{
	bounded(at, TEXT_SIZE - 1);
	*(__u64 *)(to + at) = word;
}

/*
 * Most names are short: they are copied by words, from the last to the first, so that the excess
 * bytes lie in front of the name, where the next name (or nothing) will be. False: too long.
 */
inline_fn bool copy_short_name(char *to, __u64 end, __u64 name, __u64 length)
{
	const struct pt_regs *words;

	if (length > 32)
		return false;
	words = words_at(name + length - 32);
	put_word(to, end - 8, words->r12);
	if (length <= 8)
		return true;
	put_word(to, end - 16, words->r13);
	if (length <= 16)
		return true;
	put_word(to, end - 24, words->r14);
	if (length > 24)
		put_word(to, end - 32, words->r15);
	return true;
}

inline_fn void walk_prepend(struct scratch *s, struct walk *w, __u64 name, __u64 length)
{
	__u64 buffer = w->buffer, end, at;
	char *to;

	bounded(buffer, TEXT_BUFFERS - 1);
	to = s->text[buffer];
	if (length > NAME_SIZE)
		length = NAME_SIZE;
	if (w->at < NAME_SIZE + 1)
		walk_make_room(s, w, buffer);
	end = w->at;
	at = end - length;
	if (!can_cast() || !copy_short_name(to, end, name, length)) {
		bounded(at, TEXT_SIZE - 1);
		bounded(length, NAME_SIZE);
		bpf_probe_read_kernel(to + at, length, (void *)name);
	}
	at--;
	bounded(at, TEXT_SIZE - 1);
	to[at] = '/';
	w->at = at;
}

/* Reads the mount's head; by loads, only what is needed now: its root. */
inline_fn void walk_enter_mount(struct walk *w, __u64 at)
{
	struct mount_head *head = &w->mount_head;
	struct mount *mount = (struct mount *)at;

	w->mount = at;
	if (can_cast()) {
		head->root = address_of(cast_to(struct mount, at)->mnt.mnt_root);
		return;
	}
	if (bpf_core_field_offset(struct mount, mnt_mountpoint) ==
		    bpf_core_field_offset(struct mount, mnt_parent) + 8 &&
	    bpf_core_field_offset(struct mount, mnt.mnt_root) ==
		    bpf_core_field_offset(struct mount, mnt_parent) + 16) {
		bpf_probe_read_kernel(head, sizeof(*head), &mount->mnt_parent);
		return;
	}
	bpf_core_read(&head->parent, 8, &mount->mnt_parent);
	bpf_core_read(&head->mountpoint, 8, &mount->mnt_mountpoint);
	bpf_core_read(&head->root, 8, &mount->mnt.mnt_root);
}

/*
 * Is this the first mount of a namespace that a process can be in? Any process may have created one that
 * is owned by a user namespace below the host's: there, its creator decides what is mounted where.
 */
inline_fn bool is_namespace_root(struct walk *w, struct mount *mount)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mnt_namespace *ns = pointer_in(task, nsproxy)->mnt_ns;

	if (address_of(ns->root) == address_of(mount)) {
		if (ns->user_ns->level)
			w->flags |= TEXT_FORGEABLE;
		return true;
	}
	ns = BPF_CORE_READ(mount, mnt_ns);
	if (BPF_CORE_READ(ns, root) != mount ||
	    (bpf_core_field_exists(ns->seq) && !BPF_CORE_READ(ns, seq)))
		return false;
	if (BPF_CORE_READ(ns, user_ns, level))
		w->flags |= TEXT_FORGEABLE;
	return true;
}

/* A file system that the kernel mounts for itself, such as pipefs: its names are the kernel's. */
inline_fn bool is_kernels_own(struct mount *mount)
{
	return BPF_CORE_READ(mount, mnt.mnt_sb, s_flags) & SB_KERNMOUNT;
}

/* At the root of a mount: continues at its mount point. True at the end of the path. */
inline_fn bool walk_cross_mount(struct walk *w)
{
	struct mount_head *head = &w->mount_head;
	__u64 parent =
		can_cast() ? address_of(cast_to(struct mount, w->mount)->mnt_parent) : head->parent;

	if (parent != w->mount) {
		w->dentry = can_cast() ?
				    address_of(cast_to(struct mount, w->mount)->mnt_mountpoint) :
				    head->mountpoint;
		walk_enter_mount(w, parent);
		return false;
	}
	if (is_namespace_root(w, mount_of(w)))
		return true;
	w->flags |= is_kernels_own(mount_of(w)) ? TEXT_DETACHED : TEXT_DETACHED | TEXT_FORGEABLE;
	head->root = 0; /* continue inside the file system */
	return false;
}

/* Without casts: all fields that are needed of the first dentry, which a copy gives at once. */
inline_fn void read_dentry_head(struct dentry_head *head, struct dentry *dentry)
{
	const __u32 first = bpf_core_field_offset(struct dentry, d_hash.pprev);

	if (bpf_core_field_offset(struct dentry, d_parent) == first + 8 &&
	    bpf_core_field_offset(struct dentry, d_name) == first + 16 &&
	    bpf_core_field_offset(struct dentry, d_inode) == first + 32) {
		bpf_probe_read_kernel(head, sizeof(*head), &dentry->d_hash.pprev);
		return;
	}
	bpf_core_read(&head->hash_pprev, 8, &dentry->d_hash.pprev);
	bpf_core_read(&head->parent, 8, &dentry->d_parent);
	bpf_core_read(&head->hash_length, 16, &dentry->d_name);
	bpf_core_read(&head->inode, 8, &dentry->d_inode);
}

/* The dentry at which a walk begins: what is read of no other. */
inline_fn void walk_note_first(struct scratch *s, __u64 inode, __u64 hash_pprev, bool is_root)
{
	__u32 buffer = s->walk.buffer;

	bounded(buffer, TEXT_BUFFERS - 1);
	s->texts[buffer].inode = inode;
	if (!hash_pprev && !is_root)
		s->walk.flags |= TEXT_DELETED;
}

/* By loads, this is done before the first step, so that the others need not ask whether they are the first. */
inline_fn void walk_read_first(struct scratch *s)
{
	struct dentry *dentry;
	__u64 hash_pprev;

	if (!can_cast())
		return;
	dentry = cast_to(struct dentry, s->walk.dentry);
	hash_pprev = address_of(dentry->d_hash.pprev);
	walk_note_first(s, address_of(dentry->d_inode), hash_pprev,
			!hash_pprev && address_of(dentry->d_parent) == s->walk.dentry);
}

/* Called after the name was read: a rename of this dentry changes d_seq before and after. */
inline_fn void walk_note(struct walk *w)
{
	struct dentry *dentry = dentry_of(w);
	__u32 sequence = BPF_CORE_READ(dentry, d_seq.seqcount.sequence);

	w->moving |= sequence & 1;
	w->seen = (w->seen + w->dentry) * 0x9e3779b97f4a7c15ULL;
	w->seen = (w->seen + sequence) * 0x9e3779b97f4a7c15ULL;
}

inline_fn bool walk_step(struct scratch *s, bool notes)
{
	struct walk *w = &s->walk;
	__u64 at = w->dentry, root = w->mount_head.root, parent, name;
	struct dentry_head *head = &w->dentry_head;
	struct dentry *dentry;
	__u32 length;

	if (at == root && (can_cast() || at != w->first))
		return walk_cross_mount(w);
	if (can_cast()) {
		dentry = cast_to(struct dentry, at);
		parent = address_of(dentry->d_parent);
		length = dentry->d_name.len;
		name = address_of(dentry->d_name.name);
	} else {
		read_dentry_head(head, dentry_of(w));
		parent = head->parent;
		length = head->hash_length >> 32;
		name = head->name;
		if (at == w->first) {
			walk_note_first(s, head->inode, head->hash_pprev, parent == at);
			if (at == root)
				return walk_cross_mount(w);
		}
	}
	if (parent == at)
		return true;
	walk_prepend(s, w, name, length);
	if (notes)
		walk_note(w);
	w->dentry = parent;
	return false;
}

static long walk_callback(__u64 i, struct scratch **scratch)
{
	struct scratch *s = *scratch;

	if (!walk_step(s, false))
		return 0;
	s->walk.done = 1;
	return 1;
}

/* The count of a sequence lock at a known address; odd while a writer is active. */
inline_fn __u32 sequence_at(__u64 lock)
{
	__u32 sequence = 0;

	if (can_cast())
		return cast_to(struct seqcount, lock)->sequence;
	bpf_probe_read_kernel(&sequence, sizeof(sequence), (void *)lock);
	return sequence;
}

/* 0 if the lock's address is not known. */
inline_fn __u32 rename_sequence(void)
{
	return rename_lock_at ? sequence_at(rename_lock_at) : 0;
}

/* Empties the buffer. */
inline_fn void walk_reset(struct scratch *s, __u32 buffer)
{
	bounded(buffer, TEXT_BUFFERS - 1);
	s->texts[buffer].has_tail = 0;
	s->walk.at = TEXT_SIZE;
	s->walk.flags = 0;
	s->walk.done = 0;
}

inline_fn void walk_restart(struct scratch *s)
{
	struct walk *w = &s->walk;

	walk_reset(s, w->buffer);
	w->seen = 0;
	w->moving = 0;
	w->dentry = w->first;
	if (w->first_mount)
		walk_enter_mount(w, w->first_mount);
	else
		w->mount = w->mount_head.root = 0;
	walk_read_first(s);
}

/* One step of repeated walks, until a walk has seen the same as the previous one. */
static long walk_again(__u64 i, struct scratch **scratch)
{
	struct scratch *s = *scratch;
	struct walk *w = &s->walk;

	w->done = walk_step(s, true);
	if (!w->done)
		return 0;
	w->stable = w->walks && !w->moving && w->seen == w->seen_before;
	if (w->stable || ++w->walks == WALK_TRIES)
		return 1;
	w->seen_before = w->seen;
	walk_restart(s);
	return 0;
}

/* Not inlined: the verifier checks it once, not wherever a path is read. */
__noinline int walk_until_stable(struct scratch *s)
{
	if (!s)
		return 0;
	s->walk.stable = 0;
	s->walk.walks = 0;
	walk_restart(s);
	bpf_loop(WALK_TRIES * PATH_STEPS, walk_again, &s, 0);
	if (!s->walk.stable)
		s->walk.flags |= TEXT_TOO_DEEP;
	return 0;
}

inline_fn void walk_byte(struct scratch *s, __u32 buffer, char byte)
{
	__u32 at = s->walk.at - 1;

	bounded(at, TEXT_SIZE - 1);
	s->text[buffer][at] = byte;
	s->walk.at = at;
}

/* From the last letter to the first. */
inline_fn void walk_letters(struct scratch *s, __u32 buffer, const char *letters, int count)
{
#pragma clang loop unroll(disable)
	for (int i = count - 1; i >= 0; i--)
		walk_byte(s, buffer, letters[i & 15]);
}

static const char anon_inode[16] = "anon_inode:", pipe_file[16] = "pipe:[",
		  socket_file[16] = "socket:[";

/* "pipe:[123]" and the like, as /proc shows files that never had a path */
__noinline int walk_pseudo(struct scratch *s, __u64 dentry_at)
{
	struct dentry *dentry = (struct dentry *)dentry_at;
	__u64 magic, number;
	__u32 buffer;

	if (!s)
		return 0;
	magic = BPF_CORE_READ(dentry, d_sb, s_magic);
	number = BPF_CORE_READ(dentry, d_inode, i_ino);
	if (magic != PIPEFS_MAGIC && magic != SOCKFS_MAGIC)
		walk_prepend(s, &s->walk, address_of(BPF_CORE_READ(dentry, d_name.name)),
			     BPF_CORE_READ(dentry, d_name.len));
	buffer = s->walk.buffer;
	bounded(buffer, TEXT_BUFFERS - 1);
	if (magic == ANON_INODE_FS_MAGIC) {
		s->walk.at++; /* anon_inode:[eventfd]: no slash */
		walk_letters(s, buffer, anon_inode, 11);
		return 0;
	}
	if (magic != PIPEFS_MAGIC && magic != SOCKFS_MAGIC) {
		s->walk.flags |= TEXT_DELETED; /* memfd: never had a name */
		return 0;
	}
	walk_byte(s, buffer, ']');
#pragma clang loop unroll(disable)
	for (int i = 0; i < 10; i++) { /* numbers of pipes and sockets have 32 bits */
		walk_byte(s, buffer, '0' + number % 10);
		number /= 10;
		if (!number)
			break;
	}
	if (magic == PIPEFS_MAGIC)
		walk_letters(s, buffer, pipe_file, 6);
	else
		walk_letters(s, buffer, socket_file, 8);
	return 0;
}

/* Walks from s->walk.{dentry, mount, mount_head} into text `buffer` and describes it in s->texts. */
inline_fn void walk_path(struct scratch *s, __u32 buffer)
{
	__u32 at, renames = rename_sequence();
	struct text_value *text;

	bounded(buffer, TEXT_BUFFERS - 1);
	text = &s->texts[buffer];
	text->inode = 0;
	text->absent = !s->walk.dentry;
	text->extra = 0;
	s->walk.first = s->walk.dentry;
	s->walk.first_mount = s->walk.mount;
	s->walk.buffer = buffer;
	walk_reset(s, buffer);
	if (!s->walk.dentry) {
		text->flags = TEXT_UNREADABLE;
		text->size = 0;
		text->at = 0;
		return;
	}
	walk_read_first(s);
	bpf_loop(PATH_STEPS, walk_callback, &s, 0);
	if (renames & 1 || rename_sequence() != renames)
		walk_until_stable(s);
	if (!s->walk.done) {
		s->walk.flags |= TEXT_TOO_DEEP;
		count_fault(FAULT_PATH_DEPTH);
	}
	if (s->walk.at == TEXT_SIZE) {
		if (s->walk.first == s->walk.dentry && s->walk.first != s->walk.mount_head.root &&
		    s->walk.mount_head.root) {
			walk_pseudo(s, s->walk.first);
		} else {
			s->walk.at = TEXT_SIZE - 1;
			s->text[buffer][TEXT_SIZE - 1] = '/';
		}
	}
	at = s->walk.at;
	text->at = at;
	text->size = TEXT_SIZE - at;
	text->flags = s->walk.flags;
}

/* Starts a walk at the struct path at `path`. */
inline_fn void walk_begin(struct scratch *s, const struct path *path)
{
	struct path_head *head = &s->walk.path_head;

	if (can_cast()) {
		path = cast_to(struct path, path);
		s->walk.dentry = address_of(path->dentry);
		walk_enter_mount(&s->walk,
				 address_of(path->mnt) - bpf_core_field_offset(struct mount, mnt));
		return;
	}
	if (bpf_core_field_offset(struct path, mnt) == 0 &&
	    bpf_core_field_offset(struct path, dentry) == 8) {
		bpf_probe_read_kernel(head, sizeof(*head), path);
	} else {
		bpf_core_read(&head->mnt, 8, &path->mnt);
		bpf_core_read(&head->dentry, 8, &path->dentry);
	}
	s->walk.dentry = head->dentry;
	walk_enter_mount(&s->walk, head->mnt - bpf_core_field_offset(struct mount, mnt));
}

/*
 * The path by which a process has opened a file. To read and write a file of an overlay, the kernel opens the one of
 * the layer below, and checks that, too: it has the path of the file that it serves. (Before 6.7 f_path is that path.)
 * The flag of a struct backing_file has no fixed number; behind any other file is no dentry of an overlay.
 */
inline_fn const struct path *path_of(struct file *file)
{
	struct backing_file *backing = (struct backing_file *)file;
	struct super_block *sb;
	struct dentry *dentry;

	if (!bpf_core_field_exists(backing->user_path) ||
	    !(field_of(struct file, file, f_mode) & FMODE_NOACCOUNT))
		return &file->f_path;
	dentry = field_of(struct backing_file, backing, user_path.dentry);
	sb = field_of(struct dentry, dentry, d_sb);
	return field_of(struct super_block, sb, s_magic) == OVERLAYFS_SUPER_MAGIC ?
		       &backing->user_path :
		       &file->f_path;
}

/*
 * Is this file, mm->exe_file, the one that the task executed? In a user namespace of its own, a task may
 * set any other file (PR_SET_MM), even for an outside process that shares its memory: such a file was
 * opened by open(2), which can't set the flag that exec sets.
 */
inline_fn bool is_what_was_started(struct task_struct *task, struct file *file)
{
	return !pointer_in(task, cred)->user_ns->level && BPF_CORE_READ(file, f_flags) & FMODE_EXEC;
}

/* Adds the part of a path that only a record needs: the mode of its file. */
inline_fn void text_complete(struct text_value *text)
{
	struct inode *inode = (struct inode *)text->inode;

	if (inode)
		text->extra = field_of(struct inode, inode, i_mode);
}

#endif
