/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The process that a socket belongs to, as policies tell it (TrackSock, UntrackSock): much of what happens to
 * a socket happens in interrupts, where the current process is any.
 */
#ifndef GANDER_OWNERS_H
#define GANDER_OWNERS_H

#include "args.bpf.h"
#include "lineage.bpf.h"

HASH(owners, __u64, struct owner, MAX_OWNERS);

inline_fn bool has_owners(void)
{
	struct config *settings = get_config();

	return settings && settings->flags & CONFIG_OWNERS;
}

/* The address of the socket that an argument is or belongs to; 0: none. */
inline_fn __u64 socket_of(struct scratch *s, __u32 slot)
{
	struct slot *how = slot_of(s, slot);
	__u64 raw;

	if (!how)
		return 0;
	raw = raw_of(s, how);
	switch (how->type) {
	case VALUE_SOCK:
		return raw;
	case VALUE_SOCKET:
	case VALUE_SOCK_TO_ADDR:
		return address_of(BPF_CORE_READ((struct socket *)raw, sk));
	case VALUE_SKB:
		return address_of(BPF_CORE_READ((struct sk_buff *)raw, sk));
	}
	return 0;
}

/* The owner of the socket that is the rule's first. */
inline_fn struct owner *find_owner(struct scratch *s, struct rule *rule)
{
	__u64 socket = rule->socket_slot == NO_SLOT ? 0 : socket_of(s, rule->socket_slot);

	return socket ? bpf_map_lookup_elem(&owners, &socket) : NULL;
}

inline_fn void keep_owner(__u64 socket, struct owner *owner)
{
	if (bpf_map_update_elem(&owners, &socket, owner, BPF_ANY))
		count_fault(FAULT_OWNERS);
}

/* The socket is the current process's; one that is not in `procs` has no events of its own to lead to. */
__noinline int track_current(__u64 socket)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct proc *proc = lacks(FEATURE_OWNERS) ? NULL : find_proc(task->tgid);
	struct owner owner;

	if (!proc)
		return 0;
	owner.process = proc->key;
	owner.parent = proc->parent;
	owner.flags = record_flags_of(proc);
	owner.cgroup = bpf_get_current_cgroup_id();
	owner.uid = pointer_in(task, cred)->euid.val;
	keep_owner(socket, &owner);
	return 0;
}

/* Also that of another argument's owner: a new connection belongs to whom its listener belongs to. */
inline_fn void track(__u64 socket, struct owner *known)
{
	if (!socket)
		return;
	if (known)
		keep_owner(socket, known);
	else
		track_current(socket);
}

/* What the verdict of a rule says about its sockets. */
__noinline int track_sockets(struct scratch *s, struct rule *rule)
{
	struct verdict *verdict;
	__u64 socket;
	__u32 at;

	if (IS_TEMPLATE || !s || !rule)
		return 0;
	if (lacks(FEATURE_OWNERS))
		return count_lacking();
	at = s->verdict_at;
	verdict = bpf_map_lookup_elem(&verdicts, &at);
	if (!verdict)
		return 0;
	if (verdict->actions & ACTION_TRACK_SOCK)
		track(socket_of(s, verdict->tracked), find_owner(s, rule));
	if (verdict->actions & ACTION_UNTRACK_SOCK) {
		socket = socket_of(s, verdict->untracked);
		bpf_map_delete_elem(&owners, &socket);
	}
	return 0;
}

/* If an argument's socket has an owner, the record is about that process. */
__noinline int name_owner(struct scratch *s, struct stage *stage, struct rule *rule)
{
	struct owner *owner;
	struct record *record;

	if (IS_TEMPLATE || !s || !stage || !rule || rule->socket_slot == NO_SLOT)
		return 0;
	if (lacks(FEATURE_SOCKETS))
		return count_lacking();
	owner = find_owner(s, rule);
	if (!owner)
		return 0;
	record = &stage->record;
	record->process = owner->process;
	record->parent = owner->parent;
	record->cgroup = owner->cgroup;
	record->flags = (record->flags & ~RECORD_OF_PROCESS) | owner->flags;
	record->tid = owner->process.pid;
	record->uid = owner->uid;
	return 0;
}

#endif
