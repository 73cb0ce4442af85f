/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CANDIDATES_H
#define CANDIDATES_H

/* Frees the index of the types that relocations have looked through. Call before the BTF is freed. */
void forget_candidates(void);

#endif
