/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The same numbers each time. */
#ifndef GANDER_NATIVE_RANDOM_H
#define GANDER_NATIVE_RANDOM_H

static __u64 random_state = 1;

static __u32 random_below(__u32 end)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (random_state >> 33) % end;
}

#endif
