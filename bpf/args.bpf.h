/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From raw arguments to values: a number, a text or a socket for each slot of the hook. A value is
 * read when a row or a record first needs it; texts and sockets share a few buffers, so one may be
 * read again. A new argument type is a case in one of the three readers, or in structures.bpf.h.
 */
#ifndef GANDER_ARGS_H
#define GANDER_ARGS_H

#include "packets.bpf.h"
#include "path.bpf.h"
#include "routes.bpf.h"
#include "segments.bpf.h"
#include "socks.bpf.h"
#include "structures.bpf.h"

/* The number that the raw argument points to, or its route leads to. A null pointer: there is none. */
__noinline int read_distant_number(struct scratch *s, __u32 slot)
{
	struct slot *how = !IS_TEMPLATE && s ? slot_of(s, slot) : NULL;
	enum route_end end = ROUTE_FOUND;
	__u64 raw;

	if (!how)
		return 0;
	if (lacks(FEATURE_ROUTES)) {
		count_lacking();
		bounded(slot, HOOK_SLOTS - 1);
		s->failed |= 1U << slot;
		return 0;
	}
	if (how->route)
		end = follow_route(s, slot);
	raw = raw_of(s, how);
	bounded(slot, HOOK_SLOTS - 1);
	if (how->type != VALUE_CAPABILITIES)
		s->number[slot] = raw;
	else if (!raw)
		end = end == ROUTE_FOUND ? ROUTE_ABSENT : end;
	else if (bpf_probe_read_kernel(&s->number[slot], sizeof(s->number[slot]), (void *)raw))
		end = ROUTE_UNREADABLE;
	if (end == ROUTE_FOUND) {
		s->have |= 1U << slot;
	} else if (end == ROUTE_UNREADABLE) {
		s->failed |= 1U << slot;
		count_fault(FAULT_UNREADABLE);
	}
	return 0;
}

/* Puts the number of a slot into s->number and s->have; if it cannot be read, the bit stays clear. */
inline_fn void read_number(struct scratch *s, __u32 slot)
{
	struct slot *how = slot_of(s, slot);

	bounded(slot, HOOK_SLOTS - 1);
	if (!how)
		return;
	if (how->flags & SLOT_DISTANT) {
		read_distant_number(s, slot);
		return;
	}
	if (is_unread(s, how->raw)) {
		count_fault(FAULT_UNREADABLE);
		return;
	}
	s->number[slot] = to_number(how->type, raw_of(s, how));
	s->have |= 1U << slot;
}

inline_fn struct file *file_of_descriptor(__u32 descriptor)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;

	if (descriptor >= BPF_CORE_READ(table, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), files + descriptor);
	return file;
}

/* Sets the path walk of a slot to its start; a dentry of 0: no path. */
__noinline int begin_path(struct scratch *s, __u32 slot)
{
	struct slot *how = !lacks(FEATURE_PATHS) && s ? slot_of(s, slot) : NULL;
	struct linux_binprm *bprm;
	struct iattr *attr;
	struct file *file;
	__u32 type;
	__u64 raw;

	if (!how)
		return 0;
	raw = raw_of(s, how);
	type = how->type;
	file = (struct file *)raw;
	bprm = (struct linux_binprm *)raw;
	attr = (struct iattr *)raw;
	s->walk.dentry = 0;
	if (is_nothing(how, raw) && type != VALUE_FD)
		return 0;
	if (type == VALUE_DENTRY) {
		s->walk.dentry = raw;
		s->walk.mount = s->walk.mount_head.root = 0;
		return 0;
	}
	if (type == VALUE_PATH) {
		walk_begin(s, (struct path *)raw);
		return 0;
	}
	if (type == VALUE_BINPRM)
		file = BPF_CORE_READ(bprm, file);
	else if (type == VALUE_FD)
		file = file_of_descriptor(raw);
	else if (type == VALUE_ATTR_FILE)
		file = BPF_CORE_READ(attr, ia_file);
	else if (type == VALUE_KIOCB)
		file = BPF_CORE_READ((struct kiocb *)raw, ki_filp);
	if (file)
		walk_begin(s, path_of(file));
	return 0;
}

inline_fn void set_string(struct text_value *text, long size, __u32 room)
{
	text->flags = size <= 0 ? TEXT_UNREADABLE : size == room ? TEXT_TRUNCATED : 0;
	text->size = size <= 0 ? 0 : size - 1;
}

inline_fn void set_bytes(struct text_value *text, char *to, __u64 from, __u64 size, bool user)
{
	long error;

	/* not a size, but the error code of a function that returns long or int */
	if ((__s64)size < 0 || (!(size >> 32) && (__s32)size < 0))
		size = 0;
	text->extra = in_32_bits(size);
	text->flags = 0;
	if (size > TEXT_SIZE) {
		size = TEXT_SIZE;
		text->flags = TEXT_TRUNCATED;
	}
	text->size = size;
	bounded(size, TEXT_SIZE * 2 - 1);
	if (size > TEXT_SIZE)
		return;
	error = user ? bpf_probe_read_user(to, size, (void *)from) :
		       bpf_probe_read_kernel(to, size, (void *)from);
	if (error) {
		text->size = 0;
		text->flags = TEXT_UNREADABLE;
	}
}

/* Reads a text inside a tracepoint's record. */
inline_fn void read_record_text(struct scratch *s, struct slot *how, struct text_value *text,
				char *to)
{
	__u32 location = 0, size = how->size;
	__u64 from = s->raw[0] + how->raw;

	if (how->type == VALUE_DATA_LOC) {
		bpf_probe_read_kernel(&location, sizeof(location), (void *)from);
		from = s->raw[0] + (location & 0xffff);
		size = location >> 16;
	}
	if (how->type == VALUE_BUFFER) {
		set_bytes(text, to, from, size, false);
		return;
	}
	if (size > TEXT_SIZE)
		size = TEXT_SIZE;
	bounded(size, TEXT_SIZE * 2 - 1);
	if (size > TEXT_SIZE)
		return;
	set_string(text, bpf_probe_read_kernel_str(to, size, (void *)from), TEXT_SIZE);
}

/* Reads a text that is no path into its buffer. */
__noinline int read_plain_text(struct scratch *s, __u32 slot)
{
	struct slot *how = !lacks(FEATURE_TEXTS) && s ? slot_of(s, slot) : NULL;
	__u32 buffer = slot, type, room;
	struct filename *filename;
	struct text_value *text;
	__u64 raw, size;
	char *to;

	if (!how)
		return 0;
	bounded(buffer, TEXT_BUFFERS - 1);
	text = &s->texts[buffer];
	to = s->text[buffer];
	text->at = text->size = text->extra = text->has_tail = 0;
	text->inode = 0;
	raw = raw_of(s, how);
	text->absent = is_nothing(how, raw);
	filename = (struct filename *)raw;
	type = how->type;
	if (type == VALUE_DATA_LOC || how->flags & SLOT_IN_PLACE) {
		read_record_text(s, how, text, to);
		return 0;
	}
	switch (type) {
	case VALUE_STRING:
		room = how->route && s->room && s->room < TEXT_SIZE ? s->room + 1 : TEXT_SIZE;
		bounded(room, TEXT_SIZE * 2 - 1);
		if (room <= TEXT_SIZE)
			set_string(text, bpf_probe_read_kernel_str(to, room, (void *)raw),
				   TEXT_SIZE);
		return 0;
	case VALUE_USER_STRING:
		set_string(text, bpf_probe_read_user_str(to, TEXT_SIZE, (void *)raw), TEXT_SIZE);
		return 0;
	case VALUE_FILENAME:
		set_string(text,
			   bpf_probe_read_kernel_str(to, TEXT_SIZE, BPF_CORE_READ(filename, name)),
			   TEXT_SIZE);
		return 0;
	case VALUE_BUFFER:
	case VALUE_USER_BUFFER:
		size = how->size_raw == RAW_ROUTE ? s->room : raw_at(s, how->size_raw, 8);
		set_bytes(text, to, raw, size, type == VALUE_USER_BUFFER);
		return 0;
	}
	return read_structure(s, slot);
}

inline_fn bool is_path_type(__u32 type)
{
	return type == VALUE_FILE || type == VALUE_PATH || type == VALUE_BINPRM ||
	       type == VALUE_FD || type == VALUE_DENTRY || type == VALUE_ATTR_FILE ||
	       type == VALUE_KIOCB;
}

/* A text that the route does not lead to: there is none, or it could not be read. */
inline_fn void no_text(struct text_value *text, enum route_end end)
{
	text->at = text->size = text->extra = text->has_tail = 0;
	text->inode = 0;
	text->absent = end == ROUTE_ABSENT;
	text->flags = TEXT_UNREADABLE;
}

/* The address of a text, or the number that says its size, is in memory that could not be read. */
inline_fn bool is_text_unread(struct scratch *s, struct slot *how)
{
	if (is_unread(s, how->raw))
		return true;
	return (how->type == VALUE_USER_BUFFER || how->type == VALUE_USER_IOVEC) &&
	       is_unread(s, how->size_raw);
}

inline_fn void without_text(struct text_value *text)
{
	count_lacking();
	no_text(text, ROUTE_UNREADABLE);
}

/* The same for an open file, which most paths are of. */
inline_fn void begin_file(struct scratch *s, struct slot *how)
{
	__u64 raw = raw_of(s, how);

	s->walk.dentry = 0;
	if (!is_nothing(how, raw))
		walk_begin(s, path_of((struct file *)raw));
}

/* Ensures that the text of a slot is in its buffer, slot & (TEXT_BUFFERS - 1). */
__noinline int read_text(struct scratch *s, __u32 slot)
{
	__u32 buffer = slot & (TEXT_BUFFERS - 1);
	struct text_value *text;
	enum route_end end;
	struct slot *how;

	if (!s)
		return 0;
	bounded(buffer, TEXT_BUFFERS - 1);
	text = &s->texts[buffer];
	if (text->slot == slot + 1)
		return 0;
	how = slot_of(s, slot);
	if (!how)
		return 0;
	text->slot = slot + 1;
	if (lacks(FEATURE_TEXTS)) {
		without_text(text);
		return 0;
	}
	end = how->route ? follow_route(s, slot) : ROUTE_FOUND;
	if (hook_flags & HOOK_PROBE && is_text_unread(s, how))
		end = ROUTE_UNREADABLE;
	if (end != ROUTE_FOUND) {
		no_text(text, end);
	} else if (is_path_type(how->type)) {
		if (lacks(FEATURE_PATHS)) {
			without_text(text);
			return 0;
		}
		if (how->type == VALUE_FILE)
			begin_file(s, how);
		else
			begin_path(s, slot);
		walk_path(s, buffer);
	} else if (how->type == VALUE_IOV_ITER || how->type == VALUE_USER_IOVEC) {
		read_segments(s, slot);
	} else {
		read_plain_text(s, slot);
	}
	if (!(text->flags & TEXT_UNREADABLE))
		return 0;
	if (text->absent)
		text->flags |= TEXT_ABSENT;
	else
		count_fault(FAULT_UNREADABLE);
	return 0;
}

/* Ensures that the socket of a slot is in s->sock; if there is none, sets its bit in s->failed. */
__noinline int read_sock(struct scratch *s, __u32 slot)
{
	struct sock *sock;
	struct slot *how;
	__u32 lacked;
	__u64 raw;
	bool ok, lacking;

	if (!s || s->sock_slot == slot + 1)
		return 0;
	how = slot_of(s, slot);
	if (!how)
		return 0;
	s->sock_slot = slot + 1;
	bounded(slot, HOOK_SLOTS - 1);
	lacked = lacks(FEATURE_SOCKETS | FEATURE_PACKETS);
	lacking = lacked & FEATURE_SOCKETS || (lacked && how->type == VALUE_SKB);
	if (lacking)
		count_lacking();
	if (lacking || (how->route && follow_route(s, slot) == ROUTE_UNREADABLE)) {
		s->failed |= 1U << slot;
		s->unread |= 1U << slot;
		count_fault(FAULT_UNREADABLE);
		return 0;
	}
	raw = raw_of(s, how);
	if (how->type == VALUE_SKB) {
		ok = read_packet(s, raw);
	} else if (how->type == VALUE_SOCKADDR) {
		ok = read_sockaddr(&s->sock, raw, how->flags & SLOT_TO_BIND);
	} else {
		sock = (struct sock *)raw;
		if (how->type != VALUE_SOCK)
			sock = BPF_CORE_READ((struct socket *)raw, sk);
		ok = read_sock_from(&s->sock, sock);
		if (ok && how->type == VALUE_SOCK_TO_ADDR)
			ok = read_address(&s->sock, sock, raw_at(s, how->size_raw, 8),
					  raw_at(s, how->size, 8), how->flags & SLOT_MESSAGE);
	}
	bounded(slot, HOOK_SLOTS - 1);
	if (ok)
		s->failed &= ~(1U << slot);
	else
		s->failed |= 1U << slot;
	return 0;
}

#endif
