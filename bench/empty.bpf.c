// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Programs that do nothing: the cost of an attached hook alone. The driver chooses the targets. */
#define SEC(NAME) __attribute__((section(NAME), used))

char _license[] SEC("license") = "Dual BSD/GPL";

#define EMPTY(SECTION, NAME)                                                                       \
	SEC("?" SECTION)                                                                           \
	int empty__##NAME(void *ctx)                                                               \
	{                                                                                          \
		(void)ctx;                                                                         \
		return 0;                                                                          \
	}

EMPTY("fentry", fentry)
EMPTY("lsm", lsm)
EMPTY("raw_tracepoint", raw_tp)
