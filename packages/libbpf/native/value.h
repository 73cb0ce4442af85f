/* SPDX-License-Identifier: Apache-2.0 */
/* JavaScript values to C and back. An arg_* that can't convert throws a TypeError and gives false;
 * the caller then returns NULL at once. TypeScript checks first and words it for people: what is
 * checked here is what memory safety needs. */
#ifndef VALUE_H
#define VALUE_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_NAME 256
#define MAX_PATH 4096

struct bytes {
	uint8_t *data;
	size_t size;
};

/* Declares `args`, filled up with undefined; needs env and info in scope. */
#define ARGS(count)                                                                                \
	napi_value args[count];                                                                    \
	size_t argc = count;                                                                       \
	if (napi_get_cb_info(env, info, &argc, args, NULL, NULL) != napi_ok)                       \
	return NULL

bool arg_int(napi_env env, napi_value value, int *out);
bool arg_u32(napi_env env, napi_value value, uint32_t *out);
bool arg_u64(napi_env env, napi_value value, uint64_t *out); /* a BigInt or a number */
bool arg_bool(napi_env env, napi_value value, bool *out);
/* Bytes without a NUL inside, shorter than size. */
bool arg_text(napi_env env, napi_value value, char *out, size_t size);
/* A Uint8Array, or null for { NULL, 0 }. The memory is JavaScript's: not to be kept. */
bool arg_bytes(napi_env env, napi_value value, struct bytes *out);
/* A BigUint64Array, or null. */
bool arg_u64s(napi_env env, napi_value value, const uint64_t **out, size_t *count);
bool is_nullish(napi_env env, napi_value value);

napi_value throw_type(napi_env env, const char *message);
napi_value to_int(napi_env env, int64_t value);
napi_value to_bigint(napi_env env, uint64_t value);
napi_value to_bool(napi_env env, bool value);
napi_value to_text(napi_env env, const char *text); /* null for NULL */
napi_value to_buffer(napi_env env, const void *data, size_t size);
napi_value to_object(napi_env env);
void set(napi_env env, napi_value object, const char *name, napi_value value);

#endif
