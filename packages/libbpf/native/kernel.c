/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "addon.h"
#include "handle.h"
#include "log.h"

/* Each probe gives 1, 0, or a negated errno where the kernel can't be asked (no rights). */

static napi_value probe_program_type(napi_env env, napi_callback_info info)
{
	uint32_t type;

	ARGS(1);
	if (!arg_u32(env, args[0], &type))
		return NULL;
	log_begin();
	return to_int(env, libbpf_probe_bpf_prog_type(type, NULL));
}

static napi_value probe_map_type(napi_env env, napi_callback_info info)
{
	uint32_t type;

	ARGS(1);
	if (!arg_u32(env, args[0], &type))
		return NULL;
	log_begin();
	return to_int(env, libbpf_probe_bpf_map_type(type, NULL));
}

static napi_value probe_helper(napi_env env, napi_callback_info info)
{
	uint32_t type, helper;

	ARGS(2);
	if (!arg_u32(env, args[0], &type) || !arg_u32(env, args[1], &helper))
		return NULL;
	log_begin();
	return to_int(env, libbpf_probe_bpf_helper(type, helper, NULL));
}

/* probeKprobeMulti(): is there an attach point for many kernel functions at once? Asked with a
 * function that can't exist: a kernel with the feature misses the symbol, others the feature. */
static napi_value probe_kprobe_multi(napi_env env, napi_callback_info info)
{
	LIBBPF_OPTS(bpf_prog_load_opts, load, .expected_attach_type = BPF_TRACE_KPROBE_MULTI);
	LIBBPF_OPTS(bpf_link_create_opts, options);
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	const char *symbols[] = { "no kernel function has such a name" };
	int program, link;

	(void)info;
	log_begin();
	program = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", insns, 2, &load);
	if (program == -EPERM)
		return to_int(env, program);
	if (program < 0)
		return to_int(env, 0);
	options.kprobe_multi.cnt = 1;
	options.kprobe_multi.syms = symbols;
	link = bpf_link_create(program, 0, BPF_TRACE_KPROBE_MULTI, &options);
	close(program);
	if (link >= 0)
		close(link);
	return to_int(env, link >= 0 || link == -ESRCH || link == -ENOENT);
}

static napi_value enable_stats(napi_env env, napi_callback_info info)
{
	(void)info;
	return fd_wrap(env, bpf_enable_stats(BPF_STATS_RUN_TIME));
}

typedef const char *(*name_of)(int value);

static const char *program_type_name(int value)
{
	return libbpf_bpf_prog_type_str(value);
}

static const char *map_type_name(int value)
{
	return libbpf_bpf_map_type_str(value);
}

static const char *attach_type_name(int value)
{
	return libbpf_bpf_attach_type_str(value);
}

static const char *link_type_name(int value)
{
	return libbpf_bpf_link_type_str(value);
}

static napi_value names(napi_env env, name_of name)
{
	napi_value result;

	napi_create_array(env, &result);
	for (int i = 0; name(i); i++)
		napi_set_element(env, result, i, to_text(env, name(i)));
	return result;
}

static const char *const helpers[] = {
#define HELPER(name, number, ...) [number] = #name,
	___BPF_FUNC_MAPPER(HELPER)
#undef HELPER
};

/* enumNames(): what the kernel's numbers are called, in their order. */
static napi_value enum_names(napi_env env, napi_callback_info info)
{
	napi_value result = to_object(env), list;

	(void)info;
	set(env, result, "programTypes", names(env, program_type_name));
	set(env, result, "mapTypes", names(env, map_type_name));
	set(env, result, "attachTypes", names(env, attach_type_name));
	set(env, result, "linkTypes", names(env, link_type_name));
	napi_create_array(env, &list);
	for (uint32_t i = 0; i < sizeof(helpers) / sizeof(*helpers); i++)
		napi_set_element(env, list, i, to_text(env, helpers[i]));
	set(env, result, "helpers", list);
	set(env, result, "version", to_text(env, libbpf_version_string()));
	return result;
}

void kernel_register(napi_env env, napi_value exports)
{
	export_function(env, exports, "probeProgramType", probe_program_type);
	export_function(env, exports, "probeMapType", probe_map_type);
	export_function(env, exports, "probeHelper", probe_helper);
	export_function(env, exports, "probeKprobeMulti", probe_kprobe_multi);
	export_function(env, exports, "enableStats", enable_stats);
	export_function(env, exports, "enumNames", enum_names);
}
