// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The generic hook: a main for each way of attaching. A main copies the raw arguments to scratch
 * memory (source.bpf.h); the rest is the same for all hooks and kinds. User space chooses a main, sets
 * the constants in tables.bpf.h and the target; policies are rows (abi.h), never code.
 */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "evaluate.bpf.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/*
 * A main: SOURCE says where the raw arguments are, CAN_DENY whether the function returns what the
 * program returns. A call that cannot be evaluated is denied if a policy enforces here.
 */
#define MAIN(SECTION, NAME, CONTEXT, SOURCE, CAN_DENY)                                             \
	SEC("?" SECTION)                                                                           \
	long hook__##NAME(CONTEXT *ctx)                                                            \
	{                                                                                          \
		struct scratch *s = NULL;                                                          \
		int index, result;                                                                 \
                                                                                                   \
		if (CAN_DENY && !lacks(FEATURE_HASH))                                              \
			drop_note();                                                               \
		index = begin_call(ctx, SOURCE, CAN_DENY, &s);                                     \
		if (index < 0 || !s)                                                               \
			return CAN_DENY ? as_error(index == NO_SCRATCH ? -EPERM : 0) : 0;          \
		take_arguments(s, ctx, SOURCE);                                                    \
		result = evaluate(s);                                                              \
		if (SOURCE == FROM_REGISTERS)                                                      \
			write_registers(ctx, s);                                                   \
		if (CAN_DENY && !lacks(FEATURE_HASH))                                              \
			result = put_off_error(s, result);                                         \
		scratch_release(index);                                                            \
		return CAN_DENY ? as_error(result) : 0;                                            \
	}

MAIN("lsm", lsm, void, FROM_TRAMPOLINE, true)
MAIN("fmod_ret", fmod_ret, void, FROM_TRAMPOLINE, true)
MAIN("fentry", fentry, void, FROM_TRAMPOLINE, false)
MAIN("fexit", fexit, void, FROM_RETURN, false)
MAIN("kprobe", kprobe, struct pt_regs, FROM_REGISTERS, false)
MAIN("kprobe.multi", kprobe_multi, struct pt_regs, FROM_REGISTERS, false)
MAIN("kretprobe", kretprobe, struct pt_regs, FROM_RETURN_REGISTER, false)
MAIN("uprobe", uretprobe, struct pt_regs, FROM_PROGRAM_RETURN, false)
MAIN("uprobe", usdt, struct pt_regs, FROM_PROBE, false)
MAIN("raw_tp", raw_tp, void, FROM_RAW_TRACEPOINT, false)
MAIN("tracepoint", tracepoint, void, FROM_RECORD, false)

/* Attached once, for the path cache: an open file is freed (cache.bpf.h). */
SEC("?lsm/file_free_security")
int hook__file_free(void *ctx)
{
	__u64 file = 0;

	bpf_get_func_arg(ctx, 0, &file);
	forget(file);
	return 0;
}

/* Templates, cloned beside a hook with FEATURE_HASH (hash.bpf.h): its first argument is a linux_binprm… */
SEC("?lsm.s")
long hash__program(__u64 *ctx)
{
	struct linux_binprm *bprm = (struct linux_binprm *)ctx[0];
	struct hash_note *note = pending_note();

	if (note && note->wanted)
		hash_file(note, bprm->file, address_of(field_of(struct linux_binprm, bprm, file)));
	return 0;
}

/* …or a file. */
SEC("?lsm.s")
long hash__file(__u64 *ctx)
{
	struct hash_note *note = pending_note();
	__u64 at = 0;

	bpf_get_func_arg(ctx, 0, &at);
	if (note && note->wanted)
		hash_file(note, (struct file *)ctx[0], at);
	return 0;
}

SEC("?lsm")
long hash__finish(void *ctx)
{
	struct hash_note *note = pending_note();

	return note ? as_error(finish(note)) : 0;
}
