// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Functions that policies override: overridden WHAT NUMBER prints what the function makes of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Called as the compiler finds it, with arguments in the registers of the ABI. */
#define FUNCTION __attribute__((noipa))

FUNCTION long doubles(long number)
{
	printf("doubling\n");
	return 2 * number;
}

FUNCTION long squares(long number)
{
	return number * number;
}

/* Its caller keeps what it needs in registers, which the caller of this one owns. */
FUNCTION long calls(long number)
{
	long before = number, after = doubles(number + 1);

	return 1000 * before + after;
}

int main(int argc, char **argv)
{
	long (*function)(long) = doubles;

	if (argc != 3)
		return 2;
	if (!strcmp(argv[1], "calls"))
		function = calls;
	else if (!strcmp(argv[1], "squares"))
		function = squares;
	printf("%ld\n", function(atol(argv[2])));
	return 0;
}
