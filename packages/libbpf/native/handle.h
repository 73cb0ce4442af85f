/* SPDX-License-Identifier: Apache-2.0 */
/* What JavaScript holds of the kernel: a file descriptor in an external value, closed when it is
 * closed, collected or its thread ends. A number would outlive its descriptor, and the kernel
 * gives the same number to the next one. */
#ifndef HANDLE_H
#define HANDLE_H

#include "value.h"

/* The kind an external was made for: each file asks for its own and is given no other. */
enum handle_kind {
	HANDLE_FD = 0x67646601,
	HANDLE_OBJECT = 0x67646602,
	HANDLE_POLL = 0x67646603,
};

struct fd_handle {
	uint32_t kind;
	int fd;		     /* -1: closed */
	uint32_t key_size;   /* of a map; both 0 otherwise */
	uint32_t value_size; /* of one lookup: per-CPU values are all of them */
};

/* Takes over the descriptor. With fd < 0 gives the number back: an error to be reported. */
napi_value fd_wrap(napi_env env, int fd);
napi_value fd_wrap_map(napi_env env, int fd);
/* The handle of an open descriptor; throws and gives NULL if it is closed or no such handle. */
struct fd_handle *arg_fd(napi_env env, napi_value value);

#endif
