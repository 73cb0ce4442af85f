/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a program of a loaded object once more, with other maps in the places of some of its own
 * (above all another frozen .rodata) and another attach target. libbpf has done the relocations:
 * no ELF and no BTF is parsed again, and the object's BTF is shared by all. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>

#include "addon.h"
#include "libbpf-internals.h"
#include "log.h"
#include "object.h"

#define MAX_REPLACED 16
#define FIRST_LOG (64u << 10)
#define LAST_LOG (64u << 20)

struct replacement {
	int from, to;
};

static bool is_wide_load(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW);
}

static void replace_maps(struct bpf_insn *insns, size_t count, const struct replacement *list,
			 uint32_t list_size)
{
	for (size_t i = 0; i < count; i++) {
		if (!is_wide_load(&insns[i]))
			continue;
		if (insns[i].src_reg == BPF_PSEUDO_MAP_FD ||
		    insns[i].src_reg == BPF_PSEUDO_MAP_VALUE) {
			for (uint32_t j = 0; j < list_size; j++) {
				if (insns[i].imm == list[j].from) {
					insns[i].imm = list[j].to;
					break;
				}
			}
		}
		i++; /* the second half of a wide load is data */
	}
}

/* The source lines' records double what a program costs the kernel: they are given only to get a
 * log that quotes the source, and that is asked for only after a failure, in a buffer that grows
 * until it fits. */
static int load(enum bpf_prog_type type, const char *name, const struct program_records *records,
		const struct bpf_insn *insns, size_t count, struct bpf_prog_load_opts *options)
{
	const char *license = records->license;
	int fd = bpf_prog_load(type, name, license, insns, count, options), failure = fd;

	if (fd < 0 && records->btf_fd >= 0) {
		options->line_info = records->line_info;
		options->line_info_rec_size = records->line_info_size;
		options->line_info_cnt = records->line_info_count;
	}
	for (uint32_t size = FIRST_LOG; fd < 0 && size <= LAST_LOG; size *= 4) {
		char *buffer = calloc(1, size);

		if (!buffer)
			return failure;
		options->log_buf = buffer;
		options->log_size = size;
		options->log_level = 1;
		fd = bpf_prog_load(type, name, license, insns, count, options);
		if (fd < 0 && (fd != -ENOSPC || size * 4 > LAST_LOG)) {
			log_append(buffer);
			free(buffer);
			return fd;
		}
		free(buffer);
	}
	return fd;
}

/* Fills the list from two arrays: names of the object's maps, handles of those to use instead. */
static bool arg_replacements(napi_env env, napi_value object, napi_value names, napi_value maps,
			     struct replacement *list, uint32_t *count)
{
	if (napi_get_array_length(env, names, count) != napi_ok || *count > MAX_REPLACED) {
		throw_type(env, "expected an array of at most 16 map names");
		return false;
	}
	for (uint32_t i = 0; i < *count; i++) {
		napi_value name, map;
		struct bpf_map *own;
		struct fd_handle *other;

		if (napi_get_element(env, names, i, &name) != napi_ok ||
		    napi_get_element(env, maps, i, &map) != napi_ok)
			return false;
		own = arg_map_of(env, object, name);
		other = own ? arg_fd(env, map) : NULL;
		if (!other)
			return false;
		list[i] = (struct replacement){ bpf_map__fd(own), other->fd };
	}
	return true;
}

/* Calls another helper wherever the program calls `from`. */
static void replace_helper(struct bpf_insn *insns, size_t count, int from, int to)
{
	for (size_t i = 0; i < count; i++) {
		if (is_wide_load(&insns[i]))
			i++;
		else if (insns[i].code == (BPF_JMP | BPF_CALL) && !insns[i].src_reg &&
			 insns[i].imm == from)
			insns[i].imm = to;
	}
}

static int clone_program(struct bpf_program *program, const char *name, uint32_t attach_type,
			 int btf_id, int btf_object_fd, const struct replacement *list,
			 uint32_t list_size, const struct replacement *helper)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options);
	size_t count = bpf_program__insn_cnt(program);
	struct program_records records;
	struct bpf_insn *insns;
	int fd;

	insns = malloc(count * sizeof(*insns));
	if (!insns)
		return -ENOMEM;
	memcpy(insns, bpf_program__insns(program), count * sizeof(*insns));
	replace_maps(insns, count, list, list_size);
	if (helper->from)
		replace_helper(insns, count, helper->from, helper->to);
	program_records(program, &records);
	options.expected_attach_type = attach_type;
	options.attach_btf_id = btf_id;
	options.attach_btf_obj_fd = btf_object_fd;
	options.prog_flags =
		bpf_program__flags(program) | (records.sleepable ? BPF_F_SLEEPABLE : 0);
	options.fd_array = records.fd_array;
	if (records.btf_fd >= 0) {
		options.prog_btf_fd = records.btf_fd;
		options.func_info = records.func_info;
		options.func_info_rec_size = records.func_info_size;
		options.func_info_cnt = records.func_info_count;
	}
	fd = load(bpf_program__type(program), name, &records, insns, count, &options);
	free(insns);
	return fd;
}

/* cloneProgram(object, program, name, attachType, btfId, btfObject | null, maps' names, maps, helper, other) */
static napi_value clone(napi_env env, napi_callback_info info)
{
	struct replacement list[MAX_REPLACED];
	struct bpf_program *program;
	struct fd_handle *btf = NULL;
	char name[MAX_NAME];
	struct replacement helper;
	uint32_t attach_type, count;
	int btf_id;

	ARGS(10);
	program = arg_program_of(env, args[0], args[1]);
	if (!program || !arg_text(env, args[2], name, sizeof(name)) ||
	    !arg_u32(env, args[3], &attach_type) || !arg_int(env, args[4], &btf_id) ||
	    (!is_nullish(env, args[5]) && !(btf = arg_fd(env, args[5]))) ||
	    !arg_replacements(env, args[0], args[6], args[7], list, &count) ||
	    !arg_int(env, args[8], &helper.from) || !arg_int(env, args[9], &helper.to))
		return NULL;
	if (bpf_program__fd(program) < 0)
		return to_int(env, -ENOENT);
	log_begin();
	return fd_wrap(env, clone_program(program, name, attach_type, btf_id, btf ? btf->fd : 0,
					  list, count, &helper));
}

void clone_register(napi_env env, napi_value exports)
{
	export_function(env, exports, "cloneProgram", clone);
}
