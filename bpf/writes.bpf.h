/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Gives an argument of a static probe another value (ACTION_SET). */
#ifndef GANDER_WRITES_H
#define GANDER_WRITES_H

#include "probes.bpf.h"

enum { SET_SIZE = 4 };

/*
 * Linux 6.12 logs a warning for each program that names bpf_probe_write_user, even where it can't run. So this names
 * bpf_probe_read, which no program uses, and what is loaded with FEATURE_WRITES gets the other one in its place
 * (packages/sensor/src/kernel/hook-programs.ts).
 */
static long (*const write_user)(void *to, const void *from, __u32 size) = (void *)4;

/* Writes to the process's memory; not if it is not there now, or read-only. */
__noinline int write_argument(struct scratch *s, struct verdict *verdict)
{
	const volatile struct probe_argument *how;
	__u32 at, value;

	if (lacks(FEATURE_WRITES) || !s || !verdict)
		return 0;
	at = verdict->set_argument;
	value = verdict->set_value;
	if (at >= MAX_ARGS)
		return 0;
	how = &probe_arguments[at];
	if (how->kind != PROBE_MEMORY || how->size != SET_SIZE)
		return 0;
	return !write_user((void *)memory_of_argument((struct pt_regs *)s->raw[RAW_REGISTERS], how),
			   &value, sizeof(value));
}

#endif
