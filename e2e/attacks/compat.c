// SPDX-License-Identifier: Apache-2.0
/* System calls of the 32-bit table, which a 64-bit program makes as well. */
#include "attack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST_ARGUMENTS = 6, TEXT_SIZE = 512 };

/* Registers have 64 bits, of which the kernel takes the lower 32: a number may have more. */
static int compat(int argc, char **argv)
{
#ifdef __x86_64__
	/* Everything a 32-bit pointer points to lies below 4 GB. */
	char *low =
		(char *)syscall(SYS_mmap, 0x10000000, MOST_ARGUMENTS * TEXT_SIZE, 3, 0x32, -1, 0);
	uint64_t values[MOST_ARGUMENTS] = { 0 };
	long result = strtol(argv[1], NULL, 0);

	for (int i = 0; i < MOST_ARGUMENTS && i + 2 < argc; i++) {
		char *end, *text = low + i * TEXT_SIZE;

		values[i] = strtoull(argv[i + 2], &end, 0);
		if (!*end)
			continue;
		strncpy(text, argv[i + 2], TEXT_SIZE - 1);
		values[i] = (uintptr_t)text;
	}
	/* Neither is rbp free for a sixth argument, nor may the stack be used below it. */
	__asm__ volatile("xchg %%rbp, %[sixth]\n\tint $0x80\n\txchg %%rbp, %[sixth]"
			 : "+a"(result), [sixth] "+r"(values[5])
			 : "b"(values[0]), "c"(values[1]), "d"(values[2]), "S"(values[3]),
			   "D"(values[4])
			 : "memory", "r8", "r9", "r10", "r11");
	errno = -(int)result;
	must((int)result < 0 && (int)result > -4096 ? -1 : 0, "32-bit call");
	return EXIT_DONE;
#else
	(void)argc, (void)argv;
	errno = ENOSYS;
	unsupported("a 32-bit call");
#endif
}

const struct command compat_commands[] = {
	{ "compat", "NUMBER [TEXT-OR-NUMBER]…", compat, 1 },
	{ NULL, NULL, NULL, 0 },
};
