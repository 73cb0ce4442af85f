/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Structures that events show: each becomes a few numbers and perhaps a text behind them, in a text
 * buffer. What the numbers mean is in packages/sensor/src/events/structures.ts. Not in the way of
 * calls that have no such argument: read_structure is a function of its own.
 */
#ifndef GANDER_STRUCTURES_H
#define GANDER_STRUCTURES_H

#include "objects.h"
#include "slots.bpf.h"

enum { WORD = 8 };

/* Reads a member as number AT of `to`; `failed` collects errors. */
#define TAKE(AT, MEMBER)                                                                           \
	({                                                                                         \
		typeof(*(MEMBER)) value_ = 0;                                                      \
                                                                                                   \
		failed |= bpf_core_read((void *)&value_, sizeof(value_), MEMBER);                  \
		to[AT] = value_;                                                                   \
	})

/* Reads a text of up to `room` bytes behind `numbers` numbers: the size of all, or an error. */
inline_fn long take_text(__u64 *to, __u32 numbers, const void *from, __u32 room)
{
	long size = bpf_probe_read_kernel_str((char *)(to + numbers), room, from);

	return size < 0 ? size : numbers * WORD + (size ? size - 1 : 0);
}

inline_fn long take_user_ns(__u64 *to, struct user_namespace *user)
{
	long failed = 0;

	TAKE(0, &user->level);
	TAKE(1, &user->owner.val);
	TAKE(2, &user->group.val);
	TAKE(3, &user->ns.inum);
	return failed ? failed : 4 * WORD;
}

/* The four numbers of its user namespace, then its own. */
inline_fn long take_cred(__u64 *to, struct cred *cred)
{
	long failed = take_user_ns(to, BPF_CORE_READ(cred, user_ns));

	failed = failed < 0 ? failed : 0;
	TAKE(4, &cred->uid.val);
	TAKE(5, &cred->gid.val);
	TAKE(6, &cred->euid.val);
	TAKE(7, &cred->egid.val);
	TAKE(8, &cred->suid.val);
	TAKE(9, &cred->sgid.val);
	TAKE(10, &cred->fsuid.val);
	TAKE(11, &cred->fsgid.val);
	TAKE(12, &cred->securebits);
	/* __u32[2] before 6.3, __u64 since: the same bytes */
	failed |= bpf_core_read(&to[13], WORD, &cred->cap_permitted);
	failed |= bpf_core_read(&to[14], WORD, &cred->cap_effective);
	failed |= bpf_core_read(&to[15], WORD, &cred->cap_inheritable);
	return failed ? failed : 16 * WORD;
}

inline_fn long take_bpf_attr(__u64 *to, struct bpf_attr_load *attr)
{
	__u32 head[2];

	if (bpf_probe_read_kernel(head, sizeof(head), attr))
		return -1;
	to[0] = head[0];
	to[1] = head[1];
	return take_text(to, 2, attr->prog_name, sizeof(attr->prog_name));
}

inline_fn long take_bpf_prog(__u64 *to, struct bpf_prog *prog)
{
	struct bpf_prog_aux *aux = BPF_CORE_READ(prog, aux);
	long failed = 0;

	TAKE(0, &prog->type);
	TAKE(1, &prog->len);
	return failed ? failed : take_text(to, 2, &aux->name, sizeof(aux->name));
}

inline_fn long take_bpf_map(__u64 *to, struct bpf_map *map)
{
	long failed = 0;

	TAKE(0, &map->map_type);
	TAKE(1, &map->key_size);
	TAKE(2, &map->value_size);
	TAKE(3, &map->max_entries);
	return failed ? failed : take_text(to, 4, &map->name, sizeof(map->name));
}

/* kprobe and uprobe: only there the attributes have a text and an offset. */
inline_fn bool is_probe(struct perf_event *event)
{
	union {
		char text[PMU_NAME];
		__u64 word;
	} name = {};

	bpf_probe_read_kernel_str(name.text, sizeof(name.text), BPF_CORE_READ(event, pmu, name));
	return !__builtin_memcmp(name.text + 1, "probe", 6) &&
	       (name.text[0] == 'k' || name.text[0] == 'u');
}

inline_fn long take_perf_event(__u64 *to, struct perf_event *event)
{
	__u64 function = 0;
	long failed = 0, size;

	TAKE(0, &event->attr.type);
	TAKE(1, &event->attr.config);
	to[2] = 0;
	if (failed || !is_probe(event))
		return failed ? failed : 3 * WORD;
	TAKE(2, &event->attr.probe_offset);
	failed |= bpf_core_read(&function, sizeof(function), &event->attr.kprobe_func);
	if (failed || !function)
		return failed ? failed : 3 * WORD;
	size = bpf_probe_read_user_str((char *)(to + 3), STRUCTURE_TEXT, (void *)function);
	return size <= 0 ? -1 : 3 * WORD + size - 1;
}

inline_fn long take_module(__u64 *to, struct module *module)
{
	long failed = 0;

	to[0] = 0;
	if (bpf_core_field_exists(module->sig_ok))
		TAKE(0, &module->sig_ok);
	TAKE(1, &module->taints);
	return failed ? failed : take_text(to, 2, &module->name, sizeof(module->name));
}

/* A module that is being loaded: early, its struct module does not exist. */
inline_fn long take_load_info(__u64 *to, struct load_info *info)
{
	struct module *module = BPF_CORE_READ(info, mod);
	const char *name = NULL;
	long failed = 0;

	to[0] = to[1] = 0;
	if (bpf_core_field_exists(info->sig_ok))
		TAKE(0, &info->sig_ok);
	if (module)
		TAKE(1, &module->taints);
	failed |= bpf_core_read(&name, sizeof(name), &info->name);
	if (failed || !name)
		return failed ? failed : 2 * WORD;
	return take_text(to, 2, name, 64);
}

inline_fn long take_structure(__u64 *to, __u32 type, void *from)
{
	switch (type) {
	case VALUE_USER_NS:
		return take_user_ns(to, from);
	case VALUE_CRED:
		return take_cred(to, from);
	case VALUE_BPF_ATTR:
		return take_bpf_attr(to, from);
	case VALUE_BPF_PROG:
		return take_bpf_prog(to, from);
	case VALUE_BPF_MAP:
		return take_bpf_map(to, from);
	case VALUE_PERF_EVENT:
		return take_perf_event(to, from);
	case VALUE_MODULE:
		return take_module(to, from);
	case VALUE_LOAD_INFO:
		return take_load_info(to, from);
	case VALUE_NET_DEVICE:
		return take_text(to, 0, &((struct net_device *)from)->name, 16);
	}
	return -1;
}

/* Reads a structure into the text buffer of its slot; the caller has cleared the text. */
__noinline int read_structure(struct scratch *s, __u32 slot)
{
	struct slot *how = !IS_TEMPLATE && s ? slot_of(s, slot) : NULL;
	struct text_value *text;
	__u32 buffer = slot;
	long size;

	if (!how)
		return 0;
	bounded(buffer, TEXT_BUFFERS - 1);
	text = &s->texts[buffer];
	if (lacks(FEATURE_STRUCTURES)) {
		text->absent = 0;
		text->flags = TEXT_UNREADABLE;
		/* no call: this is the deepest that a call stack may be */
		count_fault(FAULT_FEATURE);
		return 0;
	}
	size = take_structure((__u64 *)s->text[buffer], how->type, (void *)raw_of(s, how));
	text->size = size < 0 ? 0 : size;
	text->flags = size < 0 ? TEXT_UNREADABLE : 0;
	return 0;
}

#endif
