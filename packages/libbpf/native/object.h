/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECT_H
#define OBJECT_H

#include <bpf/libbpf.h>

#include "handle.h"

struct object_handle {
	uint32_t kind;
	struct bpf_object *object; /* NULL: closed */
	void *elf;		   /* libbpf reads from it until the object is loaded */
};

/* All of these throw and give NULL where the argument doesn't fit. */
struct bpf_object *arg_object(napi_env env, napi_value value);
struct bpf_map *arg_map_of(napi_env env, napi_value object, napi_value name);
struct bpf_program *arg_program_of(napi_env env, napi_value object, napi_value name);

#endif
